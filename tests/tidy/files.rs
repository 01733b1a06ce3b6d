//! How files begin, how long they are, what they are called.

use crate::complaint::Complaint;
use crate::complaint::assert_lines;
use crate::source::Source;

const LINES_MAX: usize = 500;

pub(crate) fn opens_with_its_purpose(source: &Source) -> Vec<Complaint> {
    let first = source.text.lines().next().unwrap_or_default();
    if first.strip_prefix("//! ").is_some_and(|purpose| purpose.trim().len() > 10) {
        return Vec::new();
    }
    let advice = "begin the file with `//! ` and one sentence that says what it is";
    vec![Complaint::new(&source.path, 1, advice)]
}

pub(crate) fn is_short_enough(source: &Source) -> Vec<Complaint> {
    let lines = source.text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    let advice =
        format!("{lines} lines are more than {LINES_MAX}: cut the file by role or by property");
    vec![Complaint::new(&source.path, lines, advice)]
}

pub(crate) fn is_not_mod_rs(source: &Source) -> Vec<Complaint> {
    if !source.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    let advice = "name the file after its module and put it beside the module's directory";
    vec![Complaint::new(&source.path, 1, advice)]
}

#[test]
fn a_file_without_a_purpose_is_found() {
    for text in ["use a;\n", "//! Hm.\n", "/// Not the file's own sentence.\n", ""] {
        assert_lines(&opens_with_its_purpose(&Source::new("src/a.rs", text)), &[1]);
    }
    let good = Source::new("src/a.rs", "//! What this file is for.\n");
    assert_lines(&opens_with_its_purpose(&good), &[]);
}

#[test]
fn a_long_file_is_found() {
    let lines = |count| Source::new("src/a.rs", &"\n".repeat(count));
    assert_lines(&is_short_enough(&lines(LINES_MAX)), &[]);
    assert_lines(&is_short_enough(&lines(LINES_MAX + 1)), &[501]);
}

#[test]
fn a_mod_rs_is_found() {
    assert_lines(&is_not_mod_rs(&Source::new("src/log/mod.rs", "")), &[1]);
    assert_lines(&is_not_mod_rs(&Source::new("src/log.rs", "")), &[]);
}
