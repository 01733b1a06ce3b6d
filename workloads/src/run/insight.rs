//! What is known of a run beyond its report: for whoever looks into it.

use std::time::Duration;

use harness::cluster::Cluster;
use harness::nemesis::Strikes;
use harness::verdict::Anomaly;

use super::{Course, Watching};
use crate::moment::Moment;
use crate::record::Record;
use crate::system::Brokers;
use crate::watch::Watch;

/// See [`Watching`] for what is kept.
#[derive(Clone, Debug, Default)]
pub struct Insight {
    /// When the schedule of faults began; `None` if the run ended before.
    pub storm_began: Option<Duration>,
    /// What became of each fault; nothing, if the run broke off before the last.
    pub strikes: Strikes,
    /// What the checkers found in the history, gravest first.
    pub anomalies: Vec<Anomaly>,
    /// Everything that changed the picture, if [`Watching::record`] asked for it.
    pub record: Option<Record>,
    /// The cluster where the run was left, if [`Watching::until`] asked for it.
    pub moment: Option<Moment>,
}

impl Course<'_> {
    /// To be asked once, at the end.
    pub(super) fn insight(
        &self,
        cluster: &Cluster<Brokers>,
        watch: &Watch,
        watching: Watching,
    ) -> Insight {
        let record = watch.take_record();
        let moment = record.as_ref().filter(|_| watching.until.is_some());
        let moment = moment.map(|record| Moment::of(cluster, record, &self.history));
        let judged = self.judged.as_ref();
        Insight {
            storm_began: self.storm_began,
            strikes: self.strikes.clone(),
            anomalies: judged.map(|j| j.verdict().anomalies().to_vec()).unwrap_or_default(),
            record: record.filter(|_| watching.record),
            moment,
        }
    }
}
