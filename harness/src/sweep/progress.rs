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
    /// The time that was given.
    lasts: Option<Duration>,
    told: u32,
    shown: Shown,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    /// A bar of the time that was given, in seconds.
    Time(ProgressBar),
    Lines {
        last: Instant,
    },
}

impl Progress {
    pub(super) fn new(options: &SweepOptions) -> Self {
        let began = wall_clock();
        let shown = if options.quiet {
            Shown::Nothing
        } else if std::io::stderr().is_terminal() {
            match options.lasts {
                Some(lasts) => Shown::Time(time_bar(lasts)),
                None => Shown::Bar(bar(options.asked())),
            }
        } else {
            Shown::Lines { last: began }
        };
        Self { began, lasts: options.lasts, told: 0, shown }
    }

    /// Shows how far the sweep is, and which run has been going on for longest.
    pub(super) fn tick(&mut self, tally: &Tally, oldest: Option<(u64, Duration)>) {
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => {
                bar.set_position(tally.run);
                bar.set_message(remarks(tally, oldest));
            }
            Shown::Time(bar) => {
                let elapsed = self.began.elapsed();
                bar.set_position(elapsed.as_secs());
                let (run, speed) = (text::grouped(tally.run), speed(tally, elapsed));
                bar.set_message(format!("{run} seeds  {speed}  {}", remarks(tally, oldest)));
            }
            Shown::Lines { last } => {
                if last.elapsed() >= LINE_EVERY {
                    *last = wall_clock();
                    print(&line(tally, (self.began.elapsed(), self.lasts), oldest));
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
            Shown::Bar(bar) | Shown::Time(bar) => bar.println(text),
            Shown::Lines { .. } => print(text),
        }
    }

    /// Clears the bar.
    pub(super) fn finish(self) {
        match self.shown {
            Shown::Bar(bar) | Shown::Time(bar) => bar.finish_and_clear(),
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

fn time_bar(lasts: Duration) -> ProgressBar {
    let template = "{bar:30} {elapsed} of {len}s, {eta} to go  {msg}";
    let bar = ProgressBar::with_draw_target(Some(lasts.as_secs()), ProgressDrawTarget::stderr());
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well-formed"))
}

/// A closed standard error is no reason to end a sweep.
fn print(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

fn remarks(tally: &Tally, oldest: Option<(u64, Duration)>) -> String {
    let mut remarks = match (&tally.remarks, tally.failed) {
        (Some(remarks), _) => remarks.clone(),
        (None, 0) => "no failures".to_owned(),
        (None, failed) => text::plural(failed, "failure"),
    };
    if let Some((seed, lasts)) = oldest.filter(|(_, lasts)| *lasts >= SLOW) {
        remarks.push_str(&format!(", seed {seed:#x} has run for {}s", lasts.as_secs()));
    }
    remarks
}

fn speed(tally: &Tally, elapsed: Duration) -> String {
    let per_second = u128::from(tally.run) * 1000 / elapsed.as_millis().max(1);
    let per_minute = u128::from(tally.run) * 60_000 / elapsed.as_millis().max(1);
    if per_second >= 10 {
        format!("{per_second} a second")
    } else {
        format!("{per_minute} a minute")
    }
}

/// `elapsed` is what has passed, and of how much if a time was given.
fn line(
    tally: &Tally,
    (elapsed, of): (Duration, Option<Duration>),
    oldest: Option<(u64, Duration)>,
) -> String {
    let mut line = format!("sweep: {}", text::grouped(tally.run));
    if tally.asked < ENDLESS {
        line.push_str(&format!(" of {}", text::grouped(tally.asked)));
    }
    line.push_str(&format!(" seeds, {}, {}", speed(tally, elapsed), remarks(tally, oldest)));
    let by_seeds = (tally.asked < ENDLESS && tally.run > 0).then(|| {
        let rest = u128::from(tally.asked.saturating_sub(tally.run));
        elapsed.as_millis() * rest / u128::from(tally.run) / 1000
    });
    let by_time = of.map(|of| of.saturating_sub(elapsed).as_millis() / 1000);
    if let Some(to_go) = by_seeds.into_iter().chain(by_time).min() {
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
        let tally = Tally { run: 120, asked: 1_000, failed: 0, remarks: None };
        assert_eq!(
            line(&tally, (minute, None), None),
            "sweep: 120 of 1,000 seeds, 120 a minute, no failures, 7m 20s to go"
        );
        let tally = Tally { run: 120_000, asked: u64::MAX, failed: 2, remarks: None };
        assert_eq!(
            line(&tally, (minute, None), Some((42, Duration::from_secs(31)))),
            "sweep: 120,000 seeds, 2000 a second, 2 failures, seed 0x2a has run for 31s"
        );
        let tally = Tally { run: 0, asked: 10, failed: 0, remarks: None };
        assert_eq!(
            line(&tally, (Duration::ZERO, None), Some((0, Duration::ZERO))),
            "sweep: 0 of 10 seeds, 0 a minute, no failures"
        );
        let remarks = Some("2 findings in 9 seeds".to_owned());
        let tally = Tally { run: 30, asked: u64::MAX, failed: 9, remarks };
        assert_eq!(
            line(&tally, (minute, Some(10 * minute)), None),
            "sweep: 30 seeds, 30 a minute, 2 findings in 9 seeds, 9m 00s to go"
        );
    }

    #[test]
    fn templates_of_the_bar_are_well_formed() {
        for asked in [0, 1_000, u64::MAX] {
            bar(asked).finish_and_clear();
        }
        time_bar(Duration::from_secs(60)).finish_and_clear();
    }
}
