//! Calls of commands: right ones, and some that are wrong in every way.

use super::{Generator, KEYS};

impl Generator {
    /// `redis.call` or `redis.pcall` of something.
    pub(super) fn command(&mut self) -> String {
        let call = match self.random.below(5) {
            0 | 1 => "redis.pcall",
            _ => "redis.call",
        };
        let arguments = match self.random.below(14) {
            0 => self.wrong_command(),
            1..=3 => self.generic_command(),
            4..=8 => self.hash_command(),
            _ => self.string_command(),
        };
        format!("{call}({arguments})")
    }

    fn key(&mut self) -> String {
        let key = self.random.pick(&KEYS);
        if key == "{t}text" && self.random.one_in(2) {
            return "KEYS[1] or '{t}text'".into();
        }
        format!("'{key}'")
    }

    fn field(&mut self) -> String {
        match self.random.below(6) {
            0 => self.integer(),
            _ => self.random.pick(&["'f'", "'n'", "'g'", "''", "'h h'"]).into(),
        }
    }

    fn value(&mut self) -> String {
        match self.random.below(4) {
            0 => self.integer(),
            1 => self.random.pick(&["0.5", "1.25", "-2.75", "3.0"]).into(),
            _ => self.text(),
        }
    }

    /// A value that keeps a hash in the encoding that has an order.
    fn short_value(&mut self) -> String {
        if self.random.one_in(2) { self.integer() } else { self.short_text() }
    }

    fn string_command(&mut self) -> String {
        let key = self.key();
        match self.random.below(22) {
            0..=2 => format!("'get', {key}"),
            3..=5 => format!("'set', {key}, {}", self.value()),
            6 => {
                let options = [
                    "'NX'",
                    "'XX'",
                    "'GET'",
                    "'EX', 100",
                    "'KEEPTTL'",
                    "'PX', 'x'",
                    "'EX', 0",
                    "'zz'",
                ];
                let option = self.random.pick(&options);
                format!("'set', {key}, {}, {option}", self.value())
            }
            7 => format!("'setnx', {key}, {}", self.value()),
            8 => format!("'append', {key}, {}", self.value()),
            9 => format!("'incr', {key}"),
            10 => format!("'incrby', {key}, {}", self.integer()),
            11 => format!("'decrby', {key}, {}", self.integer()),
            12 => {
                format!("'incrbyfloat', {key}, {}", self.random.pick(&["0.5", "-1.25", "2", "'x'"]))
            }
            13 => format!("'strlen', {key}"),
            14 => format!(
                "'getrange', {key}, {}, {}",
                self.random.between(-4, 4),
                self.random.between(-3, 9)
            ),
            15 => format!("'setrange', {key}, {}, {}", self.random.between(-1, 9), self.text()),
            16 => format!("'mget', {key}, {}", self.key()),
            17 => format!("'mset', {key}, {}, {}, {}", self.value(), self.key(), self.value()),
            18 => format!("'getset', {key}, {}", self.value()),
            19 => format!("'getdel', {key}"),
            20 => format!("'setex', {key}, {}, {}", self.random.between(-1, 50), self.value()),
            _ => format!("'GETEX', {key}, 'PERSIST'"),
        }
    }

    fn hash_command(&mut self) -> String {
        let key = match self.random.below(3) {
            0 => self.key(),
            _ => "'{t}hash'".into(),
        };
        let field = self.field();
        match self.random.below(15) {
            0 | 1 => format!("'hget', {key}, {field}"),
            2..=4 => format!("'hset', {key}, {field}, {}", self.short_value()),
            5 => format!("'hset', {key}, {field}, {}, {}", self.short_value(), self.field()),
            6 => format!("'hmget', {key}, {field}, {}, 'n'", self.field()),
            // A map has an order of its own.
            7 if !self.resp3 => format!("'hgetall', {key}"),
            8 => format!("'hdel', {key}, {field}"),
            9 => format!("'hexists', {key}, {field}"),
            10 => format!("'hincrby', {key}, {field}, {}", self.integer()),
            11 => format!(
                "'hincrbyfloat', {key}, {field}, {}",
                self.random.pick(&["0.5", "-1.25", "2"])
            ),
            12 => format!("'hkeys', {key}"),
            13 => format!("'hvals', {key}"),
            _ => {
                let name = self.random.pick(&[
                    "'hlen'",
                    "'hlen', 'x', 'y'",
                    "'HSTRLEN', 'f'",
                    "'hsetnx', 'f', 'v'",
                ]);
                match name.split_once(", ") {
                    Some((name, rest)) => format!("{name}, {key}, {rest}"),
                    None => format!("{name}, {key}"),
                }
            }
        }
    }

    fn generic_command(&mut self) -> String {
        let key = self.key();
        match self.random.below(16) {
            0 | 1 => format!("'del', {key}"),
            2 => format!("'unlink', {key}, {}", self.key()),
            3 => format!("'exists', {key}, {}", self.key()),
            4 => format!("'expire', {key}, {}", self.random.pick(&["100", "'x'", "1000", "-1"])),
            5 => format!("'persist', {key}"),
            6 => format!("'ttl', {key}"),
            7 | 8 => format!("'type', {key}"),
            9 => format!("'rename', {key}, {}", self.key()),
            10 => format!("'renamenx', {key}, {}", self.key()),
            11 => format!("'copy', {key}, {}", self.key()),
            12 => format!("'copy', {key}, {}, 'REPLACE'", self.key()),
            13 => format!("'touch', {key}"),
            14 => self.random.pick(&["'ping'", "'echo', 'x'", "'ping', 'x'", "'select', 0"]).into(),
            _ => "'PING'".into(),
        }
    }

    /// What does not run.
    fn wrong_command(&mut self) -> String {
        match self.random.below(12) {
            0 => String::new(),
            1 => "'nosuch'".into(),
            2 => format!("{}, {}", self.any(), self.any()),
            3 => "'get'".into(),
            4 => format!("'get', {}", self.random.pick(&["nil", "true", "{}", "redis.call"])),
            5 => "'eval', 'return 1', 0".into(),
            6 => "'config', 'get', 'x'".into(),
            7 => "'object', 'nosuch', '{t}a'".into(),
            8 => "'hset', '{t}hash', 'odd'".into(),
            9 => "'set', '{t}a', 'v', 'EX'".into(),
            10 => "'script', 'flush'".into(),
            _ => {
                format!("'set', '{{t}}a', {}", self.random.pick(&["nil", "false", "{1}", "print_"]))
            }
        }
    }
}
