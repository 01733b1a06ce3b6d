//! What clients saw of it, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::history::{Action, History, Key, Operation};
use harness::verdict::{Anomaly, AnomalyKind};
use highwater::types::{Offset, TopicPartition};

use super::Seen;
use super::mistake::Span;
use crate::run::Ran;

/// The anomaly that the history proves first.
#[derive(Clone, Debug)]
pub(super) struct Sighting {
    pub(super) seen: Seen,
    pub(super) kind: AnomalyKind,
    pub(super) partition: Option<TopicPartition>,
    pub(super) span: Option<Span>,
    /// The operations that prove it.
    pub(super) proof: Vec<Operation>,
}

impl Sighting {
    /// An anomaly is seen with the last of the operations that prove it.
    pub(super) fn of(ran: &Ran) -> Option<Self> {
        let history = &ran.history;
        let grave = ran.insight.anomalies.iter().filter(|anomaly| is_grave(anomaly.kind));
        let dated = grave.filter_map(|anomaly| {
            let proof = proof(anomaly, history);
            let time = proof.iter().map(|operation| operation.time).max()?;
            Some((time, anomaly, proof))
        });
        let (time, anomaly, proof) = dated.min_by_key(|(time, ..)| *time)?;
        let partition = anomaly.key.as_ref().and_then(partition_of);
        let span = anomaly.key.as_ref().and_then(|key| span(key, &proof));
        let seen = Seen {
            at: Duration::from_micros(time),
            name: anomaly.kind.to_string(),
            what: anomaly.summary.clone(),
        };
        Some(Self { seen, kind: anomaly.kind, partition, span, proof })
    }
}

/// Whether it is more than a remark.
fn is_grave(kind: AnomalyKind) -> bool {
    !matches!(kind, AnomalyKind::IntSendSkip | AnomalyKind::WorstRealtimeLag)
}

fn proof(anomaly: &Anomaly, history: &History) -> Vec<Operation> {
    let known = |index: &u64| {
        let index = usize::try_from(*index).ok()?;
        history.operations().get(index).cloned()
    };
    anomaly.operations.iter().filter_map(known).collect()
}

/// `orders-0` is partition 0 of `orders`.
fn partition_of(key: &Key) -> Option<TopicPartition> {
    let (topic, index) = key.as_str().rsplit_once('-')?;
    Some(TopicPartition::new(topic, index.parse().ok()?))
}

/// The offsets that the proof is about: those at which it shows two values, or else those of the
/// values sent.
fn span(key: &Key, proof: &[Operation]) -> Option<Span> {
    let mut values: BTreeMap<i64, BTreeSet<u64>> = BTreeMap::new();
    let mut sent: BTreeSet<i64> = BTreeSet::new();
    for part in proof.iter().flat_map(|operation| operation.action.parts()) {
        match part {
            Action::Send { key: of, values: told, offsets, .. } if of == key => {
                for (value, offset) in told.iter().zip(offsets) {
                    if let Some(offset) = offset {
                        values.entry(*offset).or_default().insert(*value);
                        sent.insert(*offset);
                    }
                }
            }
            Action::Poll { records, .. } => {
                for (offset, value) in records.get(key).into_iter().flatten() {
                    values.entry(*offset).or_default().insert(*value);
                }
            }
            Action::Send { .. }
            | Action::Assign { .. }
            | Action::Subscribe { .. }
            | Action::Latest { .. }
            | Action::Several { .. } => {}
        }
    }
    let torn: BTreeSet<i64> =
        values.iter().filter(|(_, values)| values.len() > 1).map(|(offset, _)| *offset).collect();
    let about = if torn.is_empty() { sent } else { torn };
    Some((Offset(*about.first()?), Offset(*about.last()?)))
}
