//! A slab: values in chunks that never move, named by 32-bit handles.
//!
//! A plain `Vec` would copy everything when it grows; a box a value would cost an allocation each
//! and eight bytes to name it. Chunks are allocated whole and stay where they are.

use super::handles::Handles;

/// A slab of chunks of `CHUNK` values (a power of two).
///
/// # Invariants
/// - Places below `used` hold a value or are in `vacant`, and not both; those from there on hold none.
pub(crate) struct Slab<T, const CHUNK: usize> {
    chunks: Vec<Box<[Option<T>; CHUNK]>>,
    /// Places that have become vacant: not a list through the places themselves, which would have to be
    /// waited for one after the other.
    vacant: Handles,
    /// Places that have been used, from the first.
    used: u32,
    len: u32,
}

impl<T, const CHUNK: usize> Default for Slab<T, CHUNK> {
    fn default() -> Self {
        const { assert!(CHUNK.is_power_of_two()) };
        Self { chunks: Vec::new(), vacant: Handles::default(), used: 0, len: 0 }
    }
}

impl<T, const CHUNK: usize> Slab<T, CHUNK> {
    /// Bytes of memory outside of this struct, those of the values' own allocations not included.
    pub(crate) fn memory(&self) -> usize {
        self.chunks.len() * CHUNK * size_of::<Option<T>>() + self.vacant.memory()
    }

    /// Puts a value in and returns its handle.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let handle = match self.vacant.pop() {
            Some(handle) => handle,
            None => self.unused(),
        };
        self.chunks[handle as usize / CHUNK][handle as usize % CHUNK] = Some(value);
        self.len += 1;
        handle
    }

    /// The first place that has not been used.
    fn unused(&mut self) -> u32 {
        let handle = self.used;
        if handle as usize == self.chunks.len() * CHUNK {
            self.grow();
        }
        self.used += 1;
        handle
    }

    #[cold]
    fn grow(&mut self) {
        let places: Vec<Option<T>> = (0..CHUNK).map(|_| None).collect();
        let Ok(chunk) = places.into_boxed_slice().try_into() else {
            unreachable!("the chunk has been made with CHUNK places")
        };
        self.chunks.push(chunk);
    }

    /// Takes a value out. The handle must be one that `insert` gave and that is not yet removed.
    pub(crate) fn remove(&mut self, handle: u32) -> T {
        let place = &mut self.chunks[handle as usize / CHUNK][handle as usize % CHUNK];
        let Some(value) = place.take() else { unreachable!("a handle is removed once") };
        self.vacant.push(handle);
        self.len -= 1;
        value
    }

    /// Looks at some of the places that values will be put into next, for [`super::warm`]; at most
    /// `count`, after as many as `skip`.
    #[inline]
    pub(crate) fn look_at_vacant(&self, skip: usize, count: usize) -> u64 {
        let places = self.vacant.next().skip(skip).take(count);
        places.map(|handle| u64::from(self.get(handle).is_some())).sum()
    }

    /// The value of a handle.
    #[inline]
    pub(crate) fn at(&self, handle: u32) -> &T {
        match &self.chunks[handle as usize / CHUNK][handle as usize % CHUNK] {
            Some(value) => value,
            None => unreachable!("a handle in use names a value"),
        }
    }

    /// The value of a handle that may have been removed since, or may be another's by now.
    #[inline]
    pub(crate) fn get(&self, handle: u32) -> Option<&T> {
        self.chunks.get(handle as usize / CHUNK)?[handle as usize % CHUNK].as_ref()
    }

    /// The value of a handle, to change it.
    #[inline]
    pub(crate) fn at_mut(&mut self, handle: u32) -> &mut T {
        match &mut self.chunks[handle as usize / CHUNK][handle as usize % CHUNK] {
            Some(value) => value,
            None => unreachable!("a handle in use names a value"),
        }
    }

    /// The values of one chunk with their handles; none past the last chunk.
    pub(crate) fn chunk(&self, chunk: usize) -> impl Iterator<Item = (u32, &T)> {
        self.chunks.get(chunk).into_iter().flat_map(move |places| {
            let handle = move |at: usize| (chunk * CHUNK + at) as u32;
            places
                .iter()
                .enumerate()
                .filter_map(move |(at, place)| Some((handle(at), place.as_ref()?)))
        })
    }

    /// Takes all values of the last chunk out of a slab that is used no more, and gives each to
    /// `visit`. Says whether there was a chunk.
    pub(crate) fn take_chunk(&mut self, mut visit: impl FnMut(T)) -> bool {
        let Some(places) = self.chunks.pop() else { return false };
        <[Option<T>; CHUNK] as IntoIterator>::into_iter(*places).flatten().for_each(&mut visit);
        true
    }

    /// Frees the last chunk of a slab that is used no more; says whether there was one.
    pub(crate) fn free_chunk(&mut self) -> bool {
        self.chunks.pop().is_some()
    }

    /// All values with their handles, in the order of the handles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.chunks.iter().enumerate().flat_map(|(chunk, places)| {
            let handle = move |at: usize| (chunk * CHUNK + at) as u32;
            places
                .iter()
                .enumerate()
                .filter_map(move |(at, place)| Some((handle(at), place.as_ref()?)))
        })
    }

    /// A value picked at random, about evenly: a random place, and if it is vacant another one;
    /// after many vacant places the next value that follows.
    pub(crate) fn random(&self, rng: &mut fastrand::Rng) -> Option<(u32, &T)> {
        if self.len == 0 {
            return None;
        }
        let places = (self.chunks.len() * CHUNK) as u32;
        let value_at = |handle: u32| Some((handle, self.get(handle)?));
        let tries = (0..64).map(|_| rng.u32(..places));
        let mut tries = tries.collect::<Vec<_>>().into_iter();
        let start = rng.u32(..places);
        tries.find_map(value_at).or_else(|| (start..places).chain(0..start).find_map(value_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_stay_and_places_are_used_again() {
        let mut slab = Slab::<String, 4>::default();
        let handles: Vec<u32> = (0..10).map(|n| slab.insert(n.to_string())).collect();
        assert_eq!(slab.at(handles[7]), "7");
        assert_eq!(slab.remove(handles[3]), "3");
        assert_eq!(slab.insert("new".into()), handles[3]);
        assert_eq!(slab.iter().count(), 10);
    }

    #[test]
    fn random_reaches_a_lonely_value() {
        let mut slab = Slab::<u32, 64>::default();
        let handles: Vec<u32> = (0..6400).map(|n| slab.insert(n)).collect();
        for handle in &handles[1..] {
            slab.remove(*handle);
        }
        let mut rng = fastrand::Rng::with_seed(1);
        assert_eq!(slab.random(&mut rng).map(|(_, value)| *value), Some(0));
    }
}
