//! Command-line options that the programs share.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// A server to compare with, as `name=path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBinary {
    /// How it is called in the tables.
    pub name: String,
    /// What is started.
    pub path: PathBuf,
}

impl NamedBinary {
    /// Reads `name=path`.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, path) = text.split_once('=').context("expected name=path")?;
        ensure!(!name.is_empty() && !path.is_empty(), "expected name=path");
        Ok(Self { name: name.to_owned(), path: PathBuf::from(path) })
    }

    /// The program of that name in a directory of PATH, under its own name.
    pub fn in_path(name: &str) -> Option<Self> {
        let directories = std::env::var_os("PATH")?;
        std::env::split_paths(&directories)
            .map(|directory| directory.join(name))
            .find(|path| path.is_file())
            .map(|path| Self { name: name.to_owned(), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_name_and_path() {
        let server = NamedBinary::parse("old=bin/a=b").unwrap();
        assert_eq!((server.name.as_str(), server.path), ("old", PathBuf::from("bin/a=b")));
        assert!(NamedBinary::parse("bin/a").is_err());
        assert!(NamedBinary::parse("=a").is_err());
    }
}
