//! `faults run` and `faults repro`: one seed.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use harness::exit::Exit;
use harness::history::jepsen;
use harness::report::{LiveEvent, Style, Teller};
use harness::seed::Seed;
use harness::trace;
use workloads::chronicle;
use workloads::run::{Errand, Ran, Watching};
use workloads::settings::ClusterSettings;
use workloads::telling::TELLERS;

use crate::output;
use crate::profile::ProfileFlags;
use crate::subject::Subject;
use crate::time;

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
    #[command(flatten)]
    subject: Subject,
    /// Stops the run at this moment, such as `12.345s` or `900ms` since it began, and tells the state
    /// of the cluster there.
    #[arg(long, value_name = "TIME", value_parser = time::read, conflicts_with = "report")]
    until: Option<Duration>,
    #[command(flatten)]
    telling: Telling,
}

#[derive(Debug, Args)]
struct Telling {
    /// Tells everything that the brokers observed, too.
    #[arg(long)]
    observations: bool,
    /// Tells on standard error what a room of the broker says and does, such as
    /// `replication=debug` or `server::fetcher=trace`; in the syntax of `RUST_LOG`. May be repeated.
    #[arg(long, value_name = "ROOM=LEVEL")]
    trace: Vec<String>,
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
        let (everything, chronicle) = (self.observations, self.report.is_some());
        Watching { everything, chronicle, ..Watching::default() }
    }

    /// Lets the rooms speak that were asked to.
    fn begin_trace(&self) -> Result<(), String> {
        if self.trace.is_empty() {
            return Ok(());
        }
        let rooms = self.trace.iter().flat_map(|filters| filters.split(','));
        let filter: Vec<String> = rooms.map(rooms_of_the_broker).collect();
        trace::install(&filter.join(",")).map_err(|refused| format!("--trace: {refused}"))
    }
}

/// `replication=debug` means a room of the broker; other crates are called by their names.
fn rooms_of_the_broker(directive: &str) -> String {
    const OTHERS: [&str; 5] = ["highwater", "workloads", "harness", "turmoil", "raft"];
    let directive = directive.trim();
    let name = directive.split(['=', ':', '[']).next().unwrap_or_default();
    let is_level = name.parse::<tracing::Level>().is_ok() || name == "off";
    if is_level || OTHERS.contains(&name) {
        directive.to_owned()
    } else {
        format!("highwater::{directive}")
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
    telling.begin_trace()?;
    if telling.json || telling.observations {
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
    let ReproArguments { subject, until, telling } = arguments;
    telling.begin_trace()?;
    let errand = subject.errand()?;
    match until {
        None => again(&errand, telling),
        Some(moment) => stop_at(&errand, *moment, telling),
    }
}

/// Runs up to a moment, past whatever breaks until then, and tells the state of the cluster.
fn stop_at(errand: &Errand, moment: Duration, telling: &Telling) -> Result<Exit, String> {
    let watching = Watching { goes_on: true, until: Some(moment), ..telling.watching() };
    let ran = workloads::run::carry_out(errand, watching);
    let Some(state) = &ran.insight.moment else {
        return Err(ran.report.failure().unwrap_or_else(|| "the run came to nothing".to_owned()));
    };
    if telling.json {
        output::print_json(state);
    } else {
        if telling.observations {
            tell_everything(&ran);
        }
        output::print(|out| {
            if state.at < moment {
                writeln!(out, "the run was over before {:.3}s", moment.as_secs_f64())?;
            }
            write!(out, "{state}")
        });
    }
    save(&ran, telling)?;
    Ok(ran.report.verdict.exit())
}

fn again(errand: &Errand, telling: &Telling) -> Result<Exit, String> {
    let ran = workloads::run::carry_out(errand, telling.watching());
    if telling.json {
        output::print_json(&ran.report);
    } else {
        if telling.observations {
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
