//! A producer that writes on and on, and remembers what was acknowledged and where.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use highwater::client::{Appended, ProduceError, Producer};
use highwater::types::{Offset, TopicPartition};
use tokio::task::JoinHandle;

use crate::clients;
use crate::machine::Machine;

/// What was acknowledged, by offset.
pub(crate) type Acknowledged = BTreeMap<Offset, String>;

pub(crate) struct Load {
    acknowledged: Arc<Mutex<Acknowledged>>,
    enough: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Load {
    /// Starts writing `order-0`, `order-1` and so on, one record at a time.
    pub(crate) fn start(producer: Producer, partition: TopicPartition) -> Self {
        let acknowledged = Arc::new(Mutex::default());
        let enough = Arc::new(AtomicBool::new(false));
        let task = tokio::task::spawn_local(write(
            producer,
            partition,
            acknowledged.clone(),
            enough.clone(),
        ));
        Self { acknowledged, enough, task }
    }

    pub(crate) fn acknowledged_count(&self) -> usize {
        self.acknowledged.lock().expect("the writer does not panic under it").len()
    }

    /// Waits until `more` records than now are acknowledged.
    pub(crate) async fn wait_for_more(&self, machine: &Machine, more: usize) {
        let wanted = self.acknowledged_count() + more;
        let what = format!("{more} more records to be acknowledged");
        machine
            .wait_for(&what, clients::PATIENCE, async || {
                assert!(!self.task.is_finished(), "the producer has died");
                (self.acknowledged_count() >= wanted).then_some(())
            })
            .await;
    }

    /// Lets the record under way come to its end, and tells everything that was acknowledged.
    pub(crate) async fn finish(self) -> Acknowledged {
        self.enough.store(true, Ordering::Relaxed);
        self.task.await.expect("the writer does not panic");
        std::mem::take(&mut *self.acknowledged.lock().expect("the writer is gone"))
    }
}

async fn write(
    mut producer: Producer,
    partition: TopicPartition,
    acknowledged: Arc<Mutex<Acknowledged>>,
    enough: Arc<AtomicBool>,
) {
    let mut number = 0;
    while !enough.load(Ordering::Relaxed) {
        let value = format!("order-{number}");
        number += 1;
        match producer.append(&partition, vec![clients::record(value.as_str())]).await {
            Ok(Appended::Acknowledged { base_offset, .. }) => {
                let mut acknowledged = acknowledged.lock().expect("nobody panics under it");
                let other = acknowledged.insert(base_offset, value);
                assert_eq!(other, None, "two records were acknowledged at offset {base_offset}");
            }
            // It may be in the log or not: nothing is promised.
            Ok(Appended::Sent { .. }) | Err(ProduceError::Indeterminate(_)) => {}
            Err(ProduceError::NotAppended(refusal)) => panic!("{value} was refused: {refusal}"),
        }
    }
}
