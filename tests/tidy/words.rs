//! Words that do not belong into the code, wherever it is.

use crate::complaint::Complaint;
use crate::complaint::assert_lines;
use crate::source::{Source, is_word};

/// Spelled so that this file does not complain about itself.
const LATER: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("HA", "CK")];

/// Parts of names that say nothing, or abbreviate what has a name. With each, what to write.
const POOR_WORDS: &[(&str, &str)] = &[
    ("leo", "log_end_offset"),
    ("leso", "leader_epoch_start_offset"),
    ("hw", "high_watermark"),
    ("hwm", "high_watermark"),
    ("manager", "a name for what it does; ReplicaManager is the last of its kind"),
    ("helper", "a name for what it does"),
    ("helpers", "a name for what they do"),
    ("util", "a name for what it does"),
    ("utils", "a name for what they do"),
    ("misc", "a name for what it is"),
    ("stuff", "a name for what it is"),
];

/// Kafka's own fields are called so on the wire, and the numbered rules of replication use the
/// letters, so tests may; inside, the set has its whole name.
const POOR_WORDS_INSIDE: &[(&str, &str)] =
    &[("isr", "in_sync_replicas"), ("elr", "eligible_leader_replicas")];

pub(crate) fn leaves_nothing_for_later(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let words = line.split(|c| !is_word(c));
        if words.into_iter().any(|word| LATER.contains(&word)) && !line.contains("(#") {
            let advice = "do it now, or open an issue and name it: `(#12)` behind the word";
            complaints.push(Complaint::new(&source.path, index + 1, advice));
        }
    }
    complaints
}

pub(crate) fn ignores_no_test_without_an_issue(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for position in source.find_phrase("#[ignore") {
        let line = source.line_of(position);
        let text = source.text.lines().nth(line - 1).unwrap_or_default();
        let named =
            text.split('#').skip(2).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if !named {
            let advice = "mend the test, or name the issue: `#[ignore = \"#12: why\"]`";
            complaints.push(Complaint::new(&source.path, line, advice));
        }
    }
    complaints
}

pub(crate) fn biases_every_select(source: &Source) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for position in source.find_phrase("select!") {
        let inside = source.code[position + "select!".len()..].trim_start();
        let inside = inside.trim_start_matches(['{', '(']).trim_start();
        if !inside.starts_with("biased;") {
            let advice = "begin with `biased;`: an unbiased select! rolls dice of its own";
            complaints.push(Complaint::new(&source.path, source.line_of(position), advice));
        }
    }
    complaints
}

pub(crate) fn allows_no_lint(source: &Source) -> Vec<Complaint> {
    let mut places = source.find_phrase("#[allow");
    places.extend(source.find_phrase("#![allow"));
    let advice = "write `#[expect(.., reason = \"..\")]`, which tells when it is not needed";
    places
        .into_iter()
        .map(|position| Complaint::new(&source.path, source.line_of(position), advice))
        .collect()
}

pub(crate) fn uses_the_words_of_the_house(source: &Source) -> Vec<Complaint> {
    const PURE: [&str; 5] =
        ["src/types", "src/replication", "src/controller", "src/quorum", "src/log"];
    let inside = PURE.iter().any(|room| source.path.starts_with(room));
    let mut complaints = Vec::new();
    for (position, identifier) in source.identifiers() {
        let words = words_of(identifier);
        // Kafka's own name, the name of a crate, and a module that another crate calls so: a
        // module of ours would be found where it is declared.
        let known = [["replica", "manager"], ["tokio", "util"]];
        let foreign = source.code[position + identifier.len()..].starts_with("::");
        let known = words.windows(2).any(|pair| known.iter().any(|name| pair == name))
            || (identifier == "util" && foreign);
        let names = |(word, _): &&(&str, &str)| words.iter().any(|part| part == word);
        let found = POOR_WORDS.iter().find(names).or_else(|| {
            let letters = POOR_WORDS_INSIDE.iter().find(names).filter(|_| inside)?;
            (!source.is_test(source.line_of(position))).then_some(letters)
        });
        if let Some((_, better)) = found.filter(|_| !known) {
            let advice = format!("`{identifier}`: write {better}");
            complaints.push(Complaint::new(&source.path, source.line_of(position), advice));
        }
    }
    complaints
}

/// `LeaderEpoch`, `leader_epoch` and `LEADER_EPOCH` are the words `leader` and `epoch`.
pub(crate) fn words_of(identifier: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in identifier.split('_').filter(|part| !part.is_empty()) {
        let shouted = !part.chars().any(char::is_lowercase);
        let mut word = String::new();
        for c in part.chars() {
            if c.is_uppercase() && !shouted && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            word.extend(c.to_lowercase());
        }
        words.push(word);
    }
    words
}

fn source(text: &str) -> Source {
    Source::new("src/replication/a.rs", text)
}

#[test]
fn names_fall_into_words() {
    assert_eq!(words_of("LeaderEpochCache"), ["leader", "epoch", "cache"]);
    assert_eq!(words_of("LEADER_EPOCH"), ["leader", "epoch"]);
    assert_eq!(words_of("_x1"), ["x1"]);
}

#[test]
fn what_is_left_for_later_is_found() {
    let [first, second, ..] = LATER;
    let text = format!("// {first}: mend\n// {second}(#7): mend\n// a {first}ISH word\n");
    assert_lines(&leaves_nothing_for_later(&source(&text)), &[1]);
}

#[test]
fn a_test_ignored_without_an_issue_is_found() {
    let text = "#[ignore]\nfn a() {}\n#[ignore = \"slow\"]\n#[ignore = \"#12: slow\"]\n";
    assert_lines(&ignores_no_test_without_an_issue(&source(text)), &[1, 3]);
}

#[test]
fn an_unbiased_select_is_found() {
    let text = "tokio::select! {\n  biased;\n}\ntokio::select! {\n  a = b => {}\n}\n\
                ::tokio::select! { // comment\n  biased;\n}\nselect!(a)\n";
    assert_lines(&biases_every_select(&source(text)), &[4, 10]);
}

#[test]
fn an_allowed_lint_is_found() {
    let text = "#[allow(dead_code)]\n#![allow(x)]\n#[expect(x, reason = \"y\")]\n// #[allow(x)]\n";
    assert_lines(&allows_no_lint(&source(text)), &[1, 2]);
}

#[test]
fn poor_names_are_found() {
    let text = "let leo = 1;\nstruct DiskManager;\nstruct ReplicaManager;\nuse tokio_util::x;\n\
                let isr = 1; // hw\nlet show = 1;\n";
    assert_lines(&uses_the_words_of_the_house(&source(text)), &[1, 2, 5]);
    let tests = Source::new("src/replication/tests.rs", "let isr = 1;\nlet hw = 1;\n");
    assert_lines(&uses_the_words_of_the_house(&tests), &[2]);
    let wire = Source::new("src/protocol/a.rs", "metadata.isr_nodes = 1;\nlet hw = 1;\n");
    assert_lines(&uses_the_words_of_the_house(&wire), &[2]);
}
