//! The harness tests anything on tokio, so it must not know what is being tested here.
//!
//! Not only its identifiers: somebody who has never heard of our subject reads its comments, its
//! messages and its README as well. So every word of every file counts, in whatever case.

use crate::complaint::Complaint;
use crate::complaint::assert_lines;
use crate::source::{Source, is_word};
use crate::words::words_of;

/// Words that only make sense to somebody who knows what is being tested, and what to say instead.
/// What every replicated system has (nodes, replicas, epochs, partitions of a network) and what the
/// log checker judges (keys, logs, offsets, polls, consumers) may be named.
const SUBJECT: &[(&str, &str)] = &[
    ("highwater", "the program under test"),
    ("kafka", "what it does, without the name"),
    ("broker", "node"),
    ("topic", "key or log"),
    ("leader", "the role's purpose, or a role with another name"),
    ("follower", "replica, or a role with another name"),
    ("controller", "a role with another name"),
    ("isr", "what the acknowledgement promises"),
    ("acks", "what the acknowledgement promises"),
    ("kraft", "what it does, without the name"),
    ("zookeeper", "what it does, without the name"),
];

/// Where a word may stand all the same: the beginning of a path, the word, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("harness/src/history/jepsen", "kafka", "the foreign format is that of a workload called so"),
    ("harness/src/history/jepsen", "topic", "part of a name in the foreign format"),
    ("harness/src/history/jepsen", "acks", "a key in the foreign format"),
    ("harness/src/history.rs", "kafka", "says which foreign format is read"),
];

pub(crate) fn keeps_the_harness_general(source: &Source) -> Vec<Complaint> {
    if !source.path.starts_with("harness/") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for token in line.split(|c| !is_word(c)) {
            for word in words_of(token) {
                let singular = word.strip_suffix('s').unwrap_or(&word);
                let known = SUBJECT.iter().find(|(name, _)| *name == word || *name == singular);
                let Some((name, better)) = known.filter(|(name, _)| !excepted(source, name)) else {
                    continue;
                };
                let advice = format!(
                    "`{name}` in `{token}`: the harness tests any tokio system; say {better}, or \
                     move this to workloads"
                );
                complaints.push(Complaint::new(&source.path, index + 1, advice));
            }
        }
    }
    complaints
}

fn excepted(source: &Source, word: &str) -> bool {
    EXCEPTIONS.iter().any(|(path, name, _)| source.path.starts_with(path) && *name == word)
}

#[test]
fn a_harness_that_knows_its_subject_is_found() {
    let text = "// the leader of a topic\nlet text = \"Kafka's\";\nfn leaders_of() {}\n\
                struct BrokerId;\nlet ringleader = 1; // a partition, a replica, an offset\n\
                const ACKS_ALL: u8 = 1;\nlet basis = axis;\n";
    let source = Source::new("harness/src/cluster.rs", text);
    assert_lines(&keeps_the_harness_general(&source), &[1, 1, 2, 3, 4, 6]);
    let elsewhere = Source::new("workloads/src/system.rs", text);
    assert_lines(&keeps_the_harness_general(&elsewhere), &[]);
    let readme = Source::new("harness/README.md", "A test for brokers.\n");
    assert_lines(&keeps_the_harness_general(&readme), &[1]);
}

#[test]
fn an_exception_holds_for_its_word_and_its_place_only() {
    let text = "//! Kafka's topic, and its leader.\n";
    let inside =
        keeps_the_harness_general(&Source::new("harness/src/history/jepsen/read.rs", text));
    assert_eq!(inside.len(), 1, "{inside:?}");
    assert_eq!(keeps_the_harness_general(&Source::new("harness/src/history/x.rs", text)).len(), 3);
}
