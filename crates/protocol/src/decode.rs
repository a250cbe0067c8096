//! Bytes to requests: RESP arrays of bulk strings and inline requests.
//!
//! The decoder is handed all bytes that a connection has and returns every complete request in
//! them at once. A request is a list of spans over those bytes; nothing is copied. What is
//! incomplete stays for the next call, together with how much of it is already understood, so
//! that a large request that arrives in many pieces is not parsed anew for each piece.

use crate::args::{Args, Span};
use crate::error::DecodeError;
use crate::limits::{
    ARGUMENT_COUNT_MAX, BULK_LEN_MAX, INLINE_LEN_MAX, UNAUTHENTICATED_ARGUMENTS_MAX,
    UNAUTHENTICATED_BULK_LEN_MAX,
};
use crate::number::parse_i64;

/// All complete requests of one read, reused from read to read.
#[derive(Debug, Default)]
pub struct Batch {
    spans: Vec<Span>,
    /// For each request the end of its spans in `spans` and of its bytes in the input.
    ends: Vec<(u32, u32)>,
    /// Text of inline requests with quotes or escapes, which is not in the input as such.
    unquoted: Vec<u8>,
    /// Requests whose spans refer to `unquoted`.
    inline_requests: Vec<u32>,
}

impl Batch {
    /// How many requests there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets the requests and keeps the memory.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.ends.clear();
        self.unquoted.clear();
        self.inline_requests.clear();
    }

    /// Request `index`, over the same `input` that was decoded.
    #[inline]
    pub fn request<'a>(&'a self, index: usize, input: &'a [u8]) -> Args<'a> {
        let start = if index == 0 { 0 } else { self.ends[index - 1].0 as usize };
        let spans = &self.spans[start..self.ends[index].0 as usize];
        let unquoted = !self.inline_requests.is_empty()
            && self.inline_requests.binary_search(&(index as u32)).is_ok();
        Args::new(if unquoted { &self.unquoted } else { input }, spans)
    }

    /// How many bytes of the input belong to the requests up to and including `index`.
    pub fn bytes_through(&self, index: usize) -> usize {
        self.ends[index].1 as usize
    }
}

/// The decoder of one connection.
#[derive(Debug)]
pub struct Decoder {
    bulk_len_max: usize,
    authenticated: bool,
    partial: Option<Partial>,
}

/// A request of which only a part has arrived. Offsets are relative to its first byte, which the
/// caller keeps at the start of the next input.
#[derive(Debug)]
struct Partial {
    spans: Vec<Span>,
    arguments_left: i64,
    /// Where parsing goes on.
    position: usize,
    /// Length of the argument that begins there, once its length line is read.
    bulk_len: Option<usize>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { bulk_len_max: BULK_LEN_MAX, authenticated: true, partial: None }
    }
}

impl Decoder {
    /// Sets the longest bulk string accepted, in bytes (`proto-max-bulk-len`).
    pub fn set_bulk_len_max(&mut self, bytes: usize) {
        self.bulk_len_max = bytes;
    }

    /// Whether the client has authenticated; until then only small requests are accepted.
    pub fn set_authenticated(&mut self, authenticated: bool) {
        self.authenticated = authenticated;
    }

    /// Forgets what is known of an incomplete request: its bytes will be passed again from the
    /// start of a request.
    pub fn restart(&mut self) {
        self.partial = None;
    }

    /// What of an incomplete request has been understood: how many bytes of the input, and how many
    /// of them are arguments.
    pub fn understood(&self) -> (usize, usize) {
        let Some(partial) = &self.partial else { return (0, 0) };
        let arguments = partial.spans.iter().map(|span| span.len as usize).sum();
        (partial.position, arguments)
    }

    /// How many bytes the input needs to hold before another call can find more, as far as that
    /// is known: the end of a long argument.
    pub fn bytes_wanted(&self) -> Option<usize> {
        let partial = self.partial.as_ref()?;
        partial.bulk_len.map(|len| partial.position + len + 2)
    }

    /// Appends every complete request of `input` to `batch` (empty before) and returns how many
    /// bytes they take. The caller keeps the rest and passes it, with what arrives after it, as
    /// the start of the next input.
    ///
    /// # Errors
    /// [`DecodeError`] for the first request that is not RESP; those before it are in `batch`
    /// and are to be served. The connection is then closed, so the state left is not used again.
    pub fn decode(&mut self, input: &[u8], batch: &mut Batch) -> Result<usize, DecodeError> {
        let mut position = 0;
        if let Some(partial) = self.partial.take() {
            match self.multibulk(input, partial, &mut batch.spans)? {
                Some(end) => position = end,
                None => return Ok(0),
            }
            batch.ends.push((batch.spans.len() as u32, position as u32));
        }
        while position < input.len() {
            let start = position;
            let spans_before = batch.spans.len();
            let end = if input[start] == b'*' {
                self.multibulk_from(input, start, &mut batch.spans)?
            } else {
                inline(input, start, batch)?
            };
            let Some(end) = end else { break };
            position = end;
            // An empty line or array is no request and gets no reply.
            if batch.spans.len() > spans_before {
                batch.ends.push((batch.spans.len() as u32, position as u32));
            }
        }
        Ok(position)
    }

    /// A request that begins at `start`. What is incomplete is kept relative to `start`.
    #[inline]
    fn multibulk_from(
        &mut self,
        input: &[u8],
        start: usize,
        spans: &mut Vec<Span>,
    ) -> Result<Option<usize>, DecodeError> {
        let Some((count, mut position)) = self.argument_count(input, start)? else {
            return Ok(None);
        };
        let first_span = spans.len();
        let mut left = count;
        while left > 0 {
            let Some((len, text)) = self.bulk_len(input, position)? else {
                return Ok(self.keep(input, start, spans, first_span, left, position, None));
            };
            if input.len() < text + len + 2 {
                return Ok(self.keep(input, start, spans, first_span, left, text, Some(len)));
            }
            spans.push(Span::new(text, len));
            position = text + len + 2;
            left -= 1;
        }
        Ok(Some(position))
    }

    /// The line `*n` at `start`: how many arguments there are, and where the first begins.
    #[inline]
    fn argument_count(
        &self,
        input: &[u8],
        start: usize,
    ) -> Result<Option<(i64, usize)>, DecodeError> {
        if let Some(&[_, count @ b'0'..=b'9', b'\r', b'\n']) = input[start..].first_chunk() {
            // So few are permitted to everybody.
            return Ok(Some((i64::from(count - b'0'), start + 4)));
        }
        let too_long = DecodeError::MultibulkCountTooLong;
        let Some((count, position)) = length_line(input, start + 1, too_long)? else {
            return Ok(None);
        };
        let count = count
            .filter(|count| *count <= ARGUMENT_COUNT_MAX)
            .ok_or(DecodeError::InvalidMultibulkLength)?;
        if !self.authenticated && count > UNAUTHENTICATED_ARGUMENTS_MAX {
            return Err(DecodeError::UnauthenticatedMultibulkLength);
        }
        Ok(Some((count.max(0), position)))
    }

    /// Remembers an incomplete request, relative to its first byte.
    #[expect(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
    #[cold]
    fn keep(
        &mut self,
        input: &[u8],
        start: usize,
        spans: &mut Vec<Span>,
        first_span: usize,
        arguments_left: i64,
        position: usize,
        bulk_len: Option<usize>,
    ) -> Option<usize> {
        // Small requests that were merely cut are cheaper parsed again than remembered.
        if input.len() - start < 4096 && bulk_len.is_none_or(|len| len < 4096) {
            spans.truncate(first_span);
            return None;
        }
        let kept = spans.drain(first_span..);
        let spans = kept.map(|span| Span { start: span.start - start as u32, ..span }).collect();
        let position = position - start;
        self.partial = Some(Partial { spans, arguments_left, position, bulk_len });
        None
    }

    /// Goes on with a kept request, which begins at the start of `input`.
    fn multibulk(
        &mut self,
        input: &[u8],
        mut partial: Partial,
        spans: &mut Vec<Span>,
    ) -> Result<Option<usize>, DecodeError> {
        while partial.arguments_left > 0 {
            let len = match partial.bulk_len {
                Some(len) => len,
                None => match self.bulk_len(input, partial.position)? {
                    Some((len, text)) => {
                        partial.position = text;
                        partial.bulk_len = Some(len);
                        len
                    }
                    None => {
                        self.partial = Some(partial);
                        return Ok(None);
                    }
                },
            };
            if input.len() < partial.position + len + 2 {
                self.partial = Some(partial);
                return Ok(None);
            }
            partial.spans.push(Span::new(partial.position, len));
            partial.position += len + 2;
            partial.bulk_len = None;
            partial.arguments_left -= 1;
        }
        spans.extend_from_slice(&partial.spans);
        Ok(Some(partial.position))
    }

    /// The length line `$n` at `position`: the length and where its text begins.
    #[inline(always)]
    fn bulk_len(
        &self,
        input: &[u8],
        position: usize,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        let Some(rest) = input.get(position..) else { return Ok(None) };
        // Up to three digits are nearly all there is, and no limit is that low. No complete bulk
        // string is shorter than what is looked at.
        let digit = |byte: u8| usize::from(byte - b'0');
        match rest.first_chunk::<6>() {
            Some(&[b'$', a @ b'0'..=b'9', b'\r', b'\n', ..]) => {
                return Ok(Some((digit(a), position + 4)));
            }
            Some(&[b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', _]) => {
                return Ok(Some((digit(a) * 10 + digit(b), position + 5)));
            }
            Some(&[b'$', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b'\r', b'\n']) => {
                return Ok(Some((digit(a) * 100 + digit(b) * 10 + digit(c), position + 6)));
            }
            _ => {}
        }
        match rest.first() {
            None => return Ok(None),
            Some(b'$') => {}
            Some(&other) => return Err(DecodeError::ExpectedDollar(other)),
        }
        let too_long = DecodeError::BulkCountTooLong;
        let Some((len, text)) = length_line(input, position + 1, too_long)? else {
            return Ok(None);
        };
        let len = len
            .and_then(|len| usize::try_from(len).ok())
            .filter(|len| *len <= self.bulk_len_max)
            .ok_or(DecodeError::InvalidBulkLength)?;
        if !self.authenticated && len > UNAUTHENTICATED_BULK_LEN_MAX {
            return Err(DecodeError::UnauthenticatedBulkLength);
        }
        Ok(Some((len, text)))
    }
}

/// The number from `position` up to CRLF and the position after it; `Ok(None)` when the line is
/// not complete, `Some((None, _))` when it is not a number.
fn length_line(
    input: &[u8],
    position: usize,
    too_long: DecodeError,
) -> Result<Option<(Option<i64>, usize)>, DecodeError> {
    let rest = &input[position.min(input.len())..];
    let Some(end) = rest.iter().take(INLINE_LEN_MAX).position(|&byte| byte == b'\r') else {
        return if rest.len() >= INLINE_LEN_MAX { Err(too_long) } else { Ok(None) };
    };
    if rest.len() < end + 2 {
        return Ok(None);
    }
    // Redis skips the byte after CR unseen; so do we.
    Ok(Some((parse_i64(&rest[..end]), position + end + 2)))
}

/// An inline request: a line of words, as a person types it. Quotes as in `sdssplitargs`.
#[cold]
fn inline(input: &[u8], start: usize, batch: &mut Batch) -> Result<Option<usize>, DecodeError> {
    let rest = &input[start..];
    let Some(end) = rest.iter().take(INLINE_LEN_MAX).position(|&byte| byte == b'\n') else {
        let too_long = rest.len() >= INLINE_LEN_MAX;
        return if too_long { Err(DecodeError::InlineTooLong) } else { Ok(None) };
    };
    let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
    let before = batch.spans.len();
    split_line(line, &mut batch.unquoted, &mut batch.spans)?;
    if batch.spans.len() > before {
        batch.inline_requests.push(batch.ends.len() as u32);
    }
    Ok(Some(start + end + 1))
}

/// Splits a line into words as Redis's `sdssplitargs` does: blanks separate, double quotes with
/// `\n \r \t \b \a \xHH` escapes, single quotes with `\'`.
pub fn split_line(
    line: &[u8],
    text: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<(), DecodeError> {
    let is_blank = |byte: u8| byte.is_ascii_whitespace() || byte == 0x0b;
    let mut rest = line;
    loop {
        rest = &rest[rest.iter().take_while(|byte| is_blank(**byte)).count()..];
        if rest.is_empty() {
            return Ok(());
        }
        let start = text.len();
        while let Some((&byte, after)) = rest.split_first() {
            if is_blank(byte) {
                break;
            }
            rest = match byte {
                b'"' => quoted(after, text, b'"')?,
                b'\'' => quoted(after, text, b'\'')?,
                _ => {
                    text.push(byte);
                    after
                }
            };
        }
        spans.push(Span::new(start, text.len() - start));
    }
}

/// The rest of a quoted word after its opening quote; returns what follows the closing quote,
/// which must be a blank or the end.
fn quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>, quote: u8) -> Result<&'a [u8], DecodeError> {
    loop {
        match rest {
            [b'\\', b'x', high, low, after @ ..] if quote == b'"' && hex(*high, *low).is_some() => {
                text.extend(hex(*high, *low));
                rest = after;
            }
            [b'\\', escaped, after @ ..] if quote == b'"' => {
                text.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                rest = after;
            }
            [b'\\', b'\'', after @ ..] if quote == b'\'' => {
                text.push(b'\'');
                rest = after;
            }
            [byte, after @ ..] if *byte == quote => {
                return match after.first() {
                    None => Ok(after),
                    Some(next) if next.is_ascii_whitespace() => Ok(after),
                    Some(_) => Err(DecodeError::UnbalancedQuotes),
                };
            }
            [byte, after @ ..] => {
                text.push(*byte);
                rest = after;
            }
            [] => return Err(DecodeError::UnbalancedQuotes),
        }
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

#[cfg(test)]
#[path = "decode_test.rs"]
mod tests;
