//! Counts replies in a stream of bytes by their structure, without keeping them.
//!
//! Counting line ends would count a two-line bulk as two replies and an error as a success, so
//! the generator follows the protocol; but it needs no values, so nothing is copied except the
//! beginning of a header line that was cut by the end of a read.
//!
//! # Invariants
//! - I1. Feeding the same bytes in any pieces gives the same counts.
//! - I2. Memory is bounded by `LINE_LENGTH_MAX`, whatever a server sends.

use crate::tally::{STEPS, Tally};

/// The longest header line that may be cut in two. Errors of real servers stay far below it.
const LINE_LENGTH_MAX: usize = 64 * 1024;

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

/// A reply that says which node to ask instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// How many replies of the batch came before it.
    pub place: u64,
    /// Which of the requests that belong together it answers.
    pub step: usize,
    /// Only this request, and after ASKING; else the slot has moved for good.
    pub asking: bool,
    /// Where to go, as `host:port`. The host is missing when it is that of the answering node.
    pub address: String,
}

/// The state between two reads of one connection.
#[derive(Debug)]
pub struct ReplySkipper {
    /// How many requests belong together.
    steps: usize,
    /// Which of them the next reply answers.
    step: usize,
    /// Replies of this batch that have begun.
    begun: u64,
    /// Whether redirects are kept to be followed; else they are errors.
    follows: bool,
    redirects: Vec<Redirect>,
    /// Elements that the current reply still lacks; 0 between replies.
    open_elements: u64,
    /// Bytes of the current bulk, with its line end, that are still to come.
    payload_left: usize,
    /// The beginning of a header line that was cut by the end of a read.
    partial_line: Vec<u8>,
}

impl Default for ReplySkipper {
    /// For requests that do not belong together, and without following redirects.
    fn default() -> Self {
        Self::new(1, false)
    }
}

impl ReplySkipper {
    /// A skipper for requests that belong together in groups of `steps`.
    pub fn new(steps: usize, follows: bool) -> Self {
        Self {
            steps,
            step: 0,
            begun: 0,
            follows,
            redirects: Vec::new(),
            open_elements: 0,
            payload_left: 0,
            partial_line: Vec::new(),
        }
    }

    /// Whether redirects are kept to be followed.
    pub fn follows(&self) -> bool {
        self.follows
    }

    /// Begins a batch whose first request is step `step` of its group.
    pub fn begin_batch(&mut self, step: usize) {
        self.step = step;
        self.begun = 0;
    }

    /// Whether redirects have come that were not taken.
    pub fn has_redirects(&self) -> bool {
        !self.redirects.is_empty()
    }

    /// The redirects that have come since this was asked.
    pub fn take_redirects(&mut self) -> Vec<Redirect> {
        std::mem::take(&mut self.redirects)
    }

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
        if self.open_elements == 0 {
            self.open_elements = 1;
            if self.begin_reply(line, tally) {
                return Ok(self.close_element());
            }
        }
        match line[0] {
            b'$' | b'=' | b'!' => match length(line)? {
                None => tally.nils += 1,
                Some(length) => {
                    if line[0] == b'!' {
                        tally.note_error(b"bulk error");
                    }
                    self.payload_left =
                        usize::try_from(length).map_err(|_| BadReply::BadLength)? + 2;
                    return Ok(false);
                }
            },
            b'+' | b':' | b',' | b'#' | b'(' => {}
            b'-' => tally.note_error(&line[1..]),
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

    /// Notes what a reply came to by its first line. True: it is a redirect to follow, which is
    /// counted when that has been done.
    fn begin_reply(&mut self, line: &[u8], tally: &mut Tally) -> bool {
        let (step, place) = (self.step, self.begun);
        self.step = if step + 1 >= self.steps { 0 } else { step + 1 };
        self.begun += 1;
        if line[0] == b'-'
            && self.follows
            && let Some(redirect) = parse_redirect(line)
        {
            self.redirects.push(Redirect { place, step, ..redirect });
            return true;
        }
        tally.done[step.min(STEPS - 1)] += u64::from(says_done(line));
        false
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

/// Whether the first line of a reply says that something was done.
fn says_done(line: &[u8]) -> bool {
    match (line[0], line.get(1)) {
        (b'+', _) => true,
        (b':' | b'*' | b'%' | b'~', Some(digit)) => matches!(digit, b'1'..=b'9'),
        (b'$', Some(digit)) => *digit != b'-',
        _ => false,
    }
}

/// The place in the batch and the step are the caller's.
#[cold]
fn parse_redirect(line: &[u8]) -> Option<Redirect> {
    let text = std::str::from_utf8(line.get(1..)?).ok()?.trim_end();
    let mut words = text.split(' ');
    let asking = match words.next()? {
        "MOVED" => false,
        "ASK" => true,
        _ => return None,
    };
    let _slot: u16 = words.next()?.parse().ok()?;
    let address = words.next()?.to_owned();
    address.contains(':').then_some(Redirect { place: 0, step: 0, asking, address })
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

    #[test]
    fn what_was_done_is_counted_by_step() {
        let mut skipper = ReplySkipper::new(2, false);
        let mut tally = Tally::default();
        skipper.begin_batch(1);
        let stream = b":1\r\n+OK\r\n:0\r\n$-1\r\n:-1\r\n$0\r\n\r\n*1\r\n:1\r\n*0\r\n-ERR x\r\n";
        assert_eq!(skipper.feed(stream, &mut tally), Ok(9));
        assert_eq!(tally.done, [2, 2, 0]);
    }

    #[test]
    fn redirects_are_kept_to_be_followed_or_are_errors() {
        let stream = b"+OK\r\n-MOVED 7 host:1\r\n-ASK 8 :2\r\n-MOVED x\r\n";
        let mut tally = Tally::default();
        let mut skipper = ReplySkipper::new(2, true);
        assert_eq!(skipper.feed(stream, &mut tally), Ok(4));
        let moved = Redirect { place: 1, step: 1, asking: false, address: "host:1".to_owned() };
        let asked = Redirect { place: 2, step: 0, asking: true, address: ":2".to_owned() };
        assert_eq!(skipper.take_redirects(), [moved, asked]);
        assert_eq!((tally.errors, skipper.take_redirects().len()), (1, 0));

        let mut tally = Tally::default();
        ReplySkipper::default().feed(stream, &mut tally).unwrap();
        assert_eq!((tally.errors, tally.classes["MOVED"].count), (3, 2));
    }
}
