//! Streams against a map of entries, and each change taken back again.

use super::*;
use proptest::prelude::*;

type Model = BTreeMap<StreamId, Vec<(Vec<u8>, Vec<u8>)>>;

#[derive(Debug, Clone)]
enum Operation {
    Add { gap: u64, names: u8 },
    Delete { nth: usize },
    Trim { trim: Trim },
}

fn operation() -> impl Strategy<Value = Operation> {
    let threshold = prop_oneof![
        (0u64..60).prop_map(Threshold::MaxLen),
        (0u64..200).prop_map(|ms| Threshold::MinId(StreamId::new(ms, ms % 3))),
    ];
    prop_oneof![
        6 => (0u64..4, 0u8..3).prop_map(|(gap, names)| Operation::Add { gap, names }),
        3 => (0usize..80).prop_map(|nth| Operation::Delete { nth }),
        1 => (threshold, any::<bool>(), 0u64..30).prop_map(|(threshold, approximate, limit)| {
            let limit = if approximate { limit } else { 0 };
            Operation::Trim { trim: Trim { threshold, approximate, limit } }
        }),
    ]
}

fn fields_of(id: StreamId, names: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pair = |n| (format!("field{}", n + names / 2).into_bytes(), id.to_string().into_bytes());
    (0..=names % 2).map(pair).collect()
}

fn contents(stream: &Stream) -> Model {
    let entries = stream.range(StreamId::MIN, StreamId::MAX);
    let own = |(field, value): (&[u8], &[u8])| (field.to_vec(), value.to_vec());
    entries.map(|entry| (entry.id, entry.fields.map(own).collect())).collect()
}

fn digest(stream: &Stream) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    stream.for_digest(&mut |part| parts.push(part.to_vec()));
    stream.for_exact_digest(&mut |part| parts.push(part.to_vec()));
    parts
}

enum Inverse {
    Add(Position),
    Delete(StreamId, Deleted),
    Trim(Trimmed),
}

fn apply(
    stream: &mut Stream,
    model: &mut Model,
    operation: &Operation,
    limits: StreamLimits,
) -> Option<Inverse> {
    match *operation {
        Operation::Add { gap, names } => {
            let last = stream.position().last;
            let id = match gap {
                0 => last.next().unwrap(),
                gap => StreamId::new(last.ms + gap, gap % 2),
            };
            let fields = fields_of(id, names);
            let texts = fields.iter().flat_map(|(field, value)| [&field[..], value]);
            let mut room = Vec::new();
            let before = stream.add(id, Pairs::write(texts, &mut room), limits);
            model.insert(id, fields);
            Some(Inverse::Add(before))
        }
        Operation::Delete { nth } => {
            let id = model.keys().nth(nth).copied().unwrap_or(StreamId::new(3, 7));
            let deleted = stream.delete(id);
            assert_eq!(deleted.is_some(), model.remove(&id).is_some());
            deleted.map(|deleted| Inverse::Delete(id, deleted))
        }
        Operation::Trim { trim } => {
            let point = stream.trim_point(trim)?;
            let kept = match trim.threshold {
                Threshold::MaxLen(len) => model.len().min(len as usize),
                Threshold::MinId(id) => model.range(id..).count(),
            };
            let counted = stream.count_through(point);
            let before = model.len();
            model.retain(|id, _| *id > point);
            assert_eq!(counted, before - model.len());
            match trim.approximate {
                true => assert!(model.len() >= kept),
                false => assert_eq!(model.len(), kept),
            }
            Some(Inverse::Trim(stream.trim_through(point)))
        }
    }
}

proptest! {
    #[test]
    fn behaves_as_a_map(
        operations in proptest::collection::vec(operation(), 1..200),
        entries in 1usize..12,
        from in 0usize..100,
    ) {
        let limits = StreamLimits { entries, bytes: 200 };
        let (mut stream, mut model) = (Stream::default(), Model::new());
        let mut log = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            let before = (digest(&stream), model.clone());
            let inverse = apply(&mut stream, &mut model, operation, limits);
            prop_assert_eq!(stream.len(), model.len());
            if at >= from {
                log.extend(inverse.map(|inverse| (inverse, before)));
            }
        }
        prop_assert_eq!(&contents(&stream), &model);
        let ids: Vec<StreamId> = model.keys().copied().collect();
        for pair in ids.windows(2) {
            let forward: Vec<StreamId> = stream.range(pair[0], pair[1]).map(|it| it.id).collect();
            prop_assert_eq!(&forward, pair);
            let back: Vec<StreamId> = stream.range_back(pair[0], pair[1]).map(|it| it.id).collect();
            prop_assert_eq!(back, [pair[1], pair[0]]);
        }
        let back = stream.range_back(StreamId::MIN, StreamId::MAX).map(|entry| entry.id);
        prop_assert_eq!(back.collect::<Vec<_>>(), ids.into_iter().rev().collect::<Vec<_>>());
        for (inverse, (digest_before, model_before)) in log.into_iter().rev() {
            match inverse {
                Inverse::Add(position) => stream.undo_add(position),
                Inverse::Delete(id, deleted) => stream.undo_delete(id, deleted),
                Inverse::Trim(trimmed) => stream.undo_trim(trimmed),
            }
            prop_assert_eq!(digest(&stream), digest_before);
            prop_assert_eq!(contents(&stream), model_before);
        }
    }
}
