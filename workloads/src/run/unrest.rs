//! What keeps a cluster from coming to rest, for whoever reads the failure.

use highwater::types::{BrokerId, TopicPartition};

use crate::picture::{Partition, Picture, Role};

/// A line on the brokers, then for each partition one on its registration and one on each replica.
pub(super) fn describe(picture: &Picture, partitions: &[TopicPartition]) -> String {
    let brokers = picture.metadata().image().brokers.values();
    let fenced: Vec<BrokerId> = brokers.filter(|b| b.fenced).map(|b| b.id).collect();
    let mut lines = vec![format!("fenced brokers: {}", list(&fenced))];
    for name in partitions {
        match picture.partition(name) {
            None => lines.push(format!("{name}: nobody knows it")),
            Some(partition) => lines.extend(told(partition)),
        }
    }
    lines.join("\n")
}

fn told(partition: &Partition) -> Vec<String> {
    let name = partition.name();
    let Some(record) = partition.registration() else {
        return vec![format!("{name}: not registered")];
    };
    let leader = record.leader.map_or("nobody".to_owned(), |broker| format!("broker {broker}"));
    let mut lines = vec![format!(
        "{name}: led by {leader} in epoch {}, in sync {} of {}, eligible {}, version {}",
        record.leader_epoch,
        list(&record.in_sync_replicas),
        list(&record.replicas),
        list(&record.eligible_leader_replicas),
        record.partition_epoch,
    )];
    lines.extend(record.replicas.iter().map(|broker| {
        let Some(replica) = partition.replica(*broker) else {
            return format!("  broker {broker}  has nothing of it");
        };
        let role = match &replica.role {
            Role::Idle => "does nothing".to_owned(),
            Role::Leader(leadership) => format!("leads in epoch {}", leadership.leader_epoch),
            Role::Follower { leader_epoch, leader } => {
                let whom = leader.map_or("nobody".to_owned(), |leader| leader.to_string());
                format!("follows {whom} in epoch {leader_epoch}")
            }
        };
        format!(
            "  broker {broker}  {role:<24}  log end {:<6}  high watermark {}",
            replica.log.log_end_offset().0,
            replica.high_watermark,
        )
    }));
    lines
}

fn list(brokers: &[BrokerId]) -> String {
    if brokers.is_empty() {
        return "none".to_owned();
    }
    let brokers: Vec<String> = brokers.iter().map(ToString::to_string).collect();
    brokers.join(" ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::picture::tale::{Tale, batch, broker, orders};

    #[test]
    fn each_replica_has_a_line() {
        let mut tale = Tale::begin();
        tale.lead(1, 1, 0).replicate(1, &[2], batch(0, 1, 7));
        tale.commit(vec![broker(3, 3, true)]);
        let partitions = [orders(), TopicPartition::new("unheard-of", 0)];
        let text = describe(tale.inspector.picture(), &partitions);
        expect![[r#"
            fenced brokers: 3
            orders-0: led by broker 1 in epoch 1, in sync 1 2 3 of 1 2 3, eligible none, version 1
              broker 1  leads in epoch 1          log end 1       high watermark 0
              broker 2  does nothing              log end 1       high watermark 0
              broker 3  has nothing of it
            unheard-of-0: nobody knows it"#]]
        .assert_eq(&text);
    }
}
