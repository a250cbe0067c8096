//! Readers of streams that wait: what `$` means to them, groups, and streams that go.

use std::time::{Duration, Instant};

use e2e::poll;
use e2e::resp::Client;
use e2e::server::Server;

/// Waits until this many clients of the node wait for data.
fn wait_for_blocked(client: &mut Client, count: usize) {
    poll("blocked clients", || {
        let info = client.value("INFO clients").text();
        info.contains(&format!("blocked_clients:{count}\r\n")).then_some(())
    });
}

#[test]
fn what_is_added_goes_to_all_readers() {
    let server = Server::builder().shards(2).start();
    let (mut one, mut two, mut writer) = (server.client(), server.client(), server.client());
    writer.check("XADD s 5 f v", "$5-0");
    one.send_line("XREAD BLOCK 0 STREAMS s $");
    two.send_line("XREAD BLOCK 0 STREAMS s $");
    wait_for_blocked(&mut writer, 2);
    writer.check("SET s v", "+OK");
    writer.check("DEL s", ":1");
    wait_for_blocked(&mut writer, 2);
    writer.check("XADD s 6 f w", "$6-0");
    assert_eq!(one.read().to_string(), "[[$s [[$6-0 [$f $w]]]]]");
    assert_eq!(two.read().to_string(), "[[$s [[$6-0 [$f $w]]]]]");
    let start = Instant::now();
    one.check("XREAD BLOCK 60 STREAMS s $", "_");
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[test]
fn each_entry_goes_to_one_consumer_of_a_group() {
    let server = Server::builder().shards(2).start();
    let (mut one, mut two, mut writer) = (server.client(), server.client(), server.client());
    writer.check("XGROUP CREATE s g $ MKSTREAM", "+OK");
    one.send_line("XREADGROUP GROUP g one BLOCK 0 STREAMS s >");
    wait_for_blocked(&mut writer, 1);
    two.send_line("XREADGROUP GROUP g two BLOCK 0 STREAMS s >");
    wait_for_blocked(&mut writer, 2);
    writer.check("XADD s 7 f x", "$7-0");
    assert_eq!(one.read().to_string(), "[[$s [[$7-0 [$f $x]]]]]");
    wait_for_blocked(&mut writer, 1);
    writer.check("XADD s 8 f y", "$8-0");
    assert_eq!(two.read().to_string(), "[[$s [[$8-0 [$f $y]]]]]");
    writer.check("XPENDING s g", "[:2 $7-0 $8-0 [[$one $1] [$two $1]]]");
}

#[test]
fn a_reader_of_a_group_is_told_that_it_is_gone() {
    let server = Server::builder().shards(2).start();
    let (mut reader, mut writer) = (server.client(), server.client());
    let gone = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option";
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for (line, reply) in
        [("DEL s", gone), ("XGROUP DESTROY s g", gone), ("FLUSHALL", gone), ("SET s v", wrong)]
    {
        writer.value("DEL s");
        writer.check("XGROUP CREATE s g $ MKSTREAM", "+OK");
        reader.send_line("XREADGROUP GROUP g c BLOCK 0 STREAMS s >");
        wait_for_blocked(&mut writer, 1);
        writer.value(line);
        assert_eq!(reader.read().to_string(), reply, "{line}");
    }
}

#[test]
fn nobody_waits_in_transactions_and_scripts() {
    let server = Server::start();
    let mut client = server.client();
    client.check("XGROUP CREATE s g $ MKSTREAM", "+OK");
    let read = "XREADGROUP GROUP g c BLOCK 0 STREAMS s >";
    let lines = ["MULTI", "XREAD BLOCK 0 STREAMS s $", read, "EXEC"];
    assert_eq!(client.pipeline(&lines)[3], "[_ _]");
    let script = "return redis.call('XREAD', 'BLOCK', 0, 'STREAMS', KEYS[1], '$')";
    client.check(&format!("EVAL \"{script}\" 1 s"), "_");
}
