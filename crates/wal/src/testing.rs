//! A file system in memory that fails on demand and loses power.
//!
//! It keeps two pictures: what a process sees, and what is sure to be on the disk. A crash makes a
//! third one: of all that was not synced, whoever tests decides what has reached the disk, sector
//! by sector and name by name.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::frame::{HEADER_BYTES, seal};
use crate::storage::{Storage, StorageFile};

/// What reaches the disk as a whole or not at all, in bytes.
pub const SECTOR_BYTES: usize = 512;

/// A frame with these bytes as its records, and a checksum that fits.
#[must_use]
pub fn seal_frame(body: &[u8], records: u32, epoch: u64, number: u64, synced_upto: u64) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    frame.extend_from_slice(body);
    seal(&mut frame, records, epoch, number, synced_upto);
    frame
}

/// Bytes as a process sees them, and as they are on the disk for sure.
#[derive(Debug, Clone, Default)]
struct Image {
    seen: Vec<u8>,
    durable: Vec<u8>,
}

/// The names in a directory, by the number of what has them.
type Names = BTreeMap<String, usize>;

/// Some names that are given (`Some`) and taken (`None`) at once.
type NameChange = Vec<(String, Option<usize>)>;

#[derive(Debug, Clone, Default)]
struct Directory {
    seen: Names,
    durable: Names,
    /// What was changed since the last sync, in order.
    unsynced: Vec<NameChange>,
}

impl Directory {
    fn change(&mut self, change: NameChange) {
        apply(&mut self.seen, &change);
        self.unsynced.push(change);
    }
}

fn apply(names: &mut Names, change: &NameChange) {
    for (name, number) in change {
        match number {
            Some(number) => names.insert(name.clone(), *number),
            None => names.remove(name),
        };
    }
}

#[derive(Debug, Clone)]
enum Node {
    File(Image),
    Directory(Directory),
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// How many changes (writes, new names, cuts, allocations) succeed before one fails.
    pub changes_before_failure: Option<u64>,
    /// How many syncs succeed before one fails.
    pub syncs_before_failure: Option<u64>,
    /// How many bytes all files together can have.
    pub capacity_bytes: Option<u64>,
    /// Most bytes that one write takes.
    pub write_bytes_max: Option<usize>,
    /// The file system cannot allocate: nothing is done, and no error is returned.
    pub cannot_allocate: bool,
}

#[derive(Debug, Clone)]
struct Disk {
    nodes: Vec<Node>,
    faults: Faults,
    changes: u64,
    syncs: u64,
}

/// A file system in memory. Clones are the same one.
#[derive(Debug, Clone)]
pub struct MemoryStorage(Arc<Mutex<Disk>>);

impl Default for MemoryStorage {
    fn default() -> Self {
        let nodes = vec![Node::Directory(Directory::default())];
        let disk = Disk { nodes, faults: Faults::default(), changes: 0, syncs: 0 };
        Self(Arc::new(Mutex::new(disk)))
    }
}

/// An open file of a [`MemoryStorage`].
#[derive(Debug, Clone)]
pub struct MemoryFile {
    disk: MemoryStorage,
    number: usize,
}

fn failed(what: &'static str) -> io::Error {
    io::Error::other(what)
}

fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('/').unwrap_or(("", name))
}

impl Disk {
    fn number(&self, name: &str) -> io::Result<usize> {
        let mut at = 0;
        for part in name.split('/').filter(|part| !part.is_empty()) {
            let Node::Directory(directory) = &self.nodes[at] else {
                return Err(io::ErrorKind::NotADirectory.into());
            };
            at = *directory.seen.get(part).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(at)
    }

    fn directory(&mut self, name: &str) -> io::Result<&mut Directory> {
        let number = self.number(name)?;
        match &mut self.nodes[number] {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn image(&mut self, number: usize) -> &mut Image {
        match &mut self.nodes[number] {
            Node::File(image) => image,
            Node::Directory(_) => unreachable!("only files are open"),
        }
    }

    fn add(&mut self, name: &str, node: Node) -> io::Result<usize> {
        let number = self.nodes.len();
        let (parent, own) = split(name);
        self.directory(parent)?.change(vec![(own.to_owned(), Some(number))]);
        self.nodes.push(node);
        Ok(number)
    }

    fn note_change(&mut self) -> io::Result<()> {
        self.changes += 1;
        match &mut self.faults.changes_before_failure {
            Some(0) => {
                self.faults.changes_before_failure = None;
                Err(failed("injected write error"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note_sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        match &mut self.faults.syncs_before_failure {
            Some(0) => {
                self.faults.syncs_before_failure = None;
                Err(failed("injected sync error"))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Bytes that files with a name take.
    fn used(&self) -> u64 {
        let mut named: BTreeSet<usize> = BTreeSet::new();
        for node in &self.nodes {
            if let Node::Directory(directory) = node {
                named.extend(directory.seen.values());
            }
        }
        let bytes = named.iter().map(|number| match &self.nodes[*number] {
            Node::File(image) => image.seen.len() as u64,
            Node::Directory(_) => 0,
        });
        bytes.sum()
    }

    /// How much longer a file can get.
    fn free(&self) -> usize {
        let free = self.faults.capacity_bytes.map(|bytes| bytes.saturating_sub(self.used()));
        free.map_or(usize::MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }
}

impl MemoryStorage {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("nothing panics while it holds the disk")
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.disk().faults = faults;
    }

    /// How many changes have been tried.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.disk().changes
    }

    /// How many syncs have been tried.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.disk().syncs
    }

    /// Another file system with the same content, nothing of which is unsynced.
    #[must_use]
    pub fn copy(&self) -> Self {
        self.crash(&mut |alternatives| alternatives - 1)
    }

    /// What is on the disk after the power fails. For whatever was not synced, `choose` is told how
    /// many alternatives there are and picks one; 0 is what was synced, the last one is what a
    /// process saw. Of the names of a directory a prefix of the changes is kept.
    #[must_use]
    pub fn crash(&self, choose: &mut dyn FnMut(usize) -> usize) -> Self {
        let mut nodes = self.disk().nodes.clone();
        for node in &mut nodes {
            match node {
                Node::File(image) => {
                    let bytes = crashed(image, choose);
                    *image = Image { seen: bytes.clone(), durable: bytes };
                }
                Node::Directory(directory) => {
                    let kept = choice(directory.unsynced.len() + 1, choose);
                    let mut names = directory.durable.clone();
                    for change in &directory.unsynced[..kept] {
                        apply(&mut names, change);
                    }
                    *directory =
                        Directory { seen: names.clone(), durable: names, unsynced: Vec::new() };
                }
            }
        }
        let disk = Disk { nodes, faults: Faults::default(), changes: 0, syncs: 0 };
        Self(Arc::new(Mutex::new(disk)))
    }

    /// The content of a file.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let mut disk = self.disk();
        let number = disk.number(name).expect("the file exists");
        disk.image(number).seen.clone()
    }

    /// Gives a file another content, as if it had always had it.
    ///
    /// # Panics
    /// When its directory does not exist.
    pub fn set_bytes(&self, name: &str, bytes: &[u8]) {
        let mut disk = self.disk();
        let number = match disk.number(name) {
            Ok(number) => number,
            Err(_) => disk.add(name, Node::File(Image::default())).expect("the directory exists"),
        };
        let (seen, durable) = (bytes.to_vec(), bytes.to_vec());
        *disk.image(number) = Image { seen, durable };
    }

    /// Flips one bit of a file.
    ///
    /// # Panics
    /// When there is none.
    pub fn flip(&self, name: &str, bit: usize) {
        let mut bytes = self.bytes(name);
        bytes[bit / 8] ^= 1 << (bit % 8);
        self.set_bytes(name, &bytes);
    }

    /// Cuts a file off.
    ///
    /// # Panics
    /// When there is none, or it is shorter.
    pub fn cut(&self, name: &str, size: usize) {
        let bytes = self.bytes(name);
        self.set_bytes(name, &bytes[..size]);
    }

    /// The names in the root, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.list("").expect("the root exists")
    }
}

fn choice(alternatives: usize, choose: &mut dyn FnMut(usize) -> usize) -> usize {
    if alternatives > 1 { choose(alternatives).min(alternatives - 1) } else { 0 }
}

/// One content that a file may have after the power has failed.
fn crashed(image: &Image, choose: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
    let (seen, durable) = (&image.seen, &image.durable);
    let size = if seen.len() >= durable.len() {
        durable.len() + choice(seen.len() - durable.len() + 1, choose)
    } else {
        [durable.len(), seen.len()][choice(2, choose)]
    };
    let mut bytes = durable.clone();
    bytes.resize(size, 0);
    for start in (0..size.min(seen.len())).step_by(SECTOR_BYTES) {
        let end = (start + SECTOR_BYTES).min(size).min(seen.len());
        if bytes[start..end] != seen[start..end] && choice(2, choose) == 1 {
            bytes[start..end].copy_from_slice(&seen[start..end]);
        }
    }
    bytes
}

impl Storage for MemoryStorage {
    type File = MemoryFile;

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        Ok(self.disk().directory(directory)?.seen.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut disk = self.disk();
        disk.note_change()?;
        let number = match disk.number(name) {
            Ok(number) => {
                disk.image(number).seen.clear();
                number
            }
            Err(_) => disk.add(name, Node::File(Image::default()))?,
        };
        Ok(MemoryFile { disk: self.clone(), number })
    }

    fn open(&self, name: &str) -> io::Result<MemoryFile> {
        let number = self.disk().number(name)?;
        Ok(MemoryFile { disk: self.clone(), number })
    }

    fn open_read(&self, name: &str) -> io::Result<MemoryFile> {
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.note_change()?;
        let number = disk.number(from)?;
        let ((parent, from), (_, to)) = (split(from), split(to));
        let change = vec![(from.to_owned(), None), (to.to_owned(), Some(number))];
        disk.directory(parent)?.change(change);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.note_change()?;
        disk.number(name)?;
        let (parent, own) = split(name);
        disk.directory(parent)?.change(vec![(own.to_owned(), None)]);
        Ok(())
    }

    fn sync_directory(&self, directory: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.note_sync()?;
        let directory = disk.directory(directory)?;
        directory.durable = directory.seen.clone();
        directory.unsynced.clear();
        Ok(())
    }

    fn create_directory(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.note_change()?;
        if disk.number(name).is_err() {
            disk.add(name, Node::Directory(Directory::default()))?;
        }
        Ok(())
    }

    fn remove_directory(&self, name: &str) -> io::Result<()> {
        self.remove(name)
    }
}

impl StorageFile for MemoryFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.disk().image(self.number).seen.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        let bytes = &disk.image(self.number).seen;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let count = buffer.len().min(bytes.len() - start);
        buffer[..count].copy_from_slice(&bytes[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.disk.disk();
        disk.note_change()?;
        let free = disk.free();
        let most = disk.faults.write_bytes_max.unwrap_or(usize::MAX);
        let image = disk.image(self.number);
        let start = usize::try_from(offset).expect("files are small");
        let room = image.seen.len().saturating_sub(start).saturating_add(free);
        let count = bytes.len().min(room).min(most);
        if count == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let end = start + count;
        if image.seen.len() < end {
            image.seen.resize(end, 0);
        }
        image.seen[start..end].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.disk();
        disk.note_sync()?;
        let image = disk.image(self.number);
        image.durable.clone_from(&image.seen);
        Ok(())
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        disk.note_change()?;
        let size = usize::try_from(size).expect("files are small");
        disk.image(self.number).seen.resize(size, 0);
        Ok(())
    }

    fn allocate(&self, size: u64) -> io::Result<()> {
        let mut disk = self.disk.disk();
        disk.note_change()?;
        if disk.faults.cannot_allocate {
            return Ok(());
        }
        let size = usize::try_from(size).expect("files are small");
        let free = disk.free();
        let image = disk.image(self.number);
        if size.saturating_sub(image.seen.len()) > free {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if image.seen.len() < size {
            image.seen.resize(size, 0);
        }
        Ok(())
    }
}
