//! The `faults` command: runs Highwater's brokers under simulated faults, and judges what comes of
//! it.
//!
//! Exit codes: 0 valid, 1 invalid, 2 unknown, 64 bad usage.

mod check;
mod explain;
mod interrupt;
mod matrix;
mod merge;
mod mutants;
mod output;
mod profile;
mod report;
mod rooms;
mod run;
mod serve;
mod shrink;
mod soak;
mod subject;
mod sweep;
mod time;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use harness::exit::Exit;

/// Breaks simulated clusters of Highwater brokers and judges what their clients saw.
#[derive(Debug, Parser)]
#[command(
    name = "faults",
    version,
    after_help = "\
Exit codes: 0 valid, 1 invalid, 2 unknown, 64 bad usage."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one seed and tells what happens.
    Run(run::Arguments),
    /// Runs many seeds on all cores.
    Sweep(sweep::Arguments),
    /// Draws another cluster for each seed, for hours and on many machines; groups what fails.
    Soak(soak::Arguments),
    /// Joins what the shards of a soak found.
    Merge(merge::Arguments),
    /// Runs a seed again: the same history, to the byte.
    Repro(run::ReproArguments),
    /// Cuts a failing run down to the fewest faults and the smallest cluster that still fail.
    Shrink(shrink::Arguments),
    /// Tells why a seed fails: when it was lost, which faults it took, and what led to it.
    Explain(explain::Arguments),
    /// Draws a run as a page for a browser.
    Report(report::Arguments),
    /// Shows the pages and results of a directory, on this machine only.
    Serve(serve::Arguments),
    /// Judges histories that were written to files, by this program or by others.
    Check(check::Arguments),
    /// Measures what each combination of settings keeps under each hardship.
    Matrix(matrix::Arguments),
    /// Runs the pure rooms alone under a random scheduler: many thousand schedules a second.
    Rooms(rooms::Arguments),
    /// Hunts brokers that are broken on purpose, and tells how long each was not found out.
    Mutants(mutants::Arguments),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked_for_help = !error.use_stderr();
            error.print().ok();
            return if asked_for_help { ExitCode::SUCCESS } else { Exit::Usage.into() };
        }
    };
    let outcome = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Sweep(arguments) => sweep::sweep(&arguments),
        Command::Soak(arguments) => soak::soak(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Repro(arguments) => run::repro(&arguments),
        Command::Shrink(arguments) => shrink::shrink(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Matrix(arguments) => matrix::matrix(&arguments),
        Command::Rooms(arguments) => rooms::rooms(&arguments),
        Command::Mutants(arguments) => mutants::mutants(&arguments),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(message) => {
            output::complain(&message);
            Exit::Usage.into()
        }
    }
}
