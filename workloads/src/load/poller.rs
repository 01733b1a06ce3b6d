//! A client that asks where the log ends, again and again (KIP-207).

use std::time::Duration;

use harness::history::Action;
use harness::system::ClientEnv;
use highwater::client::Consumer;

use super::{Shared, consumer_settings, key};
use crate::sim_host;

/// Asks until told to stop.
pub(crate) async fn poll_latest(env: ClientEnv, shared: Shared) {
    let (stop, mut dice) = (env.stop.clone(), env.dice.clone());
    let client = shared.settings(&env.name);
    let host = sim_host::client_host(env);
    let clock = host.clock.clone();
    let settings = consumer_settings(1024, None);
    let mut consumer = Consumer::new(host, client, settings);
    let process = shared.recorder.process();
    while !stop.is_requested() {
        let partition = dice.pick(&shared.partitions).clone();
        let asked = Action::Latest { key: key(&partition), end_offset: None, epoch: None };
        let operation = process.invoke(shared.timeline.now(), asked);
        let answered = consumer.latest_offset(&partition).await;
        let now = shared.timeline.now();
        match answered {
            Ok((end_offset, epoch)) => {
                let told = Action::Latest {
                    key: key(&partition),
                    end_offset: Some(end_offset.0),
                    epoch: epoch.map(|epoch| epoch.0),
                };
                operation.ok(now, told);
            }
            Err(error) => operation.fail(now, error.to_string()),
        }
        let pause = dice.millis(Duration::from_millis(1)..shared.pace * 4);
        clock.sleep(pause).await;
    }
}
