//! fred's cluster client: asynchronous, with one connection for each node, and subscribers.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::cluster::Cluster;
use fred::prelude::*;
use fred::types::config::{ClusterDiscoveryPolicy, Server as Address, ServerConfig};
use fred::types::scripts::Script;
use fred::types::streams::XReadResponse;
use fred::types::{Message, RespVersion};
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::sync::broadcast::Receiver;

/// One key for each of the three nodes.
const KEYS: [&str; 3] = ["foo", "bar", "name"];

fn runtime() -> Runtime {
    RuntimeBuilder::new_current_thread().enable_all().build().unwrap()
}

fn builder(cluster: &Cluster, version: RespVersion) -> Builder {
    let config = Config {
        server: ServerConfig::Clustered {
            hosts: vec![Address::new("127.0.0.1", cluster.nodes()[0].port())],
            policy: ClusterDiscoveryPolicy::ConfigEndpoint,
        },
        version,
        ..Config::default()
    };
    let mut builder = Builder::from_config(config);
    builder.set_policy(ReconnectPolicy::new_constant(0, 50));
    builder.with_performance_config(|config| config.default_command_timeout = e2e::PATIENCE);
    builder
}

/// Within the patience that a test has.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(e2e::PATIENCE, future).await;
    answer.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

async fn next(messages: &mut Receiver<Message>) -> (String, String) {
    let message = soon("a message", messages.recv()).await.unwrap();
    (message.channel.to_string(), message.value.convert().unwrap())
}

#[test]
fn commands_pipelines_and_scripts_find_their_nodes() {
    let cluster = Cluster::start(3);
    runtime().block_on(async {
        for version in [RespVersion::RESP2, RespVersion::RESP3] {
            let client = builder(&cluster, version).build().unwrap();
            client.init().await.unwrap();
            client.flushall_cluster().await.unwrap();
            for key in KEYS {
                client.set::<(), _, _>(key, key, None, None, false).await.unwrap();
                assert_eq!(client.get::<String, _>(key).await.unwrap(), key);
            }
            // A pipeline of fred goes to the nodes by itself, too.
            let pipeline = client.pipeline();
            for n in 0..300 {
                pipeline.incr_by::<(), _>(format!("key:{n}"), n).await.unwrap();
            }
            let got: Vec<i64> = pipeline.all().await.unwrap();
            assert_eq!(got, (0..300).collect::<Vec<i64>>());

            let fields = BTreeMap::from([("a".to_owned(), 1_i64), ("b".to_owned(), 2)]);
            client.hset::<(), _, _>("hash", fields.clone()).await.unwrap();
            let all: BTreeMap<String, i64> = client.hgetall("hash").await.unwrap();
            assert_eq!(all, fields);

            let script = Script::from_lua("return redis.call('incrby', KEYS[1], ARGV[1])");
            script.load(&client).await.unwrap();
            for key in KEYS {
                let key = format!("{{{key}}}count");
                let got: i64 = script.evalsha(&client, key.as_str(), 7).await.unwrap();
                assert_eq!(got, 7);
            }
            let error = client
                .eval::<(), _, _, _>("redis.call('set', KEYS[1], 1) error('no')", "{foo}w", ())
                .await
                .unwrap_err();
            assert!(error.to_string().contains("no"), "{error}");
            assert_eq!(client.exists::<i64, _>("{foo}w").await.unwrap(), 0);
            client.quit().await.unwrap();
        }
    });
}

#[test]
fn transactions_are_of_one_slot() {
    let cluster = Cluster::start(3);
    runtime().block_on(async {
        let client = builder(&cluster, RespVersion::RESP3).build().unwrap();
        client.init().await.unwrap();
        for key in KEYS {
            let transaction = client.multi();
            transaction.set::<(), _, _>(format!("{{{key}}}a"), 1, None, None, false).await.unwrap();
            transaction.incr::<(), _>(format!("{{{key}}}a")).await.unwrap();
            let got: (String, i64) = transaction.exec(true).await.unwrap();
            assert_eq!(got, ("OK".into(), 2));
        }
        client.quit().await.unwrap();
    });
}

#[test]
fn streams_are_read_in_groups() {
    let cluster = Cluster::start(3);
    runtime().block_on(async {
        let client = builder(&cluster, RespVersion::RESP3).build().unwrap();
        client.init().await.unwrap();
        client.xgroup_create::<(), _, _, _>("stream", "group", "$", true).await.unwrap();
        let mut ids = Vec::new();
        for n in 0..5 {
            let id: String = client.xadd("stream", false, None, "*", vec![("n", n)]).await.unwrap();
            ids.push(id);
        }
        let read: XReadResponse<String, String, String, i64> = client
            .xreadgroup_map("group", "me", Some(10), None, false, "stream", ">")
            .await
            .unwrap();
        let seen: Vec<&String> = read["stream"].iter().map(|(id, _)| id).collect();
        assert_eq!(seen, ids.iter().collect::<Vec<_>>());
        assert_eq!(read["stream"][4].1["n"], 4);
        assert_eq!(client.xack::<i64, _, _, _>("stream", "group", ids).await.unwrap(), 5);
        client.quit().await.unwrap();
    });
}

#[test]
fn subscriptions_outlive_a_restart_of_the_nodes() {
    let mut cluster = Cluster::start(3);
    runtime().block_on(async {
        let client = builder(&cluster, RespVersion::RESP3).build().unwrap();
        let subscriber = builder(&cluster, RespVersion::RESP3).build_subscriber_client().unwrap();
        client.init().await.unwrap();
        subscriber.init().await.unwrap();
        let _resubscribes = subscriber.manage_subscriptions();
        let mut messages = subscriber.message_rx();
        subscriber.subscribe("news").await.unwrap();
        for key in KEYS {
            subscriber.ssubscribe(key).await.unwrap();
            client.spublish::<(), _, _>(key, "sharded").await.unwrap();
            assert_eq!(next(&mut messages).await, (key.into(), "sharded".into()));
        }
        client.publish::<(), _, _>("news", "one").await.unwrap();
        assert_eq!(next(&mut messages).await, ("news".into(), "one".into()));

        for key in KEYS {
            client.set::<(), _, _>(key, key, None, None, false).await.unwrap();
        }
        (0..3).for_each(|index| cluster.restart(index));
        for key in KEYS {
            let read = async {
                loop {
                    match client.get::<String, _>(key).await {
                        Ok(value) => return value,
                        Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            };
            assert_eq!(soon("the key can be read again", read).await, key);
        }
        // It subscribes again by itself when the first node is back, and asks those no more that come
        // later: a program has to. Until then nobody hears.
        for channel in KEYS {
            let heard = async {
                loop {
                    let _ = client.spublish::<(), _, _>(channel, "again").await;
                    let wait = Duration::from_millis(50);
                    let message = tokio::time::timeout(wait, messages.recv()).await;
                    if message.is_ok_and(|message| &*message.unwrap().channel == channel) {
                        return;
                    }
                    let _ = subscriber.resubscribe_all().await;
                }
            };
            soon("the subscription comes back", heard).await;
        }
        subscriber.quit().await.unwrap();
        client.quit().await.unwrap();
    });
}
