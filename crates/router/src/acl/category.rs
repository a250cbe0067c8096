//! The categories of commands.

use protocol::spec::CommandSpec;

/// All categories, in Redis's order.
pub const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "bitmap",
    "hyperloglog",
    "geo",
    "stream",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
    "transaction",
    "scripting",
];

/// The category of a name, in any case.
pub fn category(name: &[u8]) -> Option<&'static str> {
    CATEGORIES.iter().copied().find(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// Whether a command belongs to a category.
pub fn belongs(spec: &CommandSpec, category: &str) -> bool {
    spec.categories().contains(&category)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::table;

    #[test]
    fn commands_have_no_other_categories() {
        for (_, row) in table().iter() {
            for name in row.spec.categories() {
                assert!(CATEGORIES.contains(&name), "{}: {name}", row.spec.name);
            }
        }
        assert_eq!(category(b"READ"), Some("read"));
        assert_eq!(category(b"all"), None);
    }
}
