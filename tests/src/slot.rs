//! Hash slots, computed apart from the server: CRC16 (XMODEM) of the key or of its hash tag.

/// How many slots there are.
pub const COUNT: u16 = 16384;

/// The slot of a key.
pub fn of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    hashed.bytes().fold(0, crc16) % COUNT
}

fn crc16(crc: u16, byte: u8) -> u16 {
    (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
        if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
    })
}

/// A short key whose slot lies between `first` and `last`, both included.
///
/// # Panics
/// When the range is so small that no short key is found.
pub fn key_in(first: u16, last: u16) -> String {
    keys_in(first, last).next().expect("a key for every slot")
}

/// Keys whose slots lie between `first` and `last`, both included.
pub fn keys_in(first: u16, last: u16) -> impl Iterator<Item = String> {
    (0..10_000_000).map(|n| format!("k{n}")).filter(move |key| (first..=last).contains(&of(key)))
}

/// The slots of part `index` of `count`, as a node deals them to its shards and a cluster to its
/// nodes: what `redis-cli --cluster create` does.
pub fn part(index: u16, count: u16) -> (u16, u16) {
    let end = |part: u16| {
        let (part, count) = (u32::from(part), u32::from(count));
        ((2 * part * u32::from(COUNT) + count) / (2 * count)) as u16
    };
    (end(index), end(index + 1) - 1)
}

/// A key of shard `shard` of a node of `shards` that has all slots.
pub fn key_of_shard(shard: u16, shards: u16) -> String {
    let (first, last) = part(shard, shards);
    key_in(first, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_slots() {
        assert_eq!((of("foo"), of("bar"), of("")), (12182, 5061, 0));
        assert_eq!(of("a{foo}b"), of("foo"));
        assert_eq!((of("{}foo"), of("foo{{bar}}")), (9500, 4015));
        assert_eq!(part(0, 3), (0, 5460));
        assert_eq!(part(2, 3), (10923, 16383));
    }
}
