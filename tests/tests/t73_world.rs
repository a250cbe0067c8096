//! Scripts as they are written in the world, against Atoll and against Redis, which are to agree.

use e2e::golden::{Peer, play};
use e2e::redis::Redis;
use e2e::server::Server;

#[test]
fn scripts_of_the_world_do_as_on_redis() {
    let server = Server::builder().shards(3).start();
    play("scripts_of_the_world", server.port(), Peer::Atoll);
    if let Some(redis) = Redis::start() {
        play("scripts_of_the_world", redis.port(), Peer::Redis);
    }
}
