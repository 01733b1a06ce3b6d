//! A small Kafka client over [`crate::host::Host`]: producer, consumer, admin.
//!
//! It exists to be judged by: its errors tell *certainly not appended* from *indeterminate* and
//! never guess. So it is plain where Kafka's own client is clever. It spawns no task; a producer
//! has one batch under way, a connection one request; whoever drops a future drops the connection
//! that it used, and what had been sent stays in doubt.
//!
//! Reading order: [`Connection`] speaks to one broker, [`Cluster`] knows which broker leads what,
//! [`Producer`], [`Consumer`] and [`Admin`] ask for what an application wants.

mod admin;
mod cluster;
mod connection;
mod consumer;
mod producer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

pub use admin::{
    Admin, AdminError, CreatedTopic, ElectionType, NewTopic, PartitionDescription, TopicDescription,
};
pub use cluster::{Cluster, Leader, LookupError};
pub use connection::{CONNECT_TIMEOUT, CallError, Connection};
pub use consumer::{ConsumeError, Consumer, ConsumerSettings, Fetched};
pub use producer::{
    Appended, Doubt, ProduceError, Producer, ProducerSettings, Refusal, proves_absence,
};

/// What every client needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// `client.id`: what brokers call this client in their logs.
    pub client_id: Arc<str>,
    /// `bootstrap.servers`: where to ask first, as `host:port`.
    pub bootstrap: Vec<Arc<str>>,
    /// `request.timeout.ms`: how long one request waits for its answer.
    pub request_timeout: Duration,
    /// `retry.backoff.ms`: how long to wait before asking again.
    pub retry_backoff: Duration,
}
