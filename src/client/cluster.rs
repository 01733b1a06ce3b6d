//! What a client knows of the cluster, and its connections into it.

mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub use view::Leader;
pub(super) use view::{LeaderHint, View};

use super::ClientSettings;
use super::connection::{CONNECT_TIMEOUT, CallError, Connection};
use crate::host::Host;
use crate::protocol::messages::{MetadataRequest, MetadataResponse, build, metadata_request};
use crate::protocol::{ErrorCode, Request, Response};
use crate::types::{BrokerId, Millis, TopicId, TopicPartition};

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// No broker answered.
    #[error("no broker answered; the last: {0}")]
    Unreachable(CallError),
    /// The time allowed has passed.
    #[error("no time is left to ask")]
    OutOfTime,
    /// The broker asked refuses to tell.
    #[error("the topic of {partition} cannot be looked up: {code}")]
    Refused {
        /// What was looked up.
        partition: TopicPartition,
        /// What the broker said.
        code: ErrorCode,
    },
    /// The partition has no leader at the moment, or none that is newer than the one that failed.
    #[error("{0} has no leader")]
    NoLeader(TopicPartition),
}

/// The cluster as a client sees it.
#[derive(Debug)]
pub struct Cluster {
    host: Host,
    settings: ClientSettings,
    view: View,
    connections: BTreeMap<Arc<str>, Connection>,
    /// Whom to ask first next time: somebody else after a failure.
    turn: usize,
    /// Who was asked last in vain. They are asked after all the others, since each of them may cost
    /// a whole timeout.
    silent: BTreeSet<Arc<str>>,
}

impl Cluster {
    /// A client that knows its bootstrap addresses and nothing more. Asks nobody yet.
    #[must_use]
    pub fn new(host: Host, settings: ClientSettings) -> Self {
        Self {
            host,
            settings,
            view: View::default(),
            connections: BTreeMap::new(),
            turn: 0,
            silent: BTreeSet::new(),
        }
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    pub(super) fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// How long one request may wait if everything must be over at `deadline`; `None` if it is.
    pub(super) fn limit_until(&self, deadline: Millis) -> Option<Duration> {
        let left = deadline - self.host.clock.now();
        (!left.is_zero()).then(|| left.min(self.settings.request_timeout))
    }

    /// Asks for the state of these topics, and keeps it.
    ///
    /// # Errors
    /// Nobody answered before `deadline`.
    pub async fn refresh(
        &mut self,
        topics: &[Arc<str>],
        deadline: Millis,
    ) -> Result<(), LookupError> {
        self.describe(Some(topics), deadline).await.map(|_| ())
    }

    /// Asks for the state of these topics, or of all; keeps it, and hands the answer on.
    pub(super) async fn describe(
        &mut self,
        topics: Option<&[Arc<str>]>,
        deadline: Millis,
    ) -> Result<MetadataResponse, LookupError> {
        let request = build(|request: &mut MetadataRequest| {
            request.topics = topics.map(|topics| topics.iter().map(|name| by_name(name)).collect());
            request.allow_auto_topic_creation = false;
        });
        let answer = self.ask_anyone(&Request::Metadata(request), deadline).await?;
        let Response::Metadata(response) = answer else {
            unreachable!("an answer is read as what was asked")
        };
        self.view.learn(&response);
        Ok(response)
    }

    /// The partition's leader, from memory or by asking.
    ///
    /// # Errors
    /// Nobody knows one, or nobody answered before `deadline`.
    pub async fn leader_for(
        &mut self,
        partition: &TopicPartition,
        deadline: Millis,
    ) -> Result<Leader, LookupError> {
        if let Some(leader) = self.view.leader(partition) {
            return Ok(leader);
        }
        self.refresh(std::slice::from_ref(&partition.topic), deadline).await?;
        match self.view.refusal(&partition.topic) {
            Some(code) => Err(LookupError::Refused { partition: partition.clone(), code }),
            None => {
                self.view.leader(partition).ok_or_else(|| LookupError::NoLeader(partition.clone()))
            }
        }
    }

    /// Forgets who leads the partition, as after NOT_LEADER_OR_FOLLOWER. The leader epoch stays in
    /// memory: an answer with an older one is not believed.
    pub fn forget(&mut self, partition: &TopicPartition) {
        self.view.forget(partition);
    }

    /// Whether this is still the leader that [`Cluster::leader_for`] would name.
    pub(super) fn still_believes(&self, partition: &TopicPartition, leader: &Leader) -> bool {
        self.view.leader(partition).as_ref() == Some(leader)
    }

    /// Takes in what a broker said beside its refusal about the current leader (KIP-951).
    pub(super) fn take_hint(&mut self, partition: &TopicPartition, hint: LeaderHint) {
        self.view.take_hint(partition, hint);
    }

    pub(super) fn topic_id(&self, topic: &str) -> Option<TopicId> {
        self.view.topic_id(topic)
    }

    pub(super) fn controller(&self) -> Option<Arc<str>> {
        self.view.controller()
    }

    /// Where a broker listens, as far as known.
    #[must_use]
    pub fn address_of(&self, broker: BrokerId) -> Option<Arc<str>> {
        self.view.address(broker)
    }

    /// Calls the broker at `address`, connecting if need be.
    ///
    /// # Errors
    /// As told by [`CallError`].
    pub async fn call(
        &mut self,
        address: &Arc<str>,
        request: &Request,
        limit: Duration,
    ) -> Result<Response, CallError> {
        let deadline = self.host.clock.now() + limit;
        if let Some(connection) = self.connections.get_mut(address) {
            match connection.call(request, limit).await {
                // The broker had gone away unnoticed, and nothing was sent: connect anew.
                Err(CallError::Closed { .. }) => {}
                outcome => return outcome,
            }
        }
        self.connect(address, limit).await?;
        let left = deadline - self.host.clock.now();
        let connection = self.connections.get_mut(address).expect("it was just made");
        connection.call(request, left).await
    }

    /// Sends a request without an answer to the broker at `address`, connecting if need be.
    ///
    /// # Errors
    /// As told by [`CallError`].
    pub(super) async fn send(
        &mut self,
        address: &Arc<str>,
        request: &Request,
        limit: Duration,
    ) -> Result<(), CallError> {
        let deadline = self.host.clock.now() + limit;
        if let Some(connection) = self.connections.get_mut(address) {
            match connection.send(request, limit).await {
                Err(CallError::Closed { .. }) => {}
                outcome => return outcome,
            }
        }
        self.connect(address, limit).await?;
        let left = deadline - self.host.clock.now();
        let connection = self.connections.get_mut(address).expect("it was just made");
        connection.send(request, left).await
    }

    async fn connect(&mut self, address: &Arc<str>, limit: Duration) -> Result<(), CallError> {
        self.connections.remove(address);
        let limit = limit.min(CONNECT_TIMEOUT);
        let client_id = &self.settings.client_id;
        let connection = Connection::connect_within(&self.host, address, client_id, limit).await?;
        self.connections.insert(address.clone(), connection);
        Ok(())
    }

    /// Asks one broker after the other, until one answers; the next question begins with another.
    /// Otherwise a client whose leader was cut off from its peers could ask it for ever who leads,
    /// and be told: I do.
    pub(super) async fn ask_anyone(
        &mut self,
        request: &Request,
        deadline: Millis,
    ) -> Result<Response, LookupError> {
        let mut failure = LookupError::OutOfTime;
        let turn = self.turn;
        self.turn = turn.wrapping_add(1);
        let mut everyone = self.view.everyone(&self.settings.bootstrap, turn);
        everyone.sort_by_key(|address| self.silent.contains(address));
        for address in everyone {
            let Some(limit) = self.limit_until(deadline) else {
                break;
            };
            match self.call(&address, request, limit).await {
                Ok(response) => {
                    self.silent.remove(&address);
                    return Ok(response);
                }
                Err(error) => {
                    failure = LookupError::Unreachable(error);
                    self.silent.insert(address);
                }
            }
        }
        Err(failure)
    }
}

fn by_name(name: &str) -> metadata_request::MetadataRequestTopic {
    build(|topic: &mut metadata_request::MetadataRequestTopic| topic.name = Some(name.into()))
}
