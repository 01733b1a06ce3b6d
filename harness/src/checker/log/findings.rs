//! Findings: anomalies as they are collected, all counted and a few kept.
//!
//! One broken promise early in a run can show in every later operation. Sentences are only
//! written for the examples, so a history full of anomalies is judged as fast as a clean one.

use std::collections::BTreeMap;

use crate::history::Key;
use crate::verdict::{Anomaly, AnomalyKind};

/// How many examples of one kind are kept.
const EXAMPLES_MAX: usize = 8;

#[derive(Default)]
pub(super) struct Findings {
    kinds: BTreeMap<AnomalyKind, Kind>,
}

#[derive(Default)]
struct Kind {
    total: u64,
    examples: Vec<Anomaly>,
}

impl Findings {
    /// Counts an anomaly, and keeps it if there is room; `operations` are the indices that prove
    /// it, cause before consequence.
    pub(super) fn report(
        &mut self,
        kind: AnomalyKind,
        key: Option<&Key>,
        operations: &[u64],
        summary: impl FnOnce() -> String,
    ) {
        let found = self.kinds.entry(kind).or_default();
        found.total += 1;
        if found.examples.len() < EXAMPLES_MAX {
            let mut proof: Vec<u64> = Vec::with_capacity(operations.len());
            for operation in operations {
                if !proof.contains(operation) {
                    proof.push(*operation);
                }
            }
            let (key, summary) = (key.cloned(), summary());
            found.examples.push(Anomaly { kind, key, summary, operations: proof, total: 0 });
        }
    }

    pub(super) fn totals(&self) -> BTreeMap<AnomalyKind, u64> {
        self.kinds.iter().map(|(kind, found)| (*kind, found.total)).collect()
    }

    /// The examples, by kind, each with the full count of its kind.
    pub(super) fn into_examples(self) -> Vec<Anomaly> {
        let all = self.kinds.into_values().flat_map(|Kind { total, examples }| {
            examples.into_iter().map(move |anomaly| Anomaly { total, ..anomaly })
        });
        all.collect()
    }
}
