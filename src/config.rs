//! Every setting of a node, under Kafka's names, with Kafka's defaults and limits.
//!
//! A [`Config`] is plain data that has been checked: whoever holds one need not ask again whether
//! a number is sensible. It is read from a `.properties` file ([`Properties`]), from the
//! environment as containers do it, or taken whole from [`Config::embedded`]. There is no
//! `Default`: a caller says where its settings come from.
//!
//! ```
//! use highwater::config::{Config, Properties};
//!
//! let properties = Properties::parse(
//!     "process.roles=broker\n\
//!      node.id=1\n\
//!      listeners=PLAINTEXT://127.0.0.1:9092\n\
//!      controller.listener.names=CONTROLLER\n\
//!      controller.quorum.voters=100@127.0.0.1:9093\n\
//!      min.insync.replicas=2\n",
//! )?;
//! let (config, warnings) = Config::from_properties(&properties)?;
//! assert_eq!(config.topics.min_in_sync_replicas, 2);
//! assert!(warnings.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod defaults;
mod error;
pub mod golden;
mod ignored;
mod listeners;
mod properties;
mod read;
mod reader;
mod settings;
mod topic;
mod validate;

pub use error::{ConfigError, ConfigErrors, Warning};
pub use listeners::{Endpoint, Listener, Voter};
pub use properties::{OverrideError, Properties, PropertiesError};
pub use settings::{
    Broker, Controller, LogSettings, Network, Quorum, ReplicaSelector, Replication, Roles,
    TopicDefaults,
};
pub use topic::TopicConfig;

use crate::types::NodeId;

/// The settings of one node, grouped by the room that asks for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `node.id`, required. 0 to 2147483647, unlike any other node's. `broker.id` is understood
    /// as its old name.
    pub node_id: NodeId,
    /// `process.roles`, required: `broker`, `controller`, or both with a comma between.
    pub roles: Roles,
    /// `log.dirs` or `log.dir`, default `/tmp/kafka-logs`. One directory; it holds the partitions
    /// and the quorum's log.
    pub log_dir: String,
    /// Sockets and the sizes of what passes through them.
    pub network: Network,
    /// The controllers' quorum: who votes and how patient they are.
    pub quorum: Quorum,
    /// What the active controller does by itself.
    pub controller: Controller,
    /// How a broker keeps its place in the cluster.
    pub broker: Broker,
    /// What a topic gets if it does not say.
    pub topics: TopicDefaults,
    /// What happens on the disk.
    pub log: LogSettings,
    /// Followers and in-sync sets.
    pub replication: Replication,
}

impl Config {
    /// Reads and checks every setting. Settings that nobody knows, and those that Kafka has and
    /// this broker does not act on, are reported as warnings, as Kafka does.
    ///
    /// # Errors
    /// All that is wrong at once: each error names the property, its value and what is allowed.
    pub fn from_properties(properties: &Properties) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        let mut reader = reader::Reader::new(properties);
        let config = read::config(&mut reader);
        let (mut errors, warnings) = reader.finish();
        let mut conflicts = validate::conflicts(&config);
        conflicts.retain(|conflict| {
            // A rule that rests on a setting which could not be read has nothing to say.
            let rests_on = [conflict.property.as_str(), "process.roles", "node.id"];
            !errors.iter().any(|error| rests_on.contains(&error.property.as_str()))
        });
        errors.extend(conflicts);
        if errors.is_empty() { Ok((config, warnings)) } else { Err(ConfigErrors(errors)) }
    }

    /// A cluster of one node that is broker and controller, on 127.0.0.1: port 9092 for clients,
    /// 9093 for the quorum. Everything else as Kafka has it.
    ///
    /// # Panics
    /// Never: the settings are constants, and `data_dir` is not interpreted.
    #[must_use]
    pub fn embedded(data_dir: &str) -> Self {
        let properties = Properties::parse(defaults::EMBEDDED).expect("constant text, no escapes");
        let (config, _) = Self::from_properties(&properties).expect("constant settings, tested");
        Self { log_dir: data_dir.to_owned(), ..config }
    }

    /// Checks the rules between settings, for a configuration whose fields were set by hand.
    ///
    /// # Errors
    /// Every rule that is broken.
    pub fn validate(&self) -> Result<(), ConfigErrors> {
        let errors = validate::conflicts(self);
        if errors.is_empty() { Ok(()) } else { Err(ConfigErrors(errors)) }
    }
}

#[cfg(test)]
mod tests;
