//! What subscribers are told: messages and keyspace events, held back until the change that they
//! belong to is kept.

use super::Keyspace;

bitflags::bitflags! {
    /// Classes of keyspace events (`notify-keyspace-events`).
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Events: u16 {
        /// `K`: published as `__keyspace@0__:<key>`.
        const KEYSPACE = 1;
        /// `E`: published as `__keyevent@0__:<event>`.
        const KEYEVENT = 1 << 1;
        /// `g`: DEL, EXPIRE, RENAME and the like.
        const GENERIC = 1 << 2;
        /// `$`: strings.
        const STRING = 1 << 3;
        /// `l`: lists.
        const LIST = 1 << 4;
        /// `s`: sets.
        const SET = 1 << 5;
        /// `h`: hashes.
        const HASH = 1 << 6;
        /// `z`: sorted sets.
        const SORTED_SET = 1 << 7;
        /// `x`: keys that expire.
        const EXPIRED = 1 << 8;
        /// `e`: keys that are evicted.
        const EVICTED = 1 << 9;
        /// `t`: streams.
        const STREAM = 1 << 10;
        /// `m`: reads of keys that are not there. Not part of `A`.
        const MISSED = 1 << 11;
        /// `d`: types of modules. There are none here; the letter is part of `A`.
        const MODULE = 1 << 12;
        /// `n`: keys that are new. Not part of `A`.
        const NEW = 1 << 13;
    }
}

/// Something that subscribers are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// PUBLISH.
    Publish {
        /// The channel.
        channel: Vec<u8>,
        /// What is told.
        payload: Vec<u8>,
    },
    /// SPUBLISH.
    ShardPublish {
        /// The channel, which is of a slot of this shard.
        channel: Vec<u8>,
        /// What is told.
        payload: Vec<u8>,
    },
    /// A key that clients keep copies of, or all are interested in, has changed.
    Changed {
        /// The key.
        key: Vec<u8>,
        /// The clients that have read it since its last change.
        trackers: Vec<u64>,
    },
    /// All keys have gone.
    Flushed,
    /// A keyspace event: to be published as the settings say.
    Event {
        /// What has happened, as Redis names it.
        event: &'static str,
        /// To which key.
        key: Vec<u8>,
    },
}

impl Keyspace {
    /// Tells those who want to know of events of this class that this has happened to a key.
    #[inline]
    pub fn notify(&mut self, class: Events, event: &'static str, key: &[u8]) {
        if self.settings.events.contains(class) {
            self.outbox.push(Message::Event { event, key: key.to_vec() });
        }
    }

    /// Tells of the removal of a collection that has lost its last element.
    pub fn notify_if_gone(&mut self, key: &[u8]) {
        if self.settings.events.contains(Events::GENERIC) && !self.contains(key) {
            self.notify(Events::GENERIC, "del", key);
        }
    }

    /// Has a message sent when the command, script or transaction that runs is kept.
    pub fn publish(&mut self, message: Message) {
        self.outbox.push(message);
    }

    /// Whether there are messages to send. None are while an undo log is open.
    #[inline]
    pub fn has_messages(&self) -> bool {
        !self.outbox.is_empty() && !self.undo.is_open()
    }

    /// Takes the messages that can be sent, oldest first.
    pub fn take_messages(&mut self) -> Vec<Message> {
        if self.undo.is_open() {
            return Vec::new();
        }
        std::mem::take(&mut self.outbox)
    }
}

impl Events {
    /// Reads the letters of `notify-keyspace-events`; `None` when one is unknown.
    pub fn parse(letters: &[u8]) -> Option<Self> {
        letters.iter().try_fold(Self::empty(), |events, letter| {
            let class = match letter {
                b'A' => ALL,
                letter => LETTERS.iter().find(|(known, _)| known == letter)?.1,
            };
            Some(events | class)
        })
    }

    /// The letters that mean this, as CONFIG GET shows them.
    pub fn letters(self) -> String {
        let mut letters = String::new();
        let all = self.contains(ALL);
        if all {
            letters.push('A');
        }
        for (letter, class) in LETTERS {
            if self.contains(*class) && !(all && ALL.contains(*class)) {
                letters.push(char::from(*letter));
            }
        }
        letters
    }
}

/// What `A` stands for.
const ALL: Events = Events::GENERIC
    .union(Events::STRING)
    .union(Events::LIST)
    .union(Events::SET)
    .union(Events::HASH)
    .union(Events::SORTED_SET)
    .union(Events::EXPIRED)
    .union(Events::EVICTED)
    .union(Events::STREAM)
    .union(Events::MODULE);

/// In the order in which Redis prints them.
const LETTERS: &[(u8, Events)] = &[
    (b'g', Events::GENERIC),
    (b'$', Events::STRING),
    (b'l', Events::LIST),
    (b's', Events::SET),
    (b'h', Events::HASH),
    (b'z', Events::SORTED_SET),
    (b'x', Events::EXPIRED),
    (b'e', Events::EVICTED),
    (b't', Events::STREAM),
    (b'd', Events::MODULE),
    (b'K', Events::KEYSPACE),
    (b'E', Events::KEYEVENT),
    (b'm', Events::MISSED),
    (b'n', Events::NEW),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::Settings;

    #[test]
    fn letters_read_back() {
        for (letters, shown) in
            [("", ""), ("KEA", "AKE"), ("Ex", "xE"), ("g$lshzxetdK", "AK"), ("mn", "mn")]
        {
            assert_eq!(Events::parse(letters.as_bytes()).unwrap().letters(), shown);
        }
        assert_eq!(Events::parse(b"Kq"), None);
    }

    #[test]
    fn what_is_rolled_back_is_not_told() {
        let mut keyspace = Keyspace::new(0, 16384, 1);
        let events = Events::parse(b"KEA").unwrap();
        keyspace.configure(Settings { events, ..Settings::default() });
        keyspace.notify(Events::HASH, "hset", b"kept");
        let mark = keyspace.begin();
        keyspace.notify(Events::HASH, "hset", b"taken back");
        keyspace.publish(Message::Publish { channel: b"c".to_vec(), payload: b"p".to_vec() });
        assert!(!keyspace.has_messages());
        keyspace.roll_back(mark);
        let kept = Message::Event { event: "hset", key: b"kept".to_vec() };
        assert_eq!(keyspace.take_messages(), [kept]);
        keyspace.configure(Settings::default());
        keyspace.notify(Events::HASH, "hset", b"nobody asks");
        assert!(!keyspace.has_messages());
    }
}
