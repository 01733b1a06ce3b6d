//! What the clients got, second by second.

use std::time::Duration;

use harness::history::{Action, Operation, Phase, Promise, Recorder};
use harness::report::Tone;

/// How often clients are told of.
const PERIOD: Duration = Duration::from_secs(2);

/// Reads along in the history that the clients write.
#[derive(Debug)]
pub(super) struct Clients {
    recorder: Recorder,
    read_to: usize,
    due: Duration,
    so_far: Got,
    told: Got,
}

/// What clients got, in records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Got {
    all: usize,
    one: usize,
    read: usize,
    refused: usize,
    unknown: usize,
}

impl Clients {
    /// Clients begin at `at`.
    pub(super) fn new(recorder: Recorder, at: Duration) -> Self {
        let (so_far, told) = (Got::default(), Got::default());
        Self { read_to: recorder.len(), recorder, due: at + PERIOD, so_far, told }
    }

    /// A line for each period that is over at `now`.
    pub(super) fn until(&mut self, now: Duration) -> Vec<(Duration, String, Tone)> {
        let mut lines = Vec::new();
        if now < self.due {
            return lines;
        }
        for operation in self.recorder.since(self.read_to) {
            let at = Duration::from_micros(operation.time);
            while at >= self.due && self.due <= now {
                lines.push(self.line());
            }
            self.read_to += 1;
            self.so_far.count(&operation);
        }
        while self.due <= now {
            lines.push(self.line());
        }
        lines
    }

    fn line(&mut self) -> (Duration, String, Tone) {
        let (got, before) = (self.so_far, std::mem::replace(&mut self.told, self.so_far));
        let grown = |now: usize, before: usize| {
            let more = format!("+{}", now - before);
            format!("{now:>5} {more:<6}")
        };
        let mut what = format!(
            "acks=all {} acks=1 {} read {}",
            grown(got.all, before.all),
            grown(got.one, before.one),
            grown(got.read, before.read),
        );
        for (word, count) in
            [("refused", got.refused - before.refused), ("unknown", got.unknown - before.unknown)]
        {
            if count > 0 {
                what.push_str(&format!(" {count} {word}"));
            }
        }
        let tone = if got.all == before.all { Tone::Doubt } else { Tone::Faint };
        let at = self.due;
        self.due += PERIOD;
        (at, what.trim_end().to_owned(), tone)
    }
}

impl Got {
    fn count(&mut self, operation: &Operation) {
        for part in operation.action.parts() {
            match (part, operation.phase) {
                (Action::Send { values, promise, .. }, Phase::Ok) => match promise {
                    Promise::Durable => self.all += values.len(),
                    Promise::Volatile => self.one += values.len(),
                    Promise::FireAndForget => {}
                },
                (Action::Send { .. }, Phase::Fail) => self.refused += 1,
                (Action::Send { .. }, Phase::Info) => self.unknown += 1,
                (Action::Poll { records, .. }, Phase::Ok) => {
                    self.read += records.values().map(Vec::len).sum::<usize>();
                }
                (
                    Action::Send { .. }
                    | Action::Poll { .. }
                    | Action::Assign { .. }
                    | Action::Subscribe { .. }
                    | Action::Latest { .. }
                    | Action::Several { .. },
                    _,
                ) => {}
            }
        }
    }
}
