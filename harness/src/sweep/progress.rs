//! Shows on standard error how far a sweep is: a bar for a person, lines for a log file.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::wall_clock;
use crate::report::text;
use crate::sweep::SweepOptions;
use crate::sweep::collector::Tally;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// A run that takes longer on the machine's clock is named: it may hang.
const SLOW: Duration = Duration::from_secs(30);
/// Failures told as they come; the summary counts the others.
const TOLD_MAX: u32 = 20;
/// More seeds than anybody waits for: the sweep goes on until it is interrupted.
const ENDLESS: u64 = 1 << 40;

pub(super) struct Progress {
    began: Instant,
    told: u32,
    shown: Shown,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    pub(super) fn new(options: &SweepOptions) -> Self {
        let began = wall_clock();
        let shown = if options.quiet {
            Shown::Nothing
        } else if std::io::stderr().is_terminal() {
            Shown::Bar(bar(options.seeds.end.saturating_sub(options.seeds.start)))
        } else {
            Shown::Lines { last: began }
        };
        Self { began, told: 0, shown }
    }

    /// Shows how far the sweep is, and which run has been going on for longest.
    pub(super) fn tick(&mut self, tally: &Tally, oldest: Option<(u64, Duration)>) {
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_position(tally.run);
                bar.set_message(remarks(tally, oldest));
            }
            Shown::Lines { last } => {
                if last.elapsed() >= LINE_EVERY {
                    *last = wall_clock();
                    print(&line(tally, self.began.elapsed(), oldest));
                }
            }
        }
    }

    /// One line that is worth telling at once.
    pub(super) fn say(&mut self, text: &str) {
        if self.told == TOLD_MAX {
            return;
        }
        self.told += 1;
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.println(text),
            Shown::Lines { .. } => print(text),
        }
    }

    /// Clears the bar.
    pub(super) fn finish(self) {
        match self.shown {
            Shown::Bar(bar) => bar.finish_and_clear(),
            Shown::Nothing | Shown::Lines { .. } => {}
        }
    }
}

fn bar(asked: u64) -> ProgressBar {
    let (template, bar) = if asked < ENDLESS {
        let template = "{bar:30} {human_pos}/{human_len} seeds  {per_sec}  {eta} to go  {msg}";
        (template, ProgressBar::with_draw_target(Some(asked), ProgressDrawTarget::stderr()))
    } else {
        let template = "{spinner} {human_pos} seeds  {per_sec}  {elapsed}  {msg}";
        (template, ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()))
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well-formed"))
}

/// A closed standard error is no reason to end a sweep.
fn print(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

fn remarks(tally: &Tally, oldest: Option<(u64, Duration)>) -> String {
    let mut remarks = match tally.failed {
        0 => "no failures".to_owned(),
        failed => text::plural(failed, "failure"),
    };
    if let Some((seed, lasts)) = oldest.filter(|(_, lasts)| *lasts >= SLOW) {
        remarks.push_str(&format!(", seed {seed:#x} has run for {}s", lasts.as_secs()));
    }
    remarks
}

fn line(tally: &Tally, elapsed: Duration, oldest: Option<(u64, Duration)>) -> String {
    let per_second = u128::from(tally.run) * 1000 / elapsed.as_millis().max(1);
    let per_minute = u128::from(tally.run) * 60_000 / elapsed.as_millis().max(1);
    let speed = if per_second >= 10 {
        format!("{per_second} a second")
    } else {
        format!("{per_minute} a minute")
    };
    let mut line = format!("sweep: {}", text::grouped(tally.run));
    if tally.asked < ENDLESS {
        line.push_str(&format!(" of {}", text::grouped(tally.asked)));
    }
    line.push_str(&format!(" seeds, {speed}, {}", remarks(tally, oldest)));
    if tally.asked < ENDLESS && tally.run > 0 {
        let rest = u128::from(tally.asked.saturating_sub(tally.run));
        let to_go = elapsed.as_millis() * rest / u128::from(tally.run) / 1000;
        line.push_str(&format!(", {}m {:02}s to go", to_go / 60, to_go % 60));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_tells_speed_failures_and_the_time_to_go() {
        let minute = Duration::from_secs(60);
        let tally = Tally { run: 120, asked: 1_000, failed: 0 };
        assert_eq!(
            line(&tally, minute, None),
            "sweep: 120 of 1,000 seeds, 120 a minute, no failures, 7m 20s to go"
        );
        let tally = Tally { run: 120_000, asked: u64::MAX, failed: 2 };
        assert_eq!(
            line(&tally, minute, Some((42, Duration::from_secs(31)))),
            "sweep: 120,000 seeds, 2000 a second, 2 failures, seed 0x2a has run for 31s"
        );
        let tally = Tally { run: 0, asked: 10, failed: 0 };
        assert_eq!(
            line(&tally, Duration::ZERO, Some((0, Duration::ZERO))),
            "sweep: 0 of 10 seeds, 0 a minute, no failures"
        );
    }

    #[test]
    fn templates_of_the_bar_are_well_formed() {
        for asked in [0, 1_000, u64::MAX] {
            bar(asked).finish_and_clear();
        }
    }
}
