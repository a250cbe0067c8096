//! Who owns which slot: the nodes of the cluster, and the shards of this one.
//!
//! Every node computes the same map from the same list of members, so no node has to be told of
//! another's part. The served slots are dealt out to the members in list order exactly as
//! `redis-cli --cluster create` deals them out, and each member's part to its shards by the same
//! rule.
//!
//! # Invariants
//! - I1. Every served slot belongs to exactly one shard of one member; no other slot to any.
//! - I2. In slot order the owners are in member order and, within a member, in shard order. So the
//!   slots between the first and the last of a shard are its own or nobody's.
//! - I3. `owners[slot]` says the same as `places[slot]`, as seen from `myself`.
//! - I4. A topology never changes. A new one replaces it.
//!
//! # Not here
//! What clients are told of it: [`crate::view`].

use protocol::slot::{SLOT_COUNT, Slot};
use sha1::{Digest, Sha1};

/// Most nodes of a cluster. Redis recommends no more, and CLUSTER SLOTS grows with it.
pub const MEMBERS_MAX: usize = 1000;

/// Most shards of a node: one is one thread.
pub const SHARDS_MAX: u16 = 1024;

// Owners are packed into 16 bits, one of which tells shards from members.
const _: () = assert!(MEMBERS_MAX < PackedOwner::HERE as usize - 1);
const _: () = assert!(SHARDS_MAX < PackedOwner::HERE);

/// A node of the cluster: one entry of `initial-nodes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// 40 hexadecimal digits, see [`member_id`].
    pub id: String,
    /// Where clients reach it: a name or an address.
    pub host: String,
    /// Where clients reach it: the port without TLS, or the only one.
    pub port: u16,
    /// Where they reach it with TLS; 0: nowhere.
    pub tls_port: u16,
}

/// Who owns a slot, as seen from this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// This shard of this node.
    Here(u16),
    /// Another node: its place in the list of members.
    Node(u16),
    /// Nobody: the cluster does not serve the slot.
    Nobody,
}

/// A shard of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The member's place in the list.
    pub member: u16,
    /// The shard's number there.
    pub shard: u16,
}

/// Why there is no such topology: a mistake in the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// Two members have one id.
    #[error("two members have the id {0}")]
    DuplicateId(String),
    /// An id that clients would not parse.
    #[error("the id of a member is 40 hexadecimal digits, not '{0}'")]
    InvalidId(String),
    /// A range of slots that is none.
    #[error("{first}-{last} is not a range of slots within 0-16383")]
    InvalidRange {
        /// The first slot.
        first: u16,
        /// The last slot.
        last: u16,
    },
    /// No or too many members.
    #[error("a cluster has 1 to {MEMBERS_MAX} members, not {0}")]
    MemberCount(usize),
    /// The number of this node is not that of a member.
    #[error("there is no member number {0}")]
    NoSuchMember(usize),
    /// No or too many shards.
    #[error("a node has 1 to {SHARDS_MAX} shards, not {0}")]
    ShardCount(u16),
    /// Two ranges have a slot in common.
    #[error("slot {0} is served twice")]
    ServedTwice(u16),
}

/// The map from slots to owners. See the module.
#[derive(Debug)]
pub struct Topology {
    members: Vec<Member>,
    myself: u16,
    shards: u16,
    /// By slot; what the hot path reads.
    owners: Box<[PackedOwner]>,
    /// By slot; the same for all nodes.
    places: Box<[Option<Place>]>,
    /// By `member * shards + shard`: the slots of that shard, as inclusive ranges.
    parts: Vec<Vec<(u16, u16)>>,
    slots_assigned: u16,
}

impl Topology {
    /// Deals out the `served` slots (inclusive ranges) to `members`, and each member's part to its
    /// `shards`.
    ///
    /// # Errors
    /// [`TopologyError`], when the configuration contradicts itself.
    pub fn new(
        members: Vec<Member>,
        myself: usize,
        served: &[(u16, u16)],
        shards: u16,
    ) -> Result<Self, TopologyError> {
        check_members(&members)?;
        let me = u16::try_from(myself).ok().filter(|_| myself < members.len());
        let myself = me.ok_or(TopologyError::NoSuchMember(myself))?;
        if shards == 0 || shards > SHARDS_MAX {
            return Err(TopologyError::ShardCount(shards));
        }
        let slots = served_slots(served)?;
        let places = deal_out(&slots, members.len(), shards);
        let owner = |place: &Option<Place>| match place {
            None => PackedOwner::NOBODY,
            Some(place) if place.member == myself => PackedOwner::here(place.shard),
            Some(place) => PackedOwner::node(place.member),
        };
        Ok(Self {
            myself,
            shards,
            owners: places.iter().map(owner).collect(),
            parts: parts(&places, members.len(), shards),
            places,
            members,
            slots_assigned: slots.len() as u16,
        })
    }

    /// Who owns `slot`.
    #[inline]
    pub fn owner(&self, slot: Slot) -> Owner {
        self.owners[slot.index()].unpack()
    }

    /// Which shard of which member owns `slot`: what all nodes agree on.
    pub fn place(&self, slot: Slot) -> Option<Place> {
        self.places[slot.index()]
    }

    /// First slot and count of the range that covers all slots of a shard of this node. Slots in
    /// there that are nobody's are never used. `(0, 0)` when the shard has no slot.
    pub fn shard_range(&self, shard: u16) -> (u16, u16) {
        match self.part(self.myself, shard) {
            [] => (0, 0),
            [(first, last)] | [(first, _), .., (_, last)] => (*first, last - first + 1),
        }
    }

    /// All nodes, in list order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The place of this node in the list.
    pub fn myself(&self) -> u16 {
        self.myself
    }

    /// How many shards each node has.
    pub fn shards(&self) -> u16 {
        self.shards
    }

    /// The slots of a member as inclusive ranges, in order.
    pub fn ranges_of(&self, member: u16) -> Vec<(u16, u16)> {
        let mut ranges = Vec::new();
        for shard in 0..self.shards {
            for &(first, last) in self.part(member, shard) {
                extend_ranges(&mut ranges, first, last);
            }
        }
        ranges
    }

    /// The slots of a shard of a member as inclusive ranges, in order.
    pub fn ranges_of_shard(&self, member: u16, shard: u16) -> Vec<(u16, u16)> {
        self.part(member, shard).to_vec()
    }

    /// The configuration epoch. It stays 1 until topologies change at run time.
    pub fn epoch(&self) -> u64 {
        1
    }

    /// How many slots are served.
    pub fn slots_assigned(&self) -> u16 {
        self.slots_assigned
    }

    /// Empty when there is no such member or shard.
    fn part(&self, member: u16, shard: u16) -> &[(u16, u16)] {
        if shard >= self.shards {
            return &[];
        }
        let at = usize::from(member) * usize::from(self.shards) + usize::from(shard);
        self.parts.get(at).map_or(&[], Vec::as_slice)
    }
}

/// The id of the member that is reached at `host_port`: all nodes compute the same.
pub fn member_id(host_port: &str) -> String {
    sha1_hex(&format!("atoll-node:{host_port}"))
}

/// The id of a shard of a member, which is its node id where shards are announced one by one.
pub fn shard_id(member_id: &str, shard: u16) -> String {
    sha1_hex(&format!("atoll-shard:{member_id}:{shard}"))
}

/// The SHA-1 of a text as 40 hexadecimal digits: the shape of all ids of a cluster.
pub(crate) fn sha1_hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(40);
    for byte in Sha1::digest(text.as_bytes()) {
        hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
        hex.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    hex
}

/// An [`Owner`] in 16 bits, so that the table is 32 KiB and stays in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PackedOwner(u16);

impl PackedOwner {
    const NOBODY: Self = Self(0);
    /// Set for shards of this node; the rest is the shard's number. Without it, the rest is the
    /// member's number plus one.
    const HERE: u16 = 1 << 15;

    fn here(shard: u16) -> Self {
        Self(Self::HERE | shard)
    }

    fn node(member: u16) -> Self {
        Self(member + 1)
    }

    #[inline]
    fn unpack(self) -> Owner {
        match self.0 {
            here if here & Self::HERE != 0 => Owner::Here(here & !Self::HERE),
            0 => Owner::Nobody,
            node => Owner::Node(node - 1),
        }
    }
}

fn check_members(members: &[Member]) -> Result<(), TopologyError> {
    if members.is_empty() || members.len() > MEMBERS_MAX {
        return Err(TopologyError::MemberCount(members.len()));
    }
    for (at, Member { id, .. }) in members.iter().enumerate() {
        if id.len() != 40 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(TopologyError::InvalidId(id.clone()));
        }
        if members[..at].iter().any(|other| other.id == *id) {
            return Err(TopologyError::DuplicateId(id.clone()));
        }
    }
    Ok(())
}

/// All slots of the ranges, in slot order.
fn served_slots(served: &[(u16, u16)]) -> Result<Vec<u16>, TopologyError> {
    let mut slots = Vec::new();
    for &(first, last) in served {
        if last < first || last >= SLOT_COUNT {
            return Err(TopologyError::InvalidRange { first, last });
        }
        slots.extend(first..=last);
        // Within the loop, so that the list of ranges cannot make the list of slots grow for ever.
        slots.sort_unstable();
        if let Some(pair) = slots.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TopologyError::ServedTwice(pair[0]));
        }
    }
    Ok(slots)
}

fn deal_out(slots: &[u16], members: usize, shards: u16) -> Box<[Option<Place>]> {
    let mut places = vec![None; usize::from(SLOT_COUNT)].into_boxed_slice();
    for (member, part) in (0..).zip(split_evenly(slots, members)) {
        for (shard, part) in (0..).zip(split_evenly(part, usize::from(shards))) {
            for &slot in part {
                places[usize::from(slot)] = Some(Place { member, shard });
            }
        }
    }
    places
}

/// Cuts `slots` into `count` parts whose sizes differ by one at most. Part `i` ends where
/// `redis-cli --cluster create` ends it: at `(i + 1) * len / count`, rounded to the nearest.
fn split_evenly(slots: &[u16], count: usize) -> impl Iterator<Item = &[u16]> {
    let end = move |part: usize| (2 * part * slots.len() + count) / (2 * count);
    (0..count).map(move |part| &slots[end(part)..end(part + 1)])
}

fn parts(places: &[Option<Place>], members: usize, shards: u16) -> Vec<Vec<(u16, u16)>> {
    let mut parts = vec![Vec::new(); members * usize::from(shards)];
    for (slot, place) in (0..).zip(places) {
        if let Some(Place { member, shard }) = place {
            let at = usize::from(*member) * usize::from(shards) + usize::from(*shard);
            extend_ranges(&mut parts[at], slot, slot);
        }
    }
    parts
}

/// Adds a range that lies behind all others, to the last of them when it follows it at once.
fn extend_ranges(ranges: &mut Vec<(u16, u16)>, first: u16, last: u16) {
    match ranges.last_mut() {
        Some((_, end)) if *end + 1 == first => *end = last,
        _ => ranges.push((first, last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::members;
    use proptest::prelude::*;

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    fn ranges(count: usize, served: &[(u16, u16)]) -> Vec<Vec<(u16, u16)>> {
        let topology = Topology::new(members(count), 0, served, 1).unwrap();
        (0..count as u16).map(|member| topology.ranges_of(member)).collect()
    }

    #[test]
    fn slots_are_dealt_out_as_redis_cli_does() {
        let all = &[(0, 16383)];
        assert_eq!(ranges(1, all), [[(0, 16383)]]);
        assert_eq!(ranges(3, all), [[(0, 5460)], [(5461, 10922)], [(10923, 16383)]]);
        assert_eq!(
            ranges(5, all),
            [[(0, 3276)], [(3277, 6553)], [(6554, 9829)], [(9830, 13106)], [(13107, 16383)]]
        );
        assert_eq!(
            ranges(6, all),
            [
                [(0, 2730)],
                [(2731, 5460)],
                [(5461, 8191)],
                [(8192, 10922)],
                [(10923, 13652)],
                [(13653, 16383)]
            ]
        );
    }

    #[test]
    fn gaps_stay_nobodys() {
        let topology = Topology::new(members(2), 0, &[(100, 109), (0, 9)], 3).unwrap();
        assert_eq!(topology.ranges_of(0), [(0, 9)]);
        assert_eq!(topology.ranges_of(1), [(100, 109)]);
        assert_eq!(topology.owner(slot(3)), Owner::Here(1));
        assert_eq!(topology.owner(slot(100)), Owner::Node(1));
        assert_eq!(topology.owner(slot(50)), Owner::Nobody);
        assert_eq!(topology.slots_assigned(), 20);
        assert_eq!(topology.shard_range(1), (3, 4));

        let topology = Topology::new(members(1), 0, &[(0, 1), (100, 101)], 1).unwrap();
        assert_eq!(topology.shard_range(0), (0, 102));
        assert_eq!(topology.ranges_of_shard(0, 0), [(0, 1), (100, 101)]);
        assert_eq!(topology.ranges_of(0), [(0, 1), (100, 101)]);
    }

    #[test]
    fn there_may_be_more_shards_than_slots() {
        let topology = Topology::new(members(3), 1, &[(7, 8)], 4).unwrap();
        let all: Vec<_> = (0..3).flat_map(|member| topology.ranges_of(member)).collect();
        assert_eq!(all, [(7, 7), (8, 8)]);
        for shard in 0..4 {
            let (first, count) = topology.shard_range(shard);
            assert!(count <= 1 && first + count <= SLOT_COUNT);
        }
        assert_eq!(topology.shard_range(9), (0, 0));
        assert!(topology.ranges_of(9).is_empty() && topology.ranges_of_shard(0, 9).is_empty());
    }

    #[test]
    fn a_configuration_that_contradicts_itself_is_refused() {
        let new = |count: usize, myself: usize, served: &[(u16, u16)], shards: u16| {
            Topology::new(members(count), myself, served, shards).map(|_| ()).unwrap_err()
        };
        assert_eq!(new(0, 0, &[], 1), TopologyError::MemberCount(0));
        assert_eq!(new(1001, 0, &[], 1), TopologyError::MemberCount(1001));
        assert_eq!(new(2, 2, &[], 1), TopologyError::NoSuchMember(2));
        assert_eq!(new(2, 1, &[], 0), TopologyError::ShardCount(0));
        assert_eq!(new(2, 1, &[(0, 9), (9, 12)], 1), TopologyError::ServedTwice(9));
        let range = TopologyError::InvalidRange { first: 5, last: 16384 };
        assert_eq!(new(2, 1, &[(5, 16384)], 1), range);
        let same = vec![members(1).remove(0); 2];
        let error = Topology::new(same, 0, &[], 1).unwrap_err();
        assert!(matches!(error, TopologyError::DuplicateId(_)));
        let odd = vec![Member { id: "x".into(), host: "h".into(), port: 1, tls_port: 0 }];
        let error = Topology::new(odd, 0, &[], 1).unwrap_err();
        assert_eq!(error.to_string(), "the id of a member is 40 hexadecimal digits, not 'x'");
    }

    #[test]
    fn ids_are_the_same_everywhere_and_tell_shards_apart() {
        let id = member_id("127.0.0.1:7001");
        assert_eq!(id.len(), 40);
        assert_eq!(id, member_id("127.0.0.1:7001"));
        assert_ne!(id, member_id("127.0.0.1:7002"));
        assert_ne!(shard_id(&id, 0), shard_id(&id, 1));
        assert_eq!(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    /// The slots that the test expects: those of the ranges, each once.
    fn expand(ranges: &[(u16, u16)]) -> impl Iterator<Item = u16> {
        ranges.iter().flat_map(|&(first, last)| first..=last)
    }

    #[test]
    fn any_number_of_nodes_and_shards_covers_all_slots_once() {
        for (count, shards) in
            (1..=40).flat_map(|count| (1..=16).map(move |shards| (count, shards)))
        {
            let topology = Topology::new(members(count), 0, &[(0, 16383)], shards).unwrap();
            let mut next = 0;
            for member in 0..count as u16 {
                for shard in 0..shards {
                    let ranges = topology.ranges_of_shard(member, shard);
                    let [(first, last)] = ranges[..] else { panic!("not contiguous: {ranges:?}") };
                    assert_eq!(first, next);
                    next = last + 1;
                }
            }
            assert_eq!(next, SLOT_COUNT);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// I1, I2 and I3.
        #[test]
        fn every_served_slot_has_exactly_one_owner(
            count in 1usize..=40,
            shards in 1u16..=16,
            cuts in proptest::collection::btree_set(0u16..SLOT_COUNT, 2..8),
            myself in any::<prop::sample::Index>(),
        ) {
            let cuts: Vec<u16> = cuts.into_iter().collect();
            let served: Vec<(u16, u16)> =
                cuts.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
            let myself = myself.index(count);
            let topology = Topology::new(members(count), myself, &served, shards).unwrap();

            let mut dealt = Vec::new();
            let mut sizes = Vec::new();
            for member in 0..count as u16 {
                let mut own = Vec::new();
                for shard in 0..shards {
                    own.extend(expand(&topology.ranges_of_shard(member, shard)));
                }
                prop_assert!(expand(&topology.ranges_of(member)).eq(own.iter().copied()));
                sizes.push(own.len());
                dealt.extend(own);
            }
            prop_assert!(dealt.iter().copied().eq(expand(&served)));
            prop_assert_eq!(usize::from(topology.slots_assigned()), dealt.len());
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);

            let mut is_served = vec![false; usize::from(SLOT_COUNT)];
            dealt.iter().for_each(|slot| is_served[usize::from(*slot)] = true);
            for slot in Slot::all() {
                match (topology.owner(slot), topology.place(slot)) {
                    (Owner::Nobody, None) => prop_assert!(!is_served[slot.index()]),
                    (Owner::Node(member), Some(place)) => {
                        prop_assert_eq!(member, place.member);
                        prop_assert_ne!(usize::from(member), myself);
                    }
                    (Owner::Here(shard), Some(place)) => {
                        prop_assert_eq!(usize::from(place.member), myself);
                        prop_assert_eq!(shard, place.shard);
                        let (first, count) = topology.shard_range(shard);
                        prop_assert!((first..first + count).contains(&slot.number()));
                    }
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }
    }
}
