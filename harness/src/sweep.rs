//! Many seeds on all cores, and one answer.
//!
//! Runs finish in whatever order the machine likes, but their results are gathered in the order of
//! their seeds. So the summary, its digest and the lines of the JSON file depend on the seeds
//! alone, and not on the number of workers; only the wall clock differs.
//!
//! Each seed gets a fresh thread, because a simulation keeps state in thread-locals, and one run
//! must not begin where another ended. A panic in a run fails that seed and no other.

mod collector;
mod dealer;
mod outcome;
mod panics;
mod progress;
mod summary;
#[cfg(test)]
mod tests;
mod totals;

use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Builder};
use std::time::{Duration, Instant};

pub use crate::exit::OutcomeVerdict;
pub use crate::sweep::collector::{JsonLines, Sink};
pub use crate::sweep::outcome::RunOutcome;
pub use crate::sweep::summary::{Ended, Failure, SweepSummary};
pub use crate::sweep::totals::Totals;

use crate::sweep::collector::Collector;
use crate::sweep::dealer::Dealer;
use crate::sweep::progress::Progress;

/// Deep recursion in a debug build of a system under test is no reason to fail.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// How often the gathering thread looks at the clock.
const TICK: Duration = Duration::from_millis(200);

/// What to sweep, and how.
pub struct SweepOptions {
    /// The seeds, each run once, beginning with the smallest.
    pub seeds: Range<u64>,
    /// Of these only every so many-th, from the first on; at least 1.
    pub every: u64,
    /// After so long on the machine's clock no further seed is begun.
    pub lasts: Option<Duration>,
    /// Runs at the same time, at least one. The answer does not depend on it.
    pub workers: usize,
    /// End at the smallest seed that does not pass; seeds behind it count as not run.
    pub stop_at_first: bool,
    /// States that must be reached by at least one run of the whole sweep.
    pub required: Vec<String>,
    /// Whether a run without a fault that took effect is vacuous.
    pub expects_faults: bool,
    /// Show no progress on standard error.
    pub quiet: bool,
    /// The command that repeats the run of a seed.
    pub repeat: Box<dyn Fn(u64) -> String + Send + Sync>,
}

impl fmt::Debug for SweepOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SweepOptions")
            .field("seeds", &self.seeds)
            .field("every", &self.every)
            .field("lasts", &self.lasts)
            .field("workers", &self.workers)
            .field("stop_at_first", &self.stop_at_first)
            .field("required", &self.required)
            .field("expects_faults", &self.expects_faults)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

impl SweepOptions {
    /// How many seeds that are.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.seeds.end.saturating_sub(self.seeds.start).div_ceil(self.every.max(1))
    }
}

/// Runs every seed through `run_one` and sums up.
///
/// Each outcome is judged for vacuity and written to `jsonl` as one line, in the order of seeds.
/// Once `interrupted` is true no further seed is begun, those under way are finished, and the
/// summary says where to go on. Progress is shown on standard error: a bar on a terminal, else a
/// line every ten seconds.
///
/// For the whole process and from now on, the panic hook is replaced by one that keeps silent
/// about panics of runs, and leaves all others to the hook that was installed before.
///
/// What no thread can contain ends the sweep with the process: an abort, an overflowing stack.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use harness::exit::{Exit, OutcomeVerdict};
/// use harness::sweep::{self, RunOutcome, SweepOptions};
///
/// let options = SweepOptions {
///     seeds: 0..8,
///     every: 1,
///     lasts: None,
///     workers: 2,
///     stop_at_first: false,
///     required: Vec::new(),
///     expects_faults: false,
///     quiet: true,
///     repeat: Box::new(|seed| format!("SEED={seed:#x} cargo test")),
/// };
/// let summary = sweep::run(options, None, &AtomicBool::new(false), |seed| {
///     assert_ne!(seed, 5, "the register lost its value");
///     let mut outcome = RunOutcome::without_result(seed, OutcomeVerdict::Valid, String::new());
///     (outcome.failure, outcome.reads) = (None, 1);
///     outcome.acknowledged.insert("write".to_owned(), 1);
///     outcome
/// });
/// assert_eq!((summary.valid, summary.invalid), (7, 1));
/// assert_eq!(summary.failures[0].repeat, "SEED=0x5 cargo test");
/// assert_eq!(summary.exit(), Exit::Invalid);
/// ```
pub fn run<F>(
    options: SweepOptions,
    jsonl: Option<&mut (dyn Write + Send)>,
    interrupted: &AtomicBool,
    run_one: F,
) -> SweepSummary
where
    F: Fn(u64) -> RunOutcome + Sync,
{
    let mut lines = jsonl.map(JsonLines);
    run_into(options, lines.as_mut().map(|lines| lines as &mut dyn Sink), interrupted, run_one)
}

/// As [`run`], with outcomes given to `sink` in the order of their seeds.
pub fn run_into<F>(
    options: SweepOptions,
    sink: Option<&mut dyn Sink>,
    interrupted: &AtomicBool,
    run_one: F,
) -> SweepSummary
where
    F: Fn(u64) -> RunOutcome + Sync,
{
    let options = &options;
    panics::install();
    let began = wall_clock();
    let mut time_is_up = false;
    let dealer = Dealer::new(options.seeds.clone(), options.every, interrupted);
    let mut collector = Collector::new(options, sink);
    let mut progress = Progress::new(options);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for number in 0..options.workers.max(1) {
            let (sender, dealer, run_one) = (sender.clone(), &dealer, &run_one);
            let worker = move || work(dealer, options, run_one, &sender);
            let name = format!("sweep-{number}");
            if let Err(error) = Builder::new().name(name).spawn_scoped(scope, worker) {
                // Fewer workers are slower and come to the same answer. If there is none at all,
                // the summary says that nothing was run.
                progress.say(&format!("cannot start another worker: {error}"));
                break;
            }
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(outcome) => {
                    for failure in collector.take(outcome) {
                        progress.say(&failure);
                    }
                    dealer.collected(collector.next());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if options.lasts.is_some_and(|lasts| began.elapsed() >= lasts) {
                time_is_up = true;
                dealer.stop();
            }
            progress.tick(&collector.tally(), dealer.oldest());
        }
    });
    progress.finish();
    collector.finish(time_is_up, began.elapsed())
}

/// One worker: seed after seed, until there are no more.
fn work<F>(dealer: &Dealer<'_>, options: &SweepOptions, run_one: &F, results: &Sender<RunOutcome>)
where
    F: Fn(u64) -> RunOutcome + Sync,
{
    while let Some(seed) = dealer.deal() {
        let mut outcome = run_apart(seed, run_one);
        outcome.seed = seed;
        outcome.judge_vacuous(options.expects_faults);
        dealer.returned(seed);
        if options.stop_at_first && !outcome.passes() {
            // Smaller seeds have all been dealt already, and the smallest failure counts. So
            // which seed the sweep stops at does not depend on who was faster.
            dealer.stop();
        }
        if results.send(outcome).is_err() {
            return;
        }
    }
}

/// The run of one seed on a thread of its own.
fn run_apart<F>(seed: u64, run_one: &F) -> RunOutcome
where
    F: Fn(u64) -> RunOutcome + Sync,
{
    let ended = thread::scope(|scope| -> io::Result<Result<RunOutcome, String>> {
        let run = || panics::caught(|| run_one(seed));
        let name = format!("seed-{seed:#x}");
        let thread = Builder::new().name(name).stack_size(STACK_BYTES).spawn_scoped(scope, run)?;
        let torn_down = |_| Err("panicked while the thread ended".to_owned());
        Ok(thread.join().unwrap_or_else(torn_down))
    });
    match ended {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => RunOutcome::without_result(seed, OutcomeVerdict::Invalid, panic),
        Err(error) => {
            let failure = format!("cannot start a thread for the run: {error}");
            RunOutcome::without_result(seed, OutcomeVerdict::Unknown, failure)
        }
    }
}

/// The time of the machine, which only progress and speed are measured in.
#[expect(
    clippy::disallowed_methods,
    reason = "a sweep is outside of the simulations that it runs, and tells how fast it is"
)]
fn wall_clock() -> Instant {
    Instant::now()
}
