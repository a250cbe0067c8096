//! What clients of a shard's own port have been told of the libraries.
//!
//! Where each shard is shown to clients as a master of its own, cluster clients send FUNCTION
//! LOAD, DELETE and RESTORE to each (as COMMAND tells them to), and expect each to do it. The
//! libraries are the node's, so what one shard has done is done; the others have to agree, once,
//! instead of saying that the library exists already or is not there. A shard that is told the
//! same again answers as Redis does.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use super::store::Library;

/// The libraries that clients of this shard know, by name. See the module.
#[derive(Default)]
pub(super) struct Endpoint {
    enabled: bool,
    known: BTreeMap<String, Weak<Library>>,
}

impl Endpoint {
    /// Says that the shard is shown to clients as a master of its own.
    pub(super) fn enable(&mut self) {
        self.enabled = true;
    }

    /// Whether loading `code` is to be agreed to, although `existing` has its name: another shard
    /// has been told to load it, and this one has not.
    pub(super) fn agrees_to_load(&self, existing: &Arc<Library>, code: &[u8]) -> bool {
        let known = self.known.get(&existing.name);
        let told = known.is_some_and(|known| known.ptr_eq(&Arc::downgrade(existing)));
        self.enabled && !told && existing.code == code
    }

    /// Whether deleting a library is to be agreed to that is not there: another shard has been told
    /// to delete it, and this one has not.
    pub(super) fn agrees_to_delete(&mut self, name: &[u8]) -> bool {
        let known = std::str::from_utf8(name).ok().and_then(|name| self.known.remove(name));
        known.is_some() && self.enabled
    }

    /// Clients of this shard have been told that the library is there.
    pub(super) fn note(&mut self, library: &Arc<Library>) {
        if self.enabled {
            self.known.insert(library.name.clone(), Arc::downgrade(library));
        }
    }

    /// Clients of this shard have been told that a library is gone.
    pub(super) fn forget(&mut self, name: &[u8]) {
        self.known.retain(|known, _| known.as_bytes() != name);
    }

    /// Clients of this shard have been told that all libraries are gone.
    pub(super) fn forget_all(&mut self) {
        self.known.clear();
    }
}
