//! A consumer: reads each partition from its start, on and on.

use std::collections::BTreeMap;
use std::time::Duration;

use harness::history::Action;
use harness::system::ClientEnv;
use highwater::client::{Consumer, Fetched};
use highwater::types::{BrokerId, Offset};

use super::{Shared, consumer_settings, decode, key};
use crate::sim_host;

/// How long a poll waits for a first record.
const POLL_WAIT: Duration = Duration::from_millis(300);
/// Every so many polls a consumer of followers takes another replica.
const POLLS_PER_REPLICA: u64 = 20;

/// Reads until asked to stop: from leaders, or, if `from_followers`, from one replica after the
/// other, each time anew from the start, as a consumer does that is assigned again.
pub(crate) async fn consume(env: ClientEnv, shared: Shared, from_followers: Option<usize>) {
    let (stop, mut dice) = (env.stop.clone(), env.dice.clone());
    let client = shared.settings(&env.name);
    let host = sim_host::client_host(env);
    let clock = host.clock.clone();
    let settings = consumer_settings(64 * 1024, shared.rack.clone());
    let mut consumer = Consumer::new(host, client, settings);
    let process = shared.recorder.process();
    let mut polls = 0;
    let mut source = String::from("leader");
    while !stop.is_requested() {
        if polls % POLLS_PER_REPLICA == 0 && (polls == 0 || from_followers.is_some()) {
            let replica = from_followers.map(|brokers| {
                BrokerId(i32::try_from(dice.index(brokers) + 1).expect("a small cluster"))
            });
            source = replica.map_or_else(|| "leader".to_owned(), |id| format!("broker-{id}"));
            assign(&mut consumer, &shared, &process, (replica, &source));
        }
        polls += 1;
        let operation = process.invoke(shared.timeline.now(), Action::poll(source.clone()));
        let polled = consumer.poll(POLL_WAIT).await;
        let now = shared.timeline.now();
        match polled {
            Ok(records) => operation.ok(now, read(&source, &records, false)),
            Err(error) => operation.fail(now, error.to_string()),
        }
        let pause = dice.millis(Duration::from_millis(1)..shared.pace * 2);
        clock.sleep(pause).await;
    }
}

fn assign(
    consumer: &mut Consumer,
    shared: &Shared,
    process: &harness::history::Process,
    (replica, source): (Option<BrokerId>, &str),
) {
    let positions = shared.partitions.iter().map(|partition| (key(partition), 0)).collect();
    let assigned = Action::Assign { positions, source: source.to_owned() };
    let operation = process.invoke(shared.timeline.now(), assigned.clone());
    for partition in &shared.partitions {
        consumer.assign(partition.clone(), Offset::ZERO);
    }
    consumer.read_from(replica);
    operation.ok(shared.timeline.now(), assigned);
}

/// What a poll returned, as the history has it.
pub(super) fn read(source: &str, records: &[Fetched], last: bool) -> Action {
    let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
    // Records come partition by partition, and a key costs more than all else here.
    for of_one in records.chunk_by(|one, next| one.partition == next.partition) {
        let log = by_key.entry(key(&of_one[0].partition)).or_default();
        log.extend(of_one.iter().map(|record| {
            // A value that no client sent is still shown; no producer's numbers reach so high.
            let value = record.value.as_deref().and_then(decode).unwrap_or(u64::MAX);
            (record.offset.0, value)
        }));
    }
    let poll = if last { Action::last_poll(source) } else { Action::poll(source) };
    poll.polled(by_key)
}
