//! The workloads of `atoll bench`, by the names that its users know them by.

use clap::ValueEnum;

use crate::workload::Workload;

/// What is asked of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// GET of keys that are there
    Get,
    /// SET
    Set,
    /// GET and SET, see --reads
    Mixed,
    /// a script takes one from the stock of an article if there is enough and books the sale beside
    /// it; checked: nothing is sold twice
    Stock,
    /// SET NX PX, then a script that gives the lock back to who holds it; checked: one holder at a
    /// time
    Lock,
    /// a script: sliding window (ZREMRANGEBYSCORE, ZCARD, ZADD, PEXPIRE)
    RateLimit,
    /// a script: token bucket (HMGET, HSET, PEXPIRE)
    TokenBucket,
    /// LPUSH, BRPOPLPUSH to the list of what is being worked on, RPOP; one queue for a thousand
    /// keys; checked: no job is lost or taken twice
    Queue,
}

impl Scenario {
    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
            Self::Mixed => "mixed",
            Self::Stock => "stock",
            Self::Lock => "lock",
            Self::RateLimit => "rate-limit",
            Self::TokenBucket => "token-bucket",
            Self::Queue => "queue",
        }
    }

    /// What the generator calls it.
    pub fn workload(self) -> Workload {
        match self {
            Self::Get => Workload::Get,
            Self::Set => Workload::Set,
            Self::Mixed => Workload::Mixed,
            Self::Stock => Workload::Sale,
            Self::Lock => Workload::Lock,
            Self::RateLimit => Workload::SlidingWindow,
            Self::TokenBucket => Workload::TokenBucket,
            Self::Queue => Workload::Queue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for &scenario in Scenario::value_variants() {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(scenario));
        }
    }
}
