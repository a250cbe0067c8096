//! That nothing that has expired is left, and nothing else is removed.

use std::collections::BTreeMap;

use proptest::prelude::*;
use protocol::slot::Slot;

use super::*;
use crate::keyspace::{Keyspace, NewExpiry};
use crate::time::Micros;
use crate::types::string::StringValue;

/// A keyspace and what time it is there, in milliseconds.
struct World {
    keyspace: Keyspace,
    now: i64,
}

impl World {
    fn new() -> Self {
        Self { keyspace: Keyspace::new(0, 16384, 1), now: 1_700_000_000_000 }
    }

    fn enter(&mut self, key: &str) {
        self.keyspace.enter(Micros(self.now * 1000), Some(Slot::of_key(key.as_bytes())));
    }

    fn set(&mut self, key: &str, ttl: Option<i64>) {
        self.enter(key);
        let expiry = ttl.map_or(NewExpiry::Never, |ttl| NewExpiry::At(Millis(self.now + ttl)));
        self.keyspace.set_string(key.as_bytes(), StringValue::new(b"value"), expiry);
    }

    fn sweep(&mut self, most: usize) -> usize {
        self.keyspace.enter(Micros(self.now * 1000), None);
        self.keyspace.expire_some(most)
    }

    fn sweep_all(&mut self) {
        self.sweep(1);
        while self.keyspace.is_expiry_behind() {
            self.sweep(100);
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Sets a key, with so many milliseconds to live.
    Set(u8, Option<i64>),
    Expire(u8, i64),
    Persist(u8),
    Remove(u8),
    Rename(u8, u8),
    Pass(i64),
    Sweep(usize),
    /// Flushes, and takes that back.
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = || prop_oneof![1i64..200, 1i64..12_000, 3_600_000i64..3_700_000];
    prop_oneof![
        6 => (any::<u8>(), proptest::option::of(ttl())).prop_map(|(key, ttl)| Step::Set(key, ttl)),
        2 => (any::<u8>(), ttl()).prop_map(|(key, ttl)| Step::Expire(key, ttl)),
        1 => any::<u8>().prop_map(Step::Persist),
        1 => any::<u8>().prop_map(Step::Remove),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => prop_oneof![0i64..100, 0i64..9_000, Just(3_000_000)].prop_map(Step::Pass),
        2 => (1usize..40).prop_map(Step::Sweep),
        1 => Just(Step::Flush),
    ]
}

/// A key of the one slot, so that keys can be renamed to one another.
fn name(number: u8) -> String {
    format!("{{slot}}{number}")
}

fn apply(world: &mut World, model: &mut BTreeMap<u8, Option<i64>>, step: &Step) {
    let now = world.now;
    model.retain(|_, expiry| expiry.is_none_or(|at| at >= now));
    world.enter("{slot}");
    match *step {
        Step::Set(key, ttl) => {
            world.set(&name(key), ttl);
            model.insert(key, ttl.map(|ttl| now + ttl));
        }
        Step::Expire(key, ttl) => {
            world.keyspace.set_expiry(name(key).as_bytes(), Some(Millis(now + ttl)));
            model.entry(key).and_modify(|expiry| *expiry = Some(now + ttl));
        }
        Step::Persist(key) => {
            world.keyspace.set_expiry(name(key).as_bytes(), None);
            model.entry(key).and_modify(|expiry| *expiry = None);
        }
        Step::Remove(key) => {
            world.keyspace.remove(name(key).as_bytes());
            model.remove(&key);
        }
        Step::Rename(from, to) => {
            world.keyspace.rename(name(from).as_bytes(), name(to).as_bytes());
            if let Some(expiry) = model.remove(&from) {
                model.insert(to, expiry);
            }
        }
        Step::Pass(millis) => world.now += millis,
        Step::Sweep(most) => {
            world.sweep(most);
        }
        Step::Flush => {
            let mark = world.keyspace.begin();
            world.keyspace.flush();
            world.keyspace.roll_back(mark);
        }
    }
}

proptest! {
    #[test]
    fn what_has_expired_goes_and_nothing_else(
        steps in proptest::collection::vec(step(), 1..200),
    ) {
        let (mut world, mut model) = (World::new(), BTreeMap::new());
        for step in &steps {
            apply(&mut world, &mut model, step);
        }
        // What is left goes when its time comes, however it has been noted.
        for pass in [0, 20, 300, 5_000, 12_000, 3_700_000] {
            // A key is removed when the step in which it expires is over.
            world.now = (step_of(Millis(world.now + pass)) + 1) * STEP_MS;
            world.sweep_all();
            let left = model.values().filter(|at| at.is_none_or(|at| at >= world.now)).count();
            prop_assert_eq!(world.keyspace.len(), left);
        }
    }
}

/// How many calls with this effort it takes until nothing is left to do.
fn calls(world: &mut World, most: usize) -> usize {
    let mut calls = 1;
    world.sweep(most);
    while world.keyspace.is_expiry_behind() {
        world.sweep(most);
        calls += 1;
    }
    calls
}

#[test]
fn keys_that_do_not_expire_soon_cost_next_to_nothing() {
    let mut world = World::new();
    (0..20_000).for_each(|n| world.set(&format!("key{n}"), Some(3_600_000)));
    world.sweep_all();
    // A second look, once the horizon has come near: 79 chunks are skipped by their first times.
    world.now += 5_000;
    assert!(calls(&mut world, 10) <= 2);
    world.set("key7", Some(1));
    world.now += 50;
    assert_eq!(world.sweep(10), 1);
    assert!(!world.keyspace.is_expiry_behind());
}

#[test]
fn a_storm_is_removed_in_slices() {
    let mut world = World::new();
    (0..10_000).for_each(|n| world.set(&format!("key{n}"), Some(6_000 + n % 10)));
    world.sweep_all();
    world.now += 7_000;
    assert_eq!(world.keyspace.len(), 10_000);
    world.sweep(1);
    assert!(world.keyspace.overdue() > 9_000);
    let mut removed = 0;
    while world.keyspace.is_expiry_behind() {
        let some = world.sweep(64);
        assert!(some <= 64);
        removed += some;
    }
    assert!(removed >= 9_999);
    assert_eq!((world.keyspace.len(), world.keyspace.overdue()), (0, 0));
}

#[test]
fn setting_an_expiry_again_and_again_leaves_little_behind() {
    let mut world = World::new();
    let before = world.keyspace.memory();
    for n in 0..50_000 {
        world.set("session", Some(3_600_000 + n));
        if n % 100 == 0 {
            world.now += 10;
            world.sweep(10);
        }
    }
    let grown = world.keyspace.memory() - before;
    assert!(grown < 100_000, "{grown}");
}
