//! Counts replies in a stream of bytes by their structure, without keeping them.
//!
//! Counting line ends would count a two-line bulk as two replies and an error as a success, so
//! the generator follows the protocol; but it needs no values, so nothing is copied except the
//! beginning of a header line that was cut by the end of a read.
//!
//! # Invariants
//! - I1. Feeding the same bytes in any pieces gives the same counts.
//! - I2. Memory is bounded by `LINE_LENGTH_MAX`, whatever a server sends.

/// The longest header line that may be cut in two. Errors of real servers stay far below it.
const LINE_LENGTH_MAX: usize = 64 * 1024;

/// What was seen in replies beside their number.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Error replies, also those inside an array.
    pub errors: u64,
    /// Null replies, also those inside an array: for a workload of hits, a sign of a wrong set-up.
    pub nils: u64,
    /// The text of the first error, without its type byte.
    pub first_error: Option<String>,
}

impl Tally {
    /// Adds what another tally has seen.
    pub fn add(&mut self, other: Self) {
        self.errors += other.errors;
        self.nils += other.nils;
        if self.first_error.is_none() {
            self.first_error = other.first_error;
        }
    }
}

/// Bytes that are no reply. The connection cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadReply {
    /// A line begins with a byte that is no reply type.
    #[error("reply begins with unknown type byte {0:#04x}")]
    UnknownType(u8),
    /// A length is no number or is out of range.
    #[error("reply has a bad length")]
    BadLength,
    /// A header line does not end.
    #[error("reply has a header line above {LINE_LENGTH_MAX} bytes")]
    LineTooLong,
}

/// The state between two reads of one connection.
#[derive(Debug, Default)]
pub struct ReplySkipper {
    /// Elements that the current reply still lacks; 0 between replies.
    open_elements: u64,
    /// Bytes of the current bulk, with its line end, that are still to come.
    payload_left: usize,
    /// The beginning of a header line that was cut by the end of a read.
    partial_line: Vec<u8>,
}

impl ReplySkipper {
    /// Takes the next bytes of the stream and says how many replies they completed.
    pub fn feed(&mut self, bytes: &[u8], tally: &mut Tally) -> Result<u64, BadReply> {
        let mut rest = bytes;
        let mut complete = 0;
        while !rest.is_empty() {
            if self.payload_left > 0 {
                let step = self.payload_left.min(rest.len());
                rest = &rest[step..];
                self.payload_left -= step;
                complete += u64::from(self.payload_left == 0 && self.close_element());
                continue;
            }
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                self.keep_partial(rest)?;
                break;
            };
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            complete += u64::from(self.take_line(line, tally)?);
        }
        Ok(complete)
    }

    /// Reads a header line, joined with what was kept of it, and says whether it ends a reply.
    fn take_line(&mut self, line: &[u8], tally: &mut Tally) -> Result<bool, BadReply> {
        if self.partial_line.is_empty() {
            return self.open_element(line, tally);
        }
        self.keep_partial(line)?;
        let line = std::mem::take(&mut self.partial_line);
        self.open_element(&line, tally)
    }

    fn keep_partial(&mut self, bytes: &[u8]) -> Result<(), BadReply> {
        if self.partial_line.len() + bytes.len() > LINE_LENGTH_MAX {
            return Err(BadReply::LineTooLong); // I2
        }
        self.partial_line.extend_from_slice(bytes);
        Ok(())
    }

    /// Reads the header line of one element and says whether the whole reply is complete.
    fn open_element(&mut self, line: &[u8], tally: &mut Tally) -> Result<bool, BadReply> {
        // A reply is its first element; an aggregate adds the elements it announces.
        self.open_elements = self.open_elements.max(1);
        match line[0] {
            b'$' | b'=' | b'!' => match length(line)? {
                None => tally.nils += 1,
                Some(length) => {
                    if line[0] == b'!' {
                        note_error(b"bulk error", tally);
                    }
                    self.payload_left =
                        usize::try_from(length).map_err(|_| BadReply::BadLength)? + 2;
                    return Ok(false);
                }
            },
            b'+' | b':' | b',' | b'#' | b'(' => {}
            b'-' => note_error(&line[1..], tally),
            b'_' => tally.nils += 1,
            b'*' | b'~' | b'>' => match length(line)? {
                None => tally.nils += 1,
                Some(count) => self.open_elements += count,
            },
            b'%' => self.open_elements += 2 * length(line)?.unwrap_or(0),
            other => return Err(BadReply::UnknownType(other)),
        }
        Ok(self.close_element())
    }

    fn close_element(&mut self) -> bool {
        self.open_elements -= 1;
        self.open_elements == 0
    }
}

/// Far above anything a server may send; keeps the sums of this file from overflowing.
const LENGTH_MAX: u64 = 1 << 40;

/// The length in a header line, `None` for -1.
fn length(line: &[u8]) -> Result<Option<u64>, BadReply> {
    let digits = line[1..].strip_suffix(b"\r\n").ok_or(BadReply::BadLength)?;
    if digits == b"-1" {
        return Ok(None);
    }
    if digits.is_empty() {
        return Err(BadReply::BadLength);
    }
    let mut value = 0u64;
    for &digit in digits {
        if !digit.is_ascii_digit() || value > LENGTH_MAX {
            return Err(BadReply::BadLength);
        }
        value = value * 10 + u64::from(digit - b'0');
    }
    Ok(Some(value))
}

#[cold]
fn note_error(text: &[u8], tally: &mut Tally) {
    tally.errors += 1;
    if tally.first_error.is_none() {
        tally.first_error = Some(String::from_utf8_lossy(text).trim_end().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each stream with its replies, errors and nils.
    const STREAMS: &[(&[u8], u64, u64, u64)] = &[
        (b"+OK\r\n", 1, 0, 0),
        (b"+OK\r\n:12\r\n:-3\r\n", 3, 0, 0),
        (b"$5\r\nhe\r\no\r\n$-1\r\n", 2, 0, 1),
        (b"$0\r\n\r\n", 1, 0, 0),
        (b"*0\r\n*-1\r\n", 2, 0, 1),
        (b"*2\r\n*2\r\n:1\r\n$1\r\na\r\n$-1\r\n+PONG\r\n", 2, 0, 1),
        (b"*3\r\n:1\r\n-ERR in a transaction\r\n*0\r\n", 1, 1, 0),
        (b"-MOVED 1 h:1\r\n+OK\r\n-ERR x\r\n", 3, 2, 0),
        (b"%1\r\n+a\r\n:1\r\n_\r\n#t\r\n,1.5\r\n~1\r\n:1\r\n", 5, 0, 1),
        (b"=5\r\ntxt:a\r\n!3\r\nERR\r\n", 2, 1, 0),
    ];

    #[test]
    fn any_cut_of_the_stream_gives_the_same_counts() {
        for &(stream, replies, errors, nils) in STREAMS {
            for piece in 1..=stream.len() {
                let mut skipper = ReplySkipper::default();
                let mut tally = Tally::default();
                let mut complete = 0;
                for bytes in stream.chunks(piece) {
                    complete += skipper.feed(bytes, &mut tally).unwrap();
                }
                let text = String::from_utf8_lossy(stream);
                assert_eq!((complete, tally.errors, tally.nils), (replies, errors, nils), "{text}");
            }
        }
    }

    #[test]
    fn a_reply_counts_only_when_its_last_byte_came() {
        let mut skipper = ReplySkipper::default();
        let mut tally = Tally::default();
        assert_eq!(skipper.feed(b"*2\r\n$3\r\nabc\r\n$3\r\nabc\r", &mut tally), Ok(0));
        assert_eq!(skipper.feed(b"\n", &mut tally), Ok(1));
    }

    #[test]
    fn the_first_error_is_kept_without_its_line_end() {
        let mut tally = Tally::default();
        ReplySkipper::default().feed(b"-ERR one\r\n-ERR two\r\n", &mut tally).unwrap();
        assert_eq!(tally.first_error.as_deref(), Some("ERR one"));
    }

    #[test]
    fn bytes_that_are_no_reply_are_named() {
        let feed = |bytes: &[u8]| ReplySkipper::default().feed(bytes, &mut Tally::default());
        assert_eq!(feed(b"GET\r\n"), Err(BadReply::UnknownType(b'G')));
        assert_eq!(feed(b"$x\r\n"), Err(BadReply::BadLength));
        assert_eq!(feed(b"$\r\n"), Err(BadReply::BadLength));
        assert_eq!(feed(b"$99999999999999999999\r\n"), Err(BadReply::BadLength));
        assert_eq!(feed(&vec![b'+'; LINE_LENGTH_MAX + 1]), Err(BadReply::LineTooLong));
    }
}
