//! What commands are about.

/// What a command is about: `group` in COMMAND DOCS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Bit operations on strings.
    Bitmap,
    /// The cluster.
    Cluster,
    /// The connection itself.
    Connection,
    /// Keys of any type.
    Generic,
    /// Positions on earth.
    Geo,
    /// Hashes.
    Hash,
    /// Approximate counting.
    HyperLogLog,
    /// Lists.
    List,
    /// Publish and subscribe.
    PubSub,
    /// Scripts and functions.
    Scripting,
    /// The server.
    Server,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Streams.
    Stream,
    /// Strings.
    String,
    /// Transactions.
    Transactions,
}

impl Family {
    /// `group` in COMMAND DOCS.
    pub fn group(self) -> &'static str {
        match self {
            Self::Bitmap => "bitmap",
            Self::Cluster => "cluster",
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Geo => "geo",
            Self::Hash => "hash",
            Self::HyperLogLog => "hyperloglog",
            Self::List => "list",
            Self::PubSub => "pubsub",
            Self::Scripting => "scripting",
            Self::Server => "server",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Transactions => "transactions",
        }
    }

    /// The ACL category that every command of the family belongs to, if there is one.
    pub fn category(self) -> Option<&'static str> {
        match self {
            Self::Bitmap => Some("bitmap"),
            Self::Connection => Some("connection"),
            Self::Generic => Some("keyspace"),
            Self::Geo => Some("geo"),
            Self::Hash => Some("hash"),
            Self::HyperLogLog => Some("hyperloglog"),
            Self::List => Some("list"),
            Self::Scripting => Some("scripting"),
            Self::Set => Some("set"),
            Self::SortedSet => Some("sortedset"),
            Self::Stream => Some("stream"),
            Self::String => Some("string"),
            Self::Transactions => Some("transaction"),
            // PUBSUB HELP is not for those who publish: the flag decides.
            Self::Cluster | Self::PubSub | Self::Server => None,
        }
    }
}
