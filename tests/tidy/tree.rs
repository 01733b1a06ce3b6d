//! The workspace as a whole: which files there are, and the manifests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::complaint::Complaint;
use crate::complaint::assert_lines;
use crate::source::Source;

/// What stands at the root, beside files that begin with a dot.
const TOP_LEVEL: [&str; 7] =
    ["Cargo.toml", "Cargo.lock", "README.md", "src", "harness", "workloads", "tests"];

/// Crates and what must not be among their dependencies. Development dependencies may: Cargo
/// allows the circle, and the stories need it.
const DIRECTIONS: [(&str, &[&str]); 3] = [
    ("Cargo.toml", &["harness", "workloads", "turmoil"]),
    ("harness/Cargo.toml", &["highwater", "workloads"]),
    ("workloads/Cargo.toml", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Every Rust file of the workspace, sorted by path.
pub(crate) fn rust_files() -> Vec<Source> {
    let mut paths = Vec::new();
    for directory in ["src", "harness", "workloads", "tests"] {
        collect(&root().join(directory), &["rs"], &mut paths);
    }
    let mut sources = sources(paths);
    let for_tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let belongs = |module: &String| {
            let rest = source.path.strip_prefix(module.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        if for_tests.iter().any(belongs) {
            source.set_test();
        }
    }
    sources
}

/// Manifests and prose below a directory, sorted by path.
pub(crate) fn texts_of(directory: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join(directory), &["md", "toml"], &mut paths);
    sources(paths)
}

fn sources(mut paths: Vec<PathBuf>) -> Vec<Source> {
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a file of the workspace is readable text");
        let inside = path.strip_prefix(root()).expect("found below the root");
        Source::new(&inside.to_string_lossy().replace('\\', "/"), &text)
    };
    paths.into_iter().map(read).collect()
}

fn collect(directory: &Path, endings: &[&str], paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.expect("a directory of the workspace is readable").path();
        if path.is_dir() {
            collect(&path, endings, paths);
        } else if path.extension().is_some_and(|ending| endings.iter().any(|e| ending == *e)) {
            paths.push(path);
        }
    }
}

pub(crate) fn top_level() -> Vec<Complaint> {
    let entries = fs::read_dir(root()).expect("the root is readable");
    let names = entries.map(|entry| {
        entry.expect("the root is readable").file_name().to_string_lossy().into_owned()
    });
    unexpected(names.collect(), &read(".gitignore"))
}

fn unexpected(mut names: Vec<String>, ignored: &str) -> Vec<Complaint> {
    names.sort();
    names.retain(|name| {
        !name.starts_with('.')
            && !TOP_LEVEL.contains(&name.as_str())
            && !ignored.lines().any(|pattern| is_ignored(pattern, name))
    });
    let advice = "does not belong at the top level: put it into a room, or give tools a dotfile";
    names.iter().map(|name| Complaint::new(name, 1, format!("`{name}` {advice}"))).collect()
}

/// The two kinds of pattern in our `.gitignore`: `/name`, perhaps with a star at its end, and
/// `*.ending`.
fn is_ignored(pattern: &str, name: &str) -> bool {
    if let Some(ending) = pattern.strip_prefix('*') {
        return !ending.is_empty() && name.ends_with(ending);
    }
    let Some(pattern) = pattern.strip_prefix('/') else { return false };
    match pattern.strip_suffix('*') {
        Some(start) => !start.is_empty() && name.starts_with(start),
        None => name == pattern,
    }
}

pub(crate) fn lock_file() -> Vec<Complaint> {
    let mut complaints = Vec::new();
    if read("Cargo.lock").is_empty() {
        let advice = "commit it: a seed means nothing without the versions it ran with";
        complaints.push(Complaint::new("Cargo.lock", 1, advice));
    }
    complaints.extend(hidden_lock_file(&read(".gitignore")));
    complaints
}

fn hidden_lock_file(ignored: &str) -> Vec<Complaint> {
    let lines = ignored.lines().enumerate().filter(|(_, line)| line.contains("Cargo.lock"));
    lines
        .map(|(index, _)| {
            let advice = "do not ignore Cargo.lock: a seed means nothing without it";
            Complaint::new(".gitignore", index + 1, advice)
        })
        .collect()
}

pub(crate) fn manifests() -> Vec<Complaint> {
    let all = DIRECTIONS.iter();
    all.flat_map(|(path, foreign)| manifest(path, &read(path), foreign)).collect()
}

fn manifest(path: &str, text: &str, foreign: &[&str]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let mut section = "";
    let mut takes_lints = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('[') {
            section = line.trim();
        }
        takes_lints |= section == "[lints]" && line.replace(' ', "") == "workspace=true";
        let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
        if section == "[dependencies]" && foreign.contains(&name) {
            let advice = format!("`{name}` points the wrong way: see section 4 of the house");
            complaints.push(Complaint::new(path, index + 1, advice));
        }
    }
    if !takes_lints {
        let advice = "add `[lints]` with `workspace = true`";
        complaints.push(Complaint::new(path, 1, advice));
    }
    complaints
}

pub(crate) fn compiler_flags() -> Vec<Complaint> {
    let files = [".ci/run", ".github/workflows/ci.yml", ".github/workflows/nightly.yml"];
    files.iter().flat_map(|path| sets_flags(path, &read(path))).collect()
}

fn sets_flags(path: &str, text: &str) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or_default();
        if code.contains("RUSTFLAGS") && !code.trim_start().starts_with("unset ") {
            let advice = "do not set it: it replaces what .cargo/config.toml says";
            complaints.push(Complaint::new(path, index + 1, advice));
        }
    }
    complaints
}

#[test]
fn a_stray_file_at_the_top_is_found() {
    let names = ["src", "Makefile", ".github", "target", "target-2", "a.profraw", "Cargo.toml"];
    let names = names.map(str::to_owned).to_vec();
    let complaints = unexpected(names, "/target\n/target-*\n*.profraw\n");
    assert_lines(&complaints, &[1]);
    assert!(complaints[0].advice.contains("Makefile"), "{complaints:?}");
}

#[test]
fn an_ignored_lock_file_is_found() {
    assert_lines(&hidden_lock_file("/target\nCargo.lock\n"), &[2]);
}

#[test]
fn a_manifest_that_looks_the_wrong_way_is_found() {
    let text = "[dependencies]\nturmoil = \"1\"\nbytes.workspace = true\n\
                [dev-dependencies]\nharness = { path = \"harness\" }\n\n[lints]\nworkspace = true\n";
    assert_lines(&manifest("Cargo.toml", text, &["harness", "turmoil"]), &[2]);
    assert_lines(&manifest("Cargo.toml", "[dependencies]\n", &[]), &[1]);
}

#[test]
fn a_script_that_sets_flags_is_found() {
    let text = "# RUSTFLAGS would replace\nunset RUSTFLAGS\nRUSTFLAGS=-Dwarnings cargo build\n";
    assert_lines(&sets_flags(".ci/run", text), &[3]);
}
