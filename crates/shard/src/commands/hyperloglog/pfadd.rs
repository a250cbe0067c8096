//! PFADD key [element ...]: add elements to a HyperLogLog, and reply whether a register changed.

use protocol::args::Args;
use protocol::spec::{Access, Arity, CommandSpec, Family, Flags, KeySpec};

use super::{Change, with_view};
use crate::commands::{Call, Command};
use crate::error::CommandError;
use crate::keyspace::Events;
use crate::types::hyperloglog::{Element, Sketch, View};

pub(super) const COMMAND: Command = Command {
    spec: CommandSpec {
        name: "pfadd",
        family: Family::HyperLogLog,
        arity: Arity::at_least(2),
        flags: Flags::WRITE.union(Flags::DENYOOM).union(Flags::FAST),
        keys: &[KeySpec::at(1, Access::Rw, &["insert"])],
        since: "2.8.9",
        complexity: "O(1) to add every element.",
        summary: "Adds elements to a HyperLogLog key. Creates the key if it doesn't exist.",
        ..CommandSpec::NEW
    },
    run,
};

fn run(call: &mut Call<'_, '_>, args: Args<'_>) -> Result<(), CommandError> {
    let key = args.at(1);
    let sparse_max = call.keyspace.settings().hll_sparse_max;
    let change = with_view(call, key, |view| match view {
        Some(view) => add(view, args, sparse_max),
        None => {
            let mut sketch = Sketch::new();
            sketch.invalidate();
            add_all(&mut sketch, args, sparse_max)?;
            Ok(Some(Change::Whole(sketch.into_bytes())))
        }
    })?;
    let changed = change.is_some();
    if let Some(change) = change {
        change.store(call.keyspace, key)?;
        call.keyspace.notify(Events::STRING, "pfadd", key);
    }
    call.reply.flag(changed);
    Ok(())
}

/// The change that adds the elements to a value, if they change it.
fn add(view: View<'_>, args: Args<'_>, sparse_max: usize) -> Result<Option<Change>, CommandError> {
    if !view.is_sparse() {
        // Too large to be copied for some bits.
        let patch = view.add_to_dense(args.iter_from(2).map(Element::of));
        let parts: Vec<_> = patch.into_runs().collect();
        return Ok((!parts.is_empty()).then_some(Change::Parts(parts)));
    }
    let mut sketch = Sketch::from(view);
    let changed = add_all(&mut sketch, args, sparse_max)?;
    Ok(changed.then(|| Change::between(view, sketch.into_bytes())))
}

fn add_all(sketch: &mut Sketch, args: Args<'_>, sparse_max: usize) -> Result<bool, CommandError> {
    let mut changed = false;
    for element in args.iter_from(2) {
        changed |= sketch.add(Element::of(element), sparse_max)?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use crate::testing::Rig;

    const HEAD: &str = "HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80";

    #[test]
    fn makes_the_key_also_without_elements() {
        let mut rig = Rig::new();
        rig.check("PFADD k", ":1");
        rig.check("GET k", &format!("${HEAD}\\x7f\\xff"));
        rig.check("OBJECT ENCODING k", "$raw");
        rig.check("PFADD k", ":0");
        rig.check("PFADD k a", ":1");
        rig.check("PFADD k a a", ":0");
        rig.check("GET k", &format!("${HEAD}q\\xa6\\x84NW"));
        rig.check("PFADD k a b c", ":1");
        rig.check("PFCOUNT k", ":3");
    }

    #[test]
    fn the_expiry_is_kept() {
        let mut rig = Rig::new();
        rig.check("PFADD k a", ":1");
        rig.run("PEXPIRE k 10");
        rig.check("PFADD k b", ":1");
        rig.advance_ms(11);
        rig.check("EXISTS k", ":0");
    }

    /// Through both forms, rolled back and replayed at each step.
    #[test]
    fn many_elements() {
        let mut rig = Rig::new();
        let mut request = vec!["PFADD".to_owned(), "k".into()];
        for round in 0..40 {
            request.truncate(2);
            request.extend((0..100).map(|number| format!("element-{round}-{number}")));
            rig.run_parts(&request);
        }
        rig.check("PFDEBUG ENCODING k", "+dense");
        let count = rig.run("PFCOUNT k");
        let count: f64 = count[1..].parse().expect("a count");
        assert!((count / 4000.0 - 1.0).abs() < 0.03, "{count}");
        rig.check("PFADD k element-0-0 element-39-99", ":0");
    }

    #[test]
    fn a_dense_value_records_what_changes() {
        let mut rig = Rig::new().once();
        rig.run("PFADD k a");
        rig.run("PFDEBUG TODENSE k");
        let mark = rig.shard().keyspace_mut().begin();
        rig.check("PFADD k b", ":1");
        assert!(rig.shard().keyspace().undo_memory() < 600);
        rig.shard().keyspace_mut().roll_back(mark);
    }

    #[test]
    fn errors_change_nothing() {
        let mut rig = Rig::new();
        rig.run("HSET h f v");
        rig.check_error("PFADD h a", "WRONGTYPE Operation against a key");
        rig.run("SET s x");
        rig.check("PFADD s a", "-WRONGTYPE Key is not a valid HyperLogLog string value.");
        rig.check("GET s", "$x");
        // The runs end after 64 registers; that of `a` would lie further on.
        rig.run(&format!("SET c \"{HEAD}\\x3f\""));
        rig.check("PFADD c a", "-INVALIDOBJ Corrupted HLL object detected");
        rig.check("GET c", &format!("${HEAD}?"));
    }
}
