//! Hashes against a map with times, in both forms.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A field's value, and when it expires.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<Millis>)>;

/// One change: which, of which field, to which value or time.
type Operation = (u8, u32, u16);

/// How to take a change back.
enum Inverse {
    Value(Vec<u8>, Option<Vec<u8>>),
    Removed(Vec<u8>, Removed),
    Expiry(Vec<u8>, Option<Millis>),
}

/// Makes a change to both and checks what it returns.
fn change(hash: &mut Hash, model: &mut Model, operation: Operation) -> Option<Inverse> {
    let (which, name, number) = operation;
    let name = name.to_string().into_bytes();
    match which {
        0 => {
            let removed = hash.remove(&name);
            let found =
                removed.as_ref().map(|removed| (removed.taken.value.clone(), removed.expiry));
            assert_eq!(found, model.remove(&name));
            removed.map(|removed| Inverse::Removed(name, removed))
        }
        1..=3 => {
            let value = number.to_string().into_bytes();
            let previous = hash.set(&name, &value).map(|value| value.as_bytes().to_vec());
            let known = model.entry(name.clone()).or_default();
            assert_eq!(previous.clone().unwrap_or_default(), known.0);
            known.0 = value;
            Some(Inverse::Value(name, previous))
        }
        _ => {
            let expiry = (which < 7).then_some(Millis(i64::from(number % 50)));
            let known = model.get_mut(&name)?;
            let previous = hash.set_expiry(&name, expiry);
            assert_eq!(previous, std::mem::replace(&mut known.1, expiry));
            Some(Inverse::Expiry(name, previous))
        }
    }
}

fn undo(hash: &mut Hash, inverse: Inverse) {
    match inverse {
        Inverse::Value(name, None) => drop(hash.remove(&name)),
        Inverse::Value(name, Some(value)) => drop(hash.set(&name, &value)),
        Inverse::Removed(name, removed) => hash.restore(&name, &removed),
        Inverse::Expiry(name, expiry) => drop(hash.set_expiry(&name, expiry)),
    }
}

fn owned(pairs: Vec<(&[u8], &[u8])>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    pairs.into_iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect()
}

/// Checks that the hash is the model, and what is seen of it at `now`.
fn compare(hash: &Hash, model: &Model, now: Millis) {
    assert_eq!(hash.len(), model.len());
    assert_eq!(hash.next_expiry(), model.values().filter_map(|(_, expiry)| *expiry).min());
    let over = |expiry: &Option<Millis>| expiry.is_some_and(|at| at < now);
    let seen: BTreeMap<Vec<u8>, Vec<u8>> = model
        .iter()
        .filter(|(_, (_, expiry))| !over(expiry))
        .map(|(name, (value, _))| (name.clone(), value.clone()))
        .collect();
    assert_eq!(hash.has_due(now), seen.len() < model.len());
    assert_eq!(hash.all_due(now), seen.is_empty() && !model.is_empty());
    let view = hash.view(now);
    assert_eq!((view.len(), view.is_empty()), (seen.len(), seen.is_empty()));
    assert_eq!(owned(view.pairs()), seen);
    for (name, (value, expiry)) in model {
        let visible = !over(expiry);
        assert_eq!(view.value(name), visible.then_some(&value[..]));
        assert_eq!(view.expiry(name), visible.then_some(*expiry));
    }
    let mut scanned = BTreeMap::new();
    let mut position = Some(0);
    while let Some(at) = position {
        position = view.scan(at, |field, value| {
            scanned.insert(field.to_vec(), value.to_vec());
        });
    }
    assert_eq!(scanned, seen);
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..10 {
        let picked = view.random(&mut rng).map(|(field, value)| (field.to_vec(), value.to_vec()));
        assert_eq!(picked.is_none(), seen.is_empty());
        assert!(picked.is_none_or(|(field, value)| seen.get(&field) == Some(&value)));
    }
}

fn digest(hash: &Hash) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    hash.for_digest(&mut |part| parts.push(part.to_vec()));
    parts.push(hash.encoding().into());
    if hash.keeps_order() {
        hash.for_each(|field, _| parts.push(field.to_vec()));
    }
    parts
}

fn operations(fields: u32, most: usize) -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec((0u8..8, 0..fields, any::<u16>()), 1..most)
}

proptest! {
    /// Both forms behave as a map whose fields expire.
    #[test]
    fn behaves_as_a_map_with_times(
        large in any::<bool>(),
        operations in operations(100, 300),
        now in 0i64..60,
    ) {
        let mut hash = if large { Hash::new().to_large() } else { Hash::new() };
        let mut model = Model::new();
        for operation in operations {
            change(&mut hash, &mut model, operation);
        }
        compare(&hash, &model, Millis(now));
        compare(&hash.clone(), &model, Millis(now));
        compare(&hash.to_large(), &model, Millis(now));
    }

    /// The inverse of each change takes it back exactly, newest first.
    #[test]
    fn what_is_taken_back_leaves_nothing(
        large in any::<bool>(),
        before in operations(20, 50),
        undone in operations(20, 50),
    ) {
        let mut hash = if large { Hash::new().to_large() } else { Hash::new() };
        let mut model = Model::new();
        for operation in before {
            change(&mut hash, &mut model, operation);
        }
        let digest_before = digest(&hash);
        let inverses: Vec<Inverse> = undone
            .into_iter()
            .filter_map(|operation| change(&mut hash, &mut model, operation))
            .collect();
        inverses.into_iter().rev().for_each(|inverse| undo(&mut hash, inverse));
        prop_assert_eq!(digest(&hash), digest_before);
    }
}

#[test]
fn a_removed_field_goes_back_to_its_place() {
    let mut hash = Hash::new();
    for field in ["a", "b", "c"] {
        hash.set(field.as_bytes(), b"1");
    }
    let removed = hash.remove(b"b").unwrap();
    hash.restore(b"b", &removed);
    let names: Vec<&[u8]> =
        hash.view(Millis(0)).pairs().into_iter().map(|(field, _)| field).collect();
    assert_eq!(names, [b"a", b"b", b"c"]);
}

#[test]
fn what_expired_fields_cost_is_given_back() {
    for mut hash in [Hash::new(), Hash::new().to_large()] {
        hash.set(b"a", b"1");
        let plain = (hash.memory(), hash.encoding());
        hash.set_expiry(b"a", Some(Millis(5)));
        assert!(hash.memory() > plain.0);
        hash.set_expiry(b"a", None);
        assert_eq!((hash.memory(), hash.encoding()), plain);
    }
}

#[test]
fn an_expiry_is_no_field_for_the_digest() {
    let mut expiring = Hash::new();
    expiring.set(b"a", b"1");
    let plain = digest(&expiring);
    expiring.set_expiry(b"a", Some(Millis(7)));
    let other = digest(&expiring);
    assert_ne!(plain, other);
    expiring.set_expiry(b"a", Some(Millis(8)));
    assert_ne!(digest(&expiring), other);
}
