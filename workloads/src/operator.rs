//! The words that a story needs: what an operator of a cluster would do, see and ask.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use harness::cluster::{Client, Cluster};
use harness::disk::OpenMode;
use harness::history::Recorder;
use harness::system::{ClientEnv, Node};
use highwater::client::{Admin, ClientSettings, ElectionType, NewTopic};
use highwater::types::{LeaderEpoch, Offset, PartitionRecord, TopicPartition};

use crate::load::{self, Drained, Mix, Shared, Workload};
use crate::picture::{Partition, Sometimes};
use crate::settings::{BROKER_PORT, ClusterSettings};
use crate::sim_host;
use crate::system::{Brokers, broker_of, node_of};
use crate::verdict::{self, Judged};

/// How many replicas each partition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationFactor(pub i16);

/// A topic that exists. Dereferences to its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    partitions: Vec<TopicPartition>,
}

impl Deref for Topic {
    type Target = [TopicPartition];

    fn deref(&self) -> &[TopicPartition] {
        &self.partitions
    }
}

/// Clients at work, until [`Running::finish`] asks them to stop.
#[derive(Debug)]
pub struct Running {
    workload: Workload,
    shared: Shared,
    clients: Vec<Client<()>>,
}

/// What an operator does and sees.
pub trait Operator {
    /// Creates a topic of one partition and waits until every replica is in sync.
    fn create_topic(&mut self, name: &str, replicas: ReplicationFactor) -> Topic;

    /// Creates a topic and waits until every replica is in sync.
    fn create_topic_with(
        &mut self,
        name: &str,
        shape: (i32, ReplicationFactor),
        configs: &[(&str, &str)],
    ) -> Topic;

    /// Creates a topic of one partition whose replicas are on these nodes, the preferred leader
    /// first, and waits until every replica is in sync.
    fn create_topic_on(&mut self, name: &str, replicas: &[Node]) -> Topic;

    /// Starts the clients of a workload.
    fn start(&mut self, workload: Workload) -> Running;

    /// The broker that the controllers name as leader of the topic's first partition.
    ///
    /// # Panics
    /// If there is none.
    fn leader_of(&self, topic: &[TopicPartition]) -> Node;

    /// The leader of the first partition, if it is another one than `deposed` and has taken over.
    fn leader_other_than(&self, topic: &[TopicPartition], deposed: Node) -> Option<Node>;

    /// The leader epoch of the first partition: it grows with every election.
    fn leader_epoch(&self, topic: &[TopicPartition]) -> LeaderEpoch;

    /// The replicas of the first partition that do not lead, in the order of assignment.
    fn followers_of(&self, topic: &[TopicPartition]) -> Vec<Node>;

    /// The in-sync replicas of the first partition, as the controllers have it.
    fn in_sync(&self, topic: &[TopicPartition]) -> Vec<Node>;

    /// The high watermark of the first partition as one of its replicas knows it.
    fn high_watermark(&self, node: Node, topic: &[TopicPartition]) -> Offset;

    /// The log end offset of the first partition's replica on a node.
    fn log_end_offset(&self, node: Node, topic: &[TopicPartition]) -> Offset;

    /// Whether the controllers count the broker among the living: registered, unfenced and not
    /// about to leave.
    fn is_active(&self, node: Node) -> bool;

    /// Whether every replica of every partition is in sync.
    fn all_in_sync(&self, topic: &[TopicPartition]) -> bool;

    /// Whether every partition has a leader that acts as such, every replica acts and is in sync,
    /// every log ends alike and everything is committed on all of them (CV13).
    fn is_quiet(&self, topic: &[TopicPartition]) -> bool;

    /// Whether every partition is led by its preferred replica (LV6).
    fn is_led_by_preferred(&self, topic: &[TopicPartition]) -> bool;

    /// The active controller.
    ///
    /// # Panics
    /// If there is none.
    fn active_controller(&self) -> Node;

    /// The active controller, if it is another one than `deposed`.
    fn controller_other_than(&self, deposed: Node) -> Option<Node>;

    /// The nodes that are controllers too, and those that are brokers only.
    fn by_role(&self) -> (Vec<Node>, Vec<Node>);

    /// How often a noteworthy state was reached so far.
    fn times(&self, state: Sometimes) -> u64;

    /// Turns one bit around in the midst of the first segment of the first partition's log on a
    /// node that runs: bit rot, which counts as a loss against the fault budget.
    ///
    /// # Panics
    /// If there is no such segment.
    fn flip_bit_in_log(&mut self, node: Node, topic: &[TopicPartition]);

    /// Appends so many records to the first partition, a hundred at a time, as fast as the leader
    /// alone allows. No history knows them.
    fn fill(&mut self, topic: &[TopicPartition], records: usize);

    /// Asks for an election of the preferred leaders, or an unclean one where nobody leads.
    fn elect_leaders(&mut self, kind: ElectionType, topic: &[TopicPartition]);
}

impl Operator for Cluster<Brokers> {
    fn create_topic(&mut self, name: &str, replicas: ReplicationFactor) -> Topic {
        self.create_topic_with(name, (1, replicas), &[])
    }

    fn create_topic_with(
        &mut self,
        name: &str,
        (count, replicas): (i32, ReplicationFactor),
        configs: &[(&str, &str)],
    ) -> Topic {
        let topic = NewTopic {
            name: name.into(),
            partitions: Some(count),
            replication_factor: Some(replicas.0),
            assignment: BTreeMap::new(),
            configs: configs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        found(self, topic, usize::try_from(replicas.0).unwrap_or(0))
    }

    fn create_topic_on(&mut self, name: &str, replicas: &[Node]) -> Topic {
        let topic = NewTopic {
            name: name.into(),
            partitions: None,
            replication_factor: None,
            assignment: BTreeMap::from([(0, replicas.iter().map(|n| broker_of(*n)).collect())]),
            configs: BTreeMap::new(),
        };
        found(self, topic, self.nodes().len())
    }

    fn start(&mut self, workload: Workload) -> Running {
        let shared = Shared {
            recorder: Recorder::new(),
            timeline: self.timeline().clone(),
            bootstrap: bootstrap(self.system().settings()),
            rack: workload.place().cloned(),
            partitions: workload.partitions().to_vec(),
            pace: workload.mix().pace,
            records_max: workload.mix().records_max,
        };
        let mut clients = Vec::new();
        for (index, kind) in (1..).zip(workload.kinds().iter().copied()) {
            let shared = shared.clone();
            let name = format!("producer-{index}");
            let work = move |env| load::produce(env, shared, index, kind);
            clients.push(launch(self, &workload, &name, work));
        }
        let Mix { consumers, follower_consumers, pollers, .. } = *workload.mix();
        let brokers = self.system().settings().broker_count();
        for (index, from) in std::iter::repeat_n(None, consumers)
            .chain(std::iter::repeat_n(Some(brokers), follower_consumers))
            .enumerate()
        {
            let shared = shared.clone();
            let name = format!("consumer-{}", index + 1);
            let work = move |env| load::consume(env, shared, from);
            clients.push(launch(self, &workload, &name, work));
        }
        for index in 0..pollers {
            let shared = shared.clone();
            let name = format!("poller-{}", index + 1);
            let work = move |env| load::poll_latest(env, shared);
            clients.push(launch(self, &workload, &name, work));
        }
        Running { workload, shared, clients }
    }

    fn leader_of(&self, topic: &[TopicPartition]) -> Node {
        let leader = look(self, &topic[0], |_, record| record.leader).flatten();
        node_of(leader.expect("the controllers name a leader"))
    }

    fn leader_other_than(&self, topic: &[TopicPartition], deposed: Node) -> Option<Node> {
        look(self, &topic[0], |partition, record| {
            let leader = record.leader.filter(|leader| *leader != broker_of(deposed))?;
            let acts = partition.replica(leader).is_some_and(|replica| {
                replica.leadership().is_some_and(|led| led.leader_epoch == record.leader_epoch)
            });
            acts.then(|| node_of(leader))
        })
        .flatten()
    }

    fn leader_epoch(&self, topic: &[TopicPartition]) -> LeaderEpoch {
        look(self, &topic[0], |_, record| record.leader_epoch).expect("the topic exists")
    }

    fn followers_of(&self, topic: &[TopicPartition]) -> Vec<Node> {
        look(self, &topic[0], |_, record| {
            let followers = record.replicas.iter().filter(|id| record.leader != Some(**id));
            followers.map(|id| node_of(*id)).collect()
        })
        .unwrap_or_default()
    }

    fn in_sync(&self, topic: &[TopicPartition]) -> Vec<Node> {
        look(self, &topic[0], |_, record| {
            record.in_sync_replicas.iter().map(|id| node_of(*id)).collect()
        })
        .unwrap_or_default()
    }

    fn high_watermark(&self, node: Node, topic: &[TopicPartition]) -> Offset {
        look(self, &topic[0], |partition, _| {
            partition.replica(broker_of(node)).map(|replica| replica.high_watermark)
        })
        .flatten()
        .unwrap_or_default()
    }

    fn log_end_offset(&self, node: Node, topic: &[TopicPartition]) -> Offset {
        look(self, &topic[0], |partition, _| {
            partition.replica(broker_of(node)).map(|replica| replica.log.log_end_offset())
        })
        .flatten()
        .unwrap_or_default()
    }

    fn is_active(&self, node: Node) -> bool {
        self.system().watch().look(|p| p.metadata().image().is_active(broker_of(node)))
    }

    fn all_in_sync(&self, topic: &[TopicPartition]) -> bool {
        topic.iter().all(|name| {
            look(self, name, |_, record| record.in_sync_replicas.len() == record.replicas.len())
                .unwrap_or(false)
        })
    }

    fn is_quiet(&self, topic: &[TopicPartition]) -> bool {
        topic
            .iter()
            .all(|name| look(self, name, |partition, _| partition.is_quiet()).unwrap_or(false))
    }

    fn is_led_by_preferred(&self, topic: &[TopicPartition]) -> bool {
        let preferred =
            |record: &PartitionRecord| record.leader == record.replicas.first().copied();
        topic.iter().all(|name| look(self, name, |_, record| preferred(record)).unwrap_or(false))
    }

    fn active_controller(&self) -> Node {
        let active = self.system().watch().active_controller();
        node_of(active.expect("a controller is active").into())
    }

    fn controller_other_than(&self, deposed: Node) -> Option<Node> {
        let active = self.system().watch().active_controller()?;
        Some(node_of(active.into())).filter(|active| *active != deposed)
    }

    fn by_role(&self) -> (Vec<Node>, Vec<Node>) {
        let controllers = self.system().settings().controller_count();
        self.nodes().into_iter().partition(|node| node.0 < controllers)
    }

    fn times(&self, state: Sometimes) -> u64 {
        self.system().watch().look(|picture| picture.tally().of(state))
    }

    fn flip_bit_in_log(&mut self, node: Node, topic: &[TopicPartition]) {
        let disk = self.disk(node);
        let segments = disk.list(&topic[0].to_string()).unwrap_or_default();
        let segment = segments.iter().find(|name| name.ends_with(".log"));
        let path = format!("{}/{}", topic[0], segment.expect("a log has a segment"));
        let size = disk.open(&path, OpenMode::Existing).and_then(|file| file.size());
        let middle = size.expect("the segment can be opened") / 2;
        assert!(disk.flip_bit(&path, middle, 3), "{path} is empty");
        self.note(format!("flip a bit of {path} on {}", self.name(node)));
        self.system().watch().disk_harmed(broker_of(node).into());
    }

    fn fill(&mut self, topic: &[TopicPartition], records: usize) {
        let (settings, partition) = (admin_settings(self), topic[0].clone());
        let client =
            self.client("filler", move |env| load::fill(env, settings, partition, records));
        self.join(&client);
    }

    fn elect_leaders(&mut self, kind: ElectionType, topic: &[TopicPartition]) {
        let settings = admin_settings(self);
        let partitions: Vec<TopicPartition> = topic.to_vec();
        if matches!(kind, ElectionType::Unclean) {
            for partition in &partitions {
                self.system().watch().waive(partition, "an unclean election was asked for");
            }
        }
        let client = self.client("operator", move |env| async move {
            let mut admin = Admin::new(sim_host::client_host(env), settings);
            let outcome = admin.elect_leaders(kind, Some(&partitions)).await;
            tracing::debug!(?outcome, "elections");
        });
        self.join(&client);
    }
}

/// Starts a client where its workload stands.
fn launch<F: Future<Output = ()> + 'static>(
    cluster: &mut Cluster<Brokers>,
    workload: &Workload,
    name: &str,
    work: impl FnOnce(ClientEnv) -> F,
) -> Client<()> {
    match workload.place().filter(|_| cluster.options().topology.is_some()) {
        Some(zone) => cluster.client_in(zone, name, work),
        None => cluster.client(name, work),
    }
}

/// Creates a topic once `brokers` brokers are active, and waits until every replica is in sync.
fn found(cluster: &mut Cluster<Brokers>, topic: NewTopic, brokers: usize) -> Topic {
    cluster.wait_until("as many active brokers as the topic needs", |c| {
        registered_and_active(c) >= brokers
    });
    let count = topic.partitions.unwrap_or(1);
    let partitions =
        (0..count).map(|index| TopicPartition::new(topic.name.clone(), index)).collect();
    let settings = admin_settings(cluster);
    let client = cluster.client("operator", move |env| async move {
        let host = sim_host::client_host(env);
        let clock = host.clock.clone();
        let mut admin = Admin::new(host, settings);
        while let Err(error) = create(&mut admin, &topic).await {
            tracing::debug!(%error, "creating a topic failed; trying again");
            clock.sleep(Duration::from_millis(200)).await;
        }
    });
    cluster.join(&client);
    let topic = Topic { partitions };
    cluster.wait_until("every replica of the new topic is in sync", |c| c.all_in_sync(&topic));
    topic
}

async fn create(admin: &mut Admin, topic: &NewTopic) -> Result<(), String> {
    let outcomes = admin
        .create_topics(std::slice::from_ref(topic))
        .await
        .map_err(|error| error.to_string())?;
    for (_, outcome) in outcomes {
        match outcome {
            Ok(_) => {}
            // An earlier attempt whose answer was lost.
            Err(error) if error.to_string().contains("TOPIC_ALREADY_EXISTS") => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

fn registered_and_active(cluster: &Cluster<Brokers>) -> usize {
    cluster.system().watch().look(|picture| {
        let image = picture.metadata().image();
        image.brokers.keys().filter(|broker| image.is_active(**broker)).count()
    })
}

fn look<T>(
    cluster: &Cluster<Brokers>,
    name: &TopicPartition,
    look: impl FnOnce(&Partition, &PartitionRecord) -> T,
) -> Option<T> {
    cluster.system().watch().look(|picture| {
        let partition = picture.partition(name)?;
        Some(look(partition, partition.registration()?))
    })
}

/// `host:port` of every broker of a simulated cluster.
pub(crate) fn bootstrap(settings: &ClusterSettings) -> Vec<Arc<str>> {
    (0..settings.broker_count())
        .map(|index| format!("{}:{BROKER_PORT}", ClusterSettings::node_name(index)).into())
        .collect()
}

fn admin_settings(cluster: &Cluster<Brokers>) -> ClientSettings {
    ClientSettings {
        client_id: "operator".into(),
        bootstrap: bootstrap(cluster.system().settings()),
        request_timeout: Duration::from_secs(3),
        retry_backoff: Duration::from_millis(100),
    }
}

impl Running {
    /// The workload.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// What was recorded so far.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    /// Asks the clients to finish, waits until the cluster is quiet, reads every replica to its end
    /// and judges the history.
    ///
    /// # Panics
    /// The cluster does not come to rest in time, or a replica cannot be read.
    pub fn finish(self, cluster: &mut Cluster<Brokers>) -> Judged {
        self.stop(cluster);
        cluster.wait_until("everything is replicated and committed everywhere", |c| {
            c.is_quiet(self.workload.partitions())
        });
        let problems = self.drain(cluster);
        assert!(problems.is_empty(), "replicas cannot be read to their end: {problems:?}");
        verdict::judge(&self.workload, &self.shared.recorder.history(), cluster.system().watch())
    }

    /// Asks the clients to finish and waits until they have.
    pub fn stop(&self, cluster: &mut Cluster<Brokers>) {
        for client in &self.clients {
            client.stop();
        }
        for client in &self.clients {
            cluster.wait_until("a client finishes", |_| client.is_done());
        }
    }

    /// Appends one more record to each partition, with acks=all; a line for each that failed.
    pub fn write_last_records(&self, cluster: &mut Cluster<Brokers>) -> Vec<String> {
        let shared = self.shared.clone();
        let index = u64::try_from(self.clients.len()).expect("a few clients") + 1;
        let writer =
            cluster.client("last-writer", move |env| load::produce_last(env, shared, index));
        cluster.join(&writer)
    }

    /// Reads every replica of every partition to its end.
    pub fn drain(&self, cluster: &mut Cluster<Brokers>) -> Drained {
        let mut readers = Vec::new();
        for name in self.workload.partitions() {
            let replicas = look(cluster, name, |_, record| record.replicas.clone());
            for replica in replicas.unwrap_or_default() {
                let (shared, name) = (self.shared.clone(), name.clone());
                readers.push(cluster.client(&format!("reader-{replica}"), move |env| {
                    load::drain(env, shared, name, replica)
                }));
            }
        }
        readers.iter().flat_map(|reader| cluster.join(reader)).collect()
    }
}
