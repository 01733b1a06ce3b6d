//! `faults check FILE`: judges a history from anywhere.

use std::fs;
use std::io::{BufReader, Write};
use std::path::PathBuf;

use clap::Args;
use harness::checker::log::{self, Contract, Guarantee, Unexplained};
use harness::exit::Exit;
use harness::history::History;
use harness::verdict::Verdict;

use crate::output;

/// Flags of `faults check`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A history in JSON Lines, as `faults run --history` writes it.
    file: PathBuf,
    /// Losses of acks=1 and acks=0 records are only counted: a file cannot explain them.
    #[arg(long)]
    count_weak_losses: bool,
    /// Writes the judgement as JSON.
    #[arg(long)]
    json: bool,
}

/// Judges a file.
pub(crate) fn check(arguments: &Arguments) -> Result<Exit, String> {
    let name = arguments.file.display();
    let file = fs::OpenOptions::new().read(true).open(&arguments.file);
    let file = file.map_err(|error| format!("{name}: {error}"))?;
    let history =
        History::read(BufReader::new(file)).map_err(|error| format!("{name}: {error}"))?;
    let mut contract = Contract::replicated();
    if arguments.count_weak_losses {
        contract.volatile = Guarantee::LossCounted;
        contract.fire_and_forget = Guarantee::LossCounted;
    }
    let judgement = log::check(&history, &contract, &Unexplained);
    if arguments.json {
        output::print_json(&judgement);
    } else {
        output::print(|out| {
            writeln!(out, "{name}: {} operations, digest {}", history.len(), history.digest())?;
            writeln!(out, "{}", judgement.verdict)
        });
    }
    Ok(match judgement.verdict {
        Verdict::Valid => Exit::Valid,
        Verdict::Invalid(_) => Exit::Invalid,
        Verdict::Unknown(_) => Exit::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readmes_history_can_be_judged() {
        let readme = include_str!("../../../../README.md");
        let (_, rest) = readme.split_once("```json\n").expect("an example");
        let (text, _) = rest.split_once("```").expect("its end");
        let history = History::read(text.as_bytes()).expect("a history");
        assert_eq!(history.len(), 4);
        let judgement = log::check(&history, &Contract::replicated(), &Unexplained);
        assert_eq!(judgement.verdict, Verdict::Valid);
    }
}
