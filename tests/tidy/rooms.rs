//! Who may import whom, and what a room must not contain.

use crate::complaint::Complaint;
use crate::complaint::assert_lines;
use crate::source::{Source, is_word};

/// One row of the table.
struct Room {
    /// `src/<name>.rs` and everything in `src/<name>/`.
    name: &'static str,
    /// What it may name behind `crate::`, beside itself: rooms, or single modules of a room.
    may_import: &'static [&'static str],
    /// What its code must not contain, outside of its tests.
    must_not_contain: &'static [&'static str],
}

/// Time, threads, sockets, files, dice: whatever would make a decision unrepeatable.
const IMPURE: &[&str] = &[
    "async",
    "await",
    "tokio",
    "std::fs",
    "std::net",
    "std::thread",
    "std::time::Instant",
    "Instant::now",
    "SystemTime",
    "rand",
    "HashMap",
    "HashSet",
    "Mutex",
    "RwLock",
    "ErrorCode",
];

const ROOMS: &[Room] = &[
    Room { name: "types", may_import: &[], must_not_contain: IMPURE },
    Room { name: "mutants", may_import: &[], must_not_contain: &["async", "tokio", "std::env"] },
    Room { name: "config", may_import: &["types"], must_not_contain: &["async", "std::fs"] },
    Room { name: "replication", may_import: &["types"], must_not_contain: IMPURE },
    Room { name: "controller", may_import: &["types"], must_not_contain: IMPURE },
    Room { name: "quorum", may_import: &["types"], must_not_contain: IMPURE },
    Room {
        name: "protocol",
        // The quorum's messages cross the wire in a form of our own, and a batch on the wire is
        // told apart by what the probe is told of it.
        may_import: &["types", "quorum", "host::probe"],
        must_not_contain: &["async", "await", "tokio::net", "tokio::time", "std::fs", "std::net"],
    },
    Room {
        name: "host",
        may_import: &["types"],
        must_not_contain: &["replication", "controller", "quorum"],
    },
    Room {
        name: "log",
        may_import: &["types", "protocol", "host"],
        must_not_contain: &[
            "tokio",
            "std::net",
            "std::thread",
            "std::fs",
            "Instant",
            "spawn",
            "sleep",
            "rand",
            "ErrorCode",
        ],
    },
    Room {
        name: "client",
        may_import: &["types", "protocol", "host"],
        must_not_contain: &["std::fs", "std::net", "std::thread", "Instant", "tokio::net"],
    },
    Room {
        name: "server",
        may_import: &[
            "types",
            "config",
            "protocol",
            "host",
            "log",
            "replication",
            "controller",
            "quorum",
            "client",
        ],
        must_not_contain: &["std::fs", "std::net", "std::thread", "Instant", "tokio::net"],
    },
];

/// Where production code ends and the simulation begins, crate by crate.
const CRATES: &[(&str, &[&str])] = &[
    ("src/", &["harness", "workloads", "turmoil"]),
    ("harness/", &["highwater", "workloads"]),
    ("workloads/", &[]),
];

fn room_of(path: &str) -> Option<&'static Room> {
    let inside = path.strip_prefix("src/")?;
    let name = inside.split('/').next()?.trim_end_matches(".rs");
    ROOMS.iter().find(|room| room.name == name)
}

pub(crate) fn imports_only_what_it_may(source: &Source) -> Vec<Complaint> {
    let Some(room) = room_of(&source.path) else { return Vec::new() };
    let mut complaints = Vec::new();
    for (position, imported) in imports(source) {
        let line = source.line_of(position);
        let names =
            |path: &str| imported.strip_prefix(path).is_some_and(|rest| !rest.starts_with(is_word));
        let allowed = names(room.name) || room.may_import.iter().any(|path| names(path));
        let is_room = ROOMS.iter().any(|other| names(other.name));
        // A test of one room may stand on another's, for example a log on a storage in memory.
        if is_room && !allowed && !source.is_test(line) {
            let may = if room.may_import.is_empty() {
                "nothing".to_owned()
            } else {
                room.may_import.join(", ")
            };
            let imported = imported.split(':').next().unwrap_or_default();
            let advice = format!(
                "`{}` may import {may}, not `{imported}`: let the caller pass in what is needed, \
                 or move the decision to where it belongs",
                room.name
            );
            complaints.push(Complaint::new(&source.path, line, advice));
        }
    }
    complaints
}

/// The path behind each `crate::`, with its position; all of them for `crate::{..}`.
fn imports(source: &Source) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for position in source.find_phrase("crate::") {
        if source.code[..position].ends_with('$') {
            continue;
        }
        let start = position + "crate::".len();
        let path = &source.code[start..];
        if !path.starts_with('{') {
            found.push((position, first_path(path)));
            continue;
        }
        let mut depth = 0_usize;
        for (at, c) in path.char_indices() {
            match c {
                '}' if depth == 1 => break,
                '}' => depth -= 1,
                '{' => depth += 1,
                ',' => {}
                _ => continue,
            }
            if depth == 1 && c != '}' {
                let entry = &path[at + 1..];
                let blank = entry.len() - entry.trim_start().len();
                found.push((start + at + 1 + blank, first_path(entry.trim_start())));
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

fn first_path(path: &str) -> &str {
    &path[..path.find(|c| !is_word(c) && c != ':').unwrap_or(path.len())]
}

pub(crate) fn contains_nothing_foreign(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    // Only one place touches the machine, and it says so itself.
    let touches_the_machine = source.path.starts_with("src/host/tokio");
    if let Some(room) = room_of(&source.path).filter(|_| !touches_the_machine) {
        let advice = format!("does not belong into `{}`: see section 4 of the house", room.name);
        complaints.extend(found(source, room.must_not_contain, &advice, false));
    }
    for (root, foreign) in CRATES {
        if source.path.starts_with(root) {
            let advice = "points the wrong way: workloads know the harness and the broker, \
                          neither knows them";
            complaints.extend(found(source, foreign, advice, true));
        }
    }
    complaints.sort_by_key(|complaint| complaint.line);
    complaints
}

fn found(source: &Source, phrases: &[&str], advice: &str, in_tests: bool) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for phrase in phrases {
        for position in source.find_phrase(phrase) {
            let line = source.line_of(position);
            if in_tests || !source.is_test(line) {
                let advice = format!("`{phrase}` {advice}");
                complaints.push(Complaint::new(&source.path, line, advice));
            }
        }
    }
    complaints
}

#[test]
fn a_wrong_import_is_found_however_it_is_written() {
    let text = "use crate::types::Offset;\nuse crate::server::x;\n\
                use crate::{\n    types::{A, B},\n    log::Log,\n    host,\n};\n\
                fn f() { crate::client::g(); }\n// crate::server\n\
                #[cfg(test)]\nmod tests {\n    use crate::server::x;\n}\n";
    let source = Source::new("src/replication/leader.rs", text);
    assert_lines(&imports_only_what_it_may(&source), &[2, 5, 6, 8]);
    let server = Source::new("src/server/shell.rs", text);
    assert_lines(&imports_only_what_it_may(&server), &[]);
    let macros = Source::new("src/types.rs", "$crate::server::x!();\nuse crate::number;\n");
    assert_lines(&imports_only_what_it_may(&macros), &[]);
}

#[test]
fn an_exception_goes_no_further_than_it_says() {
    let text = "use crate::quorum::QuorumMessage;\nuse crate::replication::Event;\n\
                use crate::host::probe::BatchId;\nuse crate::host::Network;\n\
                use crate::{host::Storage, host::probe};\n";
    let source = Source::new("src/protocol/own.rs", text);
    assert_lines(&imports_only_what_it_may(&source), &[2, 4, 5]);
}

#[test]
fn impure_code_in_a_pure_room_is_found() {
    let text = "async fn a() {}\nlet x = std::fs::read(p);\nlet m: HashMap<A, B>;\n\
                // async tokio\nlet operand = \"tokio\";\n";
    let source = Source::new("src/controller.rs", text);
    assert_lines(&contains_nothing_foreign(&source), &[1, 2, 3]);
}

#[test]
fn tests_of_a_room_may_use_what_the_room_may_not() {
    let text = "#[cfg(test)]\nmod tests {\n    use tokio::runtime::Runtime;\n}\nuse tokio::x;\n";
    assert_lines(&contains_nothing_foreign(&Source::new("src/log/a.rs", text)), &[5]);
    assert_lines(&contains_nothing_foreign(&Source::new("src/log/tests.rs", "use tokio::x;")), &[]);
}

#[test]
fn a_crate_that_looks_the_wrong_way_is_found() {
    let text = "use turmoil::Sim;\n";
    assert_lines(&contains_nothing_foreign(&Source::new("src/main.rs", text)), &[1]);
    assert_lines(&contains_nothing_foreign(&Source::new("harness/src/a.rs", text)), &[]);
    let text = "use highwater::types::Offset;\n";
    assert_lines(&contains_nothing_foreign(&Source::new("harness/src/a.rs", text)), &[1]);
    assert_lines(&contains_nothing_foreign(&Source::new("workloads/src/a.rs", text)), &[]);
}
