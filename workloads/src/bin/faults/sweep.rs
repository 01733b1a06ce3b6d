//! `faults sweep`: many seeds on all cores.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use harness::exit::Exit;
use harness::report::Style;
use harness::seed::Seed;
use harness::sweep::{self, SweepOptions};
use workloads::profile::Profile;
use workloads::run::{self, Watching};

use crate::interrupt;
use crate::output;
use crate::profile::ProfileFlags;

/// Flags of `faults sweep`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first seed, decimal or 0x hexadecimal.
    #[arg(long, default_value = "0x0")]
    start: Seed,
    /// Goes on after a failure; otherwise the sweep ends with the first.
    #[arg(long)]
    keep_going: bool,
    /// How many seeds run at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Writes the summary as JSON.
    #[arg(long)]
    json: bool,
    /// Writes one line of JSON per seed to a file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    profile: ProfileFlags,
}

/// Runs the seeds.
pub(crate) fn sweep(arguments: &Arguments) -> Result<Exit, String> {
    let profile = arguments.profile.profile()?;
    let mut file = match &arguments.out {
        None => None,
        Some(path) => {
            let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).open(path);
            let opened = opened.map_err(|error| format!("{}: {error}", path.display()))?;
            Some(BufWriter::new(opened))
        }
    };
    let interrupted = interrupt::end_cleanly()?;
    let end = arguments.start.0.checked_add(arguments.seeds);
    let end = end.ok_or_else(|| "--start and --seeds go past the largest seed".to_owned())?;
    let options = SweepOptions {
        seeds: arguments.start.0..end,
        every: 1,
        lasts: None,
        workers: arguments.workers.unwrap_or_else(interrupt::cores).max(1),
        stop_at_first: !arguments.keep_going,
        required: required(arguments),
        expects_faults: true,
        quiet: false,
        repeat: repeat(&profile),
    };
    let jsonl = file.as_mut().map(|file| file as &mut (dyn Write + Send));
    let summary = sweep::run(options, jsonl, interrupted, |seed| {
        run::run(Seed(seed), &profile, Watching::default()).outcome
    });
    if arguments.json {
        output::print_json(&summary);
    } else {
        output::print(|out| {
            let style = Style::of(out);
            summary.write(out, style)
        });
    }
    Ok(summary.exit())
}

fn repeat(profile: &Profile) -> Box<dyn Fn(u64) -> String + Send + Sync> {
    let profile = profile.clone();
    Box::new(move |seed| profile.repeat_command(Seed(seed)))
}

/// A short sweep cannot reach every state; a long one that does not tests less than it claims.
fn required(arguments: &Arguments) -> Vec<String> {
    if arguments.seeds < run::SEEDS_FOR_ALL_STATES {
        return Vec::new();
    }
    run::required_states()
}
