//! Values of the configuration that are more than numbers and texts.

use serde::Deserialize;
use shard::keyspace::Eviction;

/// How many shards a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ShardsText")]
pub(crate) enum Shards {
    /// One for each core.
    Auto,
    Count(u16),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ShardsText {
    Number(u16),
    Text(String),
}

impl TryFrom<ShardsText> for Shards {
    type Error = String;

    fn try_from(value: ShardsText) -> Result<Self, String> {
        let text = match value {
            ShardsText::Number(count) => count.to_string(),
            ShardsText::Text(text) => text,
        };
        text.parse()
    }
}

impl std::str::FromStr for Shards {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(count @ 1..=1024) => Ok(Self::Count(count)),
                _ => Err(format!("shards must be \"auto\" or 1 to 1024, not {text:?}")),
            },
        }
    }
}

/// Which keys go when memory is full, by Redis's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Policy(pub(crate) Eviction);

impl TryFrom<String> for Policy {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let known = Eviction::ALL.iter().find(|(_, known)| *known == name);
        known.map(|(policy, _)| Self(*policy)).ok_or_else(|| {
            let names: Vec<&str> = Eviction::ALL.iter().map(|(_, name)| *name).collect();
            format!("must be one of {}, not {name:?}", names.join(", "))
        })
    }
}

/// Who may use DEBUG (`enable-debug-command`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DebugAllowed {
    /// Nobody.
    No,
    /// Connections from this machine.
    Local,
    /// Everybody.
    Yes,
}

impl DebugAllowed {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Local => "local",
            Self::Yes => "yes",
        }
    }
}

/// Whether scripts may touch other slots of their shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CrossSlotKeys {
    Refuse,
    SameShard,
}

/// Which channels new users may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PubsubDefault {
    ResetChannels,
    AllChannels,
}
