//! What a rule has to say.

use std::fmt;

/// One place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The file, from the root of the workspace.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong and what to do instead.
    pub(crate) advice: String,
}

impl Complaint {
    pub(crate) fn new(file: &str, line: usize, advice: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, advice: advice.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.advice)
    }
}

/// Fails with every complaint, one a line.
#[track_caller]
pub(crate) fn assert_none(complaints: Vec<Complaint>) {
    let told: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "the house is not tidy:\n{}", told.join("\n"));
}

/// Checks what a rule says about a bad example: the lines, in order.
#[track_caller]
pub(crate) fn assert_lines(complaints: &[Complaint], lines: &[usize]) {
    let found: Vec<usize> = complaints.iter().map(|complaint| complaint.line).collect();
    assert_eq!(found, lines, "{complaints:?}");
}
