//! docs/COMMANDS.md is made from the command table; this fails when it is stale.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use protocol::spec::Flags;
use router::registry::Registry;

fn document() -> String {
    let registry = Registry::new(&super::commands());
    let mut families: BTreeMap<&str, String> = BTreeMap::new();
    for (_, row) in registry.table().iter() {
        let spec = row.spec;
        if spec.flags.contains(Flags::CONTAINER) && spec.arity.0 != -1 {
            continue;
        }
        let rows = families.entry(spec.family.group()).or_default();
        let name = spec.name.replace('|', " ").to_uppercase();
        let flags: Vec<String> =
            spec.flags.iter_names().map(|(flag, _)| flag.to_lowercase()).collect();
        writeln!(
            rows,
            "| {name} | {} | {} | {} | {} | {} |",
            spec.arity.0,
            flags.join(" "),
            spec.since,
            spec.complexity,
            spec.summary
        )
        .expect("writing to a string does not fail");
    }
    let mut out = String::from(
        "# Commands\n\nMade from the command table by `UPDATE=1 cargo test -p node docs_test`. \
         Arity is Redis's: the number of words with the command itself, negative for at least so \
         many. *Since* is the Redis version that first had the command.\n",
    );
    let (count, missing) = not_served(&registry);
    writeln!(
        out,
        "\nOf the {count} commands and subcommands of Redis 7.2 {} are served. Not served: {}.",
        count - missing.len(),
        missing.join(", ")
    )
    .expect("writing to a string does not fail");
    for (family, rows) in families {
        let head = "| command | arity | flags | since | complexity | summary |\n\
                    |---|---|---|---|---|---|\n";
        write!(out, "\n## {family}\n\n{head}{rows}").expect("writing to a string does not fail");
    }
    out
}

/// How many commands and subcommands Redis 7.2 has, and which of them there are none of here.
fn not_served(registry: &Registry<super::NodeCommand>) -> (usize, Vec<&'static str>) {
    let all: Vec<&str> = include_str!("redis_7_2.txt").lines().collect();
    let is_missing = |name: &&&str| {
        let name = name.to_lowercase().replace(' ', "|");
        registry.table().lookup(name.as_bytes()).is_none()
    };
    (all.len(), all.iter().filter(is_missing).copied().collect())
}

#[test]
fn commands_md_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMMANDS.md");
    let document = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/COMMANDS.md is stale: UPDATE=1 cargo test -p node docs_test"
    );
}
