//! The cluster of three that the README shows, as three processes on free ports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use highwater::client::{Admin, ClientSettings, PartitionDescription};
use highwater::types::{BrokerId, TopicPartition};

use crate::clients;
use crate::machine::Machine;
use crate::node::Node;

/// `broker.session.timeout.ms`: how long a broker is silent before it is fenced.
pub(crate) const SESSION_TIMEOUT: Duration = Duration::from_secs(3);

/// Shorter times than Kafka's, so that a test need not wait for Kafka's.
const IMPATIENT: &str = "\
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=300
controller.quorum.fetch.timeout.ms=1000
controller.quorum.request.timeout.ms=1000
replica.lag.time.max.ms=3000
replica.fetch.wait.max.ms=100
replica.fetch.backoff.ms=100
";

/// The ports of the README: clients and quorum of node 1, 2 and 3.
const README_PORTS: [u16; 6] = [9092, 9093, 9192, 9193, 9292, 9293];

pub(crate) struct Cluster {
    nodes: BTreeMap<BrokerId, Node>,
    pub(crate) machine: Machine,
}

impl Cluster {
    /// Three processes that accept connections. They may not have found each other yet.
    pub(crate) async fn start() -> Self {
        let machine = Machine::new();
        let ports: [u16; 6] = machine.free_ports().await;
        let mut cluster = Self { nodes: BTreeMap::new(), machine };
        for (id, own) in (1..=3).zip(ports.chunks_exact(2)) {
            let settings = as_the_readme_says(&cluster.machine, id, &ports);
            let name = format!("node-{id}");
            let node = Node::configured(&cluster.machine, &name, own[0], &settings);
            cluster.nodes.insert(BrokerId(id), node);
        }
        for node in cluster.nodes.values_mut() {
            node.start(&cluster.machine).await;
        }
        cluster
    }

    /// A client that knows all nodes.
    pub(crate) fn client(&self) -> ClientSettings {
        let addresses: Vec<&str> = self.nodes.values().map(|node| node.address.as_str()).collect();
        clients::settings(&addresses)
    }

    pub(crate) fn kill(&mut self, node: BrokerId) {
        self.nodes.get_mut(&node).expect("one of the three").kill();
    }

    pub(crate) async fn restart(&mut self, node: BrokerId) {
        self.nodes.get_mut(&node).expect("one of the three").start(&self.machine).await;
    }

    /// Waits until the cluster's description of the partition is as wanted.
    pub(crate) async fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        partition: &TopicPartition,
        wanted: impl Fn(&PartitionDescription) -> bool,
    ) -> PartitionDescription {
        let mut admin = Admin::new(self.machine.host.clone(), self.client());
        let topics: [Arc<str>; 1] = [partition.topic.clone()];
        self.machine
            .wait_for(what, limit, async || {
                let mut described = admin.describe(Some(&topics)).await.ok()?;
                let found = described.pop()?.partitions.remove(&partition.partition)?;
                wanted(&found).then_some(found)
            })
            .await
    }
}

/// `node-1.properties` of the README, and what it says of the other two; only the ports and the
/// directory are this test's.
fn as_the_readme_says(machine: &Machine, id: i32, ports: &[u16; 6]) -> String {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```properties\n").expect("the README shows an example");
    let (example, _) = rest.split_once("```").expect("the example ends");
    let data = machine.path("data");
    let mut settings = example
        .replace("node.id=1", &format!("node.id={id}"))
        .replace("data/node-1", &format!("{}/node-{id}", data.display()))
        .replace("PLAINTEXT://127.0.0.1:90", &format!("PLAINTEXT://127.0.0.1:9{}", id - 1))
        .replace("CONTROLLER://127.0.0.1:90", &format!("CONTROLLER://127.0.0.1:9{}", id - 1));
    for (shown, free) in README_PORTS.iter().zip(ports) {
        settings = settings.replace(&format!(":{shown}"), &format!(":{free}"));
    }
    settings + IMPATIENT
}
