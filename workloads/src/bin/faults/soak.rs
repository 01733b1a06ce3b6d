//! `faults soak`: another cluster for each seed, for hours, on as many machines as there are.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use harness::exit::Exit;
use harness::report::Style;
use harness::seed::Seed;
use harness::sweep::{self, Ended, SweepOptions};
use workloads::profile::Profile;
use workloads::run::{self, Watching};
use workloads::soak::build::Build;
use workloads::soak::ci;
use workloads::soak::findings::Finding;
use workloads::soak::ledger::Ledger;
use workloads::soak::memory::{self, Memory};
use workloads::soak::report::{self, Report};
use workloads::soak::shard::Shard;
use workloads::soak::store::{self, Limit, State, Store};

use crate::interrupt::{self, wall_clock};
use crate::output;

/// Flags of `faults soak`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    limits: Limits,
    /// The first seed, decimal or 0x hexadecimal; 0 if it is not said.
    #[arg(long)]
    start: Option<Seed>,
    /// Only the seeds that leave K when divided by N. If it is not said, what Kubernetes, GitLab CI
    /// and Slurm tell their jobs is understood.
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// Keeps results in a new directory.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Goes on where a soak was interrupted that keeps its results there, or begins one.
    #[arg(long, value_name = "DIR")]
    resume: Option<PathBuf>,
    /// The findings of an earlier soak (findings.json): tells what is new, ongoing, resolved and
    /// regressed.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How many seeds run at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Breaks the broker in a known way (builds with --features mutants only).
    #[arg(long, value_name = "ID")]
    mutant: Option<String>,
    /// Judges by what clients see alone: a broken invariant does not end the run.
    #[arg(long)]
    clients_only: bool,
    /// Writes the report as JSON.
    #[arg(long)]
    json: bool,
}

/// When it is over, in all; when it is interrupted, if none is said.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
struct Limits {
    /// How many seeds, over all shards together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// For so many hours.
    #[arg(long, value_name = "H", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    hours: Option<u64>,
    /// For so many minutes.
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..=600_000))]
    minutes: Option<u64>,
}

impl Limits {
    fn limit(self) -> Option<Limit> {
        let seeds = self.seeds.map(Limit::Seeds);
        let hours = self.hours.map(|hours| Limit::Seconds(hours * 3600));
        let minutes = self.minutes.map(|minutes| Limit::Seconds(minutes * 60));
        seeds.or(hours).or(minutes)
    }
}

/// Runs seeds until it is over, and tells what was found.
pub(crate) fn soak(arguments: &Arguments) -> Result<Exit, String> {
    let began = wall_clock();
    let before = arguments.baseline.as_deref().map(report::baseline).transpose()?;
    let (state, named_by, is_kept) = state(arguments)?;
    let mut ledger = Ledger::new(profile(&state)?, state.next(0), &required(state.asked()));
    if let Some(directory) = arguments.out.as_ref().or(arguments.resume.as_ref()) {
        let store = if is_kept {
            Store::resume(directory, &state, |outcome| {
                ledger.add(outcome);
            })?
        } else {
            Store::begin(directory, &state)?
        };
        store.save(&state).map_err(|error| format!("{}: {error}", directory.display()))?;
        ledger.keep(store, state.clone(), began);
    }
    say(arguments, &first_line(arguments, &state, named_by, ledger.run()));
    let interrupted = interrupt::end_cleanly()?;
    let start_bytes = memory::resident();
    run_seeds(arguments, &state, &mut ledger, interrupted)?;
    let closed = ledger.close(began);
    let lasted = closed.map_err(|error| format!("the results cannot be written: {error}"))?;
    let state = State { lasted, ..state };
    let mut report = conclude(&state, &ledger, before.as_deref().unwrap_or_default());
    let bytes = start_bytes.zip(memory::resident());
    report.memory = bytes.map(|(start_bytes, end_bytes)| Memory { start_bytes, end_bytes });
    if !state.is_complete(ledger.run()) {
        let directory = arguments.out.as_ref().or(arguments.resume.as_ref());
        report.notes.push(match directory {
            Some(directory) => {
                let place = directory.display();
                format!("interrupted; go on with: cargo faults soak --resume {place}")
            }
            None => "interrupted; without --out it cannot go on".to_owned(),
        });
    }
    show(&report, arguments.out.as_deref().or(arguments.resume.as_deref()), arguments.json)
}

/// What to do: as it was begun in the directory, or as the flags say; where the shard's number comes
/// from; whether it was begun before.
fn state(arguments: &Arguments) -> Result<(State, &'static str, bool), String> {
    let build = Build::this().map_err(|error| format!("cannot read this program: {error}"))?;
    let limit = arguments.limits.limit();
    let environment = |name: &str| std::env::var(name).ok();
    let (shard, named_by) = match arguments.shard {
        Some(shard) => (Some(shard), "--shard"),
        None => match Shard::from_environment(environment).map_err(|error| error.to_string())? {
            Some((shard, variable)) => (Some(shard), variable),
            None => (None, ""),
        },
    };
    let kept = match &arguments.resume {
        Some(directory) => store::state_of(directory)?,
        None => None,
    };
    let Some(kept) = kept else {
        let state = State {
            soak: store::VERSION,
            build,
            start: arguments.start.unwrap_or(Seed(0)),
            shard: shard.unwrap_or(Shard::WHOLE),
            limit: limit.unwrap_or(Limit::Endless),
            mutant: arguments.mutant.clone(),
            clients_only: arguments.clients_only,
            lasted: Duration::ZERO,
        };
        if state.next(0) >= state.end() {
            return Err(format!("shard {} has no seed from {} on", state.shard, state.start));
        }
        return Ok((state, named_by, false));
    };
    if !kept.build.is_same_code(&build) {
        let (then, now) = (kept.build.words(), build.words());
        return Err(format!("that soak ran other code ({then}) than this ({now}): begin another"));
    }
    let differs = [
        ("--shard", shard.is_some_and(|shard| shard != kept.shard)),
        ("--start", arguments.start.is_some_and(|start| start != kept.start)),
        ("--mutant", arguments.mutant.is_some() && arguments.mutant != kept.mutant),
        ("--clients-only", arguments.clients_only && !kept.clients_only),
    ];
    if let Some((flag, _)) = differs.iter().find(|(_, differs)| *differs) {
        return Err(format!("{flag} differs from what that soak was begun with"));
    }
    let limit = limit.unwrap_or(kept.limit);
    let named_by = if kept.shard == Shard::WHOLE { "" } else { "its directory" };
    Ok((State { limit, ..kept }, named_by, true))
}

fn profile(state: &State) -> Result<Profile, String> {
    of(state.mutant.as_deref(), state.clients_only)
}

/// The swarm, with a broken broker perhaps.
pub(crate) fn of(mutant: Option<&str>, clients_only: bool) -> Result<Profile, String> {
    let profile = Profile::swarm();
    let profile = if clients_only { profile.clients_only() } else { profile };
    match mutant {
        None => Ok(profile),
        Some(name) => profile.mutant(name),
    }
}

/// A short soak cannot reach every state, and of an endless one nobody knows how long it will be.
pub(crate) fn required(asked: Option<u64>) -> Vec<String> {
    if asked.is_none_or(|asked| asked < run::SEEDS_FOR_ALL_STATES) {
        return Vec::new();
    }
    run::required_states()
}

fn run_seeds(
    arguments: &Arguments,
    state: &State,
    ledger: &mut Ledger,
    interrupted: &AtomicBool,
) -> Result<(), String> {
    let lasts = match state.limit {
        Limit::Endless | Limit::Seeds(_) => None,
        Limit::Seconds(seconds) => Some(Duration::from_secs(seconds).saturating_sub(state.lasted)),
    };
    if lasts.is_some_and(|lasts| lasts.is_zero()) || interrupted.load(Ordering::Relaxed) {
        return Ok(());
    }
    let profile = profile(state)?;
    let options = SweepOptions {
        seeds: state.next(ledger.run())..state.end(),
        every: state.shard.count(),
        lasts,
        workers: arguments.workers.unwrap_or_else(interrupt::cores).max(1),
        stop_at_first: false,
        required: Vec::new(),
        expects_faults: true,
        quiet: false,
        repeat: Box::new({
            let profile = profile.clone();
            move |seed| profile.repeat_command(Seed(seed))
        }),
    };
    // What it came to is in the ledger, with what other sessions found.
    sweep::run_into(options, Some(ledger), interrupted, |seed| {
        run::run(Seed(seed), &profile, Watching::default()).outcome
    });
    Ok(())
}

fn conclude(state: &State, ledger: &Ledger, before: &[Finding]) -> Report {
    let run = ledger.run();
    let next = state.next(run);
    let ended = match (state.is_complete(run), state.limit) {
        (false, _) => Ended::Interrupted { next },
        (true, Limit::Seeds(_)) => Ended::Complete,
        (true, Limit::Endless | Limit::Seconds(_)) => Ended::TimeUp { next },
    };
    let summary = ledger.summary(state.asked().unwrap_or(run), ended, state.lasted);
    let mut report = Report::new(vec![state.clone()], summary, ledger.findings(before));
    report.beyond = ledger.beyond();
    report
}

/// Writes a report to where it belongs, and tells it.
pub(crate) fn show(report: &Report, directory: Option<&Path>, json: bool) -> Result<Exit, String> {
    if let Some(directory) = directory {
        report.save(directory)?;
    }
    if json {
        output::print_json(report);
    } else {
        output::print(|out| {
            let style = Style::of(out);
            report.write(out, style)?;
            match directory {
                Some(directory) => writeln!(out, "results are in {}", directory.display()),
                None => Ok(()),
            }
        });
    }
    if std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true") {
        let lines = ci::annotations(&report.findings);
        if json {
            output::tell(lines.trim_end());
        } else {
            output::print(|out| out.write_all(lines.as_bytes()));
        }
    }
    Ok(report.exit())
}

/// Which seeds, of which code, for how long, and where the results go.
fn first_line(arguments: &Arguments, state: &State, named_by: &str, run: u64) -> String {
    let shard = match named_by {
        "" => "all seeds".to_owned(),
        by => format!("shard {} (from {by}), seeds", state.shard),
    };
    let first = state.next(run);
    let seeds = match state.shard.count() {
        1 => format!("from {} on", Seed(first)),
        count => format!("{}, {}, ..", Seed(first), Seed(first.saturating_add(count))),
    };
    let until = match state.limit {
        Limit::Endless => "until it is interrupted".to_owned(),
        Limit::Seeds(count) => format!("{count} in all"),
        Limit::Seconds(seconds) => format!("for {} minutes", seconds / 60),
    };
    let before = if run > 0 { format!("; {run} are done") } else { String::new() };
    let place = match arguments.out.as_ref().or(arguments.resume.as_ref()) {
        Some(directory) => format!("; results in {}", directory.display()),
        None => String::new(),
    };
    format!("soak: {shard} {seeds}, {until}{before}; {}{place}", state.build.words())
}

/// Where JSON is asked for, standard output has nothing else.
fn say(arguments: &Arguments, line: &str) {
    if arguments.json {
        output::tell(line);
    } else {
        output::print(|out| writeln!(out, "{line}"));
    }
}
