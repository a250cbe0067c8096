//! How durable a write is when it is acknowledged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the node does for a write before its reply leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub(crate) enum Durability {
    /// Nothing: there is no log. Snapshots are taken when somebody asks for one.
    None = 0,
    /// It is in the log, which is synced once a second: replies leave at once, and a crash of the
    /// machine costs at most what came in the last second.
    Everysec = 1,
    /// Its reply leaves when it is on the disk.
    Always = 2,
}

impl Durability {
    /// Its name, as it is configured.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Everysec => "everysec",
            Self::Always => "always",
        }
    }

    pub(super) fn of_number(number: u8) -> Self {
        match number {
            1 => Self::Everysec,
            2 => Self::Always,
            _ => Self::None,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::None, Self::Everysec, Self::Always];
        all.into_iter()
            .find(|mode| mode.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("{text:?} is none of none, everysec, always"))
    }
}
