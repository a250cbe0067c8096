//! A program of docs/clients.md, which is to be the same from the next line but one.

use redis::cluster::{ClusterClient, cluster_pipe};
use redis::{Commands, RedisResult, Script};
use std::time::Duration;

pub fn example(addresses: Vec<String>) -> RedisResult<(Vec<i64>, i64)> {
    let client = ClusterClient::builder(addresses)
        .connection_timeout(Duration::from_secs(2))
        .response_timeout(Duration::from_secs(10))
        .retries(8)
        .build()?;
    let mut db = client.get_connection()?;
    let _: () = db.set("{page:1}:hits", 1)?;
    // A pipeline may go to several nodes; its replies come in its order.
    let counts = cluster_pipe().incr("{page:1}:hits", 1).incr("{page:2}:hits", 1).query(&mut db)?;
    let add = Script::new("return redis.call('incrby', KEYS[1], ARGV[1])");
    let hits = add.key("{page:1}:hits").arg(5).invoke(&mut db)?;
    Ok((counts, hits))
}
