//! Tests of the store of libraries.

use super::*;

fn library(name: &str, functions: &[&str]) -> Arc<Library> {
    let function = |name: &&str| Function {
        name: (*name).to_owned(),
        description: None,
        flags: ScriptFlags::default(),
    };
    let functions = functions.iter().map(function).collect();
    Arc::new(Library { name: name.into(), code: b"code".to_vec(), functions })
}

fn text(result: Result<(), CommandError>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "OK".into())
}

fn names(store: &FunctionStore) -> Vec<String> {
    store.libraries().iter().map(|library| library.name.clone()).collect()
}

#[test]
fn a_refused_change_changes_nothing() {
    let store = FunctionStore::default();
    store.add(library("a", &["f"]), false).unwrap();
    let generation = store.generation();
    let refusals = [
        text(store.add(library("a", &["g"]), false)),
        text(store.add(library("b", &["g", "F"]), true)),
        text(store.delete(b"A")),
        text(store.restore(&[library("c", &["h"]), library("a", &["g"])], Restore::Append)),
        text(store.restore(&[library("c", &["f"])], Restore::Replace)),
        text(store.restore(&[library("c", &["x"]), library("d", &["X"])], Restore::Flush)),
    ];
    let expected = [
        "ERR Library 'a' already exists",
        "ERR Function F already exists",
        "ERR Library not found",
        "ERR Library a already exists",
        "ERR Function f already exists",
        "ERR Function X already exists",
    ];
    assert_eq!(refusals, expected);
    assert_eq!((names(&store), store.generation()), (vec!["a".to_owned()], generation));
}

#[test]
fn a_library_is_replaced_by_one_of_its_name() {
    let store = FunctionStore::default();
    store.add(library("a", &["f", "g"]), false).unwrap();
    store.add(library("A", &["h"]), false).unwrap();
    store.add(library("a", &["f"]), true).unwrap();
    // What the old one had is free for others.
    store.add(library("b", &["g"]), false).unwrap();
    assert_eq!(names(&store), ["A", "a", "b"]);
    let figures = FunctionFigures { libraries: 3, functions: 3, memory: 3 * 6 };
    assert_eq!(store.figures(), figures);
}

#[test]
fn restoring_appends_replaces_or_flushes() {
    let store = FunctionStore::default();
    store.add(library("a", &["f"]), false).unwrap();
    store.restore(&[library("b", &["g"])], Restore::Append).unwrap();
    store.restore(&[library("a", &["h"]), library("c", &["f"])], Restore::Replace).unwrap();
    assert_eq!(names(&store), ["a", "b", "c"]);
    assert_eq!(store.snapshot().flushes, 0);
    store.restore(&[library("d", &["f"])], Restore::Flush).unwrap();
    assert_eq!(names(&store), ["d"]);
    assert_eq!(store.snapshot().flushes, 1);
}

#[test]
fn the_generation_tells_of_every_change() {
    let store = FunctionStore::default();
    let mut seen = vec![store.generation()];
    store.add(library("a", &["f"]), false).unwrap();
    seen.push(store.generation());
    store.restore(&[], Restore::Append).unwrap();
    seen.push(store.generation());
    store.delete(b"a").unwrap();
    seen.push(store.generation());
    store.flush();
    seen.push(store.generation());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert_eq!(store.snapshot().generation, store.generation());
}
