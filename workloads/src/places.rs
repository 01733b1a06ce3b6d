//! Where brokers and clients stand: racks and regions, and the words for stories about them.
//!
//! A rack is what the brokers know (`broker.rack`), a zone what the network knows. A story that
//! spreads its brokers gives both the same names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::cluster::{Cluster, Options};
use harness::scenario::Setup;
use harness::seed::Seed;
use harness::system::Node;
use harness::topology::Topology;
use highwater::client::{ClientSettings, Consumer, Producer, ProducerSettings};
use highwater::protocol::batch::NewRecord;
use highwater::types::{Acks, TopicPartition};

use crate::settings::{BROKER_PORT, ClusterSettings};
use crate::system::{Brokers, broker_of, node_of};

/// `replica.selector.class` of leaders that send consumers to a replica in their rack.
pub const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// A cluster whose brokers stand in the zones of a topology, in turn.
#[derive(Clone, Debug)]
pub struct Spread {
    settings: ClusterSettings,
    topology: Topology,
    tick: Duration,
}

/// Three regions: Seoul and Busan are 325 km apart, Singapore is 4,600 km from both. Messages take
/// as long as on leased lines, in one direction.
#[must_use]
pub fn three_regions() -> Topology {
    let ms = Duration::from_millis;
    Topology::new(&["seoul", "busan", "singapore"])
        .path("seoul", "busan", ms(4), ms(2))
        .path("seoul", "singapore", ms(36), ms(8))
        .path("busan", "singapore", ms(34), ms(8))
}

impl ClusterSettings {
    /// Brokers that stand in the zones in turn, and whose racks are called like them. Its steps are
    /// finer than usual, since the distances matter.
    #[must_use]
    pub fn across(self, topology: Topology) -> Spread {
        let names: Vec<&str> = topology.zones().iter().map(String::as_str).collect();
        let settings = self.racks(&names);
        Spread { settings, topology, tick: Duration::from_millis(2) }
    }

    /// Leaders send consumers that say where they are to a replica in that rack (KIP-392).
    #[must_use]
    pub fn rack_aware(self) -> Self {
        self.set("replica.selector.class", RACK_AWARE)
    }
}

impl Setup for Spread {
    type System = Brokers;

    fn build(&self, seed: Seed) -> Brokers {
        self.settings.build(seed)
    }

    fn options(&self) -> Options {
        Options::new().tick(self.tick).topology(self.topology.clone())
    }
}

/// What a story sees of places, and of who does the work where.
pub trait Places {
    /// `broker.rack` of the node's broker; empty if it has none.
    fn rack_of(&self, node: Node) -> String;

    /// The racks that hold a replica of the partition.
    fn racks_of(&self, partition: &TopicPartition) -> BTreeSet<String>;

    /// How many of the topic's partitions each node leads.
    fn leaderships(&self, topic: &[TopicPartition]) -> BTreeMap<Node, usize>;

    /// How many records the node has sent to consumers of the topic.
    fn records_served(&self, node: Node, topic: &[TopicPartition]) -> u64;

    /// Whether a consumer that knows nothing yet and can ask nobody but this broker learns from it
    /// where the first partition ends.
    fn answers_latest(&mut self, node: Node, topic: &[TopicPartition]) -> bool;

    /// How long it takes until a record of an idempotent producer is acknowledged that knows
    /// nothing yet and can ask nobody but this broker; `None` if it gave up after 20 s. No history
    /// knows the record.
    fn first_append(&mut self, node: Node, topic: &[TopicPartition]) -> Option<Duration>;

    /// How many producer ids the controller has given to brokers.
    fn producer_ids_allocated(&self) -> i64;
}

impl Places for Cluster<Brokers> {
    fn rack_of(&self, node: Node) -> String {
        self.system().settings().config(node.0).broker.rack.unwrap_or_default()
    }

    fn racks_of(&self, partition: &TopicPartition) -> BTreeSet<String> {
        let replicas = self.system().watch().look(|picture| {
            let record = picture.partition(partition).and_then(|p| p.registration());
            record.map(|record| record.replicas.clone()).unwrap_or_default()
        });
        replicas.into_iter().map(|broker| self.rack_of(node_of(broker))).collect()
    }

    fn leaderships(&self, topic: &[TopicPartition]) -> BTreeMap<Node, usize> {
        let mut led: BTreeMap<Node, usize> = self.nodes().into_iter().map(|n| (n, 0)).collect();
        self.system().watch().look(|picture| {
            for partition in topic {
                let record = picture.partition(partition).and_then(|p| p.registration());
                if let Some(leader) = record.and_then(|record| record.leader) {
                    *led.entry(node_of(leader)).or_default() += 1;
                }
            }
        });
        led
    }

    fn records_served(&self, node: Node, topic: &[TopicPartition]) -> u64 {
        self.system().watch().look(|picture| {
            let partitions = topic.iter().filter_map(|name| picture.partition(name));
            let replicas = partitions.filter_map(|p| p.replica(broker_of(node)));
            replicas.map(|replica| replica.served).sum()
        })
    }

    fn answers_latest(&mut self, node: Node, topic: &[TopicPartition]) -> bool {
        let (client, partition) = (newcomer(node), topic[0].clone());
        self.as_client("newcomer", move |env| async move {
            let host = crate::sim_host::client_host(env);
            let settings = crate::load::consumer_settings(1024, None);
            Consumer::new(host, client, settings).latest_offset(&partition).await.is_ok()
        })
    }

    fn first_append(&mut self, node: Node, topic: &[TopicPartition]) -> Option<Duration> {
        let (client, partition) = (newcomer(node), topic[0].clone());
        let since = self.now();
        let acknowledged = self.as_client("newcomer", move |env| async move {
            let settings = ProducerSettings {
                acks: Acks::All,
                idempotence: true,
                delivery_timeout: Duration::from_secs(20),
                retries: u32::MAX,
            };
            let record = NewRecord { value: Some("first".into()), ..NewRecord::default() };
            let mut producer = Producer::new(crate::sim_host::client_host(env), client, settings);
            producer.append(&partition, vec![record]).await.is_ok()
        });
        acknowledged.then(|| self.now() - since)
    }

    fn producer_ids_allocated(&self) -> i64 {
        self.system().watch().look(|picture| picture.metadata().image().next_producer_id)
    }
}

/// A client that knows one broker.
fn newcomer(node: Node) -> ClientSettings {
    let name = ClusterSettings::node_name(node.0);
    ClientSettings {
        client_id: "newcomer".into(),
        bootstrap: vec![format!("{name}:{BROKER_PORT}").into()],
        request_timeout: Duration::from_secs(2),
        retry_backoff: Duration::from_millis(100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::brokers;

    #[test]
    fn racks_are_called_like_the_zones_that_the_nodes_stand_in() {
        let spread = brokers(5).rack_aware().across(three_regions());
        for node in 0..5 {
            let rack = spread.settings.config(node).broker.rack;
            assert_eq!(rack.as_deref(), Some(spread.topology.zone_of(node)));
        }
    }
}
