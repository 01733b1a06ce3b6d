//! A broker whose answers are the same in every run, but for the bytes that its port decides.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use highwater::client::{ClientSettings, Cluster};
use highwater::config::{Config, Properties};
use highwater::host::{Dice, Host};
use highwater::protocol::ErrorCode;
use highwater::server;
use highwater::types::TopicPartition;
use tokio::task::JoinSet;

use crate::dump::dump;
use crate::hex::hex;
use crate::machine::Machine;
use crate::wire::{ANSWER_MAX, Wire};

/// What stands in a transcript where the name of the cluster stands on the wire; as long as that.
const CLUSTER_ID: &[u8; 22] = b"(the name of the clus)";

/// CreateTopics 3: `orders` with one partition and one replica. The answer has the topic's error
/// code behind a correlation id, a throttle time, a count and the name.
const CREATE_ORDERS: &str = "0013 0003 00000001 ffff
    00000001 0006 6f7264657273 00000001 0001 00000000 00000000 00001388 00";

/// Metadata 1 of no topic. The number of brokers comes first.
const LIST_BROKERS: &str = "0003 0001 00000001 ffff 00000000";

/// Dice that always fall alike, so that topics get the same ids in every run.
#[derive(Debug)]
struct Loaded;

impl Dice for Loaded {
    fn next_u64(&self) -> u64 {
        0x1122_3344_5566_7788
    }
}

/// A cluster of one node in this process. It ends with the test.
pub(crate) struct Broker {
    pub(crate) machine: Machine,
    pub(crate) address: String,
    /// Where brokers and controllers come to its controller.
    controller: String,
    host: Host,
    tasks: JoinSet<()>,
}

impl Broker {
    /// A broker that a client may connect to and create topics at.
    pub(crate) async fn start() -> Self {
        let machine = Machine::new();
        let [port, controller] = machine.free_ports().await;
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://broker.test:9092\n\
             controller.listener.names=CONTROLLER\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.quorum.fetch.timeout.ms=500\n\
             message.max.bytes=1000\n\
             log.dirs={}\n",
            machine.path("data").display()
        );
        let properties = Properties::parse(&properties).expect("well formed");
        let (config, _) = Config::from_properties(&properties).expect("usable");
        let host = Host { dice: Arc::new(Loaded), ..machine.host.clone() };
        let [address, controller] = [port, controller].map(|port| format!("127.0.0.1:{port}"));
        let tasks = JoinSet::new();
        let mut broker = Self { machine, address, controller, host: host.clone(), tasks };
        broker.tasks.spawn(async move {
            let left = server::run(host, config, drop, std::future::pending()).await;
            panic!("the broker left: {left:?}");
        });
        let machine = &broker.machine;
        machine
            .wait_for("a listener", ANSWER_MAX, async || {
                machine.host.network.connect(&broker.address).await.ok()
            })
            .await;
        machine
            .wait_for("the broker to list itself", ANSWER_MAX, async || {
                let answer = broker.answer(LIST_BROKERS).await;
                (answer[4..8] == [0, 0, 0, 1]).then_some(())
            })
            .await;
        broker
    }

    pub(crate) async fn connect(&self) -> Wire<'_> {
        Wire::connect(&self.machine, &self.address).await
    }

    /// Sends a request, and dumps the answer.
    pub(crate) async fn ask(&self, request: &str) -> String {
        dump(&self.without_cluster_id(&self.answer(request).await))
    }

    /// Sends a request to the controller's listener, and dumps the answer.
    pub(crate) async fn ask_controller(&self, request: &str) -> String {
        let mut wire = Wire::connect(&self.machine, &self.controller).await;
        wire.send(&hex(request)).await;
        dump(&wire.receive().await.expect("an answer"))
    }

    /// Sends a request that ends the connection without an answer.
    pub(crate) async fn closes_on(&self, request: &str) -> bool {
        self.closes(&self.address, request).await
    }

    /// The same, on the controller's listener.
    pub(crate) async fn controller_closes_on(&self, request: &str) -> bool {
        self.closes(&self.controller, request).await
    }

    async fn closes(&self, address: &str, request: &str) -> bool {
        let mut wire = Wire::connect(&self.machine, address).await;
        wire.send(&hex(request)).await;
        wire.receive().await.is_none()
    }

    /// Creates the topic `orders` with one partition, and waits until it has a leader.
    pub(crate) async fn with_orders(self) -> Self {
        let done = [[0, 0], ErrorCode::TopicAlreadyExists.code().to_be_bytes()];
        self.machine
            .wait_for("the topic to be created", ANSWER_MAX, async || {
                let answer = self.answer(CREATE_ORDERS).await;
                done.iter().any(|code| answer.get(20..22) == Some(code)).then_some(())
            })
            .await;
        let settings = ClientSettings {
            client_id: "test".into(),
            bootstrap: vec![self.address.as_str().into()],
            request_timeout: ANSWER_MAX,
            retry_backoff: Duration::from_millis(10),
        };
        let orders = TopicPartition::new("orders", 0);
        self.machine
            .wait_for("a leader of orders", ANSWER_MAX, async || {
                let mut cluster = Cluster::new(self.host.clone(), settings.clone());
                cluster.leader_for(&orders, self.host.clock.now() + ANSWER_MAX).await.ok()
            })
            .await;
        self
    }

    async fn answer(&self, request: &str) -> Bytes {
        let mut wire = self.connect().await;
        wire.send(&hex(request)).await;
        wire.receive().await.expect("an answer")
    }

    /// The name is made of the voters' ports.
    fn without_cluster_id(&self, frame: &[u8]) -> Bytes {
        let meta = std::fs::read_to_string(self.machine.path("test/meta.properties"));
        let meta = meta.expect("a broker that runs has named its cluster");
        let id = meta.lines().find_map(|line| line.strip_prefix("cluster.id=")).expect("named");
        let mut frame = frame.to_vec();
        let found = frame.windows(id.len()).position(|window| window == id.as_bytes());
        if let Some(at) = found {
            frame[at..at + id.len()].copy_from_slice(CLUSTER_ID);
        }
        frame.into()
    }
}
