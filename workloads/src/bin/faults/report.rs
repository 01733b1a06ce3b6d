//! `faults report`: one run as a page for a browser.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use harness::exit::Exit;
use workloads::run::{Watching, carry_out};

use crate::output;
use crate::run::write_page;
use crate::subject::Subject;

/// Flags of `faults report`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    subject: Subject,
    /// Where the page goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the seed again, and draws it. The exit code is the run's verdict.
pub(crate) fn report(arguments: &Arguments) -> Result<Exit, String> {
    let Arguments { subject, out } = arguments;
    let watching = Watching { chronicle: true, ..Watching::default() };
    let ran = carry_out(&subject.errand()?, watching);
    write_page(&ran, out)?;
    output::print(|to| {
        let failure = ran.report.failure().map(|why| format!(": {why}")).unwrap_or_default();
        writeln!(to, "{}{failure}", ran.report.verdict)?;
        writeln!(to, "{}", out.display())
    });
    Ok(ran.report.verdict.exit())
}
