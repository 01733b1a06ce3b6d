//! Calls are dated by true time, and quoted as a person wants to read them.

use super::*;
use crate::checker::linearizable::models::register::{Input, Output, Register};
use crate::cluster::Cluster;
use crate::panics::run_isolated;
use crate::scenario::{FailedRun, Setup, run};
use crate::seed::Seed;
use crate::system::{BoxError, Node, NodeEnv, nodes};

async fn idle(env: NodeEnv) -> Result<(), BoxError> {
    env.stop.requested().await;
    Ok(())
}

/// Told beside a cluster that does nothing.
fn told<T: Send>(
    seed: u64,
    story: impl FnOnce(&mut Cluster<<crate::system::Nodes<fn(NodeEnv) -> Idle> as Setup>::System>) -> T
    + Send,
) -> Result<T, Box<FailedRun>> {
    let main: fn(NodeEnv) -> Idle = |env| Box::pin(idle(env));
    run(&nodes(1, main), Seed(seed), story)
}

type Idle = crate::system::LocalBoxFuture<'static, Result<(), BoxError>>;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn order_is_that_of_time_whichever_host_runs_first() {
    let mut written_in_order = [0; 2];
    for seed in 0..20 {
        let calls = Calls::new();
        let shared = calls.clone();
        told(seed, move |cluster| {
            // All within one step of the simulation, in which each host runs by itself.
            let work = [("long", 1, 8), ("short", 3, 2)].map(|(name, begin, lasts)| {
                let calls = shared.clone();
                cluster.client(name, move |env| async move {
                    let mut caller = calls.caller(&env);
                    env.clock.sleep(ms(begin)).await;
                    let call = caller.call(Input::Write(begin.cast_signed()));
                    env.clock.sleep(ms(lasts)).await;
                    call.returned(Output::Written);
                })
            });
            work.iter().for_each(|client| cluster.join(client));
        })
        .unwrap();
        let list = calls.list();
        let positions: Vec<_> = list.iter().map(|call| (call.called, call.returned)).collect();
        assert_eq!(positions, [(0, Some(3)), (1, Some(2))]);
        assert_eq!(list[0].input, Input::Write(1));
        written_in_order[usize::from(list[0].operation == 0)] += 1;
    }
    assert!(written_in_order.iter().all(|times| *times > 0), "{written_in_order:?}");
}

#[test]
fn what_nobody_knows_stays_open_and_what_failed_is_left_out() {
    let calls = Calls::new();
    let shared = calls.clone();
    told(1, move |cluster| {
        cluster.as_client("ann", |env| async move {
            let mut caller = shared.caller(&env);
            let late = caller.call(Input::Write(1));
            caller.call(Input::Write(2)).failed();
            caller.call(Input::Write(3)).unknown();
            env.clock.sleep(ms(5)).await;
            caller.call(Input::Read).returned(Output::Value(Some(3)));
            late.returned(Output::Written);
        });
    })
    .unwrap();
    assert_eq!(calls.count(), CallCount { returned: 2, failed: 1, open: 1 });
    let list = calls.list();
    let told: Vec<_> = list.iter().map(|c| (c.operation, c.process, c.output.is_some())).collect();
    // The client went on under a new number while a call was open, and after the unknown one.
    assert_eq!(told, [(0, 0, true), (2, 1, false), (3, 2, true)]);
    let quoted: Vec<_> = (0..5).filter_map(|number| calls.quote(number)).collect();
    let expected = [
        "     0.000s  call 0     ann (process 0)  Write(1) -> Written at 0.005s",
        "     0.000s  call 1     ann (process 1)  Write(2) -> failed",
        "     0.000s  call 2     ann (process 1)  Write(3) -> open for ever",
        "     0.005s  call 3     ann (process 2)  Read -> Value(Some(3)) at 0.005s",
    ];
    assert_eq!(quoted, expected);
    calls.must_be_linearizable(&Register::new());
}

#[test]
fn calls_that_cannot_be_ordered_are_quoted_and_none_at_all_prove_nothing() {
    let calls = Calls::new();
    let shared = calls.clone();
    told(1, move |cluster| {
        assert_eq!(cluster.nodes(), [Node(0)]);
        cluster.as_client("ann", |env| async move {
            let mut caller = shared.caller(&env);
            caller.call(Input::Write(1)).returned(Output::Written);
            caller.call(Input::Read).returned(Output::Value(None));
        });
    })
    .unwrap();
    let panicked = |calls: Calls<Input, Output>| {
        run_isolated(move || calls.must_be_linearizable(&Register::new())).unwrap_err().message
    };
    let message = panicked(calls);
    assert!(message.starts_with("invalid\n  not-linearizable: "), "{message}");
    let lines: Vec<&str> = message.lines().skip(2).collect();
    let expected = [
        "the longest order that explains the answers ends with",
        "     0.000s  call 0     ann (process 0)  Write(1) -> Written at 0.000s",
        "and leaves no place for",
    ];
    assert_eq!(lines[..3], expected);
    assert!(lines[3].starts_with("     0.000s  call 1     ann (process 0)  Read -> "), "{message}");
    assert!(panicked(Calls::new()).starts_with("no call was answered"));
}
