//! What a simulated cluster is made of, in Kafka's properties.
//!
//! The brokers run with Kafka's defaults except where waiting would only cost virtual time: the
//! session, lag and quorum timeouts are a few seconds instead of tens, so that thirty simulated
//! seconds hold several elections. The proportions between them are Kafka's.

use std::collections::BTreeMap;
use std::time::Duration;

use highwater::config::golden::MIN_IN_SYNC_REPLICAS;
use highwater::config::{Config, Properties};
use serde::{Deserialize, Serialize};

/// The port that clients and brokers connect to.
pub const BROKER_PORT: u16 = 9092;
/// The port of the quorum.
pub const CONTROLLER_PORT: u16 = 9093;

/// The port of the metrics, where they are served: the customary one.
pub const METRICS_PORT: u16 = 9404;

/// `broker.session.timeout.ms`: a broker that is silent for longer is fenced.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(3);
/// `replica.lag.time.max.ms`: a follower that is behind for longer leaves the in-sync set.
pub const REPLICA_LAG_MAX: Duration = Duration::from_secs(4);

/// A cluster to be.
///
/// ```
/// use workloads::settings::brokers;
///
/// let settings = brokers(3).min_in_sync_replicas(2).set("flush.messages", "1");
/// assert_eq!(settings.config(0).node_id.0, 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSettings {
    brokers: usize,
    controllers: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    racks: Vec<String>,
    properties: BTreeMap<String, String>,
}

/// A cluster of `count` brokers, of which the first three (or the only one) are controllers too, as
/// a small KRaft cluster is run.
#[must_use]
pub fn brokers(count: usize) -> ClusterSettings {
    assert!(count > 0, "a cluster has at least one broker");
    let properties = BRISK.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    ClusterSettings {
        brokers: count,
        controllers: if count >= 3 { 3 } else { 1 },
        racks: Vec::new(),
        properties: properties.collect(),
    }
}

/// The golden preset ([`highwater::config::golden`]) on three brokers: `min.insync.replicas` 2 and
/// no unclean election, for topics of replication factor 3.
#[must_use]
pub fn golden() -> ClusterSettings {
    brokers(3).min_in_sync_replicas(MIN_IN_SYNC_REPLICAS).unclean_leader_election(false)
}

/// Kafka's timeouts, several times shorter.
const BRISK: &[(&str, &str)] = &[
    ("broker.heartbeat.interval.ms", "500"),
    ("broker.session.timeout.ms", "3000"),
    ("replica.lag.time.max.ms", "4000"),
    ("replica.fetch.backoff.ms", "300"),
    ("replica.socket.timeout.ms", "1500"),
    ("controller.quorum.fetch.timeout.ms", "1000"),
    ("controller.quorum.request.timeout.ms", "1000"),
    ("leader.imbalance.check.interval.seconds", "5"),
    ("unclean.leader.election.interval.ms", "2000"),
    ("replica.high.watermark.checkpoint.interval.ms", "1000"),
    ("log.flush.offset.checkpoint.interval.ms", "5000"),
    ("connections.max.idle.ms", "20000"),
    ("auto.create.topics.enable", "false"),
];

impl ClusterSettings {
    /// `min.insync.replicas`.
    #[must_use]
    pub fn min_in_sync_replicas(self, count: usize) -> Self {
        self.set("min.insync.replicas", &count.to_string())
    }

    /// The same cluster with more brokers, which are no controllers.
    #[must_use]
    pub fn more_brokers(mut self, count: usize) -> Self {
        self.brokers += count;
        self
    }

    /// How many of the brokers are controllers too; at least one, at most all.
    #[must_use]
    pub fn controllers(mut self, count: usize) -> Self {
        self.controllers = count.clamp(1, self.brokers);
        self
    }

    /// The same cluster with so many brokers in all, at least one; no more controllers than that.
    #[must_use]
    pub fn broker_total(mut self, count: usize) -> Self {
        self.brokers = count.max(1);
        let controllers = self.controllers;
        self.controllers(controllers)
    }

    /// The names of the properties that are not as in [`brokers`].
    pub fn changed(&self) -> impl Iterator<Item = &str> {
        let usual = |name: &str| BRISK.iter().find(|brisk| brisk.0 == name).map(|brisk| brisk.1);
        let changed = self
            .properties
            .iter()
            .filter(move |(name, value)| usual(name.as_str()) != Some(value.as_str()));
        changed.map(|(name, _)| name.as_str())
    }

    /// The same cluster with a property as in [`brokers`].
    #[must_use]
    pub fn as_usual(mut self, name: &str) -> Self {
        match BRISK.iter().find(|brisk| brisk.0 == name) {
            Some((_, value)) => self.set(name, value),
            None => {
                self.properties.remove(name);
                self
            }
        }
    }

    /// `unclean.leader.election.enable`.
    #[must_use]
    pub fn unclean_leader_election(self, enable: bool) -> Self {
        self.set("unclean.leader.election.enable", &enable.to_string())
    }

    /// `eligible.leader.replicas.enable`.
    #[must_use]
    pub fn eligible_leader_replicas(self, enable: bool) -> Self {
        self.set("eligible.leader.replicas.enable", &enable.to_string())
    }

    /// `log.flush.interval.messages`: an fsync after this many records.
    #[must_use]
    pub fn flush_messages(self, records: u64) -> Self {
        self.set("log.flush.interval.messages", &records.to_string())
    }

    /// `broker.rack` of each broker in turn; brokers beyond the list start again at its head.
    #[must_use]
    pub fn racks(mut self, racks: &[&str]) -> Self {
        self.racks = racks.iter().map(|rack| (*rack).to_owned()).collect();
        self
    }

    /// Serves metrics on every node (`metrics.listener`), so that they can be monitored.
    #[must_use]
    pub fn monitored(self) -> Self {
        self.set("metrics.listener", &format!("HTTP://0.0.0.0:{METRICS_PORT}"))
    }

    /// Any other property, by Kafka's name.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    /// How many brokers.
    #[must_use]
    pub fn broker_count(&self) -> usize {
        self.brokers
    }

    /// How many controllers.
    #[must_use]
    pub fn controller_count(&self) -> usize {
        self.controllers
    }

    /// The in-force `min.insync.replicas` of topics that do not say.
    #[must_use]
    pub fn required_in_sync(&self) -> usize {
        self.property("min.insync.replicas").and_then(|count| count.parse().ok()).unwrap_or(1)
    }

    /// The value of a property, if it is set.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// What the picture of the cluster has to know of it.
    #[must_use]
    pub fn picture(&self) -> crate::picture::Settings {
        crate::picture::Settings {
            eligible_leader_replicas: self.property("eligible.leader.replicas.enable")
                != Some("false"),
            min_in_sync_replicas_default: self.required_in_sync(),
            unclean_leader_election_default: self.property("unclean.leader.election.enable")
                == Some("true"),
        }
    }

    /// The name of the node at `index`, from 0; `node-1` is the first.
    #[must_use]
    pub fn node_name(index: usize) -> String {
        format!("node-{}", index + 1)
    }

    /// The configuration of the node at `index`.
    ///
    /// # Panics
    /// If a property that was set is not one that a broker accepts; the message names it.
    #[must_use]
    pub fn config(&self, index: usize) -> Config {
        match self.try_config(index) {
            Ok(config) => config,
            Err(errors) => panic!("the simulated cluster's settings are not valid: {errors}"),
        }
    }

    fn try_config(&self, index: usize) -> Result<Config, String> {
        let mut properties = Properties::default();
        for (name, value) in &self.properties {
            properties.set(name.clone(), value.clone());
        }
        self.identify(index, &mut properties);
        let (config, _) = Config::from_properties(&properties).map_err(|e| e.to_string())?;
        Ok(config)
    }

    /// Whether every node has a valid configuration.
    ///
    /// # Errors
    /// What is wrong with the properties of the first node that has none.
    pub fn check(&self) -> Result<(), String> {
        (0..self.brokers).try_for_each(|index| self.try_config(index).map(drop))
    }

    fn identify(&self, index: usize, properties: &mut Properties) {
        let name = Self::node_name(index);
        let is_controller = index < self.controllers;
        let mut listeners = format!("PLAINTEXT://0.0.0.0:{BROKER_PORT}");
        if is_controller {
            listeners.push_str(&format!(",CONTROLLER://0.0.0.0:{CONTROLLER_PORT}"));
        }
        let voters: Vec<String> = (0..self.controllers)
            .map(|voter| format!("{}@{}:{CONTROLLER_PORT}", voter + 1, Self::node_name(voter)))
            .collect();
        properties.set("process.roles", if is_controller { "broker,controller" } else { "broker" });
        properties.set("node.id", (index + 1).to_string());
        properties.set("listeners", listeners);
        properties.set("advertised.listeners", format!("PLAINTEXT://{name}:{BROKER_PORT}"));
        properties.set("controller.listener.names", "CONTROLLER");
        properties.set("controller.quorum.voters", voters.join(","));
        if !self.racks.is_empty() {
            properties.set("broker.rack", self.racks[index % self.racks.len()].clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_gets_a_valid_configuration_of_its_own() {
        let settings = brokers(5).min_in_sync_replicas(2).racks(&["a", "b"]);
        for index in 0..5 {
            let config = settings.config(index);
            assert_eq!(config.roles.is_controller(), index < 3);
            assert_eq!(config.quorum.voters.len(), 3);
            assert_eq!(config.topics.min_in_sync_replicas, 2);
            assert_eq!(config.broker.rack.as_deref(), Some(["a", "b"][index % 2]));
        }
    }

    #[test]
    fn change_of_a_property_is_known_and_undone() {
        let settings =
            brokers(3).set("log.segment.bytes", "2048").set("connections.max.idle.ms", "7");
        assert_eq!(
            settings.changed().collect::<Vec<_>>(),
            ["connections.max.idle.ms", "log.segment.bytes"]
        );
        let undone = settings.as_usual("log.segment.bytes").as_usual("connections.max.idle.ms");
        assert_eq!(undone, brokers(3));
        assert_eq!(brokers(5).broker_total(3), brokers(3));
        assert_eq!(brokers(5).broker_total(2).controller_count(), 2);
    }

    #[test]
    fn stories_reckon_with_the_timeouts_in_force() {
        let config = brokers(1).config(0);
        assert_eq!(config.controller.session_timeout, SESSION_TIMEOUT);
        assert_eq!(config.replication.replica_lag_max, REPLICA_LAG_MAX);
    }

    #[test]
    #[should_panic(expected = "min.insync.replicas")]
    fn a_setting_that_no_broker_accepts_is_named() {
        assert!(brokers(1).set("min.insync.replicas", "none").config(0).validate().is_err());
    }
}
