//! What the clients saw, judged by what the cluster's settings promise.

use std::collections::BTreeMap;

use harness::checker::linearizable::log::{self as linearizable, LogContract};
use harness::checker::log::{self, Contract, Explain, Guarantee, Judgement};
use harness::history::{History, Key, Promise};
use harness::verdict::{AnomalyKind, Verdict};
use highwater::types::TopicPartition;

use crate::load::{Workload, key};
use crate::watch::Watch;

/// A judged history.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What the checker of anomalies found, and nothing else.
    pub judgement: Judgement,
    /// Whether each partition is linearizable, and how much was judged.
    pub linearizable: linearizable::Judged,
    verdict: Verdict,
}

/// Judges a history by what the partitions' settings and the faults that struck leave of Kafka's
/// promises.
///
/// Losses of acks=1 records must be explained: the record was cut from, or lost by, the replica
/// that had appended it, and was never committed. Within the budget nothing excuses the loss of an
/// acks=all record; once a guarantee was waived (an unclean election that was allowed, more unclean
/// stops than covered), it too must be explained.
///
/// Each partition must also be a linearizable log, with consumers' reads as prefix reads; once a
/// guarantee was waived, nothing of the sort is promised.
#[must_use]
pub fn judge(workload: &Workload, history: &History, watch: &Watch) -> Judged {
    let contract = contract(workload, watch);
    let explain = Fates::new(workload, watch);
    let judgement = log::check(history, &contract, &explain);
    let linearizable = linearizable::check_history(history, &LogContract::replicated(&contract));
    let verdict = judgement.verdict.clone().compose(linearizable.verdict.clone());
    Judged { judgement, linearizable, verdict }
}

/// The promises that still stand.
fn contract(workload: &Workload, watch: &Watch) -> Contract {
    let kept = workload
        .partitions()
        .iter()
        .all(|partition| watch.look(|picture| picture.within_budget(partition)));
    let mut contract = Contract::replicated();
    contract.fire_and_forget = Guarantee::LossCounted;
    if !kept {
        contract.durable = Guarantee::LossExplained;
        contract.reads = Guarantee::LossExplained;
    }
    contract
}

/// Why records are gone, from what was observed.
struct Fates<'watch> {
    watch: &'watch Watch,
    partitions: BTreeMap<Key, TopicPartition>,
}

impl<'watch> Fates<'watch> {
    fn new(workload: &Workload, watch: &'watch Watch) -> Self {
        let partitions =
            workload.partitions().iter().map(|name| (key(name), name.clone())).collect();
        Self { watch, partitions }
    }
}

impl Explain for Fates<'_> {
    fn explain(&self, key: &Key, offset: Option<i64>, _value: u64) -> Option<String> {
        let partition = self.partitions.get(key)?;
        self.watch.fate(partition, offset?)
    }
}

impl Judged {
    /// The verdict of both checkers.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// How many records were acknowledged under a promise.
    #[must_use]
    pub fn acknowledged(&self, promise: Promise) -> u64 {
        self.judgement.losses.by_promise.get(&promise).map_or(0, |toll| toll.acknowledged)
    }

    /// How many records that were acknowledged under a promise are gone.
    #[must_use]
    pub fn lost(&self, promise: Promise) -> u64 {
        self.judgement.losses.by_promise.get(&promise).map_or(0, |toll| toll.lost)
    }

    /// Whether an anomaly of this kind was found.
    #[must_use]
    pub fn shows(&self, kind: AnomalyKind) -> bool {
        self.verdict.anomalies().iter().any(|anomaly| anomaly.kind == kind)
    }

    /// Ends the story with a failure unless every promise was kept.
    ///
    /// # Panics
    /// The verdict is not `Valid`; the message names each anomaly and the operations that prove it.
    pub fn must_be_valid(&self) {
        match &self.verdict {
            Verdict::Valid => {}
            Verdict::Unknown(reason) => panic!("the history could not be judged: {reason}"),
            Verdict::Invalid(anomalies) => {
                let lines: Vec<String> = anomalies.iter().map(ToString::to_string).collect();
                panic!("the history breaks a promise:\n  {}", lines.join("\n  "));
            }
        }
    }
}
