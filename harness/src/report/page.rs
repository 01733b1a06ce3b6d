//! One run as one page that needs nothing but a browser.
//!
//! The page is a skeleton with a script; what it shows is this data, embedded as JSON. It knows
//! nodes, clients, faults and logs, and nothing of the system under test, which gives its states
//! and lines their names. Lists that grow with the run are written as columns of small numbers, so
//! that a run of a hundred thousand calls is a page of a few megabytes.

mod calls;
mod faults;

use std::time::Duration;

use serde::Serialize;

pub use calls::Calls;
pub use faults::Band;

use super::RunReport;
use crate::history::Key;

const STYLE: &str = include_str!("page/page.css");
const BODY: &str = include_str!("page/page.html");

/// In the order in which they are embedded: each uses only what stands before it.
const SCRIPTS: [&str; 7] = [
    include_str!("page/data.js"),
    include_str!("page/view.js"),
    include_str!("page/lanes.js"),
    include_str!("page/charts.js"),
    include_str!("page/messages.js"),
    include_str!("page/panels.js"),
    include_str!("page/selftest.js"),
];

/// Everything that the page of a run shows. Times are microseconds since the run began.
#[derive(Clone, Debug, Serialize)]
pub struct Page {
    /// What the run came to.
    pub report: RunReport,
    /// How long it lasted.
    pub lasted: u64,
    /// The moment that the page opens at: of the mistake, if there was one.
    pub focus: Option<u64>,
    /// What was found, gravest first.
    pub findings: Vec<Finding>,
    /// The nodes' names.
    pub nodes: Vec<String>,
    /// The faults, in the order in which they struck.
    pub faults: Vec<Band>,
    /// What was done to the system, in words.
    pub journal: Vec<(u64, String)>,
    /// What the clients asked and were told.
    pub calls: Calls,
    /// The states that nodes can be in, as [`Span::state`] counts them: for the legend.
    pub states: Vec<String>,
    /// What the nodes were doing, per node and log.
    pub tracks: Vec<Track>,
    /// Who belonged to the group that keeps a log, over time.
    pub groups: Vec<Group>,
    /// What nodes and clients sent each other around the focus.
    pub messages: Messages,
    /// What each node's copy of a log held at the end, or when the mistake was seen.
    pub logs: Vec<LogPicture>,
}

/// One finding, and where to look for it.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Its name, such as `lost-write`.
    pub kind: String,
    /// The log, if it concerns one.
    pub key: Option<Key>,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// What ought to have been, where that is not plain.
    pub demand: Option<String>,
    /// How many of its kind there are.
    pub count: u64,
    /// When it could first be seen.
    pub at: Option<u64>,
    /// The operations that prove it, by their numbers in the history.
    pub operations: Vec<u64>,
}

/// What one node did with one log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Track {
    /// The log, or what else it is about.
    pub key: String,
    /// The node, as it stands in [`Page::nodes`].
    pub node: usize,
    /// The states it went through.
    pub spans: Vec<Span>,
    /// Numbers that changed over time.
    pub lines: Vec<Line>,
}

/// A state that lasted for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Since when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// Which state, as it stands in [`Page::states`].
    pub state: usize,
    /// What to write on it.
    pub label: String,
}

/// A number that changed over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it counts.
    pub name: String,
    /// When it changed, and to what: in turn, each as the difference to the one before.
    pub steps: Vec<i64>,
    #[serde(skip)]
    last: (i64, i64),
}

/// Who belonged to a group, over time.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The log that it keeps.
    pub key: String,
    /// Since when, and which nodes.
    pub changes: Vec<(u64, Vec<usize>)>,
}

/// Messages between nodes and clients.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Messages {
    /// Who takes part.
    pub parties: Vec<String>,
    /// The kinds of message.
    pub kinds: Vec<String>,
    /// When each was sent, as the difference to the one before.
    pub sent: Vec<u64>,
    /// How long after that it was read; -1 if it never was.
    pub took: Vec<i64>,
    /// Who sent it.
    pub from: Vec<u16>,
    /// To whom.
    pub to: Vec<u16>,
    /// Its kind.
    pub kind: Vec<u16>,
    /// Its size.
    pub bytes: Vec<u32>,
    /// From when to when messages are shown; outside of it there were others.
    pub window: (u64, u64),
    /// How many there were in the whole run.
    pub total: u64,
}

/// All copies of one log side by side.
#[derive(Clone, Debug, Serialize)]
pub struct LogPicture {
    /// The log.
    pub key: String,
    /// When it was like this.
    pub at: u64,
    /// The copies, first what all should agree with.
    pub rows: Vec<LogRow>,
}

/// One copy of a log.
#[derive(Clone, Debug, Serialize)]
pub struct LogRow {
    /// Whose it is.
    pub name: String,
    /// Its state in a few words.
    pub state: String,
    /// The first offset that it holds.
    pub start: i64,
    /// One past the last.
    pub end: i64,
    /// Up to where it is known to be safe; `None` where that has no meaning.
    pub mark: Option<i64>,
    /// Its pieces.
    pub blocks: Vec<Block>,
}

/// A run of records that were appended together, or several that need no telling apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// The first offset.
    pub base: i64,
    /// The last offset.
    pub last: i64,
    /// The epoch that it is stamped with.
    pub epoch: i32,
    /// Two blocks at one place are the same if their prints are. 0 for several blocks in one.
    pub print: u32,
    /// Whether it differs from what all should agree with at its place.
    pub differs: bool,
}

impl Line {
    /// An empty line.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// It changed to `value` at `at`. Changes must come in order; what is no change is left out.
    pub fn step(&mut self, at: Duration, value: i64) {
        let at = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
        let (last_at, last_value) = self.last;
        if !self.steps.is_empty() && value == last_value {
            return;
        }
        self.steps.extend([at.saturating_sub(last_at), value.saturating_sub(last_value)]);
        self.last = (at, value);
    }
}

impl Page {
    /// The page, whole.
    ///
    /// # Panics
    /// Never: the data has only text keys.
    #[must_use]
    pub fn render(&self) -> String {
        let data = serde_json::to_string(self).expect("the data has only text keys");
        // A script ends at the first `</`, and begins a comment at `<!--`, wherever they stand.
        let data = data.replace('<', "\\u003c");
        let title = format!("{} {:#x}: {}", self.report.scenario, self.report.seed, {
            self.report.verdict
        });
        let scripts = SCRIPTS.join("\n");
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{BODY}\
             <script id=\"run\" type=\"application/json\">{data}</script>\n\
             <script>\n\"use strict\";\n{scripts}</script>\n</body>\n</html>\n",
            escape(&title)
        )
    }
}

/// Text as HTML shows it.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Microseconds since the run began.
#[must_use]
pub fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_changes_as_differences() {
        let mut line = Line::new("end");
        for (at, value) in [(5, 0), (10, 3), (12, 3), (20, 1)] {
            line.step(Duration::from_micros(at), value);
        }
        assert_eq!(line.steps, [5, 0, 5, 3, 10, -2]);
    }

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(escape("<a b=\"&\">"), "&lt;a b=&quot;&amp;&quot;&gt;");
    }
}
