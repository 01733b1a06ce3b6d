//! What a schedule of faults may ask to be done through the front door in the midst of it all: an
//! administrator's orders, and a broker's own word to the controllers.

use std::sync::Arc;
use std::time::Duration;

use harness::seed::Stream;
use harness::system::{ClientEnv, Deed};
use highwater::client::{Admin, ClientSettings, Connection, ElectionType};
use highwater::protocol::Request;
use highwater::protocol::messages::{BrokerHeartbeatRequest, build};
use highwater::types::{BrokerEpoch, BrokerId, TopicPartition};

use crate::settings::{BROKER_PORT, CONTROLLER_PORT};
use crate::sim_host;
use crate::watch::Watch;

/// Elects the preferred leaders. A planned election removes nobody from the in-sync set and needs
/// no fault, which makes it the most productive disturbance of all.
pub const ELECT_PREFERRED: &str = "elect preferred leaders";

/// A leader is fenced and lives on: its leadership goes to another, though it is dead to nobody. So
/// it is when heartbeats are lost and nothing else; the next that arrives unfences it.
pub const FENCE_LEADER: &str = "fence a leader";

/// A follower that is in sync is fenced and lives on, for as short a time.
pub const FENCE_FOLLOWER: &str = "fence a follower";

/// Every deed that a schedule may name.
pub const ALL: [&str; 3] = [ELECT_PREFERRED, FENCE_LEADER, FENCE_FOLLOWER];

/// How long a deed waits for one answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// The deed of that name, if it makes sense now.
pub(crate) fn deed(
    name: &str,
    nodes: &[String],
    (partitions, watch): (&[TopicPartition], &Watch),
    dice: &mut Stream,
) -> Option<Deed> {
    if partitions.is_empty() {
        return None;
    }
    match name {
        ELECT_PREFERRED => Some(elect_preferred(nodes)),
        FENCE_LEADER | FENCE_FOLLOWER => {
            let partition = dice.pick(partitions);
            let candidates = in_sync(watch, partition, name == FENCE_LEADER);
            if candidates.is_empty() {
                return None;
            }
            let (broker, epoch) = *dice.pick(&candidates);
            Some(fence(nodes, broker, epoch))
        }
        _ => None,
    }
}

/// The leader of a partition, or its followers that are in sync; each with its broker epoch.
fn in_sync(watch: &Watch, partition: &TopicPartition, leads: bool) -> Vec<(BrokerId, BrokerEpoch)> {
    watch.look(|picture| {
        let record = picture.partition(partition).and_then(|known| known.registration());
        let members = record.into_iter().flat_map(|record| {
            let wanted = record.in_sync_replicas.iter();
            wanted.filter(move |id| (record.leader == Some(**id)) == leads)
        });
        members.filter_map(|id| Some((*id, picture.metadata().broker_epoch(*id)?))).collect()
    })
}

fn elect_preferred(nodes: &[String]) -> Deed {
    let bootstrap: Vec<Arc<str>> =
        nodes.iter().map(|node| format!("{node}:{BROKER_PORT}").into()).collect();
    Box::new(move |env| {
        Box::pin(async move {
            let settings = ClientSettings {
                client_id: "nemesis".into(),
                bootstrap,
                request_timeout: PATIENCE,
                retry_backoff: Duration::from_millis(100),
            };
            let mut admin = Admin::new(sim_host::client_host(env), settings);
            let outcome = admin.elect_leaders(ElectionType::Preferred, None).await;
            tracing::debug!(?outcome, "preferred election");
        })
    })
}

/// Says in a broker's name that it wants to be fenced, to every node that may be a controller; only
/// the active one acts on it.
fn fence(nodes: &[String], broker: BrokerId, epoch: BrokerEpoch) -> Deed {
    let addresses: Vec<String> =
        nodes.iter().map(|node| format!("{node}:{CONTROLLER_PORT}")).collect();
    let request = Request::BrokerHeartbeat(build(|request: &mut BrokerHeartbeatRequest| {
        request.broker_id = broker.0;
        request.broker_epoch = epoch.0;
        request.want_fence = true;
    }));
    Box::new(move |env: ClientEnv| {
        Box::pin(async move {
            let host = sim_host::client_host(env);
            for address in addresses {
                let connected =
                    Connection::connect_within(&host, &address, "nemesis", PATIENCE).await;
                let answer = match connected {
                    Ok(mut connection) => connection.call(&request, PATIENCE).await,
                    Err(error) => Err(error),
                };
                tracing::debug!(%address, ?answer, "asked to fence broker {broker}");
            }
        })
    })
}
