//! `faults check FILE..`: judges histories from anywhere.
//!
//! A file's form is told by its content. In a folder, all files but notes (`*.md`) are histories;
//! a `verdicts.csv` beside them says what is expected of each, and then the exit code is about the
//! agreement: 0 only if every verdict is the expected one.

mod expected;
mod files;
mod judged;
mod load;
mod told;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use harness::checker::linearizable::Budget;
use harness::checker::log::{Contract, Guarantee};
use harness::exit::Exit;
use harness::history::Promise;
use harness::history::jepsen::Assumptions;
use harness::history::object::Object;

use crate::output;
use judged::{Checked, Report};

/// Flags of `faults check`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Histories, or folders of them: JSON Lines as `faults run --history` writes them, EDN as
    /// Jepsen does, or the text formats of Porcupine. A `verdicts.csv` in a folder (columns `file`
    /// and `verdict`) says what is expected; then the exit code says whether all agree.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the history is of; told by its content if it is not said.
    #[arg(long, value_enum)]
    model: Option<ModelFlag>,
    /// The form of the files.
    #[arg(long, value_enum, default_value_t = FormatFlag::Auto)]
    format: FormatFlag,
    #[command(flatten)]
    assumptions: AssumptionFlags,
    /// How many steps the search for an order may take, per file; a million is about a second.
    #[arg(long, value_name = "N", default_value_t = 100_000_000)]
    steps: u64,
    /// How long the search for an order may take, per file. Then it depends on the machine whether
    /// there is a verdict.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Writes the judgements as JSON.
    #[arg(long)]
    json: bool,
}

/// What a file may leave unsaid.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is assumed of Kafka histories that do not say it")]
struct AssumptionFlags {
    /// The acknowledgement that producers asked for. What was acknowledged by less than all
    /// replicas may be lost.
    #[arg(long, value_enum, default_value_t = AcksFlag::All)]
    acks: AcksFlag,
    /// Producers were idempotent: a duplicate is an error.
    #[arg(long)]
    idempotent: bool,
    /// Producers did not send again on their own: a duplicate is an error.
    #[arg(long)]
    no_retries: bool,
    /// Readers that were sent to the beginning at the end of the run polled until there was
    /// nothing more: what they were not given is lost, and not late.
    #[arg(long)]
    final_polls: bool,
    /// Losses of records with acks=1 or acks=0 are errors, and not only counted: a file cannot
    /// explain them.
    #[arg(long)]
    no_losses: bool,
}

/// What a history is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelFlag {
    /// One value, or one per key: read, written, compared and set.
    Register,
    /// The same.
    Cas,
    /// Texts by key: get, put, append.
    Kv,
    /// One append-only log with linearizable reads.
    Log,
    /// A set of numbers.
    Set,
    /// A queue: first in, first out.
    Queue,
    /// Producers and consumers of partitions.
    Kafka,
}

impl ModelFlag {
    /// The object, unless it is Kafka's logs.
    const fn object(self) -> Option<Object> {
        match self {
            Self::Register | Self::Cas => Some(Object::Register),
            Self::Kv => Some(Object::KeyValue),
            Self::Log => Some(Object::Log),
            Self::Set => Some(Object::Set),
            Self::Queue => Some(Object::Queue),
            Self::Kafka => None,
        }
    }
}

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatFlag {
    /// By content.
    Auto,
    /// JSON Lines of ours.
    Jsonl,
    /// EDN of Jepsen.
    Edn,
    /// Text of Porcupine's test data.
    Porcupine,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AcksFlag {
    /// All in-sync replicas.
    All,
    /// One replica.
    #[value(name = "1")]
    One,
    /// Nobody.
    #[value(name = "0")]
    None,
}

/// Judges files.
pub(crate) fn check(arguments: &Arguments) -> Result<Exit, String> {
    let batches = files::batches(&arguments.files)?;
    let single = matches!(batches.as_slice(), [batch] if !batch.folder && batch.files.len() == 1);
    let mut report = Report::default();
    for batch in &batches {
        for file in &batch.files {
            let judgement = judged::judge(file, arguments);
            if single && let Err(reason) = judgement {
                return Err(format!("{}: {reason}", file.display()));
            }
            report.add(Checked::new(file, judgement, batch.expected(file)));
        }
    }
    if arguments.json {
        output::print_json(&report);
    } else {
        output::print(|out| told::write(out, &report, single));
    }
    Ok(report.exit())
}

impl Arguments {
    fn assumptions(&self) -> Assumptions {
        let AssumptionFlags { acks, idempotent, no_retries, final_polls, .. } = self.assumptions;
        Assumptions {
            promise: match acks {
                AcksFlag::All => Promise::Durable,
                AcksFlag::One => Promise::Volatile,
                AcksFlag::None => Promise::FireAndForget,
            },
            idempotent,
            retried: !no_retries,
            final_polls,
        }
    }

    /// A file cannot explain why a record that was only promised by one replica is gone, so unless
    /// it is asked for that is no error.
    fn contract(&self) -> Contract {
        let mut contract = Contract::replicated();
        if !self.assumptions.no_losses {
            contract.volatile = Guarantee::LossCounted;
            contract.fire_and_forget = Guarantee::LossCounted;
        }
        contract
    }

    fn budget(&self) -> Budget {
        let budget = Budget::steps(self.steps);
        match self.seconds {
            None => budget,
            Some(seconds) => budget.time(Duration::from_secs(seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use harness::checker::log::{self, Contract, Unexplained};
    use harness::history::History;
    use harness::verdict::Verdict;

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
