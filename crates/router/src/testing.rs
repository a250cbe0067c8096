//! What the tests of this crate share.

use protocol::args::Request;
use protocol::decode::split_line;
use protocol::encode::Version;
use protocol::spec::CommandSpec;
use shard::commands::table::CommandTable;
use shard::reply::Reply;
use shard::testing::render;
use std::sync::{Arc, OnceLock};

use crate::acl::Acl;
use crate::commands::SessionCall;
use crate::registry::{Home, Registry};
use crate::session::Session;
use crate::topology::{Member, Topology, member_id};
use crate::view::{Address, Told, View};

/// So many members at `127.0.0.1:7000` and the ports that follow.
pub(crate) fn members(count: usize) -> Vec<Member> {
    let member = |at| {
        let port = 7000 + at as u16;
        let (id, host) = (member_id(&format!("127.0.0.1:{port}")), "127.0.0.1".into());
        Member { id, host, port, tls_port: 0 }
    };
    (0..count).map(member).collect()
}

/// The registry with no commands of a node but one.
pub(crate) fn registry() -> &'static Registry<&'static str> {
    static REGISTRY: OnceLock<Registry<&'static str>> = OnceLock::new();
    static LIST: CommandSpec = CommandSpec {
        name: "client|list",
        family: protocol::spec::Family::Connection,
        arity: protocol::spec::Arity::at_least(2),
        ..CommandSpec::NEW
    };
    REGISTRY.get_or_init(|| Registry::new(&[(&LIST, "list")]))
}

/// The table of all commands.
pub(crate) fn table() -> &'static CommandTable {
    registry().table()
}

/// A connection to a node of one member, to try session commands on.
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) acl: Acl,
    view: View,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let topology = Topology::new(members(1), 0, &[(0, 16383)], 2);
        let topology = Arc::new(topology.expect("a valid topology"));
        let address = Address { host: "127.0.0.1".into(), port: 7000, tls_port: 0 };
        let (mut session, acl) = (Session::new(7), Acl::new(table()));
        acl.enter(&mut session);
        Self { session, acl, view: View::new(topology, vec![address], Told::default(), None) }
    }

    /// Makes or changes a user by rules with blanks between them.
    #[track_caller]
    pub(crate) fn set_user(&mut self, name: &str, rules: &str) {
        let rules = rules.split(' ').map(str::as_bytes);
        let set = self.acl.set_user(name.as_bytes(), rules);
        set.expect("a test's rules are right");
    }

    pub(crate) fn resp3(mut self) -> Self {
        self.session.version = Version::Resp3;
        self
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// Runs a line of words (quotes as in redis-cli); returns the reply as bytes.
    pub(crate) fn raw(&mut self, line: &str) -> Vec<u8> {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        split_line(line.as_bytes(), &mut text, &mut spans)
            .expect("a test's line has closed quotes");
        let request = Request::of(spans.iter().map(|span| span.of(&text)));
        let mut out = Vec::new();
        let mut reply = Reply::resp(&mut out, self.session.version);
        let result = table().resolve(request.args()).and_then(|id| {
            let Home::Router(run) = registry().home(id) else { panic!("{line}: not the router's") };
            let (session, view, acl) = (&mut self.session, &self.view, &self.acl);
            let reply = &mut reply;
            let mut call = SessionCall { session, view, table: table(), acl, reply };
            run(&mut call, request.args())
        });
        if let Err(error) = result {
            reply.error(&error);
        }
        out
    }

    /// Runs a line; returns the reply as text (see [`render`]), empty when there is none.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let out = self.raw(line);
        let mut rest = &out[..];
        if rest.is_empty() {
            return String::new();
        }
        let text = render(&mut rest);
        assert!(rest.is_empty(), "{line} replied more than one value: {text}");
        text
    }

    /// Runs a line and compares the reply.
    #[track_caller]
    pub(crate) fn check(&mut self, line: &str, reply: &str) {
        assert_eq!(self.run(line), reply, "{line}");
    }
}
