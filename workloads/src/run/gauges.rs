//! The last question of a run: does the dashboard show that all is well?
//!
//! It is asked after the history is complete and judged, so that it changes nothing of it.

use std::time::Duration;

use harness::cluster::Cluster;
use harness::nemesis::Schedule;

use crate::alerts::at_rest::{Expected, complaints};
use crate::picture::Partition;
use crate::system::Brokers;

/// How long to wait before looking again: reading every number costs more than a step.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What this run's numbers must come to.
pub(super) fn expected(brokers: &Brokers, schedule: &Schedule) -> Expected {
    let settings = brokers.settings();
    let is = |property: &str, value: &str| settings.property(property) == Some(value);
    let kept =
        brokers.watch().look(|picture| picture.partitions().iter().all(Partition::is_judged));
    Expected {
        rebalances: !is("auto.leader.rebalance.enable", "false"),
        clean: kept && !is("unclean.leader.election.enable", "true"),
        no_shrinks: schedule.faults.is_empty(),
    }
}

/// Waits until every number is as it must be at rest.
///
/// # Errors
/// Which are not, and on which nodes, after the wait limit.
pub(super) fn wait_for_rest(
    cluster: &mut Cluster<Brokers>,
    expected: Expected,
) -> Result<(), String> {
    let mut latest = Vec::new();
    let mut next = cluster.now();
    let waited = cluster.try_wait_for("every gauge says that all is well", |cluster| {
        if cluster.now() < next {
            return None;
        }
        next = cluster.now() + LOOK_AGAIN;
        latest = match cluster.system().pages() {
            Ok(pages) => complaints(&pages, expected),
            Err(error) => vec![error.to_string()],
        };
        latest.is_empty().then_some(())
    });
    waited.map_err(|in_vain| format!("{in_vain}\n{}", latest.join("\n")))
}
