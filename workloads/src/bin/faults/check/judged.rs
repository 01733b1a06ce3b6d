//! What came of each file, and of all of them.

use std::path::Path;

use harness::checker::linearizable::models::key_value::KeyValue;
use harness::checker::linearizable::models::register::Register;
use harness::checker::log::{self, Unexplained};
use harness::checker::object;
use harness::exit::{Exit, OutcomeVerdict};
use harness::history::jepsen::Skipped;
use harness::history::object::Object;
use harness::verdict::Verdict;
use serde::Serialize;

use super::Arguments;
use super::load::{Content, load};

/// One file, judged.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    /// As it was named.
    pub(super) file: String,
    /// What it was judged to be, or why it cannot be read.
    pub(super) judgement: Result<Judged, String>,
    /// What was expected of it.
    pub(super) expected: Option<OutcomeVerdict>,
}

/// A file that could be read.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub(super) format: String,
    pub(super) model: String,
    /// Halves of calls for a Kafka history, calls for an object.
    pub(super) operations: u64,
    /// Operations that say nothing about what is judged.
    pub(super) skipped: u64,
    pub(super) verdict: OutcomeVerdict,
    pub(super) details: Details,
}

/// What the checker of the model says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Details {
    Log {
        /// The same for the same history in any form that carries it whole.
        digest: String,
        skipped: Skipped,
        judgement: Box<log::Judgement>,
    },
    Object(Box<object::Judgement>),
}

impl Details {
    pub(super) fn verdict(&self) -> &Verdict {
        match self {
            Self::Log { judgement, .. } => &judgement.verdict,
            Self::Object(judgement) => &judgement.verdict,
        }
    }
}

/// Judges a file.
pub(super) fn judge(path: &Path, arguments: &Arguments) -> Result<Judged, String> {
    let (format, content) = load(path, arguments)?;
    let (model, skipped, details) = match content {
        Content::Kafka(history, skipped) => {
            let judgement = log::check(&history, &arguments.contract(), &Unexplained);
            let left_out = skipped.nemesis + skipped.others.values().sum::<u64>();
            let (digest, judgement) = (history.digest().to_string(), Box::new(judgement));
            ("kafka".to_owned(), left_out, Details::Log { digest, skipped, judgement })
        }
        Content::Object(history) => {
            let judgement = object::judge(&history, &arguments.budget());
            let judgement = Box::new(judgement.map_err(|error| error.to_string())?);
            (history.object.to_string(), history.skipped, Details::Object(judgement))
        }
        Content::Register(calls) => {
            let judgement = object::judge_calls(&Register::new(), &calls, &arguments.budget());
            (Object::Register.to_string(), 0, Details::Object(Box::new(judgement)))
        }
        Content::Texts(calls) => {
            let judgement = object::judge_calls(&KeyValue, &calls, &arguments.budget());
            (Object::KeyValue.to_string(), 0, Details::Object(Box::new(judgement)))
        }
    };
    let operations = match &details {
        Details::Log { judgement, .. } => judgement.counts.operations,
        Details::Object(judgement) => judgement.calls,
    };
    let verdict = match details.verdict() {
        Verdict::Valid => OutcomeVerdict::Valid,
        Verdict::Unknown(_) => OutcomeVerdict::Unknown,
        Verdict::Invalid(_) => OutcomeVerdict::Invalid,
    };
    Ok(Judged { format: format.to_string(), model, operations, skipped, verdict, details })
}

impl Checked {
    pub(super) fn new(
        path: &Path,
        judgement: Result<Judged, String>,
        expected: Option<OutcomeVerdict>,
    ) -> Self {
        Self { file: path.display().to_string(), judgement, expected }
    }

    /// Whether the verdict is the one that was expected; `None` if none was.
    pub(super) fn agrees(&self) -> Option<bool> {
        let expected = self.expected?;
        Some(self.judgement.as_ref().is_ok_and(|judged| judged.verdict == expected))
    }

    /// How the program exits if this is the only file. Where a verdict was expected, that it is
    /// another is what is wrong.
    fn exit(&self) -> Exit {
        let Ok(judged) = &self.judgement else {
            return Exit::Usage;
        };
        match (self.agrees(), judged.verdict) {
            (Some(true), _) => Exit::Valid,
            (Some(false), OutcomeVerdict::Unknown) => Exit::Unknown,
            (Some(false), OutcomeVerdict::Valid | OutcomeVerdict::Invalid) => Exit::Invalid,
            (None, verdict) => verdict.exit(),
        }
    }
}

/// All files, and what it comes to.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) files: Vec<Checked>,
    pub(super) totals: Totals,
}

/// How many files came to what.
#[derive(Debug, Default, Serialize)]
pub(super) struct Totals {
    pub(super) valid: u64,
    pub(super) invalid: u64,
    pub(super) unknown: u64,
    pub(super) unreadable: u64,
    /// Files whose verdict is the expected one.
    pub(super) agree: u64,
    /// Files whose verdict is another than the expected one.
    pub(super) disagree: u64,
}

impl Report {
    pub(super) fn add(&mut self, checked: Checked) {
        let totals = &mut self.totals;
        *match checked.judgement.as_ref().map(|judged| judged.verdict) {
            Ok(OutcomeVerdict::Valid) => &mut totals.valid,
            Ok(OutcomeVerdict::Invalid) => &mut totals.invalid,
            Ok(OutcomeVerdict::Unknown) => &mut totals.unknown,
            Err(_) => &mut totals.unreadable,
        } += 1;
        totals.agree += u64::from(checked.agrees() == Some(true));
        totals.disagree += u64::from(checked.agrees() == Some(false));
        self.files.push(checked);
    }

    /// The worst of all: unreadable, then invalid, then unknown.
    pub(super) fn exit(&self) -> Exit {
        const BEST_FIRST: [Exit; 4] = [Exit::Valid, Exit::Unknown, Exit::Invalid, Exit::Usage];
        let rank = |exit: &Exit| BEST_FIRST.iter().position(|other| other == exit);
        self.files.iter().map(Checked::exit).max_by_key(rank).unwrap_or(Exit::Usage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(verdict: Option<OutcomeVerdict>, expected: Option<OutcomeVerdict>) -> Checked {
        let judgement = verdict.map(|verdict| Judged {
            format: String::new(),
            model: String::new(),
            operations: 0,
            skipped: 0,
            verdict,
            details: Details::Object(Box::new(object::Judgement {
                verdict: Verdict::Valid,
                calls: 0,
                parts: 0,
                steps: 0,
                explained: None,
            })),
        });
        let judgement = judgement.ok_or_else(|| "line 1: no".to_owned());
        Checked { file: String::new(), judgement, expected }
    }

    #[test]
    fn the_worst_file_decides() {
        use OutcomeVerdict::{Invalid, Unknown, Valid};
        let exit = |files: &[(Option<OutcomeVerdict>, Option<OutcomeVerdict>)]| {
            let mut report = Report::default();
            for (verdict, expected) in files {
                report.add(checked(*verdict, *expected));
            }
            report.exit().code()
        };
        assert_eq!(exit(&[(Some(Valid), None), (Some(Valid), None)]), 0);
        assert_eq!(exit(&[(Some(Valid), None), (Some(Unknown), None)]), 2);
        assert_eq!(exit(&[(Some(Invalid), None), (Some(Unknown), None)]), 1);
        assert_eq!(exit(&[(Some(Invalid), None), (None, None), (Some(Valid), None)]), 64);
        assert_eq!(exit(&[(Some(Invalid), Some(Invalid)), (Some(Valid), Some(Valid))]), 0);
        assert_eq!(exit(&[(Some(Invalid), Some(Invalid)), (Some(Valid), Some(Invalid))]), 1);
        assert_eq!(exit(&[(Some(Unknown), Some(Invalid)), (Some(Valid), Some(Valid))]), 2);
        assert_eq!(exit(&[(None, Some(Invalid))]), 64);
    }
}
