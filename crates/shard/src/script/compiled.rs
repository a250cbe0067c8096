//! The scripts that a shard has compiled: by their SHA-1, and those that ran last by its digits.
//!
//! A client that calls a script again sends the same forty digits. So they are looked for as they
//! are, in a small table, before they are read as a number and that is hashed.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::program::Program;
use super::sha::Sha;
use super::store::Source;

/// A script of the node that this shard has compiled.
pub(super) struct Compiled {
    pub(super) program: Program,
    pub(super) source: Arc<Source>,
}

/// The place of a script in [`CompiledScripts`], good until one is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

/// See the module.
pub(super) struct CompiledScripts {
    places: HashMap<Sha, Place, FixedState>,
    scripts: Vec<Option<Compiled>>,
    /// Where nothing is.
    vacant: Vec<Place>,
    /// Digits and where the script is; addressed by some of the digits.
    recent: Box<[Recent; RECENT]>,
}

const RECENT: usize = 64;

/// Digits, and the script that they stand for.
type Recent = Option<([u8; 40], Place)>;

impl Default for CompiledScripts {
    fn default() -> Self {
        Self {
            places: HashMap::default(),
            scripts: Vec::new(),
            vacant: Vec::new(),
            recent: Box::new([None; RECENT]),
        }
    }
}

/// Where in [`CompiledScripts::recent`] digits are looked for: digits of a hash are even enough.
#[inline]
fn address(digits: &[u8; 40]) -> usize {
    let [a, b, c, ..] = *digits;
    (usize::from(a) ^ usize::from(b) << 2 ^ usize::from(c) << 4) % RECENT
}

impl CompiledScripts {
    /// The script with this SHA-1.
    pub(super) fn find(&self, sha: Sha) -> Option<Place> {
        self.places.get(&sha).copied()
    }

    /// The script that was last noted for these digits.
    #[inline]
    pub(super) fn find_recent(&self, digits: &[u8; 40]) -> Option<Place> {
        match &self.recent[address(digits)] {
            Some((known, place)) if known == digits => Some(*place),
            _ => None,
        }
    }

    /// Notes that the digits stand for a script.
    pub(super) fn note_recent(&mut self, digits: &[u8; 40], place: Place) {
        self.recent[address(digits)] = Some((*digits, place));
    }

    /// A script.
    #[inline]
    pub(super) fn at(&self, place: Place) -> Option<&Compiled> {
        self.scripts.get(place.0 as usize)?.as_ref()
    }

    /// A script.
    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> Option<&mut Compiled> {
        self.scripts.get_mut(place.0 as usize)?.as_mut()
    }

    /// Adds a script that is not there.
    pub(super) fn insert(&mut self, sha: Sha, compiled: Compiled) -> Place {
        let place = self.vacant.pop().unwrap_or_else(|| {
            self.scripts.push(None);
            Place((self.scripts.len() - 1) as u32)
        });
        self.scripts[place.0 as usize] = Some(compiled);
        self.places.insert(sha, place);
        place
    }

    /// Removes a script.
    pub(super) fn remove(&mut self, sha: Sha) -> Option<Compiled> {
        let place = self.places.remove(&sha)?;
        *self.recent = [None; RECENT];
        self.vacant.push(place);
        self.scripts[place.0 as usize].take()
    }

    /// Removes all scripts.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All scripts.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Compiled> {
        self.scripts.iter().flatten()
    }

    /// All scripts.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Compiled> {
        self.scripts.iter_mut().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::list::ListUse;
    use crate::script::shebang::ScriptFlags;
    use crate::script::store::ScriptStore;

    fn compiled(store: &ScriptStore, text: &str) -> (Sha, Compiled) {
        let sha = Sha::of(text.as_bytes());
        let source = store.add(sha, text.as_bytes(), true);
        let flags = ScriptFlags::default();
        let program = Program::script((0, ListUse::ANY), flags, sha.hex(), text.as_bytes());
        (sha, Compiled { program, source })
    }

    fn digits(sha: Sha) -> [u8; 40] {
        sha.hex().as_bytes().try_into().unwrap()
    }

    #[test]
    fn what_is_removed_is_not_found_by_its_digits_nor_is_what_takes_its_place() {
        let (store, mut scripts) = (ScriptStore::default(), CompiledScripts::default());
        let (first, one) = compiled(&store, "return 1");
        let (second, two) = compiled(&store, "return 2");
        let place = scripts.insert(first, one);
        scripts.note_recent(&digits(first), place);
        assert_eq!(scripts.find_recent(&digits(first)), Some(place));
        assert_eq!(scripts.find_recent(&digits(second)), None);
        assert!(scripts.remove(first).is_some());
        assert_eq!(scripts.insert(second, two), place);
        assert_eq!(scripts.find_recent(&digits(first)), None);
        assert_eq!((scripts.find(first), scripts.find(second)), (None, Some(place)));
        assert_eq!(scripts.iter().count(), 1);
        scripts.clear();
        assert_eq!(scripts.find(second), None);
    }

    #[test]
    fn digits_that_share_an_address_take_it_from_each_other() {
        let (store, mut scripts) = (ScriptStore::default(), CompiledScripts::default());
        for number in 0..3 * RECENT {
            let (sha, script) = compiled(&store, &format!("return {number}"));
            let place = scripts.insert(sha, script);
            scripts.note_recent(&digits(sha), place);
            assert_eq!(scripts.find_recent(&digits(sha)), Some(place));
            assert_eq!(scripts.at(place).unwrap().source.sha, sha);
        }
    }
}
