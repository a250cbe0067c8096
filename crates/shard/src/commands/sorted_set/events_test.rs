//! What keyspace events the commands of sorted sets and of positions tell of: as Redis does.

use crate::keyspace::{Events, Message, Settings};
use crate::testing::Rig;

/// Requests, and the events that each tells of.
const STEPS: &[(&str, &[&str])] = &[];

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
