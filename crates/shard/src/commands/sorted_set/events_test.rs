//! What keyspace events the commands of sorted sets and of positions tell of: as Redis does.

use crate::keyspace::{Events, Message, Settings};
use crate::testing::Rig;

/// Requests, and the events that each tells of.
const STEPS: &[(&str, &[&str])] = &[
    ("ZADD {t}z 1 a 2 b 3 c", &["zadd {t}z"]),
    ("ZADD {t}z 1 a", &[]),
    ("ZADD {t}z XX 5 nosuch", &[]),
    ("ZADD {t}z INCR 0 a", &[]),
    ("ZADD {t}z INCR 1 a", &["zincr {t}z"]),
    ("ZINCRBY {t}z 1 a", &["zincr {t}z"]),
    ("ZINCRBY {t}z 0 a", &[]),
    ("ZREM {t}z nosuch", &[]),
    ("ZREM {t}z a", &["zrem {t}z"]),
    ("ZRANGESTORE {t}d {t}z 0 -1", &["zrangestore {t}d"]),
    ("ZRANGESTORE {t}d {t}z 5 6", &["del {t}d"]),
    ("ZUNIONSTORE {t}d 1 {t}z", &["zunionstore {t}d"]),
    ("ZINTERSTORE {t}d 1 {t}z", &["zinterstore {t}d"]),
    ("ZDIFFSTORE {t}d 1 {t}z", &["zdiffstore {t}d"]),
    ("ZDIFFSTORE {t}d 2 {t}z {t}z", &["del {t}d"]),
    ("ZDIFFSTORE {t}d 2 {t}z {t}z", &[]),
    ("ZREMRANGEBYRANK {t}z 5 6", &[]),
    ("ZREMRANGEBYRANK {t}z 0 -1", &["zremrangebyrank {t}z", "del {t}z"]),
    ("ZADD {t}z 1 a 2 b 3 c", &["zadd {t}z"]),
    ("ZREMRANGEBYSCORE {t}z 1 1", &["zremrangebyscore {t}z"]),
    ("ZREMRANGEBYLEX {t}z [b [b", &["zremrangebylex {t}z"]),
    ("ZPOPMIN {t}z", &["zpopmin {t}z", "del {t}z"]),
    ("ZADD {t}z 1 a 2 b 3 c 4 d 5 e", &["zadd {t}z"]),
    ("ZPOPMAX {t}z 0", &[]),
    ("ZPOPMAX {t}z", &["zpopmax {t}z"]),
    ("ZMPOP 1 {t}z MAX", &["zpopmax {t}z"]),
    ("ZMPOP 1 {t}z MIN COUNT 9", &["zpopmin {t}z", "del {t}z"]),
    ("GEOADD {t}g 1 1 a", &["zadd {t}g"]),
    ("GEOADD {t}g 1 1 a", &[]),
    ("GEOSEARCHSTORE {t}d {t}g FROMMEMBER a BYRADIUS 1 m", &["geosearchstore {t}d"]),
    ("GEORADIUS {t}g 1 1 10 m STORE {t}d", &["georadiusstore {t}d"]),
    ("GEORADIUSBYMEMBER {t}g a 1 m STOREDIST {t}d", &["georadiusstore {t}d"]),
    ("GEOSEARCHSTORE {t}d {t}g FROMLONLAT 9 9 BYRADIUS 1 m", &["del {t}d"]),
    ("GEORADIUS {t}g 9 9 1 m STORE {t}d", &[]),
];

#[test]
fn each_change_is_told_and_what_changes_nothing_is_not() {
    let mut rig = Rig::new().once();
    let events = Events::parse(b"KEA").unwrap();
    rig.shard().keyspace_mut().configure(Settings { events, ..Settings::default() });
    for (line, expected) in STEPS {
        rig.run(line);
        let told: Vec<String> = rig
            .shard()
            .keyspace_mut()
            .take_messages()
            .into_iter()
            .map(|message| match message {
                Message::Event { event, key } => {
                    format!("{event} {}", String::from_utf8_lossy(&key))
                }
                other => panic!("{other:?} is no event"),
            })
            .collect();
        assert_eq!(told, *expected, "{line}");
    }
}
