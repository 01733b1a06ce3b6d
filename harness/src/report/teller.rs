//! Tells a run while it runs: one aligned line for each thing that happens.

use std::io::{self, Write};
use std::time::Duration;

use crate::report::style::{Style, Tone};
use crate::report::text;

/// As many columns as `99999.999s` takes.
const TIME_WIDTH: usize = 10;
/// A node column is never narrower than its title, nor so wide that nothing is left for the rest.
const NODE_WIDTH: std::ops::RangeInclusive<usize> = 4..=24;

/// What happened, at most: a line of the whole fits a wide terminal.
const WHAT_WIDTH: usize = 120;

/// Something that just happened in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveEvent<'a> {
    /// Simulated time since the run began.
    pub at: Duration,
    /// The node or client it happened to, or who did it.
    pub node: &'a str,
    /// What happened, in a few words.
    pub what: &'a str,
    /// How it is coloured.
    pub tone: Tone,
}

/// Writes events in columns as they come.
#[derive(Debug)]
pub struct Teller<W> {
    out: W,
    style: Style,
    node_width: usize,
}

impl<W: Write> Teller<W> {
    /// Begins with the key of the columns. `nodes` are the names that will appear, so that the
    /// columns can be aligned from the first line on; a longer name than these pushes its line to
    /// the right.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn new<'a>(
        out: W,
        style: Style,
        nodes: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<Self> {
        let widest = nodes.into_iter().map(|node| node.chars().count()).max().unwrap_or_default();
        let node_width = widest.clamp(*NODE_WIDTH.start(), *NODE_WIDTH.end());
        let mut teller = Self { out, style, node_width };
        let key = format!("{:>TIME_WIDTH$}  {:<node_width$}  what", "time", "node");
        writeln!(teller.out, "{}", style.paint(Tone::Heading, &key))?;
        Ok(teller)
    }

    /// Writes the line of one event and flushes it: somebody is watching.
    ///
    /// # Errors
    /// What the output returns.
    pub fn tell(&mut self, event: LiveEvent<'_>) -> io::Result<()> {
        let time = format!("{:>TIME_WIDTH$}", text::seconds(event.at));
        let time = self.style.paint(Tone::Faint, &time);
        let node = format!("{:<1$}", text::one_line(event.node), self.node_width);
        let what = self.style.paint(event.tone, &text::clipped(event.what, WHAT_WIDTH));
        writeln!(self.out, "{time}  {node}  {what}")?;
        self.out.flush()
    }

    /// Gives the output back.
    pub fn into_inner(self) -> W {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(style: Style, expected: &Expect) {
        let nodes = ["node-1", "client-12"];
        let mut teller = Teller::new(Vec::new(), style, nodes).unwrap();
        let events = [
            (5_000, "node-1", "cut off from node-2 and node-3", Tone::Doubt),
            (5_120, "client-12", "send 17: timed out", Tone::Normal),
            (21_377, "nemesis", "heal", Tone::Good),
            (123_456, "a-name-nobody-announced", "line\nbreak", Tone::Bad),
        ];
        for (ms, node, what, tone) in events {
            let event = LiveEvent { at: Duration::from_millis(ms), node, what, tone };
            teller.tell(event).unwrap();
        }
        let text = String::from_utf8(teller.into_inner()).unwrap();
        // The bar keeps the indentation, which the literal would lose.
        let lines = text.lines().map(|line| format!("|{line}\n"));
        expected.assert_eq(&lines.collect::<String>().replace('\u{1b}', "ESC"));
    }

    #[test]
    fn events_are_aligned_below_the_key() {
        check(
            Style::Plain,
            &expect![[r#"
                |      time  node       what
                |    5.000s  node-1     cut off from node-2 and node-3
                |    5.120s  client-12  send 17: timed out
                |   21.377s  nemesis    heal
                |  123.456s  a-name-nobody-announced  line break
            "#]],
        );
    }

    #[test]
    fn colours_do_not_move_the_columns() {
        check(
            Style::Coloured,
            &expect![[r#"
                |ESC[1m      time  node       whatESC[0m
                |ESC[2m    5.000sESC[0m  node-1     ESC[33mcut off from node-2 and node-3ESC[0m
                |ESC[2m    5.120sESC[0m  client-12  send 17: timed out
                |ESC[2m   21.377sESC[0m  nemesis    ESC[1;32mhealESC[0m
                |ESC[2m  123.456sESC[0m  a-name-nobody-announced  ESC[1;31mline breakESC[0m
            "#]],
        );
    }
}
