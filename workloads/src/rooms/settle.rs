//! After the last fault: everything heals, and the cluster has to come to rest in bounded time with
//! nothing lost (CV1, CV4, CV13, LV1 to LV5).

use highwater::replication::Role;
use highwater::types::{Acks, BrokerId};

use super::nemesis::Links;
use super::world::{Happening, World};
use crate::picture::Sometimes;

/// Milliseconds of virtual time in which the cluster has to come to rest.
const LIMIT: u64 = 4_000;

/// How often one looks whether it has.
const STEPS_BETWEEN_LOOKS: usize = 60;

impl World {
    pub(super) fn settle(&mut self) {
        self.healed = true;
        self.links = Links::default();
        self.write_down("---- healed".to_owned());
        for broker in 0..self.brokers.len() {
            self.schedule(1, Happening::Restart { broker });
            let run = self.brokers[broker].run;
            self.schedule(1, Happening::Metadata { broker, run });
        }
        self.come_to_rest();
        // A last record each: a commit in the present epoch proves that the leader can commit.
        for partition in 0..self.weather.partitions {
            self.produce_a_last_record(partition);
        }
        if self.weather.fault_interval.is_some() && self.one_in(8) {
            self.do_without_a_follower();
        }
        for partition in 0..self.weather.partitions {
            if self.violation.is_none() && self.is_judged(&self.name(partition)) {
                self.read_everything_back(partition);
            }
        }
    }

    /// Without faults nobody is put out of the in-sync set and nothing is cut (LV7).
    pub(super) fn judge_calm(&mut self) {
        let tally = self.inspector.picture().tally().clone();
        for state in [Sometimes::InSyncShrank, Sometimes::LogTruncated] {
            if tally.of(state) > 0 {
                self.object("LV7", 0, format!("nothing went wrong, and yet {}", state.words()));
            }
        }
    }

    /// The peers of one broker do not hear it any more, the controllers do: no session ends, so it
    /// is for the leaders to go on without it (LV8).
    fn do_without_a_follower(&mut self) {
        let broker = self.dice.below(self.brokers.len());
        let follows = |partition: &usize| self.leader(*partition).is_some_and(|l| l != broker);
        let followed: Vec<usize> = (0..self.weather.partitions).filter(follows).collect();
        self.cut_off(broker);
        for partition in followed {
            let before = self.clients.acknowledged_of(partition).len();
            let limit = self.now.0 + LIMIT;
            while self.violation.is_none()
                && self.is_judged(&self.name(partition))
                && self.clients.acknowledged_of(partition).len() == before
            {
                if self.now.0 > limit {
                    let what =
                        format!("{LIMIT} ms after broker {broker} fell silent it still counts");
                    self.object("LV8", partition, what);
                }
                if let Some(leader) = self.leader(partition) {
                    self.produce(leader, partition, Acks::All);
                }
                for _ in 0..STEPS_BETWEEN_LOOKS {
                    self.step();
                }
            }
        }
        self.links = Links::default();
        self.come_to_rest();
    }

    /// The client tries again if leadership moves just then, as the preferred one's does.
    fn produce_a_last_record(&mut self, partition: usize) {
        let before = self.clients.acknowledged_of(partition).len();
        for _ in 0..5 {
            let Some(leader) = self.leader(partition) else { break };
            self.produce(leader, partition, Acks::All);
            self.come_to_rest();
            if self.clients.acknowledged_of(partition).len() > before || self.violation.is_some() {
                return;
            }
        }
        if self.is_judged(&self.name(partition)) {
            self.object("LV8", partition, "the last produce requests failed".to_owned());
        }
    }

    fn leader(&self, partition: usize) -> Option<usize> {
        let leader = self.quorum.partition(partition)?.leader?;
        usize::try_from(leader.0 - 1).ok()
    }

    fn come_to_rest(&mut self) {
        let limit = self.now.0 + LIMIT;
        while self.violation.is_none() {
            for _ in 0..STEPS_BETWEEN_LOOKS {
                self.step();
            }
            let restless = (0..self.weather.partitions)
                .filter(|partition| self.is_judged(&self.name(*partition)))
                .find_map(|partition| Some((partition, self.unrest(partition)?)));
            match restless {
                None => return,
                Some((partition, what)) if self.now.0 > limit => {
                    self.object(
                        "LV5",
                        partition,
                        format!("{LIMIT} ms after the last fault {what}"),
                    );
                }
                Some(_) => {}
            }
        }
    }

    /// What keeps a partition from being at rest.
    fn unrest(&self, partition: usize) -> Option<String> {
        let Some(record) = self.quorum.partition(partition) else {
            return Some("the partition does not exist".to_owned());
        };
        let Some(leader) = self.leader(partition) else {
            return Some("nobody leads".to_owned());
        };
        if self.quorum.decides() {
            // Whoever was silent before the heal may be fenced only now.
            return Some("what the controllers have decided is not committed".to_owned());
        }
        if self.quorum.is_disputed() {
            return Some("a controller does not know yet that it was deposed".to_owned());
        }
        let epoch = record.leader_epoch;
        if self.weather.fault_interval.is_some()
            && record.leader != record.replicas.first().copied()
        {
            return Some(format!("the preferred replica of {:?} does not lead", record.replicas));
        }
        if record.in_sync_replicas.len() < self.brokers.len() {
            return Some(format!("in sync are only {:?}", record.in_sync_replicas));
        }
        let leading = &self.brokers[leader].hosted[partition];
        if !matches!(leading.replica.role(), Role::Leader { leader_epoch, .. } if leader_epoch == epoch)
        {
            return Some(format!("broker {leader} does not lead in epoch {epoch}"));
        }
        if leading.replica.waiting_produces() > 0 {
            return Some("produce requests wait".to_owned());
        }
        let in_sync = leading.replica.in_sync_replicas();
        if in_sync.is_none_or(|set| set.pending().is_some()) {
            return Some("a change of the in-sync set is pending".to_owned());
        }
        self.brokers.iter().find_map(|broker| {
            let hosted = &broker.hosted[partition];
            let end = hosted.log.end();
            if !broker.up {
                Some(format!("broker {} is down", broker.id))
            } else if broker.leaving {
                // Asked to before the heal. What it leads moves away when it goes.
                Some(format!("broker {} is shutting down", broker.id))
            } else if hosted.log.batches() != leading.log.batches() {
                let leaders_end = leading.log.end();
                Some(format!(
                    "broker {} holds {end} records of {leaders_end}, or others",
                    broker.id
                ))
            } else if hosted.replica.high_watermark() != end {
                let mark = hosted.replica.high_watermark();
                Some(format!("broker {} has high watermark {mark} and ends at {end}", broker.id))
            } else {
                None
            }
        })
    }

    /// What was acknowledged is there, and what was read is what is there.
    fn read_everything_back(&mut self, partition: usize) {
        let Some(leader) = self.leader(partition) else { return };
        let log = self.brokers[leader].hosted[partition].log.batches();
        let acknowledged = self.clients.acknowledged_of(partition);
        let lost = acknowledged.iter().find(|batch| {
            let at = log.binary_search_by_key(&batch.base_offset, |held| held.base_offset);
            at.map_or(true, |at| log[at].crc != batch.crc)
        });
        let id: BrokerId = self.brokers[leader].id;
        let what = match (lost, self.clients.changed(partition, log)) {
            (Some(batch), _) => {
                ("CV1", format!("{batch:?} was acknowledged, and leader {id} does not hold it"))
            }
            (None, Some((offset, content))) => {
                ("CV4", format!("{content} was read at {offset}; leader {id} holds something else"))
            }
            (None, None) => return,
        };
        self.object(what.0, partition, what.1);
    }
}
