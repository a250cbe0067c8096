//! Writing a file.

use std::io::{self, Write};

use super::opcode;
use crate::keyspace::value::ValueView;
use crate::keyspace::{Keyspace, Usage};
use crate::rdb::checksum::{self, Checksum};
use crate::rdb::write::{Output, Writer};
use crate::rdb::{VERSION, VERSION_OF_FIELD_EXPIRY, value};
use crate::time::Millis;

/// So many bytes are gathered before they are written.
const PIECE: usize = 1 << 16;

/// Writes a file, part by part, in the order of the methods. It is whole with [`Self::finish`] only.
pub struct FileWriter<W> {
    to: W,
    /// What has not been written.
    part: Output,
    digest: Checksum,
}

impl<W: Write> FileWriter<W> {
    /// Begins a file. With `field_expiry` it may hold hashes with fields that expire, and is read by
    /// Redis 7.4 and later; without, by Redis 7.2 and later and Valkey.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(to: W, field_expiry: bool) -> io::Result<Self> {
        let mut part = Output::default();
        let version = if field_expiry { VERSION_OF_FIELD_EXPIRY } else { VERSION };
        part.bytes(format!("REDIS{version:04}").as_bytes());
        Ok(Self { to, part, digest: checksum::growing() })
    }

    /// Writes something about the file: servers skip what they do not know.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.part.bytes(&[opcode::NOTE]);
        self.part.string(name.as_bytes());
        self.part.string(text.as_bytes());
        self.write_piece()
    }

    /// Writes the source text of a library of functions.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn library(&mut self, code: &[u8]) -> io::Result<()> {
        self.part.bytes(&[opcode::LIBRARY]);
        self.part.string(code);
        self.write_piece()
    }

    /// Begins the keys: how many there are, and how many of them expire, is a hint. Call it when there
    /// are keys.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin_keys(&mut self, keys: u64, expiring: u64) -> io::Result<()> {
        self.part.bytes(&[opcode::DATABASE, 0, opcode::SIZES]);
        self.part.number(keys);
        self.part.number(expiring);
        self.write_piece()
    }

    /// Writes all keys of a keyspace, those left out that have expired.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keys_of(&mut self, keyspace: &Keyspace) -> io::Result<()> {
        keyspace.try_for_each_whole(|key, value, expiry, usage| {
            self.key(key, value, expiry, usage, keyspace.now())
        })
    }

    pub(crate) fn key(
        &mut self,
        key: &[u8],
        value: ValueView<'_>,
        expiry: Option<Millis>,
        usage: Usage,
        now: Millis,
    ) -> io::Result<()> {
        if let Some(expiry) = expiry {
            self.part.bytes(&[opcode::EXPIRY]);
            self.part.millis(expiry.0);
        }
        if let Some(seconds) = usage.idle_seconds {
            self.part.bytes(&[opcode::IDLE]);
            self.part.number(seconds);
        }
        if let Some(frequency) = usage.frequency {
            self.part.bytes(&[opcode::FREQUENCY, frequency]);
        }
        self.part.bytes(&[value::kind_of(value)]);
        self.part.string(key);
        let Self { to, part, digest } = self;
        // Large values are written in pieces, too.
        let mut pulse = |bytes: &mut Vec<u8>| write_piece(bytes, to, digest);
        value::write(value, now, &mut Writer::new(part, &mut pulse))?;
        self.write_piece()
    }

    fn write_piece(&mut self) -> io::Result<()> {
        write_piece(&mut self.part.bytes, &mut self.to, &mut self.digest)
    }

    /// Ends the file and gives back what it was written to, flushed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.part.bytes(&[opcode::END]);
        write(&mut self.part.bytes, &mut self.to, &mut self.digest)?;
        let checksum = self.digest.finalize();
        self.to.write_all(&checksum.to_le_bytes())?;
        self.to.flush()?;
        Ok(self.to)
    }
}

/// Writes what there is, if it is enough for that.
fn write_piece(bytes: &mut Vec<u8>, to: &mut impl Write, digest: &mut Checksum) -> io::Result<()> {
    if bytes.len() < PIECE { Ok(()) } else { write(bytes, to, digest) }
}

fn write(bytes: &mut Vec<u8>, to: &mut impl Write, digest: &mut Checksum) -> io::Result<()> {
    digest.update(bytes);
    to.write_all(bytes)?;
    bytes.clear();
    Ok(())
}
