//! Reading a file.

use std::io::Read;

use super::input::Input;
use super::{module, opcode};
use crate::keyspace::{Settings, Usage};
use crate::rdb::{Loaded, RdbError, Reader, Source, VERSION_OF_VALKEY, is_readable, kind, value};
use crate::time::Millis;

/// The version since which files end in a checksum.
const VERSION_OF_CHECKSUM: u16 = 5;

/// What becomes of keys in databases other than the first, which is the only one here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherDatabases {
    /// The first such key is an error.
    Refuse,
    /// Each such key is an [`Event::Skipped`].
    Skip,
}

/// A key with all that is known of it.
pub struct Record {
    /// The key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Loaded,
    /// When it expires, which may be over.
    pub expiry: Option<Millis>,
    /// How long ago or how often it was used.
    pub usage: Usage,
}

/// What a file says next.
pub enum Event {
    /// Something about the file or the server that has written it.
    Note {
        /// What it is about (`redis-ver`, `ctime`, …).
        name: Vec<u8>,
        /// What is said.
        value: Vec<u8>,
    },
    /// The keys that come are of this database.
    Database(u64),
    /// A hint: so many keys will come of the database, and so many of them expire.
    Sizes {
        /// All keys.
        keys: u64,
        /// Those that expire.
        expiring: u64,
    },
    /// A hint: the keys that come are of this slot.
    Slot {
        /// Its number.
        slot: u64,
        /// How many keys it has.
        keys: u64,
        /// How many of them expire.
        expiring: u64,
    },
    /// The source text of a library of functions.
    Library(Vec<u8>),
    /// A key.
    Key(Box<Record>),
    /// Something that does not exist here, for people to read.
    Skipped(String),
    /// The file has come to its end, with a checksum that is right or, when `checked` is false,
    /// without one.
    End {
        /// Whether there was a checksum.
        checked: bool,
    },
}

/// Reads a file, event by event. After an error or [`Event::End`] there is nothing more to read.
pub struct FileReader<R> {
    input: Input<R>,
    settings: Settings,
    others: OtherDatabases,
    version: u16,
    database: u64,
    /// What has been said about the key that comes next.
    expiry: Option<Millis>,
    usage: Usage,
}

impl<R: Read> FileReader<R> {
    /// Begins to read. Values get the forms that `settings` say.
    ///
    /// # Errors
    /// It is no such file, or of a version that is not read.
    pub fn new(from: R, settings: &Settings, others: OtherDatabases) -> Result<Self, RdbError> {
        let mut input = Input::new(from);
        let mut head = [0; 9];
        input.fill(&mut head)?;
        let version = version_of(&head).ok_or(RdbError::Corrupt("not a file of this format"))?;
        if !is_readable(version) || (head[0] == b'V') != (version >= VERSION_OF_VALKEY) {
            return Err(RdbError::Version(version));
        }
        Ok(Self {
            input,
            settings: *settings,
            others,
            version,
            database: 0,
            expiry: None,
            usage: Usage::default(),
        })
    }

    /// The version of the format.
    pub fn version(&self) -> u16 {
        self.version
    }

    /// How many bytes have been read, for messages and progress.
    pub fn position(&self) -> u64 {
        self.input.position()
    }

    /// What comes next.
    ///
    /// # Errors
    /// The file is broken, or has what is not known and does not say where that ends.
    pub fn next_event(&mut self) -> Result<Event, RdbError> {
        loop {
            let mut reader = Reader::new(&mut self.input);
            let event = match reader.byte()? {
                opcode::EXPIRY => {
                    self.expiry = Some(Millis(reader.millis()?));
                    continue;
                }
                opcode::EXPIRY_SECONDS => {
                    let seconds = i32::from_le_bytes(reader.array()?);
                    self.expiry = Some(Millis(i64::from(seconds) * 1000));
                    continue;
                }
                opcode::FREQUENCY => {
                    self.usage.frequency = Some(reader.byte()?);
                    continue;
                }
                opcode::IDLE => {
                    self.usage.idle_seconds = Some(reader.count()?);
                    continue;
                }
                opcode::END => return self.end(),
                opcode::DATABASE => {
                    self.database = reader.count()?;
                    Event::Database(self.database)
                }
                code @ opcode::SLOT_IMPORT.. => other(code, &mut reader)?,
                of => return self.key(of),
            };
            return Ok(event);
        }
    }

    fn end(&mut self) -> Result<Event, RdbError> {
        if self.version < VERSION_OF_CHECKSUM {
            return Ok(Event::End { checked: false });
        }
        let expected = self.input.checksum();
        let mut said = [0; 8];
        self.input.fill(&mut said)?;
        match u64::from_le_bytes(said) {
            // The server was told to do without.
            0 => Ok(Event::End { checked: false }),
            said if said == expected => Ok(Event::End { checked: true }),
            _ => Err(RdbError::Corrupt("the checksum of the file is wrong")),
        }
    }

    fn key(&mut self, of: u8) -> Result<Event, RdbError> {
        let (expiry, usage) = (self.expiry.take(), std::mem::take(&mut self.usage));
        let mut reader = Reader::new(&mut self.input);
        let key = reader.string()?;
        let skipped = |why: &str| Event::Skipped(format!("key '{}': {why}", key.escape_ascii()));
        if self.database != 0 && self.others == OtherDatabases::Refuse {
            return Err(RdbError::Database(self.database));
        }
        if of == kind::MODULE {
            let name = module::skip_value(&mut reader)?;
            return Ok(skipped(&RdbError::Module(name).to_string()));
        }
        match value::read(of, self.version, &mut reader, &self.settings) {
            Ok(_) if self.database != 0 => {
                Ok(skipped(&RdbError::Database(self.database).to_string()))
            }
            Ok(value) => Ok(Event::Key(Box::new(Record { key, value, expiry, usage }))),
            Err(RdbError::Empty) => Ok(skipped(&RdbError::Empty.to_string())),
            Err(error) => Err(error),
        }
    }
}

/// The version that a file begins with.
fn version_of(head: &[u8; 9]) -> Option<u16> {
    let digits = head.strip_prefix(b"REDIS").or_else(|| head.strip_prefix(b"VALKEY"))?;
    let is_number = digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

/// What is neither a key nor about the one that comes next.
fn other(code: u8, reader: &mut Reader<'_>) -> Result<Event, RdbError> {
    Ok(match code {
        opcode::NOTE => Event::Note { name: reader.string()?, value: reader.string()? },
        opcode::SIZES => Event::Sizes { keys: reader.count()?, expiring: reader.count()? },
        opcode::SLOT => {
            Event::Slot { slot: reader.count()?, keys: reader.count()?, expiring: reader.count()? }
        }
        opcode::LIBRARY => Event::Library(reader.string()?),
        opcode::LIBRARY_BEFORE_RELEASE => {
            return Err(RdbError::Corrupt(
                "functions in a form that Redis had before 7.0 was released",
            ));
        }
        opcode::MODULE => {
            let name = module::skip_extra(reader)?;
            Event::Skipped(RdbError::Module(name).to_string())
        }
        opcode::SLOT_IMPORT => {
            let job = reader.string()?;
            for _ in 0..reader.count()? {
                // First and last slot.
                reader.count()?;
                reader.count()?;
            }
            Event::Skipped(format!("import {} of slots", job.escape_ascii()))
        }
        _ => return Err(RdbError::UnknownType(code)),
    })
}
