//! Creates topics, demands elections, and looks at what there is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ClientSettings;
use super::cluster::{Cluster, LookupError};
use super::connection::CallError;
use crate::host::Host;
use crate::protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, ElectLeadersRequest, ElectLeadersResponse, build,
    create_topics_request, elect_leaders_request, metadata_response,
};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{BrokerId, LeaderEpoch, Millis, TopicId, TopicPartition};

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions; `None` for the cluster's default, or with an assignment.
    pub partitions: Option<i32>,
    /// How many replicas each; `None` for the cluster's default, or with an assignment.
    pub replication_factor: Option<i16>,
    /// The replicas of each partition, if the caller chooses them.
    pub assignment: BTreeMap<i32, Vec<BrokerId>>,
    /// Topic-level settings by Kafka's names.
    pub configs: BTreeMap<String, String>,
}

/// A topic that was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its identity.
    pub id: TopicId,
    /// How many partitions; -1 if the broker does not say.
    pub partitions: i32,
    /// How many replicas each; -1 if the broker does not say.
    pub replication_factor: i16,
}

/// Which election to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElectionType {
    /// Make the preferred replica lead.
    Preferred,
    /// Let any replica lead where there is no leader; committed records may be lost.
    Unclean,
}

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: Arc<str>,
    /// Its identity.
    pub id: TopicId,
    /// Why it cannot be described, if so.
    pub error: Option<ErrorCode>,
    /// Its partitions by index.
    pub partitions: BTreeMap<i32, PartitionDescription>,
}

/// A partition as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Who leads it.
    pub leader: Option<BrokerId>,
    /// The leader's epoch, if the broker asked knew.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The assigned brokers, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The in-sync replicas.
    pub in_sync_replicas: Vec<BrokerId>,
}

/// Why a request of an administrator came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody to ask. Nothing was done.
    #[error("{0}")]
    Lookup(#[from] LookupError),
    /// The cluster has no active controller that the broker asked knows of. Nothing was done.
    #[error("no controller is known")]
    NoController,
    /// The controller did not answer; [`CallError::is_indeterminate`] says whether it may have
    /// acted.
    #[error("{0}")]
    Call(#[from] CallError),
    /// The controller refuses the request as a whole.
    #[error("refused: {0}")]
    Refused(ErrorCode),
}

/// An administrator's client.
#[derive(Debug)]
pub struct Admin {
    cluster: Cluster,
}

impl Admin {
    /// An administrator who has not asked anybody anything yet.
    #[must_use]
    pub fn new(host: Host, client: ClientSettings) -> Self {
        Self { cluster: Cluster::new(host, client) }
    }

    /// What it knows of the cluster.
    pub fn cluster(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// Creates topics; each succeeds or fails by itself, in the order of the answer.
    ///
    /// # Errors
    /// No answer from a controller within the request timeout. After an answer that was lost
    /// nothing is tried again: a second attempt would find the topics there.
    pub async fn create_topics(
        &mut self,
        topics: &[NewTopic],
    ) -> Result<Vec<(Arc<str>, Result<CreatedTopic, ErrorCode>)>, AdminError> {
        let deadline = self.deadline();
        let timeout_ms = self.timeout_ms();
        let request = Request::CreateTopics(build(|request: &mut CreateTopicsRequest| {
            request.timeout_ms = timeout_ms;
            request.topics = topics.iter().map(creatable).collect();
        }));
        loop {
            let answer = self.ask_controller(&request, deadline).await?;
            let Response::CreateTopics(answer) = answer else {
                unreachable!("an answer is read as what was asked")
            };
            let moved =
                answer.topics.iter().any(|t| t.error_code == ErrorCode::NotController.code());
            if !(moved && self.back_off(deadline).await) {
                return Ok(created(&answer));
            }
        }
    }

    /// Demands elections of these partitions, or of all that need one.
    ///
    /// # Errors
    /// No answer from a controller within the request timeout, or a refusal as a whole.
    pub async fn elect_leaders(
        &mut self,
        kind: ElectionType,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Vec<(TopicPartition, Result<(), ErrorCode>)>, AdminError> {
        let deadline = self.deadline();
        let timeout_ms = self.timeout_ms();
        let request = Request::ElectLeaders(build(|request: &mut ElectLeadersRequest| {
            request.election_type = match kind {
                ElectionType::Preferred => 0,
                ElectionType::Unclean => 1,
            };
            request.topic_partitions = partitions.map(by_topic);
            request.timeout_ms = timeout_ms;
        }));
        loop {
            let answer = self.ask_controller(&request, deadline).await?;
            let Response::ElectLeaders(answer) = answer else {
                unreachable!("an answer is read as what was asked")
            };
            match ErrorCode::from_code(answer.error_code).failure() {
                None => return Ok(elected(&answer)),
                Some(ErrorCode::NotController) if self.back_off(deadline).await => {}
                Some(code) => return Err(AdminError::Refused(code)),
            }
        }
    }

    /// What the cluster says of these topics, or of all.
    ///
    /// # Errors
    /// Nobody answered within the request timeout.
    pub async fn describe(
        &mut self,
        topics: Option<&[Arc<str>]>,
    ) -> Result<Vec<TopicDescription>, AdminError> {
        let deadline = self.deadline();
        let answer = self.cluster.describe(topics, deadline).await?;
        Ok(answer.topics.iter().map(description).collect())
    }

    fn deadline(&self) -> Millis {
        self.cluster.host().clock.now() + self.cluster.settings().request_timeout
    }

    fn timeout_ms(&self) -> i32 {
        let timeout = self.cluster.settings().request_timeout;
        i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
    }

    /// Sends a request to the active controller, looking it up anew each time.
    async fn ask_controller(
        &mut self,
        request: &Request,
        deadline: Millis,
    ) -> Result<Response, AdminError> {
        self.cluster.refresh(&[], deadline).await?;
        let controller = self.cluster.controller().ok_or(AdminError::NoController)?;
        let limit = self.cluster.limit_until(deadline).ok_or(LookupError::OutOfTime)?;
        Ok(self.cluster.call(&controller, request, limit).await?)
    }

    async fn back_off(&mut self, deadline: Millis) -> bool {
        let host = self.cluster.host();
        let pause = self.cluster.settings().retry_backoff;
        if deadline - host.clock.now() <= pause {
            return false;
        }
        host.clock.sleep(pause).await;
        true
    }
}

fn creatable(topic: &NewTopic) -> create_topics_request::CreatableTopic {
    use create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};
    build(|creatable: &mut CreatableTopic| {
        creatable.name = (*topic.name).into();
        creatable.num_partitions = topic.partitions.unwrap_or(-1);
        creatable.replication_factor = topic.replication_factor.unwrap_or(-1);
        creatable.assignments = topic
            .assignment
            .iter()
            .map(|(&index, brokers)| {
                build(|assignment: &mut CreatableReplicaAssignment| {
                    assignment.partition_index = index;
                    assignment.broker_ids = brokers.iter().map(|broker| broker.0).collect();
                })
            })
            .collect();
        creatable.configs = topic
            .configs
            .iter()
            .map(|(name, value)| {
                build(|config: &mut CreatableTopicConfig| {
                    config.name = name.as_str().into();
                    config.value = Some(value.as_str().into());
                })
            })
            .collect();
    })
}

fn created(answer: &CreateTopicsResponse) -> Vec<(Arc<str>, Result<CreatedTopic, ErrorCode>)> {
    answer
        .topics
        .iter()
        .map(|topic| {
            let outcome = match ErrorCode::from_code(topic.error_code).failure() {
                Some(code) => Err(code),
                None => Ok(CreatedTopic {
                    id: topic.topic_id.into(),
                    partitions: topic.num_partitions,
                    replication_factor: topic.replication_factor,
                }),
            };
            (topic.name.as_str().into(), outcome)
        })
        .collect()
}

fn by_topic(partitions: &[TopicPartition]) -> Vec<elect_leaders_request::TopicPartitions> {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        topics.entry(&partition.topic).or_default().push(partition.partition);
    }
    topics
        .into_iter()
        .map(|(name, indexes)| {
            build(|topic: &mut elect_leaders_request::TopicPartitions| {
                topic.topic = name.into();
                topic.partitions = indexes;
            })
        })
        .collect()
}

fn elected(answer: &ElectLeadersResponse) -> Vec<(TopicPartition, Result<(), ErrorCode>)> {
    let mut outcomes = Vec::new();
    for topic in &answer.replica_election_results {
        for result in &topic.partition_result {
            let partition = TopicPartition::new(topic.topic.as_str(), result.partition_id);
            let failure = ErrorCode::from_code(result.error_code).failure();
            outcomes.push((partition, failure.map_or(Ok(()), Err)));
        }
    }
    outcomes
}

fn description(topic: &metadata_response::MetadataResponseTopic) -> TopicDescription {
    let brokers = |ids: &[i32]| ids.iter().map(|&id| BrokerId(id)).collect();
    TopicDescription {
        name: topic.name.as_deref().unwrap_or_default().into(),
        id: topic.topic_id.into(),
        error: ErrorCode::from_code(topic.error_code).failure(),
        partitions: topic
            .partitions
            .iter()
            .map(|partition| {
                let epoch = partition.leader_epoch;
                let description = PartitionDescription {
                    leader: (partition.leader_id >= 0).then_some(BrokerId(partition.leader_id)),
                    leader_epoch: (epoch >= 0).then_some(LeaderEpoch(epoch)),
                    replicas: brokers(&partition.replica_nodes),
                    in_sync_replicas: brokers(&partition.isr_nodes),
                };
                (partition.partition_index, description)
            })
            .collect(),
    }
}
