//! Who leads what, as far as a client has heard; without a socket.
//!
//! Brokers learn of an election at different times, so answers contradict each other. The larger
//! leader epoch is right (KIP-320), and a client that has seen it does not go back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::ErrorCode;
use crate::protocol::messages::{MetadataResponse, metadata_response};
use crate::types::{BrokerId, LeaderEpoch, TopicId, TopicPartition};

/// Whom to ask about a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The leader.
    pub broker: BrokerId,
    /// Where it listens.
    pub address: Arc<str>,
    /// The epoch in which it leads, if the broker asked knew.
    pub epoch: Option<LeaderEpoch>,
}

/// What a refusal says about the leader (KIP-951).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaderHint {
    pub(crate) broker: BrokerId,
    pub(crate) epoch: LeaderEpoch,
    /// Where it listens, if the refusal says so.
    pub(crate) address: Option<Arc<str>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    brokers: BTreeMap<BrokerId, Arc<str>>,
    controller: Option<BrokerId>,
    topics: BTreeMap<Arc<str>, Topic>,
}

#[derive(Clone, Debug, Default)]
struct Topic {
    id: TopicId,
    refusal: Option<ErrorCode>,
    partitions: BTreeMap<i32, Partition>,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    leader: Option<BrokerId>,
    epoch: Option<LeaderEpoch>,
}

impl View {
    pub(crate) fn learn(&mut self, response: &MetadataResponse) {
        if !response.brokers.is_empty() {
            self.brokers = response
                .brokers
                .iter()
                .map(|b| (BrokerId(b.node_id), format!("{}:{}", b.host, b.port).into()))
                .collect();
        }
        self.controller = known(response.controller_id);
        for topic in &response.topics {
            if let Some(name) = &topic.name {
                self.learn_topic(name, topic);
            }
        }
    }

    fn learn_topic(&mut self, name: &str, told: &metadata_response::MetadataResponseTopic) {
        let topic = self.topics.entry(name.into()).or_default();
        topic.refusal = ErrorCode::from_code(told.error_code).failure();
        if topic.refusal.is_some() {
            // What was known before may be as true as the refusal, but nobody is asked by it.
            topic.partitions.values_mut().for_each(|partition| partition.leader = None);
            return;
        }
        let id = TopicId::from(told.topic_id);
        if topic.id != id {
            // Deleted and created again: its epochs begin anew.
            *topic = Topic { id, ..Topic::default() };
        }
        for told in &told.partitions {
            let new = Partition {
                leader: known(told.leader_id),
                epoch: (told.leader_epoch >= 0).then_some(LeaderEpoch(told.leader_epoch)),
            };
            let held = topic.partitions.entry(told.partition_index).or_insert(new);
            if new.epoch >= held.epoch {
                *held = new;
            }
        }
    }

    pub(crate) fn take_hint(&mut self, partition: &TopicPartition, hint: LeaderHint) {
        if let Some(address) = hint.address {
            self.brokers.insert(hint.broker, address);
        }
        let held = self
            .topics
            .get_mut(&partition.topic)
            .and_then(|topic| topic.partitions.get_mut(&partition.partition));
        if let Some(held) = held
            && Some(hint.epoch) > held.epoch
            && self.brokers.contains_key(&hint.broker)
        {
            *held = Partition { leader: Some(hint.broker), epoch: Some(hint.epoch) };
        }
    }

    pub(crate) fn forget(&mut self, partition: &TopicPartition) {
        let held = self
            .topics
            .get_mut(&partition.topic)
            .and_then(|topic| topic.partitions.get_mut(&partition.partition));
        if let Some(held) = held {
            held.leader = None;
        }
    }

    pub(crate) fn leader(&self, partition: &TopicPartition) -> Option<Leader> {
        let held = self.topics.get(&partition.topic)?.partitions.get(&partition.partition)?;
        let broker = held.leader?;
        Some(Leader { broker, address: self.address(broker)?, epoch: held.epoch })
    }

    pub(crate) fn refusal(&self, topic: &str) -> Option<ErrorCode> {
        self.topics.get(topic).and_then(|topic| topic.refusal)
    }

    pub(crate) fn topic_id(&self, topic: &str) -> Option<TopicId> {
        self.topics.get(topic).map(|topic| topic.id)
    }

    pub(crate) fn address(&self, broker: BrokerId) -> Option<Arc<str>> {
        self.brokers.get(&broker).cloned()
    }

    pub(crate) fn controller(&self) -> Option<Arc<str>> {
        self.address(self.controller?)
    }

    /// Everybody who can be asked, each once: the brokers known, then the bootstrap addresses,
    /// beginning with number `turn` of them.
    pub(crate) fn everyone(&self, bootstrap: &[Arc<str>], turn: usize) -> Vec<Arc<str>> {
        let mut everyone: Vec<Arc<str>> = Vec::new();
        for address in self.brokers.values().chain(bootstrap) {
            if !everyone.contains(address) {
                everyone.push(address.clone());
            }
        }
        if !everyone.is_empty() {
            let first = turn % everyone.len();
            everyone.rotate_left(first);
        }
        everyone
    }
}

fn known(broker: i32) -> Option<BrokerId> {
    (broker >= 0).then_some(BrokerId(broker))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::messages::build;
    use metadata_response::{
        MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    };

    fn told(topic_id: u8, leader: i32, epoch: i32) -> MetadataResponse {
        build(|r: &mut MetadataResponse| {
            r.brokers = (1..=3)
                .map(|id| {
                    build(|b: &mut MetadataResponseBroker| {
                        (b.node_id, b.host, b.port) = (id, format!("b{id}").into(), 9092);
                    })
                })
                .collect();
            r.topics = vec![build(|t: &mut MetadataResponseTopic| {
                t.name = Some("orders".into());
                t.topic_id = TopicId([topic_id; 16]).into();
                t.partitions = vec![build(|p: &mut MetadataResponsePartition| {
                    (p.leader_id, p.leader_epoch) = (leader, epoch);
                })];
            })];
        })
    }

    fn leader(view: &View) -> Option<(i32, i32)> {
        let leader = view.leader(&TopicPartition::new("orders", 0))?;
        Some((leader.broker.0, leader.epoch?.0))
    }

    #[test]
    fn an_older_epoch_is_not_believed_unless_the_topic_is_another() {
        let mut view = View::default();
        view.learn(&told(1, 1, 5));
        view.learn(&told(1, 2, 4));
        assert_eq!(leader(&view), Some((1, 5)), "a broker that lags behind");
        view.forget(&TopicPartition::new("orders", 0));
        view.learn(&told(1, 2, 4));
        assert_eq!(leader(&view), None, "forgetting the leader does not forget the epoch");
        view.learn(&told(1, 1, 5));
        assert_eq!(leader(&view), Some((1, 5)));
        view.learn(&told(2, 3, 0));
        assert_eq!(leader(&view), Some((3, 0)), "the topic was created again");
    }

    #[test]
    fn a_hint_counts_if_it_is_newer_and_leads_somewhere() {
        let mut view = View::default();
        view.learn(&told(1, 1, 5));
        let hint = |broker, epoch, address: Option<&str>| LeaderHint {
            broker: BrokerId(broker),
            epoch: LeaderEpoch(epoch),
            address: address.map(Into::into),
        };
        let orders = TopicPartition::new("orders", 0);
        view.take_hint(&orders, hint(2, 5, None));
        assert_eq!(leader(&view), Some((1, 5)), "not newer");
        view.take_hint(&orders, hint(9, 6, None));
        assert_eq!(leader(&view), Some((1, 5)), "nobody knows where broker 9 is");
        view.take_hint(&orders, hint(9, 6, Some("b9:9092")));
        assert_eq!(leader(&view), Some((9, 6)));
    }

    #[test]
    fn everybody_is_asked_once_and_somebody_else_first_after_a_failure() {
        let mut view = View::default();
        let bootstrap: Vec<Arc<str>> = vec!["b1:9092".into(), "seed:1".into()];
        assert_eq!(view.everyone(&bootstrap, 1), ["seed:1".into(), "b1:9092".into()]);
        assert!(view.everyone(&[], 3).is_empty());
        view.learn(&told(1, 1, 5));
        let everyone = view.everyone(&bootstrap, 1);
        let names: Vec<&str> = everyone.iter().map(AsRef::as_ref).collect();
        assert_eq!(names, ["b2:9092", "b3:9092", "seed:1", "b1:9092"]);
    }
}
