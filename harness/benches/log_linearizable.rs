//! How fast a log is judged: `cargo bench -p harness --bench log_linearizable`, `-- --json` for
//! JSON.
//!
//! A history of one log as sixteen clients leave it: half appends, of which one in two hundred is
//! of unknown fate, four in ten reads of what was appended lately, one in ten a question for the
//! end. Calls overlap. What is timed is the judgement of the packed history; making it is told
//! beside, with the bytes that either takes. The best of several rounds is told, since other
//! programs may run beside it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use harness::checker::linearizable::log::{
    Append, Fate, Judgement, LogHistory, Moment, Options, Outcome, Reach, Read, Record, Span, check,
};
use harness::seed::{Seed, Stream};

/// Operations of a real measurement.
const SIZES: [u32; 2] = [1_000_000, 10_000_000];
/// Rounds of a real measurement.
const ROUNDS: u32 = 5;
/// How many calls are open at a time.
const CLIENTS: usize = 16;
/// As many records are read by most reads as this, less one.
const RECORDS_READ: usize = 5;

fn main() -> ExitCode {
    // Without `--bench` cargo only wants to know whether it works.
    let is_real = std::env::args().any(|argument| argument == "--bench");
    let as_json = std::env::args().any(|argument| argument == "--json");
    let (rounds, thinner) = if is_real { (ROUNDS, 1) } else { (1, 100) };
    let lines: Vec<Line> = SIZES.iter().map(|size| measure(size / thinner, rounds)).collect();
    let told = if as_json { json(&lines, io::stdout()) } else { table(&lines, io::stdout()) };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// What one size came to. Floats are for people: nothing is decided by them.
#[derive(Debug)]
struct Line {
    operations: u32,
    made: Duration,
    judged: Duration,
    history_bytes: usize,
    checker_bytes: usize,
    positions: u64,
}

impl Line {
    fn per_second(&self, time: Duration) -> f64 {
        f64::from(self.operations) / time.as_secs_f64().max(1e-9)
    }

    fn per_operation(&self, bytes: usize) -> f64 {
        bytes as f64 / f64::from(self.operations.max(1))
    }
}

fn measure(operations: u32, rounds: u32) -> Line {
    let (made, history) = timed(|| history(operations));
    let mut best: Option<(Duration, Judgement)> = None;
    for _ in 0..rounds {
        let (judged, judgement) = timed(|| check(&history, &Options::dense()));
        assert_eq!(judgement.outcome, Outcome::Linearizable, "it is told as it happened");
        if best.as_ref().is_none_or(|(fastest, _)| judged < *fastest) {
            best = Some((judged, judgement));
        }
    }
    let (judged, judgement) = best.expect("there is at least one round");
    let (history_bytes, checker_bytes) = (history.bytes(), judgement.bytes);
    Line { operations, made, judged, history_bytes, checker_bytes, positions: judgement.positions }
}

/// A call that has taken effect and not yet returned.
enum Open {
    Append { called: u32, offset: i64, unknown: bool },
    Read { called: u32, from: usize, to: usize, reach: Reach },
}

/// Every call takes effect when it is called, and returns after those that were called before it.
fn history(operations: u32) -> LogHistory {
    let mut dice = Seed(1).stream("log");
    let size = operations as usize;
    let mut history = LogHistory::with_capacity(size, size / 2 + size / 50, size);
    let mut log: Vec<Record> = Vec::new();
    // Appends are numbered when they are entered, which is when they return: what is read is
    // entered later, as the history wants it.
    let mut open: VecDeque<Open> = VecDeque::new();
    let (mut clock, mut length) = (0, 0);
    for _ in 0..operations {
        if open.len() == CLIENTS {
            close(&mut history, &mut log, (open.pop_front(), clock));
            clock += 1;
        }
        open.push_back(call(&mut dice, clock, (&mut length, log.len())));
        clock += 1;
    }
    while let Some(call) = open.pop_front() {
        close(&mut history, &mut log, (Some(call), clock));
        clock += 1;
    }
    history
}

fn call(dice: &mut Stream, called: u32, (length, known): (&mut i64, usize)) -> Open {
    match dice.range(0..1000) {
        0..500 => {
            let offset = *length;
            *length += 1;
            Open::Append { called, offset, unknown: dice.chance(1, 200) }
        }
        500..900 => {
            let to = known - dice.index(known.min(1000) + 1);
            let from = to.saturating_sub(dice.index(RECORDS_READ));
            Open::Read { called, from, to, reach: Reach::Prefix }
        }
        _ => {
            let end = usize::try_from(*length).expect("a log in memory");
            Open::Read { called, from: end, to: end, reach: Reach::Tail }
        }
    }
}

fn close(history: &mut LogHistory, log: &mut Vec<Record>, (call, now): (Option<Open>, u32)) {
    match call {
        None => {}
        Some(Open::Append { called, offset, unknown }) => {
            let span = Span::new(Moment(called), Moment(now));
            let fate = if unknown { Fate::Unknown } else { Fate::Acknowledged { offset } };
            log.push(history.append(Append { span, records: 1, fate, repeats: false }));
        }
        Some(Open::Read { called, from, to, reach }) => {
            let span = Span::new(Moment(called), Moment(now));
            let offset = i64::try_from(from).expect("a log in memory");
            let records = log.get(from..to).unwrap_or_default();
            history.read(Read { span, offset, records, reach });
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "measures this machine, in real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let begun = std::time::Instant::now();
    let done = work();
    (begun.elapsed(), done)
}

fn table(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:>12} {:>12} {:>12} {:>10} {:>14} {:>14}",
        "operations", "judged ms", "ops/s", "made ms", "history B/op", "checker B/op"
    )?;
    for line in lines {
        writeln!(
            out,
            "{:>12} {:>12.1} {:>12.0} {:>10.0} {:>14.1} {:>14.1}",
            line.operations,
            line.judged.as_secs_f64() * 1e3,
            line.per_second(line.judged),
            line.made.as_secs_f64() * 1e3,
            line.per_operation(line.history_bytes),
            line.per_operation(line.checker_bytes),
        )?;
    }
    Ok(())
}

fn json(lines: &[Line], mut out: impl Write) -> io::Result<()> {
    let lines: Vec<serde_json::Value> = lines
        .iter()
        .map(|line| {
            serde_json::json!({
                "operations": line.operations,
                "positions": line.positions,
                "judged_ms": line.judged.as_secs_f64() * 1e3,
                "operations_per_second": line.per_second(line.judged),
                "made_ms": line.made.as_secs_f64() * 1e3,
                "history_bytes_per_operation": line.per_operation(line.history_bytes),
                "checker_bytes_per_operation": line.per_operation(line.checker_bytes),
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut out, &lines)?;
    writeln!(out)
}
