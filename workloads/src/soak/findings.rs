//! Failures in groups, and what became of each group since last time.
//!
//! A night of seeds may fail three hundred times for two reasons. Whoever reads that in the morning
//! wants two lines: what it is, since when, how often, and the command that shows it.

use std::collections::BTreeMap;
use std::fmt;

use harness::seed::Seed;
use harness::sweep::RunOutcome;
use serde::{Deserialize, Serialize};

use crate::signature::Signature;

/// Groups that are kept. If there are more, grouping has failed, and memory must not.
pub const GROUPS_MAX: usize = 200;

/// How often a finding must have been due, by its rate when it was last seen, before its absence
/// says anything: at three times, it is gone with 95 % certainty.
const DUE: u128 = 3;

/// What became of a finding since the run that it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was not there.
    New,
    /// It was gone, and is back.
    Regressed,
    /// It was there, and nobody can say that it is gone: it was seen again, or too few seeds were
    /// run to expect it.
    Ongoing,
    /// It was there, and is not any more.
    Resolved,
}

impl Standing {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Regressed => "regressed",
            Self::Ongoing => "ongoing",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Failures with one signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What they have in common.
    pub signature: Signature,
    /// The room in which to begin looking.
    pub room: String,
    /// What became of it.
    pub standing: Standing,
    /// In how many runs it was seen this time.
    pub count: u64,
    /// The smallest seed that shows it.
    pub smallest_seed: Seed,
    /// That run's failure, in its words.
    pub example: String,
    /// The command that repeats that run.
    pub repeat: String,
    /// When it was last seen: how often.
    pub seen: u64,
    /// When it was last seen: among how many seeds.
    pub seen_among: u64,
    /// How many seeds were run since, without it.
    pub absent_for: u64,
}

impl Finding {
    /// Whether it was seen this time.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.count > 0
    }

    /// Whether it would have been seen, had nothing changed.
    fn is_overdue(&self) -> bool {
        let due = u128::from(self.seen) * u128::from(self.absent_for);
        due >= DUE * u128::from(self.seen_among)
    }
}

/// One group while it grows.
#[derive(Clone, Debug)]
struct Group {
    count: u64,
    smallest_seed: u64,
    example: String,
}

/// Failures, grouped as they come.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    groups: BTreeMap<Signature, Group>,
    failures: u64,
    beyond: u64,
}

impl Findings {
    /// Takes an outcome in. Returns its signature if it is the first failure of its kind.
    pub fn add(&mut self, outcome: &RunOutcome) -> Option<Signature> {
        let signature = Signature::of_outcome(outcome)?;
        self.failures += 1;
        if let Some(group) = self.groups.get_mut(&signature) {
            group.count += 1;
            if outcome.seed < group.smallest_seed {
                group.smallest_seed = outcome.seed;
                group.example = outcome.failure.clone().unwrap_or_default();
            }
            return None;
        }
        if self.groups.len() == GROUPS_MAX {
            self.beyond += 1;
            return None;
        }
        let example = outcome.failure.clone().unwrap_or_default();
        let group = Group { count: 1, smallest_seed: outcome.seed, example };
        self.groups.insert(signature.clone(), group);
        Some(signature)
    }

    /// How many groups there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Failures that belong to none of the groups, since there are too many.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// A few words for a line of progress.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.groups.len(), self.failures) {
            (0, _) => "no findings".to_owned(),
            (1, 1) => "1 finding".to_owned(),
            (1, failures) => format!("1 finding in {failures} runs"),
            (groups, failures) => format!("{groups} findings in {failures} runs"),
        }
    }

    /// The findings of `seeds` runs, held against those of an earlier time; the smallest seed first,
    /// those that were not seen last. `repeat` makes the command that repeats the run of a seed.
    #[must_use]
    pub fn compare(
        &self,
        seeds: u64,
        before: &[Finding],
        repeat: impl Fn(u64) -> String,
    ) -> Vec<Finding> {
        // A finding of a file that tells no occasions stands for all of its name, whatever became of
        // them one by one.
        let earlier = |signature: &Signature| {
            let exact = before.iter().find(|f| f.signature == *signature);
            exact.or_else(|| before.iter().find(|f| f.signature.may_stand_for(signature)))
        };
        let present = self.groups.iter().map(|(signature, group)| Finding {
            signature: signature.clone(),
            room: signature.room().to_owned(),
            standing: match earlier(signature).map(|finding| finding.standing) {
                None => Standing::New,
                Some(Standing::Resolved) => Standing::Regressed,
                Some(Standing::New | Standing::Regressed | Standing::Ongoing) => Standing::Ongoing,
            },
            count: group.count,
            smallest_seed: Seed(group.smallest_seed),
            example: group.example.clone(),
            repeat: repeat(group.smallest_seed),
            seen: group.count,
            seen_among: seeds,
            absent_for: 0,
        });
        let mut findings: Vec<Finding> = present.collect();
        findings.sort_by_key(|finding| finding.smallest_seed);
        let is_here = |f: &Finding| self.groups.keys().any(|here| f.signature.may_stand_for(here));
        let gone = before
            .iter()
            .filter(|finding| !self.groups.contains_key(&finding.signature) && !is_here(finding));
        findings.extend(gone.map(|finding| absent(finding, seeds)));
        findings
    }
}

/// A finding that was not seen in so many seeds.
fn absent(before: &Finding, seeds: u64) -> Finding {
    let absent_for = before.absent_for.saturating_add(seeds);
    let mut finding = Finding { count: 0, absent_for, ..before.clone() };
    if finding.is_overdue() {
        finding.standing = Standing::Resolved;
    } else if finding.standing != Standing::Resolved {
        finding.standing = Standing::Ongoing;
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::exit::OutcomeVerdict;

    fn failed(seed: u64, signature: &str, words: &str) -> RunOutcome {
        let verdict = OutcomeVerdict::Invalid;
        let mut outcome = RunOutcome::without_result(seed, verdict, words.to_owned());
        outcome.signature = (!signature.is_empty()).then(|| signature.to_owned());
        outcome
    }

    fn found(outcomes: &[RunOutcome]) -> Findings {
        let mut findings = Findings::default();
        outcomes.iter().for_each(|outcome| drop(findings.add(outcome)));
        findings
    }

    fn told(findings: &[Finding]) -> Vec<String> {
        let line = |f: &Finding| {
            format!("{} {} {} {}", f.standing, f.signature.tagged(), f.count, f.smallest_seed)
        };
        findings.iter().map(line).collect()
    }

    fn compared(findings: &Findings, seeds: u64, before: &[Finding]) -> Vec<Finding> {
        findings.compare(seeds, before, |seed| format!("repeat {seed}"))
    }

    #[test]
    fn failures_with_one_signature_are_one_finding() {
        let findings = found(&[
            failed(9, "invariant GS4", "GS4: at offset 7"),
            failed(4, "invariant GS4", "GS4: at offset 3"),
            failed(5, "", "panicked at src/x.rs:12: index 9"),
            failed(6, "", "panicked at src/x.rs:12: index 11"),
        ]);
        assert_eq!(findings.words(), "2 findings in 4 runs");
        let listed = compared(&findings, 10, &[]);
        assert_eq!(
            told(&listed),
            ["new invariant GS4 2 0x4", "new failure panicked at src/x.rs:#: index # 2 0x5"]
        );
        assert_eq!(listed[0].example, "GS4: at offset 3");
        assert_eq!(listed[0].repeat, "repeat 4");
        assert_eq!((listed[0].room.as_str(), listed[1].room.as_str()), ("replication", "panic"));
    }

    #[test]
    fn a_finding_is_new_then_ongoing_then_resolved_and_may_regress() {
        let mut there = found(&[failed(3, "invariant GS4", "x")]);
        let nothing = Findings::default();
        let first = compared(&there, 100, &[]);
        assert_eq!(told(&first), ["new invariant GS4 1 0x3"]);
        there.add(&failed(2, "anomaly duplicate", "y"));
        let second = compared(&there, 100, &first);
        assert_eq!(told(&second), ["new anomaly duplicate 1 0x2", "ongoing invariant GS4 1 0x3"]);
        // Once in 100 seeds: that it is missing in 100 more says little.
        let third = compared(&nothing, 100, &second[1..]);
        assert_eq!(told(&third), ["ongoing invariant GS4 0 0x3"]);
        let fourth = compared(&nothing, 200, &third);
        assert_eq!(told(&fourth), ["resolved invariant GS4 0 0x3"]);
        assert_eq!(told(&compared(&nothing, 1, &fourth)), ["resolved invariant GS4 0 0x3"]);
        let fifth = compared(&found(&[failed(8, "invariant GS4", "x")]), 100, &fourth);
        assert_eq!(told(&fifth), ["regressed invariant GS4 1 0x8"]);
        let sixth = compared(&found(&[failed(8, "invariant GS4", "x")]), 100, &fifth);
        assert_eq!(told(&sixth), ["ongoing invariant GS4 1 0x8"]);
    }

    #[test]
    fn second_mistake_does_not_hide_behind_the_first() {
        let first = compared(&found(&[failed(3, "invariant GS1 at a truncation", "x")]), 10, &[]);
        let both = found(&[
            failed(3, "invariant GS1 at a truncation", "x"),
            failed(4, "invariant GS1 at an election", "y"),
        ]);
        let second = compared(&both, 10, &first);
        assert_eq!(
            told(&second),
            [
                "ongoing invariant GS1 at a truncation 1 0x3",
                "new invariant GS1 at an election 1 0x4"
            ]
        );
        assert_eq!(
            (second[0].room.as_str(), second[1].room.as_str()),
            ("replication", "controller")
        );
    }

    #[test]
    fn finding_without_an_occasion_stands_for_all_of_its_name() {
        let old = compared(&found(&[failed(3, "invariant GS1", "x")]), 10, &[]);
        let now = found(&[
            failed(3, "invariant GS1 at a truncation", "x"),
            failed(5, "invariant GS2 at an election", "z"),
        ]);
        assert_eq!(
            told(&compared(&now, 10, &old)),
            [
                "ongoing invariant GS1 at a truncation 1 0x3",
                "new invariant GS2 at an election 1 0x5"
            ]
        );
        let gone = compared(&Findings::default(), 10, &old);
        assert_eq!(told(&gone), ["ongoing invariant GS1 0 0x3"]);
    }

    #[test]
    fn a_finding_survives_its_file() {
        let listed = compared(&found(&[failed(3, "failure a \"b\"", "x")]), 1, &[]);
        let json = serde_json::to_string(&listed).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Finding>>(&json).unwrap(), listed);
    }

    #[test]
    fn groups_without_end_are_counted_and_not_kept() {
        let mut findings = Findings::default();
        for seed in 0..1_000 {
            findings.add(&failed(seed, &format!("failure {seed}"), "x"));
        }
        assert_eq!((findings.len(), findings.beyond()), (GROUPS_MAX, 800));
    }
}
