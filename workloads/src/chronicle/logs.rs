//! Every replica's log beside what is committed, for the page: batch by batch where they part,
//! epoch by epoch elsewhere.

use std::time::Duration;

use harness::report::page::{Block, LogPicture, LogRow, micros};
use highwater::host::probe::BatchId;
use highwater::types::Offset;

use crate::picture::{Partition, Picture, Replica, Role, same_batch};

/// So many batches are told one by one before the first place where replicas part, and after it.
const BEFORE: usize = 60;
const AFTER: usize = 400;

/// The logs of all partitions as they are now.
pub(super) fn pictures(picture: &Picture, at: Duration) -> Vec<LogPicture> {
    picture.partitions().iter().map(|partition| one(partition, at)).collect()
}

fn one(partition: &Partition, at: Duration) -> LogPicture {
    let committed = partition.committed();
    // Where the first replica leaves the committed log; its end if all agree with it.
    let parting = partition
        .replicas()
        .map(|(_, replica)| replica.log.agreed_to())
        .chain([committed.end_offset()])
        .min()
        .unwrap_or(Offset::ZERO);
    let mut rows = vec![LogRow {
        name: "committed".to_owned(),
        state: "what no fault may take away".to_owned(),
        start: committed.deleted_to().0,
        end: committed.end_offset().0,
        mark: None,
        blocks: blocks(committed.batches(), parting, |_| false),
    }];
    rows.extend(partition.replicas().map(|(broker, replica)| LogRow {
        name: format!("node-{broker}"),
        state: state(replica),
        start: replica.log.log_start_offset().0,
        end: replica.log.log_end_offset().0,
        mark: Some(replica.high_watermark.0),
        blocks: blocks(replica.log.batches(), parting, |batch| {
            let known = committed.batch_at(batch.base_offset);
            known.is_some_and(|known| !same_batch(known, batch))
        }),
    }));
    LogPicture { key: partition.name().to_string(), at: micros(at), rows }
}

fn state(replica: &Replica) -> String {
    match &replica.role {
        Role::Idle => "down".to_owned(),
        Role::Leader(leadership) => format!("leader in epoch {}", leadership.leader_epoch),
        Role::Follower { leader_epoch, leader: Some(leader) } => {
            format!("follows node-{leader} in epoch {leader_epoch}")
        }
        Role::Follower { leader_epoch, leader: None } => {
            format!("waits for a leader after epoch {leader_epoch}")
        }
    }
}

/// Batches around `parting` one by one; before and after, those of one epoch in one.
fn blocks(batches: &[BatchId], parting: Offset, differs: impl Fn(&BatchId) -> bool) -> Vec<Block> {
    let middle = batches.partition_point(|batch| batch.last_offset < parting);
    let told = middle.saturating_sub(BEFORE)..middle.saturating_add(AFTER);
    let mut blocks: Vec<Block> = Vec::new();
    for (position, batch) in batches.iter().enumerate() {
        let mut block = Block {
            base: batch.base_offset.0,
            last: batch.last_offset.0,
            epoch: batch.leader_epoch.0,
            print: batch.crc.max(1),
            differs: differs(batch),
        };
        if told.contains(&position) {
            blocks.push(block);
            continue;
        }
        block.print = 0;
        let last = blocks.last_mut().filter(|last| {
            (last.print, last.epoch, last.differs) == (0, block.epoch, block.differs)
                && last.last + 1 == block.base
        });
        match last {
            Some(last) => last.last = block.last,
            None => blocks.push(block),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use highwater::types::{LeaderEpoch, ProducerEpoch, ProducerId, Sequence};

    use super::*;

    fn batch(offset: i64, epoch: i32) -> BatchId {
        BatchId {
            base_offset: Offset(offset),
            last_offset: Offset(offset),
            leader_epoch: LeaderEpoch(epoch),
            crc: 7,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch(-1),
            base_sequence: Sequence(-1),
        }
    }

    #[test]
    fn batches_are_told_one_by_one_only_where_logs_part() {
        let batches: Vec<BatchId> =
            (0..1000).map(|offset| batch(offset, if offset < 300 { 1 } else { 2 })).collect();
        let told = blocks(&batches, Offset(500), |batch| batch.base_offset == Offset(501));
        let ranges: Vec<(i64, i64, i32)> =
            told.iter().filter(|b| b.print == 0).map(|b| (b.base, b.last, b.epoch)).collect();
        assert_eq!(ranges, [(0, 299, 1), (300, 439, 2), (900, 999, 2)]);
        assert_eq!(told.len(), 3 + BEFORE + AFTER);
        let different: Vec<i64> = told.iter().filter(|b| b.differs).map(|b| b.base).collect();
        assert_eq!(different, [501]);
    }
}
