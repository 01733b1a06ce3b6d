//! What the controller is told and asked, and what it answers with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::types::{
    BrokerEpoch, BrokerId, DirectoryId, Incarnation, LeaderEpoch, MetadataOffset, MetadataRecord,
    PartitionEpoch, RecoveryState, TopicId,
};

/// Something that happened to this controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The quorum committed a batch. Fed on every controller, active or not, in order.
    Committed {
        /// The batch's position; may skip positions that hold no records.
        offset: MetadataOffset,
        /// Its records.
        records: Arc<Vec<MetadataRecord>>,
    },
    /// A snapshot of the whole metadata replaced what this controller knew.
    Restored(Box<super::MetadataImage>),
    /// This node leads the quorum and has applied everything committed before its own epoch.
    Elected {
        /// The quorum's epoch.
        epoch: u64,
        /// The position that the next proposal will get; every further one gets the next.
        next_offset: MetadataOffset,
    },
    /// This node no longer leads the quorum, or a proposal was dropped. Everything proposed and
    /// not committed is forgotten, and requests that wait for it are answered NOT_CONTROLLER.
    Deposed,
    /// A request arrived.
    Requested {
        /// Names the request in the effects.
        ticket: RequestTicket,
        /// The request.
        request: Request,
    },
    /// Time has passed: sessions, preferred leaders, unclean elections.
    Tick {
        /// 64 random bits, for placement and nothing else.
        dice: u64,
    },
}

/// What the controller wants done, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append a batch to the quorum's log. It takes effect as a whole.
    Propose(Vec<MetadataRecord>),
    /// Answer a request.
    Reply {
        /// The request.
        ticket: RequestTicket,
        /// The answer.
        reply: Reply,
    },
    /// Elections took place in the batch just committed (for metrics).
    Elections {
        /// Elections of an in-sync replica.
        clean: u32,
        /// Elections of an eligible leader replica that was not in sync (KIP-966).
        eligible: u32,
        /// Elections that may lose committed records.
        unclean: u32,
    },
}

/// Names a request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestTicket(pub u64);

/// A request to the active controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A broker wants to be part of the cluster (R19).
    RegisterBroker(RegisterBrokerRequest),
    /// A broker is alive (R20, R21).
    Heartbeat(HeartbeatRequest),
    /// A leader wants to change an in-sync set (R17, R18).
    AlterPartition(AlterPartitionRequest),
    /// Somebody wants topics.
    CreateTopics {
        /// The topics.
        topics: Vec<CreateTopicRequest>,
        /// Check only; create nothing.
        validate_only: bool,
        /// 64 random bits for placement and topic ids.
        dice: [u64; 2],
    },
    /// An administrator wants leaders elected (KIP-460).
    ElectLeaders {
        /// Which kind of election.
        kind: ElectionKind,
        /// Which partitions, by topic name; `None` for all.
        partitions: Option<Vec<(Arc<str>, i32)>>,
    },
    /// A broker wants a block of producer ids (KIP-730).
    AllocateProducerIds {
        /// The broker.
        broker: BrokerId,
        /// Its epoch.
        broker_epoch: BrokerEpoch,
    },
    /// An administrator changes settings of a topic; `None` removes one.
    AlterTopicConfigs {
        /// The topic's name.
        topic: Arc<str>,
        /// New values by Kafka's names.
        changes: BTreeMap<String, Option<String>>,
    },
}

/// See [`Request::RegisterBroker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBrokerRequest {
    /// `node.id`.
    pub id: BrokerId,
    /// Which run of the process asks.
    pub incarnation: Incarnation,
    /// The host that clients connect to.
    pub host: Arc<str>,
    /// The port on that host.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<Arc<str>>,
    /// The epoch in the clean-shutdown marker; `None` without a marker (KIP-966).
    pub previous_broker_epoch: Option<BrokerEpoch>,
    /// The broker's log directories.
    pub directories: Vec<DirectoryId>,
}

/// See [`Request::Heartbeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatRequest {
    /// Which broker.
    pub id: BrokerId,
    /// The epoch it was given.
    pub broker_epoch: BrokerEpoch,
    /// How far it has applied metadata.
    pub metadata_offset: MetadataOffset,
    /// It asks to be fenced.
    pub want_fence: bool,
    /// It asks to shut down.
    pub want_shut_down: bool,
}

/// See [`Request::AlterPartition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartitionRequest {
    /// Which broker asks.
    pub broker: BrokerId,
    /// The epoch it was given.
    pub broker_epoch: BrokerEpoch,
    /// The topic.
    pub topic_id: TopicId,
    /// The partition.
    pub partition: i32,
    /// The epoch in which it leads.
    pub leader_epoch: LeaderEpoch,
    /// The version that the wish builds on.
    pub partition_epoch: PartitionEpoch,
    /// The wished in-sync set; `None` where the leader does not know the broker epoch (-1).
    pub in_sync_replicas: BTreeMap<BrokerId, Option<BrokerEpoch>>,
    /// The recovery state to record.
    pub recovery_state: RecoveryState,
}

/// One topic of [`Request::CreateTopics`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTopicRequest {
    /// The name wanted.
    pub name: Arc<str>,
    /// How many partitions; `None` for the default. Ignored with a manual assignment.
    pub partitions: Option<i32>,
    /// How many replicas; `None` for the default. Ignored with a manual assignment.
    pub replication_factor: Option<i16>,
    /// The replicas of each partition, if the caller assigns them itself.
    pub assignment: BTreeMap<i32, Vec<BrokerId>>,
    /// Topic-level settings.
    pub configs: BTreeMap<String, String>,
}

/// Which election an administrator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElectionKind {
    /// Make the preferred replica lead.
    Preferred,
    /// Let any active replica lead a partition that has no leader; committed records may be lost.
    Unclean,
}

/// An answer of the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To anything: this node is not the active controller (NOT_CONTROLLER).
    NotController,
    /// To a registration: the epoch, or the incarnation that holds the id
    /// (DUPLICATE_BROKER_REGISTRATION).
    Registered(Result<BrokerEpoch, Incarnation>),
    /// To a heartbeat.
    Heartbeat(HeartbeatReply),
    /// To AlterPartition.
    AlterPartition(Result<AlterPartitionReply, PartitionRefusal>),
    /// To CreateTopics, in the order asked.
    TopicsCreated(Vec<(Arc<str>, Result<CreateTopicReply, TopicRefusal>)>),
    /// To ElectLeaders.
    LeadersElected(Vec<ElectLeadersReply>),
    /// To AllocateProducerIds: the first id and how many.
    ProducerIds(Result<(i64, i32), PartitionRefusal>),
    /// To AlterTopicConfigs.
    TopicConfigs(Result<(), TopicRefusal>),
}

/// See [`Reply::Heartbeat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatReply {
    /// The broker epoch is not the current one (STALE_BROKER_EPOCH).
    StaleBrokerEpoch,
    /// No broker of this id is registered (BROKER_ID_NOT_REGISTERED).
    NotRegistered,
    /// How the broker stands.
    Alive {
        /// It has applied metadata far enough to be unfenced.
        caught_up: bool,
        /// It is fenced.
        fenced: bool,
        /// It may exit (R21).
        should_shut_down: bool,
    },
}

/// The partition after a successful AlterPartition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartitionReply {
    /// Who leads.
    pub leader: Option<BrokerId>,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// The new version.
    pub partition_epoch: PartitionEpoch,
    /// The in-sync set.
    pub in_sync_replicas: Vec<BrokerId>,
    /// The recovery state.
    pub recovery_state: RecoveryState,
}

/// Why the controller refuses to touch a partition (R18). Each is the Kafka error of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionRefusal {
    /// STALE_BROKER_EPOCH.
    #[error("broker epoch is stale")]
    StaleBrokerEpoch,
    /// NOT_CONTROLLER: the asker knows more than this controller (KAFKA-14154).
    #[error("the request is from this controller's future")]
    FromTheFuture,
    /// UNKNOWN_TOPIC_ID.
    #[error("unknown topic id")]
    UnknownTopicId,
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[error("unknown partition")]
    UnknownPartition,
    /// FENCED_LEADER_EPOCH.
    #[error("leader epoch is older than {0}")]
    FencedLeaderEpoch(LeaderEpoch),
    /// INVALID_REQUEST.
    #[error("invalid request: {0}")]
    InvalidRequest(&'static str),
    /// INVALID_UPDATE_VERSION.
    #[error("partition epoch is not {0}")]
    InvalidUpdateVersion(PartitionEpoch),
    /// INELIGIBLE_REPLICA.
    #[error("broker {0} may not join the in-sync set")]
    IneligibleReplica(BrokerId),
    /// NEW_LEADER_ELECTED.
    #[error("another leader was elected")]
    NewLeaderElected,
}

/// A topic that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTopicReply {
    /// Its identity.
    pub id: TopicId,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas each.
    pub replication_factor: i16,
    /// Its topic-level settings.
    pub configs: BTreeMap<String, String>,
}

/// Why a topic is refused. Each is the Kafka error of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicRefusal {
    /// TOPIC_ALREADY_EXISTS.
    #[error("topic '{0}' already exists")]
    AlreadyExists(Arc<str>),
    /// INVALID_TOPIC_EXCEPTION.
    #[error("invalid topic name '{0}': {1}")]
    InvalidName(Arc<str>, &'static str),
    /// INVALID_PARTITIONS.
    #[error("{0} partitions are not between 1 and 10000")]
    InvalidPartitions(i32),
    /// INVALID_REPLICATION_FACTOR.
    #[error("replication factor {asked} is not between 1 and the {registered} registered brokers")]
    InvalidReplicationFactor {
        /// What was asked.
        asked: i16,
        /// How many brokers there are.
        registered: usize,
    },
    /// INVALID_REPLICA_ASSIGNMENT.
    #[error("invalid replica assignment: {0}")]
    InvalidAssignment(&'static str),
    /// INVALID_CONFIG.
    #[error("invalid setting {name}={value}: {reason}")]
    InvalidConfig {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// POLICY_VIOLATION: all topics of the request are refused.
    #[error("{0} partitions in one request are more than 10000")]
    TooManyPartitions(usize),
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[error("unknown topic '{0}'")]
    Unknown(Arc<str>),
}

/// What an election came to, for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectLeadersReply {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The outcome.
    pub outcome: Result<(), ElectionRefusal>,
}

/// Why a partition got no new leader. Each is the Kafka error of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElectionRefusal {
    /// UNKNOWN_TOPIC_OR_PARTITION.
    #[error("unknown partition")]
    UnknownPartition,
    /// ELECTION_NOT_NEEDED.
    #[error("the partition has the leader it should have")]
    NotNeeded,
    /// PREFERRED_LEADER_NOT_AVAILABLE.
    #[error("the preferred leader is not available")]
    PreferredLeaderNotAvailable,
    /// ELIGIBLE_LEADERS_NOT_AVAILABLE.
    #[error("no replica is available")]
    EligibleLeadersNotAvailable,
}
