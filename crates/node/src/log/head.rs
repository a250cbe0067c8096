//! The name of the newest file of the log, beside it: so that one that is gone is missed. (Files between
//! others, and the oldest, are missed by what the others say.)

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file: the number of the first frame, as in the name of the segment.
const NAME: &str = "log-head";

/// The newest segment, as far as it has been noted.
#[derive(Debug)]
pub(crate) struct Head {
    directory: PathBuf,
    noted: u64,
}

impl Head {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.into(), noted: 0 }
    }

    /// Notes that the segment that begins with this frame is the newest; nothing is done if it is
    /// known. One that cannot be noted is noted with the next frame.
    pub(crate) fn note(&mut self, first_frame: u64) {
        if self.noted != first_frame && write(&self.directory, first_frame).is_ok() {
            self.noted = first_frame;
        }
    }
}

fn write(directory: &Path, first_frame: u64) -> io::Result<()> {
    let temporary = directory.join(format!("{NAME}.tmp"));
    fs::write(&temporary, format!("{first_frame:016x}\n"))?;
    fs::File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, directory.join(NAME))
}

/// Whether the newest segment that was noted is there, of which `newest` is the newest that was found.
///
/// # Errors
/// What is missing, and what can be done.
pub(crate) fn check(directory: &Path, newest: Option<u64>) -> Result<(), String> {
    let path = directory.join(NAME);
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let Ok(noted) = u64::from_str_radix(text.trim(), 16) else { return Ok(()) };
    if newest.is_some_and(|newest| newest >= noted) {
        return Ok(());
    }
    Err(format!(
        "log-{noted:016x}.wal is missing, the newest file of the log. Writes that were acknowledged \
         would be lost without it. Restore it, or have the log end before it with `atoll log repair \
         --accept-data-loss`"
    ))
}

/// Forgets which one was the newest: it is given up.
///
/// # Errors
/// It cannot be forgotten.
pub(crate) fn forget(directory: &Path) -> io::Result<()> {
    match fs::remove_file(directory.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_segment_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path(), None), Ok(()));
        let mut head = Head::new(folder.path());
        head.note(0x2a);
        assert_eq!(check(folder.path(), Some(0x2a)), Ok(()));
        assert_eq!(check(folder.path(), Some(0x2b)), Ok(()));
        for newest in [None, Some(0x29)] {
            let why = check(folder.path(), newest).unwrap_err();
            assert!(why.starts_with("log-000000000000002a.wal is missing"), "{why}");
        }
        forget(folder.path()).unwrap();
        assert_eq!(check(folder.path(), None), Ok(()));
        forget(folder.path()).unwrap();
    }
}
