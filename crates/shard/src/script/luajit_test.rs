//! What scripts can see of LuaJIT's being no Lua 5.1: `luajit.txt` has what Redis replies, and what is
//! replied here where that is something else. Both are held to.

use crate::script::sha::Sha;
use crate::testing::Rig;

/// A script, the reply of Redis, and our own where it differs.
struct Row<'a> {
    script: &'a str,
    redis: &'a str,
    ours: Option<&'a str>,
}

fn rows() -> Vec<Row<'static>> {
    let mut rows: Vec<Row<'static>> = Vec::new();
    for line in include_str!("luajit.txt").lines() {
        let Some((mark, text)) = line.split_once(' ') else { continue };
        match (mark, rows.last_mut()) {
            (">", _) => rows.push(Row { script: text, redis: "", ours: None }),
            ("<", Some(row)) => row.redis = text,
            ("!", Some(row)) => row.ours = Some(text),
            _ => assert_eq!(mark, "#", "{line}"),
        }
    }
    rows
}

#[test]
fn replies_are_those_of_the_table() {
    let mut rig = Rig::new().once();
    let rows = rows();
    assert!(rows.len() > 200, "{}", rows.len());
    let mut wrong = Vec::new();
    for Row { script, redis, ours } in rows {
        let body = script.replace('⏎', "\n");
        let reply = rig.run_parts(&["EVAL", &body, "0"]);
        let reply = reply.replace(&Sha::of(body.as_bytes()).hex(), "<sha>");
        if reply != ours.unwrap_or(redis) {
            wrong.push(format!("{script}\nis {reply}\nnot {}", ours.unwrap_or(redis)));
        }
        assert_ne!(ours, Some(redis), "{script}: this is no difference");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
