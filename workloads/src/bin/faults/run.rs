//! `faults run` and `faults repro`: one seed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use harness::exit::Exit;
use harness::history::jepsen;
use harness::report::{LiveEvent, Style, Teller};
use harness::seed::Seed;
use workloads::chronicle;
use workloads::plan::Plan;
use workloads::profile::Profile;
use workloads::run::{Errand, Ran, Watching};
use workloads::settings::ClusterSettings;
use workloads::telling::TELLERS;

use crate::output;
use crate::profile::ProfileFlags;

/// Flags of `faults run`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The seed, decimal or 0x hexadecimal.
    #[arg(default_value = "0x1")]
    seed: Seed,
    #[command(flatten)]
    profile: ProfileFlags,
    #[command(flatten)]
    telling: Telling,
}

/// Flags of `faults repro`.
#[derive(Debug, Args)]
pub(crate) struct ReproArguments {
    /// The seed, decimal or 0x hexadecimal; or a file that `--plan` has written.
    #[arg(value_name = "SEED|FILE")]
    what: String,
    #[command(flatten)]
    profile: ProfileFlags,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Debug, Args)]
struct Telling {
    /// Tells everything that the brokers observed, too.
    #[arg(long)]
    trace: bool,
    /// Writes the report as JSON.
    #[arg(long)]
    json: bool,
    /// Writes the history to a file, for `faults check`: EDN for Jepsen's checker if the name ends
    /// in `.edn`, else JSON Lines.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// The form of the history, whatever the name of the file.
    #[arg(long, value_enum, value_name = "FORMAT", requires = "history")]
    format: Option<HistoryFormat>,
    /// Writes everything that the run is made of to a file, for `faults repro FILE`.
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Draws the run as a page for a browser, which needs nothing else.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Telling {
    fn watching(&self) -> Watching {
        Watching { everything: self.trace, chronicle: self.report.is_some() }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HistoryFormat {
    /// One JSON object a line; carries everything.
    Jsonl,
    /// As Jepsen's Kafka workload writes it, one operation a line.
    Edn,
}

/// Runs a seed and tells it as it happens.
pub(crate) fn run(arguments: &Arguments) -> Result<Exit, String> {
    let Arguments { seed, profile, telling } = arguments;
    if telling.json || telling.trace {
        return again(&profile.profile()?.errand(*seed), telling);
    }
    let profile = profile.profile()?;
    let nodes: Vec<String> =
        (0..profile.settings(*seed).broker_count()).map(ClusterSettings::node_name).collect();
    let names = nodes.iter().map(String::as_str).chain(TELLERS);
    let style = Style::of(&io::stdout());
    // Whoever stopped reading (`| head`) misses the rest; the verdict is still the exit code.
    let mut teller = Teller::new(io::stdout(), style, names).ok();
    let ear = Box::new(move |event: LiveEvent<'_>| {
        if let Some(writing) = &mut teller
            && writing.tell(event).is_err()
        {
            teller = None;
        }
    });
    let ran = workloads::run::carry_out_told(&profile.errand(*seed), telling.watching(), ear);
    output::print(|out| {
        writeln!(out)?;
        ran.report.write_after_telling(out, style)
    });
    save(&ran, telling)?;
    Ok(ran.report.verdict.exit())
}

/// Runs a seed again and reports. It is the same run: that is the point.
pub(crate) fn repro(arguments: &ReproArguments) -> Result<Exit, String> {
    let ReproArguments { what, profile, telling } = arguments;
    again(&errand(what, profile)?, telling)
}

/// The run of a seed, or of a plan in a file.
pub(crate) fn errand(what: &str, profile: &ProfileFlags) -> Result<Errand, String> {
    match what.parse() {
        Ok(seed) => Ok(profile.profile()?.errand(seed)),
        Err(no_seed) => {
            let text = fs::read_to_string(what)
                .map_err(|no_file| format!("{no_seed}, nor a file: {no_file}"))?;
            let plan = Plan::read(&text).map_err(|unfit| format!("{what}: {unfit}"))?;
            check_mutant(&plan).map_err(|unknown| format!("{what}: {unknown}"))?;
            Ok(Errand { plan, repeat: format!("cargo faults repro {what}") })
        }
    }
}

/// A build without mutants must not pass one off as a correct broker.
fn check_mutant(plan: &Plan) -> Result<(), String> {
    plan.mutant.as_ref().map_or(Ok(()), |name| Profile::safe().mutant(name).map(drop))
}

fn again(errand: &Errand, telling: &Telling) -> Result<Exit, String> {
    let ran = workloads::run::carry_out(errand, telling.watching());
    if telling.json {
        output::print_json(&ran.report);
    } else {
        if telling.trace {
            tell_everything(&ran);
        }
        output::print(|out| {
            let style = Style::of(out);
            ran.report.write(out, style)
        });
    }
    save(&ran, telling)?;
    Ok(ran.report.verdict.exit())
}

fn tell_everything(ran: &Ran) {
    output::print(|out| {
        for (at, node, what) in &ran.observed {
            writeln!(out, "{:>10.3}s  node-{node}  {what}", at.as_secs_f64())?;
        }
        for operation in ran.history.operations() {
            writeln!(out, "{operation}")?;
        }
        Ok(())
    });
}

fn save(ran: &Ran, telling: &Telling) -> Result<(), String> {
    if let Some(path) = &telling.history {
        let failed = |error| format!("{}: {error}", path.display());
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).open(path);
        let file = BufWriter::new(file.map_err(failed)?);
        let edn = path.extension().is_some_and(|ending| ending == "edn");
        let by_name = if edn { HistoryFormat::Edn } else { HistoryFormat::Jsonl };
        match telling.format.unwrap_or(by_name) {
            HistoryFormat::Jsonl => ran.history.write(file).map_err(failed)?,
            HistoryFormat::Edn => jepsen::write(&ran.history, file).map_err(failed)?,
        }
    }
    if let Some(path) = &telling.plan {
        fs::write(path, ran.plan.to_json())
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    telling.report.as_ref().map_or(Ok(()), |path| write_page(ran, path))
}

/// Writes the page of a run that kept a chronicle.
pub(crate) fn write_page(ran: &Ran, path: &Path) -> Result<(), String> {
    fs::write(path, chronicle::page(ran).render())
        .map_err(|error| format!("{}: {error}", path.display()))
}
