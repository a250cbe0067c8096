//! The arguments of one request: the command's name and what follows it.
//!
//! A request is a list of [`Span`]s over one byte buffer, whether it came from a socket, from a
//! script or from the queue of a transaction. So a handler has one type to read, and nothing is
//! copied to build it.

use crate::error::ArgsError;
use crate::number::{parse_f64, parse_i64};

/// Where one argument lies in its buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Length in bytes.
    pub len: u32,
}

impl Span {
    /// The span of `len` bytes from `start`. Both are within `limits::QUERY_BUFFER_MAX`.
    #[inline]
    pub fn new(start: usize, len: usize) -> Self {
        debug_assert!(start + len <= u32::MAX as usize);
        Self { start: start as u32, len: len as u32 }
    }

    /// The bytes that this span names in `buffer`.
    #[inline]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start as usize..self.start as usize + self.len as usize]
    }
}

/// A borrowed request: its name at 0 and its arguments from 1.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    buffer: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// The request whose parts are `spans` of `buffer`.
    #[inline]
    pub fn new(buffer: &'a [u8], spans: &'a [Span]) -> Self {
        Self { buffer, spans }
    }

    /// How many parts there are, the name included (Redis: argc).
    #[inline]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is not even a name.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Part `index`, which the command's arity has checked to exist.
    ///
    /// # Panics
    /// When there is no such part.
    #[inline]
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.spans[index].of(self.buffer)
    }

    /// Part `index`, or `None`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.buffer))
    }

    /// All parts from `index` on.
    pub fn iter_from(
        &self,
        index: usize,
    ) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let buffer = self.buffer;
        let spans = self.spans.get(index..).unwrap_or_default();
        spans.iter().map(move |span| span.of(buffer))
    }

    /// The same request without its first `count` parts: a subcommand as a command of its own.
    pub fn skip(&self, count: usize) -> Self {
        Self { buffer: self.buffer, spans: self.spans.get(count..).unwrap_or_default() }
    }

    /// The spans, for those who keep or forward the request.
    pub fn spans(&self) -> &'a [Span] {
        self.spans
    }

    /// The buffer that the spans refer to.
    pub fn buffer(&self) -> &'a [u8] {
        self.buffer
    }

    /// Whether part `index` is this word, in any case. `word` is upper-case.
    #[inline]
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Part `index` as a 64-bit integer, by Redis's strict rules (no blanks, no plus sign, no
    /// leading zeros).
    ///
    /// # Errors
    /// [`ArgsError::NotAnInteger`].
    #[inline]
    pub fn int(&self, index: usize) -> Result<i64, ArgsError> {
        parse_i64(self.at(index)).ok_or(ArgsError::NotAnInteger)
    }

    /// Part `index` as a double, by Redis's rules.
    ///
    /// # Errors
    /// [`ArgsError::NotAFloat`].
    pub fn float(&self, index: usize) -> Result<f64, ArgsError> {
        parse_f64(self.at(index)).ok_or(ArgsError::NotAFloat)
    }

    /// How many bytes the request takes in Redis's protocol, headers and all.
    pub fn wire_len(&self) -> usize {
        let digits = |number: usize| number.checked_ilog10().unwrap_or(0) as usize + 1;
        let header = |number: usize| 1 + digits(number) + 2;
        let parts = self.spans.iter().map(|span| span.len as usize);
        header(self.len()) + parts.map(|len| header(len) + len + 2).sum::<usize>()
    }

    /// A bound of [`Self::wire_len`], without looking at the parts: requests of one batch share
    /// their buffer.
    #[inline]
    pub fn wire_len_max(&self) -> usize {
        /// Longest header of a part, and the end of its line.
        const HEADER: usize = 16;
        self.buffer.len() + (self.spans.len() + 1) * HEADER
    }

    /// A copy that owns its bytes.
    pub fn to_request(&self) -> Request {
        let mut request = Request::default();
        for part in self.iter_from(0) {
            request.push(part);
        }
        request
    }
}

impl std::fmt::Debug for Args<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.iter_from(0).map(|part| part.escape_ascii().to_string());
        f.debug_list().entries(parts).finish()
    }
}

/// A request that owns its bytes: queued in a transaction, or on its way to another executor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    buffer: Vec<u8>,
    spans: Vec<Span>,
}

impl Request {
    /// A request of these parts.
    pub fn of<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> Self {
        let mut request = Self::default();
        for part in parts {
            request.push(part.as_ref());
        }
        request
    }

    /// Adds a part.
    #[inline]
    pub fn push(&mut self, part: &[u8]) {
        self.spans.push(Span::new(self.buffer.len(), part.len()));
        self.buffer.extend_from_slice(part);
    }

    /// Forgets all parts and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.spans.clear();
    }

    /// The borrowed form, which handlers read.
    #[inline]
    pub fn args(&self) -> Args<'_> {
        Args::new(&self.buffer, &self.spans)
    }

    /// Bytes of memory that the request holds.
    pub fn memory(&self) -> usize {
        self.buffer.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_index_and_by_word() {
        let request = Request::of(["SET", "k", "v", "px", "17"]);
        let args = request.args();
        assert_eq!(args.at(1), b"k");
        assert!(args.is(3, "PX"));
        assert_eq!(args.int(4), Ok(17));
        assert_eq!(args.int(2), Err(ArgsError::NotAnInteger));
        assert_eq!(args.get(5), None);
        assert_eq!(args.skip(3).at(0), b"px");
        assert_eq!(args.to_request(), request);
    }

    #[test]
    fn the_length_on_the_wire_counts_headers() {
        let len = |parts: &[&str]| Request::of(parts).args().wire_len();
        assert_eq!(len(&["GET", "foo"]), b"*2\r\n$3\r\nGET\r\n$3\r\nfoo\r\n".len());
        assert_eq!(len(&["SET", "foo", &"x".repeat(200)]), 230);
        assert_eq!(len(&[""]), b"*1\r\n$0\r\n\r\n".len());
        for parts in [vec!["GET", ""], vec!["a"; 100]] {
            let request = Request::of(parts);
            assert!(request.args().wire_len() <= request.args().wire_len_max());
        }
    }
}
