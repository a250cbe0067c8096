//! Lists against a plain deque: every change, and taking it back.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn texts(list: &List) -> Vec<Vec<u8>> {
    list.iter_from(0).map(Element::to_vec).collect()
}

/// What must be as it was when a change has been taken back.
fn state(list: &List) -> (Vec<Vec<u8>>, &'static str, usize) {
    (texts(list), list.encoding(), list.len())
}

fn check(list: &List) {
    assert!(list.nodes.iter().all(|node| node.len() > 0), "I1");
    assert!(list.quick || list.nodes.len() <= 1, "I2");
    assert_eq!(list.len, list.nodes.iter().map(|node| node.len()).sum::<usize>());
}

#[derive(Debug, Clone)]
enum Operation {
    Push(bool, Vec<Vec<u8>>),
    Cut(bool, usize),
    Drop(bool, usize),
    Set(usize, Vec<u8>),
    Insert(usize, Vec<u8>),
    Remove(Vec<u8>, i64),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0i64..12).prop_map(|n| n.to_string().into_bytes()),
        2 => "[a-z]{0,20}".prop_map(String::into_bytes),
        1 => "[a-z]{300,900}".prop_map(String::into_bytes),
        1 => any::<i64>().prop_map(|n| n.to_string().into_bytes()),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (any::<bool>(), proptest::collection::vec(text(), 1..20))
            .prop_map(|(head, texts)| Operation::Push(head, texts)),
        1 => (any::<bool>(), 0usize..30).prop_map(|(head, count)| Operation::Cut(head, count)),
        1 => (any::<bool>(), 0usize..5).prop_map(|(head, count)| Operation::Drop(head, count)),
        1 => (0usize..80, text()).prop_map(|(index, text)| Operation::Set(index, text)),
        2 => (0usize..80, text()).prop_map(|(index, text)| Operation::Insert(index, text)),
        2 => (text(), -3i64..4).prop_map(|(text, count)| Operation::Remove(text, count)),
    ]
}

fn end_of(head: bool) -> End {
    if head { End::Head } else { End::Tail }
}

/// Makes a change and returns what takes it back.
fn apply(list: &mut List, operation: &Operation, limit: ListLimit) -> Option<Change> {
    match operation {
        Operation::Push(head, texts) => {
            list.grow(texts.iter().map(Vec::len).sum(), texts.len(), limit);
            texts.iter().for_each(|text| list.push(end_of(*head), text, limit));
            Some(Change::Pushed(end_of(*head), texts.len()))
        }
        Operation::Cut(head, count) => {
            let cut = list.cut(end_of(*head), *count);
            list.shrink(limit);
            Some(Change::Cut(end_of(*head), cut))
        }
        Operation::Drop(head, count) => {
            list.drop_end(end_of(*head), *count);
            list.shrink(limit);
            None
        }
        Operation::Set(index, text) => {
            list.grow(text.len(), 1, limit);
            let old = list.set(*index, text, limit)?;
            list.shrink(limit);
            Some(Change::Replaced(*index, old))
        }
        Operation::Insert(index, text) => {
            let index = (*index).min(list.len());
            list.grow(text.len(), 1, limit);
            list.insert(index, text, limit);
            Some(Change::Inserted(index))
        }
        Operation::Remove(text, count) => {
            let go_on = || Ok::<(), ()>(());
            let indexes = crate::keyspace::indexes_of(list, text, *count, go_on).ok()?;
            list.remove(&indexes);
            list.shrink(limit);
            Some(Change::Removed(indexes, text.clone()))
        }
    }
}

fn apply_to_model(model: &mut VecDeque<Vec<u8>>, operation: &Operation) {
    match operation {
        Operation::Push(true, texts) => texts.iter().for_each(|t| model.push_front(t.clone())),
        Operation::Push(false, texts) => model.extend(texts.iter().cloned()),
        Operation::Cut(true, count) | Operation::Drop(true, count) => {
            model.drain(..(*count).min(model.len()));
        }
        Operation::Cut(false, count) | Operation::Drop(false, count) => {
            model.truncate(model.len().saturating_sub(*count));
        }
        Operation::Set(index, text) => {
            if let Some(element) = model.get_mut(*index) {
                element.clone_from(text);
            }
        }
        Operation::Insert(index, text) => {
            model.insert((*index).min(model.len()), text.clone());
        }
        Operation::Remove(text, count) => {
            let mut equal: Vec<usize> =
                (0..model.len()).filter(|&index| model[index] == *text).collect();
            let most = count.unsigned_abs() as usize;
            match count {
                0 => {}
                1.. => equal.truncate(most),
                _ => drop(equal.drain(..equal.len().saturating_sub(most))),
            }
            equal.into_iter().rev().for_each(|index| drop(model.remove(index)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn behaves_as_a_deque_and_every_change_is_taken_back(
        limit in proptest::sample::select(vec![1, 3, 10, -1, -2]),
        operations in proptest::collection::vec(operation(), 1..60),
    ) {
        let limit = ListLimit(limit);
        let (mut list, mut model) = (List::default(), VecDeque::new());
        for operation in operations {
            let before = state(&list);
            let quick = list.is_quick();
            let mut tried = list.clone();
            if let Some(change) = apply(&mut tried, &operation, limit) {
                check(&tried);
                tried.take_back(change, quick, limit);
                check(&tried);
                prop_assert_eq!(state(&tried), before, "{:?}", operation);
            }
            apply(&mut list, &operation, limit);
            apply_to_model(&mut model, &operation);
            check(&list);
            prop_assert!(texts(&list).iter().eq(model.iter()), "{:?}", operation);
        }
        for index in 0..model.len() + 2 {
            prop_assert_eq!(list.get(index).map(Element::to_vec), model.get(index).cloned());
        }
        let middle = model.len() / 2;
        let back: Vec<Vec<u8>> = list.iter_back_from(middle).map(Element::to_vec).collect();
        prop_assert!(back.iter().eq(model.iter().take(middle + 1).rev()));
        let on = list.iter_from(middle).map(Element::to_vec);
        prop_assert!(on.eq(model.iter().skip(middle).cloned()));
    }
}

#[test]
fn a_quicklist_shrinks_to_a_listpack_at_half_the_limit() {
    let limit = ListLimit(10);
    let mut list = List::default();
    for n in 0..10 {
        list.grow(1, 1, limit);
        list.push(End::Tail, &[b'0' + n], limit);
    }
    assert_eq!(list.encoding(), "listpack");
    list.grow(1, 1, limit);
    list.push(End::Tail, b"x", limit);
    assert_eq!((list.encoding(), list.nodes.len()), ("quicklist", 2));
    for left in (0..11).rev() {
        list.drop_end(End::Tail, 1);
        list.shrink(limit);
        assert_eq!(list.encoding(), if left > 5 { "quicklist" } else { "listpack" }, "{left}");
    }
}

#[test]
fn many_equal_elements_go_and_come_back() {
    let limit = ListLimit(-1);
    let mut list = List::default();
    list.grow(1 << 20, 1, limit);
    for n in 0..50_000u32 {
        let text =
            if (10_000..30_000).contains(&n) || n % 7 == 0 { "gone".into() } else { n.to_string() };
        list.push(End::Tail, text.as_bytes(), limit);
    }
    let before = texts(&list);
    let nodes = list.nodes.len();
    let go_on = || Ok::<(), ()>(());
    let indexes = crate::keyspace::indexes_of(&list, b"gone", 0, go_on).unwrap();
    list.remove(&indexes);
    check(&list);
    assert_eq!(list.len(), 50_000 - indexes.len());
    list.take_back(Change::Removed(indexes, b"gone".to_vec()), true, limit);
    check(&list);
    assert!(texts(&list) == before);
    assert!(list.nodes.len() < nodes * 2, "{} of {nodes}", list.nodes.len());
}

#[test]
fn an_element_of_16_bytes_costs_less_than_19_from_either_end() {
    for end in [End::Head, End::Tail] {
        let mut list = List::default();
        list.grow(1 << 20, 1, ListLimit::default());
        for n in 0..100_000 {
            list.push(end, format!("element:{n:08}").as_bytes(), ListLimit::default());
        }
        let each = list.memory() as f64 / 100_000.0;
        assert!(each < 19.0, "{end:?}: {each}");
    }
}
