//! The test disk is not kinder than the machine: a log leaves the same files on both.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::testing::{Batch, CLEAN, DIRECTORY, TestDisk, UNCLEAN, config};
use super::super::{Log, RecoveryHints, checkpoint, clean_marker};
use crate::host::Storage;
use crate::host::tokio::TokioHost;
use crate::types::{BrokerEpoch, LeaderEpoch, Offset, TopicPartition};

/// A life of a log: two segments, a cut, a restart of the broker, a clean stop.
async fn live(storage: &Arc<dyn Storage>) -> Log {
    let open = |hints| {
        let directory = DIRECTORY.to_owned();
        Log::open(Arc::clone(storage), directory, config(900), hints).unwrap()
    };
    let (mut log, _) = open(CLEAN);
    for number in 0..12 {
        let batch = Batch::of(2).by(7, 0, number * 2).sized(60);
        log.append_as_leader(batch.sent(), LeaderEpoch(number / 5)).unwrap();
    }
    let flushed = log.flush_ticket().run().await.unwrap();
    log.flushed(flushed);
    log.truncate_to(Offset(9)).unwrap();
    log.append_as_follower(Batch::of(3).held(8, 4)).unwrap();
    drop(log);
    let (mut log, recovery) = open(RecoveryHints { recovery_point: Offset(24), ..UNCLEAN });
    assert_eq!((recovery.bytes_cut, recovery.scanned_from), (0, Some(Offset(8))));
    log.advance_log_start(Offset(3)).unwrap();
    let flushed = log.close().unwrap().run().await.unwrap();
    log.flushed(flushed);
    let offsets = [(TopicPartition::new("orders", 0), log.recovery_point())].into();
    checkpoint::write(&**storage, checkpoint::RECOVERY_POINTS, &offsets).await.unwrap();
    clean_marker::write(&**storage, "", BrokerEpoch(4)).await.unwrap();
    log
}

#[tokio::test]
async fn a_log_leaves_the_same_files_on_a_real_file_system() {
    let root = tempfile::tempdir().unwrap();
    let machine = TokioHost::new(root.path()).unwrap().storage;
    let disk = TestDisk::new();
    let imagined: Arc<dyn Storage> = disk.clone();
    let (real, other) = (live(&machine).await, live(&imagined).await);
    assert_eq!(real.batches().unwrap(), other.batches().unwrap());
    assert_eq!(real.read_verified(Offset(8), Offset(11), 1).unwrap(), Batch::of(3).held(8, 4));

    let mut files = BTreeMap::new();
    for directory in ["", DIRECTORY] {
        for name in machine.list(directory).unwrap() {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if let Ok(content) = std::fs::read(root.path().join(&path)) {
                files.insert(path, content);
            }
        }
    }
    files.remove(".lock");
    assert_eq!(files, disk.files());
    assert_eq!(clean_marker::take(&*machine, "").await.unwrap(), Some(BrokerEpoch(4)));
}
