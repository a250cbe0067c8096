//! Files of a directory of the real file system.
//!
//! Space is reserved by `fallocate` with the size of the file, not behind it (`KEEP_SIZE`): a sync
//! behind a write then has no new size to record, which on ext4 makes it a third faster (33 us
//! instead of 48), as fast as writing over zeros that were written before, and those would cost all
//! writes twice. What has not been written reads as zeros, which recovery takes for a clean end.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::{Storage, StorageFile};

/// A directory of the file system.
#[derive(Debug, Clone)]
pub struct DirStorage {
    root: PathBuf,
}

impl DirStorage {
    /// The files of that directory, which is made when it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }
}

impl Storage for DirStorage {
    type File = DirFile;

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(directory))? {
            // Names of ours are ASCII, so whatever is not text is somebody else's.
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<DirFile> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        Ok(DirFile(options.open(self.path(name))?))
    }

    fn open(&self, name: &str) -> io::Result<DirFile> {
        Ok(DirFile(OpenOptions::new().read(true).write(true).open(self.path(name))?))
    }

    fn open_read(&self, name: &str) -> io::Result<DirFile> {
        let file = File::open(self.path(name))?;
        forget_cached(&file);
        Ok(DirFile(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        File::open(self.path(directory))?.sync_all()
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        match fs::create_dir(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
    }

    fn remove_directory(&self, name: &str) -> io::Result<()> {
        fs::remove_dir_all(self.path(name))
    }
}

/// A file of the file system.
#[derive(Debug)]
pub struct DirFile(File);

impl StorageFile for DirFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        allocate(&self.0, size)
    }
}

/// Has the system drop what memory holds of a file. Only advice, and only for pages that are not
/// waiting to be written; a failure costs nothing but the advice.
#[cfg(target_os = "linux")]
fn forget_cached(file: &File) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

#[cfg(not(target_os = "linux"))]
fn forget_cached(_: &File) {}

#[cfg(target_os = "linux")]
fn allocate(file: &File, size: u64) -> io::Result<()> {
    use nix::errno::Errno;
    use nix::fcntl::{FallocateFlags, fallocate};
    let size = i64::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, size) {
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{read_full, write_all};
    use super::*;

    #[test]
    fn a_file_is_allocated_written_renamed_and_cut() {
        let directory = tempfile::tempdir().unwrap();
        let storage = DirStorage::new(directory.path().join("log")).unwrap();
        let file = storage.create("a").unwrap();
        file.allocate(4096).unwrap();
        write_all(&file, b"hello", 2).unwrap();
        file.sync().unwrap();
        storage.rename("a", "b").unwrap();
        storage.sync_directory("").unwrap();
        assert_eq!(storage.list("").unwrap(), ["b"]);

        let read = storage.open_read("b").unwrap();
        let mut buffer = [1; 8];
        assert_eq!(read_full(&read, &mut buffer, 0).unwrap(), 8);
        assert_eq!(&buffer, b"\0\0hello\0");

        storage.open("b").unwrap().truncate(4).unwrap();
        assert_eq!(read.size().unwrap(), 4);
        assert_eq!(read_full(&read, &mut buffer, 0).unwrap(), 4);
        storage.remove("b").unwrap();
        assert!(storage.list("").unwrap().is_empty());
    }

    #[test]
    fn a_directory_goes_with_its_files() {
        let directory = tempfile::tempdir().unwrap();
        let storage = DirStorage::new(directory.path()).unwrap();
        storage.create_directory("set").unwrap();
        storage.create_directory("set").unwrap();
        storage.create("set/a").unwrap();
        assert_eq!(storage.list("set").unwrap(), ["a"]);
        storage.sync_directory("set").unwrap();
        storage.remove_directory("set").unwrap();
        assert!(storage.list("").unwrap().is_empty());
    }
}
