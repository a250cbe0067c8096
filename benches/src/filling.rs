//! What fills a server to see how much memory each kind of data takes.
//!
//! Keys, members, fields and values are all different, in no order, and of the same size in every
//! run, so that a difference between two servers is one of how they keep data.

use clap::ValueEnum;

use load::encoder::append_command;

/// One kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Filling {
    /// Keys of 16 bytes with values of 16 bytes.
    #[value(name = "string-16")]
    String16,
    /// The same, each with an expiry far ahead.
    #[value(name = "string-16-ttl")]
    String16Ttl,
    /// Keys of 16 bytes with values of 100 bytes.
    #[value(name = "string-100")]
    String100,
    /// Keys of 16 bytes with values that are integers.
    Integer,
    /// Keys of 16 bytes, each a hash of ten fields of 6 bytes with values of 4 bytes.
    SmallHash,
    /// One sorted set with members of 16 bytes.
    ZSet,
    /// One set with members of 16 bytes.
    Set,
    /// One hash with fields and values of 16 bytes.
    Hash,
    /// One list with elements of 16 bytes.
    List,
    /// One stream with entries of one field with a value of 16 bytes.
    Stream,
    /// Keys of 16 bytes with values of 16 to 200 bytes.
    Mixed,
}

impl Filling {
    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::String16 => "string-16",
            Self::String16Ttl => "string-16-ttl",
            Self::String100 => "string-100",
            Self::Integer => "integer",
            Self::SmallHash => "small-hash",
            Self::ZSet => "zset",
            Self::Set => "set",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Stream => "stream",
            Self::Mixed => "mixed",
        }
    }

    /// Appends the request that adds item `index`.
    pub fn append(self, out: &mut Vec<u8>, index: u64) {
        let name = scrambled(index);
        let key = key(index);
        let number = name.to_string();
        let value = format!("value:{:010}", name >> 8);
        let member = format!("member:{:09}", index ^ 0x5555);
        match self {
            Self::String16 => append(out, &["SET", &key, &value]),
            Self::String16Ttl => {
                let seconds = (100_000 + name % 100_000).to_string();
                append(out, &["SET", &key, &value, "EX", &seconds]);
            }
            Self::String100 => append(out, &["SET", &key, &long(&value, 100)]),
            Self::Integer => append(out, &["SET", &key, &number]),
            Self::SmallHash => {
                let fields: Vec<String> = (0..10).map(|at| format!("field{at}")).collect();
                let value = format!("{:04}", name % 10_000);
                let mut words = vec!["HSET", &key];
                words.extend(fields.iter().flat_map(|field| [field.as_str(), value.as_str()]));
                append(out, &words);
            }
            Self::ZSet => append(out, &["ZADD", "zset", &number, &member]),
            Self::Set => append(out, &["SADD", "set", &member]),
            Self::Hash => append(out, &["HSET", "hash", &member, &value]),
            Self::List => append(out, &["RPUSH", "list", &member]),
            Self::Stream => append(out, &["XADD", "stream", "*", "field", &member]),
            Self::Mixed => {
                let len = 16 + name as usize % 185;
                append(out, &["SET", &key, &long(&value, len)]);
            }
        }
    }
}

/// The key of item `index`, of 16 bytes.
pub fn key(index: u64) -> String {
    format!("key:{index:012}")
}

/// A number below 2^31 that is another one for each `index` below that.
fn scrambled(index: u64) -> u64 {
    index.wrapping_mul(0x9E37_79B1) & 0x7FFF_FFFF
}

fn long(start: &str, len: usize) -> String {
    let mut text = start.to_owned();
    while text.len() < len {
        text.push(char::from(b'a' + (text.len() % 26) as u8));
    }
    text
}

fn append(out: &mut Vec<u8>, words: &[&str]) {
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    append_command(out, &words);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_that_are_told() {
        assert_eq!(key(7).len(), 16);
        for index in [0, 1, 999_999] {
            let mut out = Vec::new();
            Filling::String16.append(&mut out, index);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches("$16\r\n").count(), 2, "{text}");
            let mut out = Vec::new();
            Filling::Hash.append(&mut out, index);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.matches("$16\r\n").count(), 2, "{text}");
        }
    }

    #[test]
    fn scrambled_numbers_differ() {
        let numbers: std::collections::BTreeSet<u64> = (0..10_000).map(scrambled).collect();
        assert_eq!(numbers.len(), 10_000);
    }
}
