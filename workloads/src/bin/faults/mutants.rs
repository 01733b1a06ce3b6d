//! `faults mutants`: hunts brokers that are broken on purpose.
//!
//! For each: how many seeds of the full simulation, and how many schedules of the pure rooms, until
//! it is found out; once by whatever notices first, once by what clients see alone. With
//! `--shrink`, what was found in the full simulation is cut down, and how far is told.

mod shrunk;
mod table;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::Args;
use harness::exit::Exit;
use harness::report::Style;
use harness::seed::Seed;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use workloads::hunt::{self, Caught, Finding};
use workloads::profile::Profile;
use workloads::rooms;

use crate::interrupt::{self, wall_clock};
use crate::output;
use shrunk::Cut;

/// Flags of `faults mutants`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which mutants; all, if none is named.
    ids: Vec<String>,
    /// Seeds of the full simulation to try at most.
    #[arg(long, value_name = "MAX", default_value_t = 500)]
    seeds: u64,
    /// Schedules of the pure rooms to try at most.
    #[arg(long, value_name = "MAX", default_value_t = 20_000)]
    schedules: u64,
    /// The first seed and the first schedule, decimal or 0x hexadecimal.
    #[arg(long, default_value = "0x0")]
    start: Seed,
    /// Hunts each so many times, with other seeds each time.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    sweeps: u64,
    /// Leaves the invariants out: only what clients see counts.
    #[arg(long)]
    clients_only: bool,
    /// Cuts down each seed that was found, for so many seconds at most.
    #[arg(long, value_name = "BUDGET", num_args = 0..=1, require_equals = true, default_missing_value = "300", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    shrink: Option<u64>,
    /// How many runs at a time; by default as many as there are cores.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Writes the result as JSON.
    #[arg(long)]
    json: bool,
}

/// A broken broker.
#[derive(Clone, Debug, Serialize)]
struct Quarry {
    id: String,
    what: String,
    /// It can show itself in the pure rooms too.
    #[serde(skip)]
    in_rooms: bool,
}

/// Where a hunt takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Ground {
    Simulation,
    Rooms,
}

/// Who looks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Eyes {
    All,
    Clients,
}

/// One hunt, over.
#[derive(Clone, Debug, Serialize)]
struct Hunt {
    ground: Ground,
    eyes: Eyes,
    start: Seed,
    tried: u64,
    seconds: f64,
    finding: Option<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shrunk: Option<Cut>,
}

/// All hunts for one mutant.
#[derive(Clone, Debug, Serialize)]
struct Hunted {
    #[serde(flatten)]
    quarry: Quarry,
    found: bool,
    hunts: Vec<Hunt>,
}

/// What the command tells.
#[derive(Debug, Serialize)]
struct Summary {
    mutants: Vec<Hunted>,
    /// Half of the plans that were cut down have so many faults left at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    faults_left_median: Option<usize>,
    interrupted: bool,
}

/// What all hunts have in common.
struct Hunter<'a> {
    arguments: &'a Arguments,
    interrupted: &'static AtomicBool,
    bar: ProgressBar,
}

/// Hunts, and says whether every mutant was found.
pub(crate) fn mutants(arguments: &Arguments) -> Result<Exit, String> {
    let quarries = quarries(&arguments.ids)?;
    let most = arguments.seeds.max(arguments.schedules).checked_mul(arguments.sweeps);
    most.and_then(|most| most.checked_add(arguments.start.0)).ok_or_else(|| {
        "--start, --seeds, --schedules and --sweeps go past the largest seed".to_owned()
    })?;
    let style = ProgressStyle::with_template("{prefix:3} {bar:30} {pos}/{len}  {elapsed}  {msg}");
    let bar = ProgressBar::new(0).with_style(style.map_err(|error| error.to_string())?);
    let hunter = Hunter { arguments, interrupted: interrupt::end_cleanly()?, bar };
    let mut mutants = Vec::new();
    for quarry in quarries {
        if !hunter.is_interrupted() {
            mutants.push(hunter.hunt_down(quarry));
        }
    }
    hunter.bar.finish_and_clear();
    let faults_left_median = shrunk::median(&mutants);
    let summary = Summary { mutants, faults_left_median, interrupted: hunter.is_interrupted() };
    if arguments.json {
        output::print_json(&summary);
    } else {
        output::print(|out| {
            let style = Style::of(out);
            table::write(&summary, out, style)
        });
    }
    Ok(if summary.interrupted {
        Exit::Unknown
    } else if summary.mutants.iter().all(|hunted| hunted.found) {
        Exit::Valid
    } else {
        Exit::Invalid
    })
}

/// The mutants of these ids, or all that the build has.
#[cfg(feature = "mutants")]
fn quarries(ids: &[String]) -> Result<Vec<Quarry>, String> {
    use highwater::mutants::Mutant;

    let named: Vec<Mutant> = ids.iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
    let chosen = if named.is_empty() { Mutant::ALL.to_vec() } else { named };
    let quarry = |mutant: Mutant| {
        let (_, what) = mutant.describe().split_once(": ").unwrap_or_default();
        let (id, what) = (mutant.to_string(), what.to_owned());
        Quarry { id, what, in_rooms: mutant.is_in_pure_room() }
    };
    Ok(chosen.into_iter().map(quarry).collect())
}

/// A normal build has none.
#[cfg(not(feature = "mutants"))]
fn quarries(_ids: &[String]) -> Result<Vec<Quarry>, String> {
    Err("this build contains no mutants; `cargo run --release --package workloads --features \
         mutants --bin faults -- mutants` does"
        .to_owned())
}

impl Hunter<'_> {
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn hunt_down(&self, quarry: Quarry) -> Hunted {
        self.bar.set_prefix(quarry.id.clone());
        let mut hunts = Vec::new();
        for sweep in 0..self.arguments.sweeps {
            for ground in [Ground::Simulation, Ground::Rooms] {
                for eyes in [Eyes::All, Eyes::Clients] {
                    let is_wanted = (ground == Ground::Simulation || quarry.in_rooms)
                        && (eyes == Eyes::Clients || !self.arguments.clients_only);
                    if is_wanted && !self.is_interrupted() {
                        let mut hunt = self.hunt(&quarry, sweep, ground, eyes);
                        hunt.shrunk = self.cut_down(&quarry, &hunt);
                        hunts.push(hunt);
                    }
                }
            }
        }
        let found = hunts.iter().any(|hunt| hunt.finding.is_some());
        Hunted { quarry, found, hunts }
    }

    fn hunt(&self, quarry: &Quarry, sweep: u64, ground: Ground, eyes: Eyes) -> Hunt {
        let arguments = self.arguments;
        let (most, what) = match ground {
            Ground::Simulation => (arguments.seeds, "seeds"),
            Ground::Rooms => (arguments.schedules, "schedules of the rooms"),
        };
        let start = arguments.start.0 + sweep * most;
        let by = match eyes {
            Eyes::All => "",
            Eyes::Clients => ", clients only",
        };
        self.bar.set_length(most);
        self.bar.set_position(0);
        self.bar.set_message(format!("{what}{by}"));
        let began = wall_clock();
        let cases = start..start + most;
        let Caught { tried, finding } = match ground {
            Ground::Simulation => {
                let profile = broken(quarry, eyes);
                self.run(cases, |seed| hunt::simulate(seed, &profile))
            }
            Ground::Rooms => {
                let clients_only = eyes == Eyes::Clients;
                let profile = rooms::Profile { clients_only, ..rooms::Profile::storm() };
                self.run(cases, |seed| hunt::play(seed, &profile, Some(&quarry.id)))
            }
        };
        let seconds = rounded(began.elapsed());
        Hunt { ground, eyes, start: Seed(start), tried, seconds, finding, shrunk: None }
    }

    fn run(
        &self,
        cases: std::ops::Range<u64>,
        try_one: impl Fn(u64) -> Option<Finding> + Sync,
    ) -> Caught {
        let workers = self.arguments.workers.unwrap_or_else(interrupt::cores);
        let tried = |count| self.bar.set_position(count);
        hunt::hunt(cases, workers, self.interrupted, try_one, tried)
    }
}

/// Seconds, to the millisecond.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The sweep's profile with the broken broker in it.
fn broken(quarry: &Quarry, eyes: Eyes) -> Profile {
    let profile = Profile::safe().mutant(&quarry.id).expect("the build named the mutant itself");
    match eyes {
        Eyes::All => profile,
        Eyes::Clients => profile.clients_only(),
    }
}
