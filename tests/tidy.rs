//! The rules of the house, held against every file of the workspace.
//!
//! What the compiler and clippy cannot see is checked here: how long files are and how they
//! begin, who imports whom, which words do not belong where. A complaint names file and line, and
//! what to do instead. Each rule has a bad example beside it, on which it must fail.

#[path = "tidy/complaint.rs"]
mod complaint;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/general.rs"]
mod general;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

use complaint::{Complaint, assert_none};
use source::Source;

/// Holds a rule against every Rust file.
fn hold(rule: impl Fn(&Source) -> Vec<Complaint>) {
    let sources = tree::rust_files();
    assert!(sources.len() > 20, "only {} files found: the walk is broken", sources.len());
    assert_none(sources.iter().flat_map(rule).collect());
}

#[test]
fn every_file_says_what_it_is() {
    hold(files::opens_with_its_purpose);
}

#[test]
fn no_file_is_too_long() {
    hold(files::is_short_enough);
}

#[test]
fn modules_are_named_files() {
    hold(files::is_not_mod_rs);
}

#[test]
fn nothing_is_left_for_later_without_an_issue() {
    hold(words::leaves_nothing_for_later);
}

#[test]
fn ignored_tests_have_an_issue() {
    hold(words::ignores_no_test_without_an_issue);
}

#[test]
fn every_select_is_biased() {
    hold(words::biases_every_select);
}

#[test]
fn lints_are_expected_not_allowed() {
    hold(words::allows_no_lint);
}

#[test]
fn things_have_their_names() {
    hold(words::uses_the_words_of_the_house);
}

#[test]
fn rooms_import_only_what_they_may() {
    hold(rooms::imports_only_what_it_may);
}

#[test]
fn rooms_contain_nothing_that_is_not_theirs() {
    hold(rooms::contains_nothing_foreign);
}

#[test]
fn the_harness_does_not_know_what_a_broker_is() {
    hold(general::keeps_the_harness_general);
    let texts = tree::texts_of("harness");
    assert!(texts.iter().any(|text| text.path == "harness/Cargo.toml"), "the walk is broken");
    assert_none(texts.iter().flat_map(general::keeps_the_harness_general).collect());
}

#[test]
fn the_top_level_is_what_the_house_says() {
    assert_none(tree::top_level());
}

#[test]
fn the_lock_file_is_part_of_the_project() {
    assert_none(tree::lock_file());
}

#[test]
fn every_crate_takes_the_workspace_lints_and_keeps_its_direction() {
    assert_none(tree::manifests());
}

#[test]
fn nothing_replaces_the_compilers_flags() {
    assert_none(tree::compiler_flags());
}
