//! Replies of many clients that are written together: each gets its own, in order, and nobody waits
//! for somebody else.

use e2e::poll;
use e2e::resp::Client;
use e2e::server::Server;

/// Has the node do nothing for a moment, in which requests gather.
fn occupy(server: &Server, seconds: f64) -> Client {
    let mut sleeper = server.client();
    sleeper.send_line(&format!("DEBUG SLEEP {seconds}"));
    sleeper
}

/// What CLIENT LIST says about a client.
fn figure(control: &mut Client, name: &str, field: &str) -> u64 {
    let list = control.value("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(&format!(" name={name} ")));
    let mut fields = line.expect("the client is there").split(' ');
    let value = fields.find_map(|it| it.strip_prefix(field)?.strip_prefix('='));
    value.expect("a field").parse().expect("a number")
}

/// Bytes of replies that wait for a client.
fn waiting(control: &mut Client, name: &str) -> u64 {
    figure(control, name, "obl") + figure(control, name, "omem")
}

#[test]
fn each_of_many_clients_gets_its_own_replies_in_order() {
    const CLIENTS: usize = 150;
    const REQUESTS: usize = 20;
    for shards in [1, 2] {
        let server = Server::builder().shards(shards).start();
        let mut clients: Vec<Client> = (0..CLIENTS).map(|_| server.client()).collect();
        let sleeper = occupy(&server, 0.2);
        for (name, client) in clients.iter_mut().enumerate() {
            for number in 0..REQUESTS {
                client.send_line(&format!("SET k:{name}:{number} {name}-{number} GET"));
                client.send_line(&format!("GET k:{name}:{number}"));
            }
        }
        for (name, client) in clients.iter_mut().enumerate() {
            for number in 0..REQUESTS {
                assert_eq!(client.read().to_string(), "_");
                assert_eq!(client.read().to_string(), format!("${name}-{number}"));
            }
        }
        drop(sleeper);
    }
}

/// Two requests of a client that does not read, with a large reply and with one that tells them apart.
fn ask(slow: &mut Client, control: &mut Client, number: usize) {
    slow.send_line("GET large");
    slow.send_line(&format!("ECHO {number}"));
    control.check("PING", "+PONG");
}

#[test]
fn who_does_not_read_gets_everything_later_and_holds_nobody_up() {
    /// More than any socket takes.
    const ENOUGH: usize = 20_000;
    let server = Server::builder().shards(1).start();
    let mut control = server.client();
    let value = "v".repeat(16 * 1024);
    control.check(&format!("SET large {value}"), "+OK");
    let mut slow = server.client();
    slow.check("CLIENT SETNAME slow", "+OK");
    // Nothing comes behind what the socket has not taken, and then something does.
    for behind in [0, 500] {
        let full = (1..ENOUGH).find(|number| {
            ask(&mut slow, &mut control, *number);
            waiting(&mut control, "slow") > 0
        });
        let full = full.expect("the socket is full");
        let served = figure(&mut control, "slow", "tot-cmds");
        (full + 1..=full + behind).for_each(|number| ask(&mut slow, &mut control, number));
        // Nothing is served of which the reply could not be written.
        assert!(figure(&mut control, "slow", "tot-cmds") < served + 50);
        for number in 1..=full + behind {
            assert_eq!(slow.read().text(), value);
            assert_eq!(slow.read().text(), number.to_string());
        }
        poll("all is written", || (waiting(&mut control, "slow") == 0).then_some(()));
    }
    slow.check("PING", "+PONG");
}

#[test]
fn who_has_ended_sending_is_answered() {
    const REQUESTS: usize = 50;
    let server = Server::builder().shards(1).start();
    for _ in 0..20 {
        let sleeper = occupy(&server, 0.02);
        let mut client = server.client();
        for number in 0..REQUESTS {
            client.send_line(&format!("ECHO {number}"));
        }
        client.end_sending();
        for number in 0..REQUESTS {
            assert_eq!(client.read().text(), number.to_string());
        }
        client.check_closed();
        drop(sleeper);
    }
}

#[test]
fn a_long_script_of_another_client_holds_no_reply_back() {
    let server = Server::builder()
        .shards(1)
        .set("script-time-limit", 60_000)
        .set("busy-reply-threshold", 60_000)
        .start();
    let (mut quick, mut slow) = (server.client(), server.client());
    quick.check("PING", "+PONG");
    slow.check("PING", "+PONG");
    // Both are ready when the node looks at its sockets again, in this order.
    let mut sleeper = occupy(&server, 0.3);
    std::thread::sleep(std::time::Duration::from_millis(50));
    quick.send_line("SET k v");
    std::thread::sleep(std::time::Duration::from_millis(50));
    slow.send_line("EVAL 'while true do end' 0");
    assert_eq!(sleeper.read().to_string(), "+OK");
    assert_eq!(quick.read().to_string(), "+OK");
    poll("the script is killed", || (quick.run("SCRIPT KILL") == "+OK").then_some(()));
    slow.read();
}
