//! What the clients of one listener are told of the cluster.
//!
//! Clients ask for the map of slots when they connect and after each MOVED, all at once when
//! something changes. So the replies are built once for each topology and listener, in both
//! versions of the protocol, and answering is copying.
//!
//! A listener tells one of two stories. Either each member is one master at one address, and its
//! shards stay invisible; or each shard is a master of its own, with an id and an address, so that
//! a cluster client's request lands on the thread that owns the slot. Both are true: every
//! listener serves every slot of its node.
//!
//! # Invariants
//! - I1. There is one master for each address, in the order of the addresses.
//! - I2. All replies of a view agree with each other.
//! - I3. Exactly one master is `myself`.

use std::fmt::Write as _;
use std::sync::Arc;

use protocol::encode::{self, Version};
use protocol::slot::Slot;

use crate::topology::{Topology, sha1_hex, shard_id};

/// How far the port of the cluster bus lies above that of clients. There is no such bus here, but
/// the grammar of CLUSTER NODES has a place for its port.
const BUS_PORT_OFFSET: u16 = 10_000;

/// Where clients are told to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A name or an address. Empty: the one that the client has connected to.
    pub host: String,
    /// The port without TLS; 0: there is none, or clients of this listener are not told.
    pub port: u16,
    /// The port with TLS; 0 as above.
    pub tls_port: u16,
}

impl Address {
    /// The port that clients with TLS or without are told to connect to.
    fn port_of(&self, tls: bool) -> u16 {
        if tls { self.tls_port } else { self.port }
    }
}

/// Which story the clients of a listener are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// Each shard is a master.
    pub shard_endpoints: bool,
    /// They have come by TLS, and are sent to where they can go on with it.
    pub tls: bool,
}

/// What the clients of one listener are told. See the module.
#[derive(Debug)]
pub struct View {
    topology: Arc<Topology>,
    addresses: Vec<Address>,
    told: Told,
    id: String,
    shard_id: String,
    info: String,
    slots: Versions,
    shards: Versions,
    nodes: Versions,
}

impl View {
    /// What clients are told of `topology` when they reach its members at `addresses`: one for
    /// each member, or with shard endpoints one for each shard of each member, member by member.
    /// `myself_shard` is the shard whose listener this is; without one it is the node's first.
    ///
    /// # Panics
    /// When there are more or fewer addresses than that, or no such shard.
    pub fn new(
        topology: Arc<Topology>,
        addresses: Vec<Address>,
        told: Told,
        myself_shard: Option<u16>,
    ) -> Self {
        let shard_endpoints = told.shard_endpoints;
        let shards = if shard_endpoints { topology.shards() } else { 1 };
        let expected = topology.members().len() * usize::from(shards);
        assert_eq!(addresses.len(), expected, "I1: one address for each master"); // I1
        let my_shard = if shard_endpoints { myself_shard.unwrap_or(0) } else { 0 };
        assert!(my_shard < shards, "there is no shard {my_shard}");
        let myself = usize::from(topology.myself()) * usize::from(shards) + usize::from(my_shard);

        let masters = masters(&topology, &addresses, told);
        let id = masters[myself].id.clone();
        Self {
            info: info_text(&topology, &masters),
            slots: Versions::of(|out, version| write_slots(out, version, &masters)),
            shards: Versions::of(|out, version| write_shards(out, version, &masters)),
            nodes: nodes_reply(&masters, myself, topology.epoch()),
            shard_id: sha1_hex(&format!("atoll-group:{id}")),
            id,
            told,
            addresses,
            topology,
        }
    }

    /// The topology that clients are told of.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The reply of CLUSTER SLOTS.
    pub fn slots(&self, version: Version) -> &[u8] {
        self.slots.get(version)
    }

    /// The reply of CLUSTER SHARDS.
    pub fn shards(&self, version: Version) -> &[u8] {
        self.shards.get(version)
    }

    /// The reply of CLUSTER NODES.
    pub fn nodes(&self, version: Version) -> &[u8] {
        self.nodes.get(version)
    }

    /// The text of CLUSTER INFO.
    pub fn info(&self) -> &str {
        &self.info
    }

    /// The id of the node that clients of this listener believe to talk to.
    pub fn myid(&self) -> &str {
        &self.id
    }

    /// The id of that node's shard, in the meaning of CLUSTER MYSHARDID: a master and its replicas.
    pub fn my_shard_id(&self) -> &str {
        &self.shard_id
    }

    /// The error that sends a client to the owner of `slot`, which is `member`.
    pub fn moved(&self, slot: Slot, member: u16) -> String {
        let at = if self.told.shard_endpoints {
            let shard = self.topology.place(slot).map_or(0, |place| place.shard);
            usize::from(member) * usize::from(self.topology.shards()) + usize::from(shard)
        } else {
            usize::from(member)
        };
        match self.addresses.get(at) {
            Some(address) => {
                format!("MOVED {slot} {}:{}", address.host, address.port_of(self.told.tls))
            }
            None => crate::plan::DOWN.to_owned(),
        }
    }
}

/// One reply in both versions of the protocol.
#[derive(Debug)]
struct Versions {
    resp2: Vec<u8>,
    resp3: Vec<u8>,
}

impl Versions {
    fn of(write: impl Fn(&mut Vec<u8>, Version)) -> Self {
        let written = |version| {
            let mut out = Vec::new();
            write(&mut out, version);
            out
        };
        Self { resp2: written(Version::Resp2), resp3: written(Version::Resp3) }
    }

    fn get(&self, version: Version) -> &[u8] {
        match version {
            Version::Resp2 => &self.resp2,
            Version::Resp3 => &self.resp3,
        }
    }
}

/// What clients see as one master.
struct Master<'a> {
    id: String,
    address: &'a Address,
    /// Where the clients of the listener are told to connect.
    port: u16,
    /// Its slots as inclusive ranges, in order.
    ranges: Vec<(u16, u16)>,
}

fn masters<'a>(topology: &Topology, addresses: &'a [Address], told: Told) -> Vec<Master<'a>> {
    let mut masters = Vec::with_capacity(addresses.len());
    let mut addresses = addresses.iter();
    for (member, known) in (0..).zip(topology.members()) {
        if told.shard_endpoints {
            for (shard, address) in (0..topology.shards()).zip(addresses.by_ref()) {
                let ranges = topology.ranges_of_shard(member, shard);
                let port = address.port_of(told.tls);
                masters.push(Master { id: shard_id(&known.id, shard), address, port, ranges });
            }
        } else if let Some(address) = addresses.next() {
            let ranges = topology.ranges_of(member);
            let port = address.port_of(told.tls);
            masters.push(Master { id: known.id.clone(), address, port, ranges });
        }
    }
    masters
}

/// An array of `[first, last, [host, port, id, {}]]`, by slot.
fn write_slots(out: &mut Vec<u8>, version: Version, masters: &[Master<'_>]) {
    let mut rows = Vec::new();
    for master in masters {
        rows.extend(master.ranges.iter().map(|range| (*range, master)));
    }
    rows.sort_unstable_by_key(|(range, _)| *range);
    encode::header(out, b'*', rows.len() as i64);
    for ((first, last), Master { id, address, port, .. }) in rows {
        encode::header(out, b'*', 3);
        encode::header(out, b':', i64::from(first));
        encode::header(out, b':', i64::from(last));
        encode::header(out, b'*', 4);
        encode::bulk(out, address.host.as_bytes());
        encode::header(out, b':', i64::from(*port));
        encode::bulk(out, id.as_bytes());
        encode::map(out, version, 0);
    }
}

/// An array of maps of slots and nodes, one for each master.
fn write_shards(out: &mut Vec<u8>, version: Version, masters: &[Master<'_>]) {
    encode::header(out, b'*', masters.len() as i64);
    for Master { id, address, ranges, .. } in masters {
        encode::map(out, version, 2);
        encode::bulk(out, b"slots");
        encode::header(out, b'*', ranges.len() as i64 * 2);
        for (first, last) in ranges {
            encode::header(out, b':', i64::from(*first));
            encode::header(out, b':', i64::from(*last));
        }
        encode::bulk(out, b"nodes");
        encode::header(out, b'*', 1);
        let ports = [("port", address.port), ("tls-port", address.tls_port)];
        let ports = ports.iter().filter(|(_, port)| *port != 0);
        encode::map(out, version, 6 + ports.clone().count());
        write_text(out, "id", id);
        for (name, port) in ports {
            encode::bulk(out, name.as_bytes());
            encode::header(out, b':', i64::from(*port));
        }
        write_text(out, "ip", &address.host);
        write_text(out, "endpoint", &address.host);
        write_text(out, "role", "master");
        encode::bulk(out, b"replication-offset");
        encode::header(out, b':', 0);
        write_text(out, "health", "online");
    }
}

fn write_text(out: &mut Vec<u8>, name: &str, value: &str) {
    encode::bulk(out, name.as_bytes());
    encode::bulk(out, value.as_bytes());
}

fn nodes_reply(masters: &[Master<'_>], myself: usize, epoch: u64) -> Versions {
    let mut text = String::new();
    for (at, master) in masters.iter().enumerate() {
        write_node_line(&mut text, master, at == myself, epoch);
    }
    Versions::of(|out, version| encode::verbatim(out, version, *b"txt", text.as_bytes()))
}

/// `<id> <ip>:<port>@<bus port> <flags> <master> <ping> <pong> <epoch> <link> <slots>…`
fn write_node_line(text: &mut String, master: &Master<'_>, myself: bool, epoch: u64) {
    let Master { id, address: Address { host, .. }, port, ranges } = master;
    let bus_port = port.checked_add(BUS_PORT_OFFSET).unwrap_or(*port);
    let flags = if myself { "myself,master" } else { "master" };
    // Redis prints an IP address here even when it announces a name. We have none to print, and
    // clients connect to whatever stands in this place.
    let _ = write!(text, "{id} {host}:{port}@{bus_port} {flags} - 0 0 {epoch} connected");
    for (first, last) in ranges {
        let _ = match first == last {
            true => write!(text, " {first}"),
            false => write!(text, " {first}-{last}"),
        };
    }
    text.push('\n');
}

fn info_text(topology: &Topology, masters: &[Master<'_>]) -> String {
    let assigned = topology.slots_assigned();
    let size = masters.iter().filter(|master| !master.ranges.is_empty()).count();
    // Slots that nobody serves are so by configuration, which is no failure
    // (Redis: `cluster-require-full-coverage no`).
    let state = if assigned == 0 { "fail" } else { "ok" };
    let known = masters.len();
    let epoch = topology.epoch();
    format!(
        "cluster_state:{state}\r\n\
         cluster_slots_assigned:{assigned}\r\n\
         cluster_slots_ok:{assigned}\r\n\
         cluster_slots_pfail:0\r\n\
         cluster_slots_fail:0\r\n\
         cluster_known_nodes:{known}\r\n\
         cluster_size:{size}\r\n\
         cluster_current_epoch:{epoch}\r\n\
         cluster_my_epoch:{epoch}\r\n\
         cluster_stats_messages_sent:0\r\n\
         cluster_stats_messages_received:0\r\n\
         total_cluster_links_buffer_limit_exceeded:0\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::members;
    use shard::testing::render;

    fn topology(count: usize, myself: usize, shards: u16) -> Arc<Topology> {
        Arc::new(Topology::new(members(count), myself, &[(0, 16383)], shards).unwrap())
    }

    fn addresses(count: u16) -> Vec<Address> {
        let address = |at| Address { host: "10.0.0.1".into(), port: 7000 + at, tls_port: 0 };
        (0..count).map(address).collect()
    }

    const SHARDS: Told = Told { shard_endpoints: true, tls: false };

    fn rendered(mut reply: &[u8]) -> String {
        let text = render(&mut reply);
        assert!(reply.is_empty());
        text
    }

    #[test]
    fn one_node_is_one_master_of_all_slots() {
        let view = View::new(topology(1, 0, 4), addresses(1), Told::default(), Some(3));
        let id = view.myid();
        assert_eq!(id, members(1)[0].id);
        assert_eq!(
            rendered(view.slots(Version::Resp2)),
            format!("[[:0 :16383 [$10.0.0.1 :7000 ${id} []]]]")
        );
        assert_eq!(
            rendered(view.slots(Version::Resp3)),
            format!("[[:0 :16383 [$10.0.0.1 :7000 ${id} %{{}}]]]")
        );
        assert_eq!(
            rendered(view.shards(Version::Resp3)),
            format!(
                "[%{{$slots:[:0 :16383] $nodes:[%{{$id:${id} $port::7000 $ip:$10.0.0.1 \
                 $endpoint:$10.0.0.1 $role:$master $replication-offset::0 $health:$online}}]}}]"
            )
        );
        let line = format!("{id} 10.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n");
        assert_eq!(view.nodes(Version::Resp2), format!("${}\r\n{line}\r\n", line.len()).as_bytes());
        assert_eq!(
            view.nodes(Version::Resp3),
            format!("={}\r\ntxt:{line}\r\n", line.len() + 4).as_bytes()
        );
        assert_eq!(view.my_shard_id().len(), 40);
        assert_ne!(view.my_shard_id(), id);
    }

    #[test]
    fn members_divide_the_slots() {
        let view = View::new(topology(3, 1, 2), addresses(3), Told::default(), None);
        let nodes = rendered(view.nodes(Version::Resp2));
        let lines: Vec<&str> = nodes.split("\\n").collect();
        assert!(lines[0].ends_with(":7000@17000 master - 0 0 1 connected 0-5460"), "{nodes}");
        assert!(lines[1].ends_with(" myself,master - 0 0 1 connected 5461-10922"), "{nodes}");
        assert!(lines[2].ends_with(" master - 0 0 1 connected 10923-16383"), "{nodes}");
        assert_eq!(lines[3], "");
        let slot = Slot::new(3999).unwrap();
        assert_eq!(view.moved(slot, 0), "MOVED 3999 10.0.0.1:7000");
        assert!(view.info().contains("cluster_known_nodes:3\r\ncluster_size:3\r\n"));
        assert!(view.info().contains("cluster_slots_assigned:16384\r\n"));
    }

    #[test]
    fn with_shard_endpoints_each_shard_is_a_master() {
        let view = View::new(topology(2, 1, 2), addresses(4), SHARDS, Some(1));
        let nodes = rendered(view.nodes(Version::Resp2));
        let lines: Vec<&str> = nodes.split("\\n").collect();
        assert!(lines[0].ends_with(":7000@17000 master - 0 0 1 connected 0-4095"), "{nodes}");
        assert!(lines[2].ends_with(":7002@17002 master - 0 0 1 connected 8192-12287"), "{nodes}");
        assert!(lines[3].starts_with(view.myid()), "{nodes}");
        assert!(lines[3].ends_with(" myself,master - 0 0 1 connected 12288-16383"), "{nodes}");
        let mut ids: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 5);
        assert_eq!(view.moved(Slot::new(4096).unwrap(), 0), "MOVED 4096 10.0.0.1:7001");
        assert_eq!(rendered(view.slots(Version::Resp2)).matches(":700").count(), 4);

        let main = View::new(topology(2, 1, 2), addresses(4), SHARDS, None);
        assert_eq!(rendered(main.nodes(Version::Resp2)).matches("myself").count(), 1);
        assert_ne!(main.myid(), view.myid());
    }

    #[test]
    fn clients_with_tls_are_sent_to_ports_with_tls() {
        let mut told = addresses(2);
        told.iter_mut().for_each(|address| address.tls_port = address.port + 100);
        let view = |tls| {
            let told_of = Told { tls, ..Told::default() };
            View::new(topology(2, 0, 1), told.clone(), told_of, None)
        };
        let (plain, tls) = (view(false), view(true));
        let slot = Slot::new(9000).unwrap();
        assert_eq!(plain.moved(slot, 1), "MOVED 9000 10.0.0.1:7001");
        assert_eq!(tls.moved(slot, 1), "MOVED 9000 10.0.0.1:7101");
        assert!(rendered(plain.slots(Version::Resp2)).contains("$10.0.0.1 :7001 "));
        assert!(rendered(tls.slots(Version::Resp2)).contains("$10.0.0.1 :7101 "));
        assert!(rendered(tls.nodes(Version::Resp2)).contains(" 10.0.0.1:7100@17100 myself"));
        // Here both are told, to everybody.
        assert_eq!(plain.shards(Version::Resp3), tls.shards(Version::Resp3));
        let shards = rendered(tls.shards(Version::Resp3));
        assert!(shards.contains(" $port::7000 $tls-port::7100 $ip:$10.0.0.1 "), "{shards}");
        let only = Address { host: "10.0.0.1".into(), port: 0, tls_port: 7100 };
        let told_of = Told { tls: true, ..Told::default() };
        let view = View::new(topology(1, 0, 1), vec![only], told_of, None);
        let shards = rendered(view.shards(Version::Resp2));
        assert!(shards.contains(" $tls-port :7100 ") && !shards.contains("$port"), "{shards}");
    }

    #[test]
    fn a_bus_port_that_does_not_fit_is_the_port_itself() {
        let address = Address { host: "h.example".into(), port: 60000, tls_port: 0 };
        let view = View::new(topology(1, 0, 1), vec![address], Told::default(), None);
        assert!(rendered(view.nodes(Version::Resp2)).contains(" h.example:60000@60000 myself"));
    }

    #[test]
    fn gaps_are_told() {
        let served = &[(0, 0), (2, 5)];
        let topology = Arc::new(Topology::new(members(1), 0, served, 1).unwrap());
        let view = View::new(topology, addresses(1), Told::default(), None);
        assert!(rendered(view.nodes(Version::Resp2)).contains(" connected 0 2-5\\n"));
        assert!(rendered(view.slots(Version::Resp2)).starts_with("[[:0 :0 ["));
        assert!(rendered(view.shards(Version::Resp2)).starts_with("[[$slots [:0 :0 :2 :5] "));
        assert!(view.info().starts_with("cluster_state:ok\r\ncluster_slots_assigned:5\r\n"));
    }
}
