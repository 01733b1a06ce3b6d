//! A command line for the tests of your own system: one seed or many, and flags of your own.
//!
//! A story that can be told under any seed deserves a program: `--seed 0x2a` repeats one run and
//! prints its report, `--seeds 500` sweeps so many on all cores and prints what they came to, with
//! the report of the first that failed. The exit code says the same to a script.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::thread;

use crate::exit::Exit;
use crate::report::RunReport;
use crate::report::style::Style;
use crate::seed::Seed;
use crate::sweep::{self, RunOutcome, SweepOptions};

/// What the program can be asked for.
///
/// ```
/// use harness::command::Command;
/// use harness::prelude::*;
/// use harness::report::{RunReport, tell};
///
/// async fn idle(env: NodeEnv) -> Result<(), BoxError> {
///     Ok(env.stop.requested().await)
/// }
///
/// let command = Command::new("cargo run --example idle --").flag("--crash", "crash the node");
/// let arguments = ["--seed", "7", "--crash"].map(str::to_owned);
/// let exit = command.run(arguments, |seed, given| {
///     tell("idle", &nodes(1, idle), seed, |cluster| {
///         if given.has("--crash") {
///             cluster.crash(Node(0));
///         }
///         cluster.run_for(secs(1));
///         RunReport::of(cluster)
///     })
/// });
/// assert_eq!(exit, std::process::ExitCode::SUCCESS);
/// ```
#[derive(Clone, Debug)]
pub struct Command {
    call: String,
    flags: Vec<(&'static str, &'static str)>,
}

/// The flags that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given(BTreeSet<&'static str>);

impl Given {
    /// Whether this flag was given.
    #[must_use]
    pub fn has(&self, flag: &str) -> bool {
        self.0.contains(flag)
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    One(Seed),
    Many(u64),
    Help,
}

/// Seeds that a sweep takes unless it is told how many.
const SEEDS: u64 = 100;

impl Command {
    /// A program that is called so from a shell, up to its arguments: this begins the command that
    /// repeats a run.
    #[must_use]
    pub fn new(call: &str) -> Self {
        Self { call: call.to_owned(), flags: Vec::new() }
    }

    /// The same with a flag of your own, and what it means in a few words.
    #[must_use]
    pub fn flag(mut self, flag: &'static str, meaning: &'static str) -> Self {
        self.flags.push((flag, meaning));
        self
    }

    /// Does what the arguments ask for, and returns how the program is to exit: 0 if all was valid,
    /// 1 if something was not, 2 if it could not be decided, 64 if the arguments make no sense.
    ///
    /// A sweep expects each run to be acknowledged something, to read something and to be struck by
    /// a fault: a run without proves nothing and fails as vacuous.
    pub fn run(
        &self,
        arguments: impl IntoIterator<Item = String>,
        story: impl Fn(Seed, &Given) -> RunReport + Sync,
    ) -> ExitCode {
        let told = |seed: Seed, given: &Given| {
            let repeat = self.repeat(seed, given);
            RunReport { repeat, ..story(seed, given) }
        };
        let exit = match self.parse(arguments) {
            Ok((Wanted::One(seed), given)) => {
                let report = told(seed, &given);
                say(|out, style| report.write(out, style));
                report.verdict.exit()
            }
            Ok((Wanted::Many(seeds), given)) => self.sweep(seeds, &given, told),
            Ok((Wanted::Help, _)) => {
                say(|out, _| out.write_all(self.usage().as_bytes()));
                Exit::Valid
            }
            Err(wrong) => {
                // Nobody is left to be told that standard error is closed.
                drop(write!(io::stderr(), "{wrong}\n\n{}", self.usage()));
                Exit::Usage
            }
        };
        exit.into()
    }

    fn sweep(
        &self,
        seeds: u64,
        given: &Given,
        told: impl Fn(Seed, &Given) -> RunReport + Sync,
    ) -> Exit {
        let (command, flags) = (self.clone(), given.clone());
        let options = SweepOptions {
            seeds: 1..seeds.saturating_add(1),
            every: 1,
            lasts: None,
            workers: thread::available_parallelism().map_or(1, usize::from),
            stop_at_first: false,
            required: Vec::new(),
            expects_faults: true,
            quiet: false,
            repeat: Box::new(move |seed| command.repeat(Seed(seed), &flags)),
        };
        let summary = sweep::run(options, None, &AtomicBool::new(false), |seed| {
            RunOutcome::of(&told(Seed(seed), given), crate::report::Counts::new())
        });
        // A proof tells more than a doubt.
        let gravest = summary.failures.iter().rev().max_by_key(|failure| failure.verdict);
        let failed = gravest.map(|failure| told(Seed(failure.seed), given));
        say(|out, style| {
            if let Some(report) = &failed {
                report.write(out, style)?;
                writeln!(out)?;
            }
            summary.write(out, style)
        });
        summary.exit()
    }

    /// The command that repeats a run.
    fn repeat(&self, seed: Seed, given: &Given) -> String {
        let flags = self.flags.iter().filter(|(flag, _)| given.has(flag));
        let flags: String = flags.map(|(flag, _)| format!(" {flag}")).collect();
        format!("{} --seed {seed}{flags}", self.call)
    }

    fn parse(
        &self,
        arguments: impl IntoIterator<Item = String>,
    ) -> Result<(Wanted, Given), String> {
        let mut arguments = arguments.into_iter();
        let (mut wanted, mut given) = (Wanted::Many(SEEDS), Given::default());
        while let Some(argument) = arguments.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut value = || {
                joined.clone().or_else(|| arguments.next()).ok_or(format!("{name} wants a number"))
            };
            match name {
                "--seed" => {
                    let seed = value()?.parse().map_err(|wrong| format!("--seed: {wrong}"))?;
                    wanted = Wanted::One(seed);
                }
                "--seeds" => {
                    let count = value()?;
                    let number = count.parse().ok().filter(|number| *number > 0);
                    let number =
                        number.ok_or(format!("--seeds: `{count}` is no number of seeds"))?;
                    wanted = Wanted::Many(number);
                }
                "--help" | "-h" => return Ok((Wanted::Help, given)),
                _ => match self.flags.iter().find(|(flag, _)| *flag == argument) {
                    Some((flag, _)) => drop(given.0.insert(flag)),
                    None => return Err(format!("unknown argument `{argument}`")),
                },
            }
        }
        Ok((wanted, given))
    }

    fn usage(&self) -> String {
        let mut rows = vec![
            ("--seed SEED", "run this seed, such as 42 or 0x2a, and print its report"),
            ("--seeds N", "sweep the seeds 1 to N on all cores; 100 unless told otherwise"),
        ];
        rows.extend(&self.flags);
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let rows = rows.iter().map(|(name, meaning)| format!("  {name:<width$}  {meaning}\n"));
        format!("usage: {} [arguments]\n{}", self.call, rows.collect::<String>())
    }
}

/// Writes to standard output. A reader that went away (`| head`) is no failure of the run.
fn say(write: impl FnOnce(&mut io::StdoutLock<'static>, Style) -> io::Result<()>) {
    let stdout = io::stdout();
    let style = Style::of(&stdout);
    let mut out = stdout.lock();
    drop(write(&mut out, style).and_then(|()| out.flush()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<(Wanted, Given), String> {
        let command = Command::new("it").flag("--bug", "with the bug");
        command.parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn seeds_and_flags_are_understood_in_any_order() {
        let bug = Given(BTreeSet::from(["--bug"]));
        assert_eq!(parse(""), Ok((Wanted::Many(SEEDS), Given::default())));
        assert_eq!(parse("--bug --seed 0x2a"), Ok((Wanted::One(Seed(42)), bug.clone())));
        assert_eq!(parse("--seeds=7 --bug"), Ok((Wanted::Many(7), bug)));
        assert_eq!(parse("--seeds 7 -h").unwrap().0, Wanted::Help);
    }

    #[test]
    fn nonsense_is_named() {
        for (line, words) in [
            ("--seed", "--seed wants a number"),
            ("--seed x", "--seed: `x` is not a seed"),
            ("--seeds 0", "--seeds: `0` is no number"),
            ("--bug=yes", "unknown argument `--bug=yes`"),
            ("42", "unknown argument `42`"),
        ] {
            let wrong = parse(line).unwrap_err();
            assert!(wrong.starts_with(words), "{line}: {wrong}");
        }
    }

    #[test]
    fn command_that_repeats_a_run_carries_its_flags() {
        let command = Command::new("it").flag("--bug", "with the bug").flag("--other", "x");
        let given = Given(BTreeSet::from(["--bug"]));
        assert_eq!(command.repeat(Seed(42), &given), "it --seed 0x2a --bug");
        assert!(command.usage().contains("\n  --bug        with the bug\n"), "{}", command.usage());
    }
}
