//! Whenever the power fails, what was flushed is there, and what is there was appended.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::testing::{Batch, Dice, Loss, UNCLEAN, config, header, lead, open};
use super::super::{Log, LogConfig, Producers, RecoveryHints};
use super::model::{Action, Bench, actions, check_against};
use crate::types::Offset;

/// Runs the actions on a disk that dies after `fuse` changes, then looks at what a new incarnation
/// finds. Says whether the disk died.
fn die_and_recover(actions: &[Action], fuse: u64, loss: Loss, seed: u64) -> bool {
    let mut bench = Bench::new(LogConfig { flush_messages: Some(1), ..config(1_500) });
    let mut dice = Dice(seed);
    bench.disk.die_after(fuse);
    let mut alive = actions.iter().filter(|action| !matches!(action, Action::Reopen { .. }));
    let dying = alive.find(|action| bench.act(**action).is_err()).copied();
    let hints = RecoveryHints { recovery_point: bench.recovery_point, ..UNCLEAN };
    let disk = bench.disk.crash(loss, &mut dice);
    let (log, recovery) = open(&disk, bench.config.clone(), hints);
    check_recovered(&log);
    let cutting = matches!(
        dying,
        Some(Action::Truncate { .. } | Action::Restart { .. } | Action::AdvanceStart { .. })
    );
    if !cutting {
        check_flushed(&log, &bench);
    }
    // Once recovered, the log is sound: it can be opened again and tells the same.
    let again = disk.crash(Loss::Nothing, &mut dice);
    let (reopened, quiet) = open(&again, bench.config.clone(), hints);
    assert_eq!(reopened.batches().unwrap(), log.batches().unwrap());
    assert_eq!((quiet.bytes_cut, quiet.reason), (0, None), "after {recovery:?}");
    assert_eq!(reopened.producers(), log.producers());
    dying.is_some()
}

/// Whatever was flushed and neither cut nor dropped is there.
fn check_flushed(log: &Log, bench: &Bench) {
    let held = log.batches().unwrap();
    let flushed = bench.log.recovery_point();
    let kept = bench
        .headers()
        .into_iter()
        .filter(|batch| batch.last_offset() < flushed && batch.last_offset() >= bench.log_start);
    for batch in kept {
        let id = batch.id();
        assert!(held.contains(&id), "{id:?} was flushed ({flushed}) and is gone: {held:?}");
    }
}

/// Every batch is whole and continues the one before; epochs and producers are those of the batches.
fn check_recovered(log: &Log) {
    let held = log.batches().unwrap();
    assert!(held.windows(2).all(|pair| pair[0].last_offset.plus(1) == pair[1].base_offset));
    assert!(held.windows(2).all(|pair| pair[0].leader_epoch <= pair[1].leader_epoch));
    let batches = log.read_all();
    check_against(log, &batches, log.log_start_offset());
    let mut producers = Producers::default();
    batches.iter().for_each(|batch| producers.note(&header(batch)));
    for (id, told) in producers.iter() {
        // A snapshot may remember older batches, which have been dropped.
        let known = log.producers().get(id).expect("a producer with batches is known");
        assert!(known.batches().ends_with(told.batches()), "LS4: {known:?} but {told:?}");
    }
    for (id, known) in log.producers().iter() {
        let last = known.batches().last().unwrap().last_offset;
        assert!(last < log.log_end_offset(), "LS4: producer {id} from the future");
    }
}

trait ReadAll {
    fn read_all(&self) -> Vec<Bytes>;
}

impl ReadAll for Log {
    /// Every batch, read from the oldest one held on.
    fn read_all(&self) -> Vec<Bytes> {
        let mut batches = Vec::new();
        for batch in self.batches().unwrap() {
            if batch.last_offset >= self.log_start_offset() {
                let end = self.log_end_offset();
                batches.push(self.read_verified(batch.last_offset, end, 0).unwrap());
            }
        }
        batches
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_power_cut_at_any_moment_loses_only_what_was_not_flushed(
        actions in actions(30),
        seed in any::<u64>(),
        survival in prop::sample::select(vec![0_u64, 50, 90, 100]),
    ) {
        let mut fuse = 1;
        while die_and_recover(&actions, fuse, Loss::Power { survival }, seed ^ fuse) {
            fuse += 1 + fuse / 8;
        }
    }

    #[test]
    fn a_crash_of_the_process_at_any_moment_loses_nothing_whole(
        actions in actions(30),
    ) {
        let mut fuse = 1;
        while die_and_recover(&actions, fuse, Loss::Nothing, fuse) {
            fuse += 1 + fuse / 8;
        }
    }
}

/// Without cuts, the claim is simple: a prefix, with everything flushed.
#[test]
fn what_is_left_is_a_prefix_with_everything_flushed() {
    let appends: Vec<Action> = (0..30)
        .map(|n| match n % 5 {
            4 => Action::Flush,
            n => {
                Action::Lead { records: 1 + n, value_bytes: 90 * n, producer: 1, new_epoch: n == 2 }
            }
        })
        .collect();
    let mut died = 0;
    for fuse in 1..200 {
        for survival in [0, 30, 80, 100] {
            let mut bench = Bench::new(config(1_500));
            bench.disk.die_after(fuse);
            let alive = appends.iter().all(|action| {
                bench.recovery_point = bench.log.recovery_point();
                bench.act(*action).is_ok()
            });
            died += usize::from(!alive);
            let flushed = bench.log.recovery_point();
            let disk = bench.disk.crash(Loss::Power { survival }, &mut Dice(fuse * 100 + survival));
            let hints = RecoveryHints { recovery_point: bench.recovery_point, ..UNCLEAN };
            let (log, recovery) = open(&disk, config(1_500), hints);
            assert!(log.log_end_offset() >= flushed, "{recovery:?}");
            let held = log.batches().unwrap();
            let appended: Vec<_> = bench.headers().iter().map(|header| header.id()).collect();
            // The batch that was being appended at the end may be there or not.
            let common = held.len().min(appended.len());
            assert_eq!(held[..common], appended[..common]);
            assert!(held.len() <= appended.len() + 1);
        }
    }
    assert!(died > 100, "{died}");
}

#[test]
fn a_torn_tail_is_cut_and_said() {
    let (disk, mut log) = super::super::testing::new_log(100_000);
    for _ in 0..3 {
        lead(&mut log, 1, Batch::of(2));
    }
    let path = format!("{}/{:020}.log", super::super::testing::DIRECTORY, 0);
    let mut content = disk.files()[&path].clone();
    let size = content.len() / 3;
    content.truncate(3 * size - 7);
    disk.tamper(&path, Some(content));
    let (log, recovery) = open(&disk, config(100_000), UNCLEAN);
    assert_eq!(log.log_end_offset(), Offset(4));
    assert_eq!(recovery.bytes_cut, u64::try_from(size - 7).unwrap());
    let reason = recovery.reason.unwrap();
    let position = 2 * size;
    assert!(reason.starts_with(&format!("{path} at position {position}, offset 4: ")), "{reason}");
}
