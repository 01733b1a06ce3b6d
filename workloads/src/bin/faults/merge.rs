//! `faults merge DIR..`: what the shards of a soak found together.

use std::path::PathBuf;

use clap::Args;
use harness::exit::Exit;
use workloads::soak::merge::merge as join;
use workloads::soak::report::{self, Report};

use crate::soak;

/// Flags of `faults merge`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The directories of soaks that ran the same code and no seed twice.
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Writes summary.json, findings.json and junit.xml into a directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The findings of an earlier soak (findings.json): tells what is new, ongoing, resolved and
    /// regressed.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Writes the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Joins soaks, and tells what was found.
pub(crate) fn merge(arguments: &Arguments) -> Result<Exit, String> {
    let before = arguments.baseline.as_deref().map(report::baseline).transpose()?;
    let merged = join(
        &arguments.directories,
        |state| soak::of(state.mutant.as_deref(), state.clients_only),
        |asked| soak::required(Some(asked)),
    )?;
    let findings = merged.ledger.findings(before.as_deref().unwrap_or_default());
    let mut report = Report::new(merged.states, merged.summary, findings);
    report.beyond = merged.ledger.beyond();
    report.notes = merged.notes;
    soak::show(&report, arguments.out.as_deref(), arguments.json)
}
