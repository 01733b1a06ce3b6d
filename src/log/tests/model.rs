//! A log does what a list of batches does, through cuts, rolls and restarts.

use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;

use super::super::testing::{
    Batch, Dice, Loss, TestDisk, config, epochs_of, flush, header, joined, now, open,
};
use super::super::{AppendedAsLeader, Log, LogConfig, Producers, RecoveryHints};
use crate::protocol::batch::BatchHeader;
use crate::types::{LeaderEpoch, LeaderEpochCache, Offset};

/// What one may do to a log. Numbers are scaled to what is possible at that moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Action {
    Lead { records: usize, value_bytes: usize, producer: i64, new_epoch: bool },
    Follow { batches: usize, value_bytes: usize },
    Truncate { percent: u64 },
    AdvanceStart { percent: u64 },
    Restart { gap: i64 },
    Flush,
    Reopen { clean: bool },
    Checkpoint,
}

pub(super) fn actions(max: usize) -> impl Strategy<Value = Vec<Action>> {
    let lead = (1..4_usize, 0..300_usize, 0..4_i64, prop::bool::weighted(0.1)).prop_map(
        |(records, value_bytes, producer, new_epoch)| Action::Lead {
            records,
            value_bytes,
            producer,
            new_epoch,
        },
    );
    let follow = (1..6_usize, 0..200_usize)
        .prop_map(|(batches, value_bytes)| Action::Follow { batches, value_bytes });
    let action = prop_oneof![
        20 => lead,
        5 => follow,
        3 => (0..=110_u64).prop_map(|percent| Action::Truncate { percent }),
        1 => (0..=100_u64).prop_map(|percent| Action::AdvanceStart { percent }),
        1 => (0..100_i64).prop_map(|gap| Action::Restart { gap }),
        4 => Just(Action::Flush),
        2 => any::<bool>().prop_map(|clean| Action::Reopen { clean }),
        2 => Just(Action::Checkpoint),
    ];
    prop::collection::vec(action, 1..max)
}

/// A log and the list that it must agree with.
pub(super) struct Bench {
    pub disk: Arc<TestDisk>,
    pub config: LogConfig,
    pub log: Log,
    /// Every batch since the log last began anew, dropped ones included.
    pub history: Vec<Bytes>,
    pub log_start: Offset,
    pub log_end: Offset,
    /// What the broker's checkpoint says.
    pub recovery_point: Offset,
    epoch: i32,
    sequences: [i32; 4],
}

impl Bench {
    pub(super) fn new(config: LogConfig) -> Self {
        let disk = TestDisk::new();
        let hints = RecoveryHints {
            clean: true,
            recovery_point: Offset::ZERO,
            log_start_offset: Offset::ZERO,
        };
        let (log, _) = open(&disk, config.clone(), hints);
        let (log_start, log_end) = (Offset::ZERO, Offset::ZERO);
        Self {
            disk,
            config,
            log,
            history: Vec::new(),
            log_start,
            log_end,
            recovery_point: Offset::ZERO,
            epoch: 1,
            sequences: [0; 4],
        }
    }

    pub(super) fn headers(&self) -> Vec<BatchHeader> {
        self.history.iter().map(header).collect()
    }

    fn remember(&mut self, batch: Bytes) {
        self.log_end = header(&batch).next_offset();
        self.history.push(batch);
    }

    /// The next batch of a producer; producer 0 is not idempotent.
    fn batch(&mut self, records: usize, value_bytes: usize, producer: i64) -> Batch {
        let timestamp = 1_000 + self.log_end.0;
        let batch = Batch::of(records).sized(value_bytes).at(timestamp);
        let slot = &mut self.sequences[usize::try_from(producer).unwrap()];
        if producer == 0 {
            return batch;
        }
        let base_sequence = *slot;
        *slot += i32::try_from(records).unwrap();
        batch.by(producer, 0, base_sequence)
    }

    /// Does it; an error if the device dies.
    pub(super) fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Lead { records, value_bytes, producer, new_epoch } => {
                self.lead((records, value_bytes, producer), new_epoch)
            }
            Action::Follow { batches, value_bytes } => self.follow(batches, value_bytes),
            Action::Truncate { percent } => {
                let span = self.log_end.0 - self.log_start.0;
                let to = self.log_start.0 + span * i64::try_from(percent).unwrap() / 100;
                self.truncate(Offset(to))
            }
            Action::AdvanceStart { percent } => {
                let span = self.log_end.0 - self.log_start.0;
                let to = self.log_start.plus(span * i64::try_from(percent).unwrap() / 100);
                self.log.advance_log_start(to).map_err(|error| error.to_string())?;
                self.log_start = to;
                Ok(())
            }
            Action::Restart { gap } => {
                let at = self.log_end.plus(gap);
                self.log.restart_at(at).map_err(|error| error.to_string())?;
                self.begin_anew(at);
                Ok(())
            }
            Action::Flush => {
                let flushed = now(self.log.flush_ticket().run()).map_err(|e| e.to_string())?;
                self.log.flushed(flushed);
                Ok(())
            }
            Action::Reopen { clean } => {
                if clean {
                    flush(&mut self.log);
                }
                self.reopen(clean);
                Ok(())
            }
            Action::Checkpoint => {
                self.recovery_point = self.log.recovery_point();
                Ok(())
            }
        }
    }

    fn lead(
        &mut self,
        (records, bytes, producer): (usize, usize, i64),
        new: bool,
    ) -> Result<(), String> {
        if new {
            self.epoch += 1;
            self.log
                .assign_leader_epoch(LeaderEpoch(self.epoch), self.log_end)
                .map_err(|error| error.to_string())?;
        }
        let batch = self.batch(records, bytes, producer);
        let appended = self.log.append_as_leader(batch.sent(), LeaderEpoch(self.epoch));
        match appended.map_err(|error| error.to_string())? {
            AppendedAsLeader::Appended { base_offset, .. } => assert_eq!(base_offset, self.log_end),
            AppendedAsLeader::Duplicate { .. } => panic!("sequences only grow here"),
        }
        self.remember(batch.held(self.log_end.0, self.epoch));
        Ok(())
    }

    fn follow(&mut self, count: usize, value_bytes: usize) -> Result<(), String> {
        let mut batches = Vec::new();
        let mut end = self.log_end.0;
        for number in 0..count {
            let batch = self.batch(1 + number % 3, value_bytes, i64::from(number % 2 == 0));
            batches.push(batch.held(end, self.epoch));
            end = header(&batches[number]).next_offset().0;
        }
        let appended = self.log.append_as_follower(joined(&batches)).map_err(|e| e.to_string())?;
        for batch in batches.into_iter().take(appended.batches.len()) {
            self.remember(batch);
        }
        appended.failure.map_or(Ok(()), |failure| Err(failure.to_string()))
    }

    fn truncate(&mut self, to: Offset) -> Result<(), String> {
        self.log.truncate_to(to).map_err(|error| error.to_string())?;
        self.epoch += 1; // Nobody cuts a log but for a newer leader.
        if to >= self.log_end {
            return Ok(());
        }
        if self.log.log_start_offset() == self.log.log_end_offset() && self.log.size() == 0 {
            self.begin_anew(self.log.log_end_offset());
            assert!(self.log_end <= to);
            return Ok(());
        }
        self.history.retain(|batch| header(batch).last_offset() < to);
        self.log_end = self.headers().last().map_or(to, BatchHeader::next_offset);
        self.log_start = self.log_start.min(self.log_end);
        self.sequences = self.next_sequences();
        Ok(())
    }

    fn begin_anew(&mut self, at: Offset) {
        self.history.clear();
        (self.log_start, self.log_end) = (at, at);
        self.sequences = [0; 4];
    }

    fn next_sequences(&self) -> [i32; 4] {
        let mut sequences = [0; 4];
        for header in self.headers().iter().filter(|header| header.has_producer_id()) {
            let producer = usize::try_from(header.producer_id.0).unwrap();
            sequences[producer] = header.last_sequence().0 + 1;
        }
        sequences
    }

    fn reopen(&mut self, clean: bool) {
        let hints = RecoveryHints {
            clean,
            recovery_point: self.recovery_point,
            log_start_offset: self.log_start,
        };
        self.disk = self.disk.crash(Loss::Nothing, &mut Dice(0));
        let (log, recovery) = open(&self.disk, self.config.clone(), hints);
        assert_eq!((recovery.bytes_cut, &recovery.reason), (0, &None), "{recovery:?}");
        self.log = log;
    }

    /// The log agrees with the list in everything that can be asked.
    pub(super) fn check(&self) {
        check_against(&self.log, &self.history, self.log_start);
        assert_eq!(self.log.log_end_offset(), self.log_end);
        let mut producers = Producers::default();
        self.headers().iter().for_each(|header| producers.note(header));
        assert_eq!(*self.log.producers(), producers, "LS4");
    }
}

/// Batches, epochs, markers and reads are those of the batches of `history`, of which the log may
/// have dropped some at its start.
pub(super) fn check_against(log: &Log, history: &[Bytes], log_start: Offset) {
    let headers: Vec<BatchHeader> = history.iter().map(header).collect();
    let held = log.batches().unwrap();
    let dropped = headers.len() - held.len();
    let expected: Vec<_> = headers[dropped..].iter().map(BatchHeader::id).collect();
    assert_eq!(held, expected);
    let markers = log.markers();
    assert_eq!(markers.log_start_offset, log_start);
    assert!(log_start <= markers.committable_end_offset);
    assert!(markers.committable_end_offset <= markers.log_end_offset);
    assert!(log.recovery_point() <= markers.log_end_offset, "LS5");
    assert!(headers[..dropped].iter().all(|header| header.last_offset() < log_start));

    let known: LeaderEpochCache = with_records(markers.leader_epochs, markers.log_end_offset);
    let told = epochs_of(headers[dropped..].iter(), log_start);
    assert_eq!(known, with_records(&told, markers.log_end_offset), "LS3");

    for (index, batch) in headers.iter().enumerate().skip(dropped) {
        let from = batch.last_offset();
        if from < log_start {
            continue;
        }
        let read = log.read_verified(from, markers.log_end_offset, 400).unwrap();
        let rest = history[index..].concat();
        assert!(read.len() >= batch.size() && rest.starts_with(&read));
        let bounded = log.read(from, from, 400).unwrap();
        assert_eq!(bounded.len(), 0);
    }
}

/// Without the entries at the end that own no record.
fn with_records(cache: &LeaderEpochCache, log_end: Offset) -> LeaderEpochCache {
    let mut cache = cache.clone();
    cache.truncate_end(log_end);
    cache
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_a_list_of_batches(
        actions in actions(60),
        segment_bytes in 1_500..6_000_u32,
        flush_messages in prop::option::of(1..5_u64),
    ) {
        let mut bench = Bench::new(LogConfig { flush_messages, ..config(segment_bytes) });
        for action in actions {
            bench.act(action).unwrap();
            bench.check();
        }
    }
}
