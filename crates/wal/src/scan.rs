//! Looks through the rest of a segment, behind a frame that cannot be read, for what is left.
//!
//! A later frame that says that the unreadable one had been synced tells damage from a torn tail.
//! Who writes entries cannot fake one: it would have to carry the epoch, which is random, and
//! copies of frames of this file have numbers that have been used.

use std::io;

use memchr::memmem::Finder;

use crate::frame::{FrameHeader, HEADER_BYTES, MAGIC};
use crate::storage::StorageFile;
use crate::window::Window;

/// What lies behind an unreadable frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Remains {
    /// How many valid frames follow.
    pub(crate) frames: u64,
    /// The highest frame that one of them says was synced, and the number of that one.
    pub(crate) proof: Option<Proof>,
}

/// A frame that says up to where frames had been synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) synced_upto: u64,
    pub(crate) frame: u64,
}

/// Where the last byte that is not zero ends; `None` when there are only zeros from `offset` on.
pub(crate) fn written_end<F: StorageFile>(
    window: &mut Window<'_, F>,
    offset: u64,
) -> io::Result<Option<u64>> {
    let mut end = None;
    let mut at = offset;
    loop {
        let bytes = window.from(at, 1)?;
        if bytes.is_empty() {
            return Ok(end);
        }
        if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
            end = Some(at + last as u64 + 1);
        }
        at += bytes.len() as u64;
    }
}

/// Looks for frames with numbers above `bad` from `offset` on, where frame `bad` should begin.
pub(crate) fn scan<F: StorageFile>(
    window: &mut Window<'_, F>,
    epoch: u64,
    bad: u64,
    offset: u64,
) -> io::Result<Remains> {
    let finder = Finder::new(&MAGIC);
    let mut remains = Remains::default();
    let mut at = offset;
    loop {
        let bytes = window.from(at, HEADER_BYTES)?;
        if bytes.len() < HEADER_BYTES {
            return Ok(remains);
        }
        let Some(found) = finder.find(bytes) else {
            // The magic may lie across the end of what was looked at.
            at += (bytes.len() - (MAGIC.len() - 1)) as u64;
            continue;
        };
        at += found as u64;
        match frame_at(window, at, epoch, bad)? {
            Some(header) => {
                remains.frames += 1;
                if remains.proof.is_none_or(|proof| proof.synced_upto < header.synced_upto) {
                    let synced_upto = header.synced_upto;
                    remains.proof = Some(Proof { synced_upto, frame: header.number });
                }
                at += header.bytes();
            }
            None => at += 1,
        }
    }
}

fn frame_at<F: StorageFile>(
    window: &mut Window<'_, F>,
    at: u64,
    epoch: u64,
    bad: u64,
) -> io::Result<Option<FrameHeader>> {
    let Some(header) = FrameHeader::decode(window.at(at, HEADER_BYTES)?) else {
        return Ok(None);
    };
    let follows = header.number > bad && header.is(epoch, header.number);
    if !follows || window.size() - at < header.bytes() {
        return Ok(None);
    }
    let frame = window.at(at, usize::try_from(header.bytes()).expect("frames are limited"))?;
    Ok(header.fits(frame).then_some(header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::seal;
    use crate::limits::READ_BYTES;
    use crate::storage::{Storage as _, write_all};
    use crate::testing::{MemoryFile, MemoryStorage};

    fn frame(epoch: u64, number: u64, synced_upto: u64) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES + 3];
        seal(&mut bytes, 0, epoch, number, synced_upto);
        bytes
    }

    fn looked_at<T>(bytes: &[u8], look: impl Fn(&mut Window<'_, MemoryFile>) -> T) -> T {
        let file = MemoryStorage::default().create("a").unwrap();
        write_all(&file, bytes, 0).unwrap();
        look(&mut Window::new(&file, Vec::new()).unwrap())
    }

    fn remains(bytes: &[u8]) -> Remains {
        looked_at(bytes, |window| scan(window, 7, 5, 0).unwrap())
    }

    #[test]
    fn zeros_are_nothing() {
        let mut bytes = vec![0; 3 * READ_BYTES];
        assert_eq!(remains(&bytes), Remains::default());
        assert_eq!(looked_at(&bytes, |window| written_end(window, 0).unwrap()), None);
        for last in [0, 9, READ_BYTES, 2 * READ_BYTES + 7] {
            bytes[last] = 1;
            let end = looked_at(&bytes, |window| written_end(window, 0).unwrap());
            assert_eq!(end, Some(last as u64 + 1));
        }
        let end = looked_at(&bytes, |window| written_end(window, 3 * READ_BYTES as u64).unwrap());
        assert_eq!(end, None);
    }

    #[test]
    fn later_frames_are_found_wherever_they_lie() {
        for before in [1, 40, READ_BYTES - 2, READ_BYTES, 2 * READ_BYTES + 5] {
            let mut bytes = vec![0xAA; before];
            bytes.extend(frame(7, 8, 5));
            bytes.extend(frame(7, 9, 3));
            let proof = Some(Proof { synced_upto: 5, frame: 8 });
            assert_eq!(remains(&bytes), Remains { frames: 2, proof }, "{before}");
        }
    }

    #[test]
    fn frames_of_other_files_and_earlier_ones_prove_nothing() {
        let mut bytes = frame(6, 8, 7);
        bytes.extend(frame(7, 5, 4));
        bytes.extend(frame(7, 4, 3));
        let mut damaged = frame(7, 9, 8);
        damaged[HEADER_BYTES] ^= 1;
        bytes.extend(damaged);
        bytes.extend(&frame(7, 9, 8)[..HEADER_BYTES + 2]);
        assert_eq!(remains(&bytes), Remains::default());
    }

    #[test]
    fn a_body_full_of_magics_takes_no_longer_than_its_length() {
        let bytes = MAGIC.repeat(READ_BYTES);
        assert_eq!(remains(&bytes), Remains::default());
    }
}
