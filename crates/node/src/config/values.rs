//! Values of the configuration that are more than numbers and texts.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shard::keyspace::{Events, Eviction};

use crate::log::Durability;
use crate::output_limits::{self, OutputLimits};
use crate::settings::parse_memory;

/// How many shards a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "ShardsText", into = "String")]
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

impl From<Shards> for String {
    fn from(shards: Shards) -> Self {
        match shards {
            Shards::Auto => "auto".into(),
            Shards::Count(count) => count.to_string(),
        }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
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

impl From<Policy> for String {
    fn from(policy: Policy) -> Self {
        let known = Eviction::ALL.iter().find(|(known, _)| *known == policy.0);
        known.map_or("noeviction", |(_, name)| name).into()
    }
}

/// Classes of keyspace events, by Redis's letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct EventLetters(pub(crate) Events);

impl TryFrom<String> for EventLetters {
    type Error = String;

    fn try_from(letters: String) -> Result<Self, String> {
        let known = Events::parse(letters.as_bytes()).map(Self);
        known.ok_or_else(|| "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into())
    }
}

impl From<EventLetters> for String {
    fn from(letters: EventLetters) -> Self {
        letters.0.letters()
    }
}

/// Which percentiles of latencies INFO shows.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Percentiles(pub(crate) Vec<f64>);

impl TryFrom<String> for Percentiles {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const NAME: &str = "latency-tracking-info-percentiles";
        let numbers = text.split_ascii_whitespace().map(str::parse::<f64>);
        let numbers: Result<Vec<f64>, _> = numbers.collect();
        let numbers = numbers.map_err(|_| format!("Invalid {NAME} parameters"))?;
        if numbers.iter().all(|number| (0.0..=100.0).contains(number)) {
            return Ok(Self(numbers));
        }
        Err(format!("{NAME} parameters should sit between [0.0,100.0]"))
    }
}

impl From<Percentiles> for String {
    fn from(percentiles: Percentiles) -> Self {
        let numbers = percentiles.0.iter().map(ToString::to_string);
        numbers.collect::<Vec<_>>().join(" ")
    }
}

/// `yes` or `no`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum YesNo {
    Yes,
    No,
}

/// When the log is synced, in Redis's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AppendFsync {
    Always,
    Everysec,
    /// As `Everysec`.
    No,
}

impl AppendFsync {
    /// Its name, as Redis writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Everysec => "everysec",
            Self::No => "no",
        }
    }

    /// How durable writes are that are logged.
    pub(crate) fn durability(self) -> Durability {
        match self {
            Self::Always => Durability::Always,
            Self::Everysec | Self::No => Durability::Everysec,
        }
    }
}

impl FromStr for AppendFsync {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Always, Self::Everysec, Self::No];
        all.into_iter().find(|known| known.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            "argument(s) must be one of the following: everysec, always, no".to_owned()
        })
    }
}

/// When a snapshot is taken: after so many seconds, if there were so many changes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct SavePoints(pub(crate) Vec<(u64, u64)>);

impl TryFrom<String> for SavePoints {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || "Invalid save parameters".to_owned();
        let numbers: Result<Vec<u64>, _> =
            text.split_ascii_whitespace().map(str::parse::<u64>).collect();
        let numbers = numbers.map_err(|_| wrong())?;
        if numbers.len() % 2 == 1 || numbers.chunks(2).any(|pair| pair[0] == 0) {
            return Err(wrong());
        }
        Ok(Self(numbers.chunks(2).map(|pair| (pair[0], pair[1])).collect()))
    }
}

impl From<SavePoints> for String {
    fn from(points: SavePoints) -> Self {
        let pairs = points.0.iter().map(|(seconds, changes)| format!("{seconds} {changes}"));
        pairs.collect::<Vec<_>>().join(" ")
    }
}

/// Who may use DEBUG (`enable-debug-command`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CrossSlotKeys {
    Refuse,
    SameShard,
}

/// How much clients may leave unread, by class (`client-output-buffer-limit`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct OutputBufferLimit(String);

impl OutputBufferLimit {
    /// The limits, to begin with.
    pub(crate) fn limits(&self) -> OutputLimits {
        OutputLimits::new(&self.0).unwrap_or_else(|_| unreachable!("checked when it was read"))
    }
}

impl Default for OutputBufferLimit {
    fn default() -> Self {
        Self(output_limits::DEFAULT.into())
    }
}

impl TryFrom<String> for OutputBufferLimit {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        OutputLimits::new(&text).map(|_| Self(text))
    }
}

impl From<OutputBufferLimit> for String {
    fn from(limit: OutputBufferLimit) -> Self {
        limit.limits().describe()
    }
}

/// Bytes, or per cent of `maxmemory` as a negative number (`maxmemory-clients`); 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "NumberOrText", into = "String")]
pub(crate) struct MemoryShare(pub(crate) i64);

#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(i64),
    Text(String),
}

impl TryFrom<NumberOrText> for MemoryShare {
    type Error = String;

    fn try_from(value: NumberOrText) -> Result<Self, String> {
        match value {
            NumberOrText::Number(bytes) => Self::parse(&bytes.to_string()),
            NumberOrText::Text(text) => Self::parse(&text),
        }
    }
}

impl From<MemoryShare> for String {
    fn from(share: MemoryShare) -> Self {
        share.describe()
    }
}

impl MemoryShare {
    /// Reads `1mb`, `5%` and the like.
    ///
    /// # Errors
    /// Redis's reason, without its preamble.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const WRONG: &str = "argument must be a memory or percent value";
        let Some(percent) = text.strip_suffix('%') else {
            let bytes = parse_memory(text).and_then(|bytes| i64::try_from(bytes).ok());
            return bytes.filter(|bytes| *bytes >= 0).map(Self).ok_or_else(|| WRONG.into());
        };
        match percent.parse::<u32>() {
            Ok(percent @ 0..=100) => Ok(Self(-i64::from(percent))),
            Ok(_) => Err("percentage argument must be less or equal to 100".into()),
            Err(_) => Err(WRONG.into()),
        }
    }

    /// As CONFIG GET shows it.
    pub(crate) fn describe(self) -> String {
        if self.0 < 0 { format!("{}%", -self.0) } else { self.0.to_string() }
    }
}

/// Which channels new users may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PubsubDefault {
    ResetChannels,
    AllChannels,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_memory_is_bytes_or_per_cent() {
        let parse = |text| MemoryShare::parse(text).map(MemoryShare::describe);
        assert_eq!(parse("1mb"), Ok("1048576".into()));
        assert_eq!(parse("5%"), Ok("5%".into()));
        assert_eq!(parse("0%"), Ok("0".into()));
        assert_eq!(parse("100%"), Ok("100%".into()));
        assert_eq!(parse("101%"), Err("percentage argument must be less or equal to 100".into()));
        for wrong in ["x", "-1", "-5%", "1.5%", "%", ""] {
            assert_eq!(parse(wrong), Err("argument must be a memory or percent value".into()));
        }
    }
}
