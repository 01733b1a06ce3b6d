//! Each verb of hardship does what it says, and no more.

#[cfg(test)]
#[path = "support/numbers.rs"]
mod numbers;

use std::io::ErrorKind;
use std::time::Duration;

use harness::clock::EPOCH_MS;
use harness::prelude::*;
use numbers::{EXIT, Numbers, PANIC, READ, WALL, WRITE, WRITE_UNSYNCED, Words, numbers};

const A: Node = Node(0);
const B: Node = Node(1);
const C: Node = Node(2);

/// The first and the last of 20 pings a second, in two seconds.
const LIVELY: std::ops::Range<u64> = 10..45;

#[test]
fn healthy_cluster_talks() {
    scenario(numbers(3), |cluster| {
        cluster.run_for(secs(2));
        assert!(LIVELY.contains(&cluster.pings_in(2, A, B)));
        assert!(LIVELY.contains(&cluster.pings_in(2, C, B)));
        assert_eq!(cluster.ask(A, WRITE, 7).unwrap(), 7);
        assert_eq!(cluster.ask(A, READ, 0).unwrap(), 7);
    });
}

#[test]
fn crash_loses_nothing_that_was_written() {
    scenario(numbers(2), |cluster| {
        cluster.ask(A, WRITE_UNSYNCED, 7).unwrap();
        cluster.crash(A);
        assert!(!cluster.is_running(A));
        let refused = cluster.ask(A, READ, 0).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        cluster.restart(A);
        assert_eq!(cluster.ask(A, READ, 0).unwrap(), 7);
        assert_eq!(cluster.incarnation(A), 2);
        assert_eq!(cluster.lives()[2..], ["0 killed", "0 starts 2"]);
    });
}

#[test]
fn peers_of_a_crashed_process_hear_its_sockets_close() {
    scenario(numbers(2), |cluster| {
        for silent in [false, true] {
            let waiting = cluster.client("waiting", |env| async move {
                use tokio::io::AsyncReadExt;
                let mut stream = env.net.connect("node-1:7000").await.unwrap();
                let limit = tokio::time::timeout(secs(20), stream.read_u8());
                limit.await.is_ok_and(|closed| closed.is_err())
            });
            cluster.run_for(secs(1));
            let id = if silent { cluster.crash_silently(A) } else { cluster.crash(A) };
            let heard = cluster.join(&waiting);
            assert_eq!(heard, !silent, "silent: {silent}");
            cluster.lift(id);
            cluster.run_for(secs(1));
        }
    });
}

#[test]
fn power_cut_loses_the_unsynced_and_only_that() {
    scenario(numbers(2), |cluster| {
        cluster.ask(A, WRITE, 7).unwrap();
        cluster.ask(A, WRITE_UNSYNCED, 8).unwrap();
        cluster.power_cut_losing(A, Loss::Everything);
        let begun = cluster.now();
        let silence = cluster.ask(A, READ, 0).unwrap_err();
        assert_eq!(silence.kind(), ErrorKind::TimedOut);
        assert!(cluster.now() - begun >= secs(3), "nobody answers, so it takes the whole timeout");
        cluster.restart(A);
        assert_eq!(cluster.ask(A, READ, 0).unwrap(), 7);
        assert_eq!(cluster.disk(A).tally().changes_lost, 1);
    });
}

#[test]
fn disk_can_cut_the_power_between_a_write_and_its_fsync() {
    scenario(numbers(1), |cluster| {
        cluster.ask(A, WRITE, 7).unwrap();
        // The next write is the last operation: its fsync never ends and nobody gets an answer.
        cluster.break_disk(A, DiskFault::CutAfter { operations: 1 });
        assert!(cluster.ask(A, WRITE, 8).is_err());
        assert!(!cluster.is_running(A));
        cluster.heal();
        let left = cluster.ask(A, READ, 0).unwrap();
        assert!(left == 7 || left == 8);
    });
}

#[test]
fn clean_stop_is_asked_for_and_waited_for() {
    scenario(numbers(2), |cluster| {
        cluster.run_for(secs(1));
        let begun = cluster.now();
        cluster.shut_down(A);
        assert!(cluster.now() - begun < secs(1));
        assert_eq!(cluster.lives().last().unwrap(), "0 stopped");
        cluster.restart(A);
        cluster.run_for(secs(1));
        assert!(LIVELY.contains(&cluster.pings_in(2, B, A)));
    });
}

#[test]
fn process_that_ends_by_itself_is_noticed() {
    scenario(numbers(2), |cluster| {
        assert!(cluster.ask(A, EXIT, 0).is_err());
        cluster.run_for(millis(100));
        assert!(!cluster.is_running(A));
        assert_eq!(cluster.lives().last().unwrap(), "0 exited: asked to exit");
        assert!(cluster.journal().to_string().contains("node-1 exited: asked to exit"));
        cluster.heal();
        assert!(cluster.is_running(A));
    });
}

/// A process may die long after the operation that failed, and then after the heal. Then the heal
/// starts it; but a process that dies of nothing that the harness did stays dead.
#[test]
fn process_that_dies_of_an_old_failure_after_the_heal_is_started() {
    scenario(numbers(2), |cluster| {
        cluster.break_disk(A, DiskFault::FailWrites { per_mille: 1000 });
        assert!(cluster.ask(A, WRITE, 7).is_err());
        assert_eq!(cluster.disk(A).tally().failures(), 1);
        cluster.heal();
        assert_eq!(cluster.incarnation(A), 1);
        for node in [A, B] {
            assert!(cluster.ask(node, EXIT, 0).is_err());
        }
        cluster.run_for(millis(100));
        assert_eq!((cluster.is_running(A), cluster.incarnation(A)), (true, 2));
        assert!(!cluster.is_running(B));
        assert_eq!(cluster.ask(A, WRITE, 8).unwrap(), 8);
        assert!(cluster.ask(A, EXIT, 0).is_err());
        cluster.run_for(millis(100));
        assert!(!cluster.is_running(A), "the second life met no failure");
    });
}

/// What a lossy link loses is sent again: later, in order, and nothing is missing at the end.
#[test]
fn lossy_link_delays_and_keeps_everything() {
    scenario(numbers(3), |cluster| {
        let lossy = cluster.lossy_link(A, B, 300);
        let hampered = cluster.pings_in(10, A, B);
        assert!((20..150).contains(&hampered), "{hampered} of 200 pings");
        assert!(LIVELY.contains(&cluster.pings_in(2, A, C)), "another link");
        assert!(cluster.flights_lost() > 20);
        cluster.lift(lossy);
        cluster.run_for(secs(13));
        let lost = cluster.flights_lost();
        assert!(LIVELY.contains(&cluster.pings_in(2, A, B)));
        assert_eq!(cluster.flights_lost(), lost);
    });
}

#[test]
fn paused_process_stands_still_and_then_goes_on() {
    scenario(numbers(2), |cluster| {
        cluster.run_for(secs(1));
        cluster.pause(A);
        let asker = cluster.client("patient", |env| async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut stream = env.net.connect("node-1:7000").await.unwrap();
            stream.write_all(&[READ, 0, 0, 0, 0, 0, 0, 0, 0]).await.unwrap();
            stream.read_u64().await.unwrap()
        });
        assert_eq!(cluster.pings_in(5, A, B), 0, "it hears nothing");
        assert_eq!(cluster.pings_in(5, B, A), 0, "it says nothing");
        assert!(!asker.is_done());
        cluster.resume(A);
        assert_eq!(cluster.join(&asker), 0, "what came meanwhile is answered");
        cluster.run_for(secs(2));
        assert!(LIVELY.contains(&cluster.pings_in(2, B, A)));
    });
}

#[test]
fn isolated_node_hears_no_peer_but_its_clients() {
    scenario(numbers(3), |cluster| {
        cluster.run_for(secs(1));
        cluster.isolate(A);
        cluster.run_for(secs(1));
        assert_eq!(cluster.pings_in(5, A, B) + cluster.pings_in(5, C, A), 0);
        assert!(LIVELY.contains(&cluster.pings_in(2, C, B)));
        assert_eq!(cluster.ask(A, READ, 0).unwrap(), 0);
        cluster.heal();
        cluster.run_for(secs(5));
        assert!(LIVELY.contains(&cluster.pings_in(2, A, B)));
        assert!(LIVELY.contains(&cluster.pings_in(2, C, A)));
    });
}

#[test]
fn fully_isolated_node_is_not_reached_by_clients_either() {
    scenario(numbers(2), |cluster| {
        let id = cluster.isolate_fully(A);
        assert_eq!(cluster.ask(A, READ, 0).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(cluster.ask(B, READ, 0).is_ok());
        cluster.lift(id);
        assert!(cluster.ask(A, READ, 0).is_ok());
    });
}

#[test]
fn partition_lets_groups_talk_among_themselves() {
    scenario(numbers(3), |cluster| {
        cluster.run_for(secs(1));
        // A bridge: the middle one hears both.
        cluster.partition(&[&[A, B], &[B, C]]);
        cluster.run_for(secs(1));
        assert_eq!(cluster.pings_in(5, A, C), 0);
        assert!(LIVELY.contains(&cluster.pings_in(2, A, B)));
        assert!(LIVELY.contains(&cluster.pings_in(2, C, B)));
    });
}

#[test]
fn one_way_cut_is_one_way() {
    scenario(numbers(3), |cluster| {
        cluster.run_for(secs(1));
        // Streams made before the cut still carry what goes the open way: one last ping each.
        cluster.cut_one_way(A, B);
        cluster.run_for(millis(40));
        assert_eq!(cluster.pings_in(5, B, A), 0);
        cluster.heal();
        cluster.run_for(secs(5));
        assert!(LIVELY.contains(&cluster.pings_in(2, B, A)));
    });
}

#[test]
fn deaf_node_is_heard_and_does_not_hear() {
    scenario(numbers(2), |cluster| {
        cluster.run_for(secs(1));
        let id = cluster.deafen(A);
        // The ping that is sent next is heard; its answer is not, so there is no other.
        let (heard_by_peer, heard_by_deaf) = both_ways(cluster, secs(1));
        assert!((1..=2).contains(&heard_by_peer), "{heard_by_peer}");
        assert_eq!(heard_by_deaf, 0);
        cluster.lift(id);
        cluster.run_for(secs(5));
        cluster.silence(A);
        let (heard_by_peer, heard_by_mute) = both_ways(cluster, secs(1));
        assert_eq!(heard_by_peer, 0);
        assert!((1..=2).contains(&heard_by_mute), "{heard_by_mute}");
    });
}

/// Pings heard by B and by A in the next time.
fn both_ways(cluster: &mut Cluster<Numbers>, time: Duration) -> (u64, u64) {
    let before = (cluster.heard(B, A), cluster.heard(A, B));
    cluster.run_for(time);
    (cluster.heard(B, A) - before.0, cluster.heard(A, B) - before.1)
}

#[test]
fn overlapping_cuts_are_mended_one_by_one() {
    scenario(numbers(3), |cluster| {
        let all = cluster.isolate(A);
        let one = cluster.partition(&[&[A], &[B, C]]);
        cluster.power_cut(B);
        cluster.lift(all);
        cluster.restart(B);
        cluster.run_for(secs(5));
        assert_eq!(cluster.pings_in(5, A, B), 0, "the partition still stands");
        assert!(LIVELY.contains(&cluster.pings_in(2, C, B)));
        cluster.lift(one);
        cluster.run_for(secs(5));
        assert!(LIVELY.contains(&cluster.pings_in(2, A, B)));
    });
}

#[test]
fn held_link_keeps_its_streams() {
    scenario(numbers(2), |cluster| {
        cluster.run_for(secs(1));
        cluster.hold(A, B);
        cluster.run_for(millis(200));
        assert_eq!(cluster.pings_in(1, B, A), 0);
        cluster.release(A, B);
        // Shorter than a connection attempt would take after the ping's own deadline.
        assert!(cluster.pings_in(1, B, A) > 5);
    });
}

#[test]
fn slow_link_slows() {
    scenario(numbers(2), |cluster| {
        cluster.run_for(secs(1));
        let id = cluster.slow_link(A, B, millis(300));
        let slow = cluster.pings_in(4, B, A);
        assert!((2..=8).contains(&slow), "{slow} pings in four seconds");
        cluster.lift(id);
        cluster.run_for(secs(2));
        assert!(LIVELY.contains(&cluster.pings_in(2, B, A)));
    });
}

#[test]
fn clock_of_one_node_can_be_wrong() {
    scenario(numbers(2), |cluster| {
        let off = |cluster: &mut Cluster<Numbers>, node| {
            let wall = i64::try_from(cluster.ask(node, WALL, 0).unwrap()).unwrap();
            let truth = EPOCH_MS + i64::try_from(cluster.now().as_millis()).unwrap();
            wall - truth
        };
        cluster.set_clock_offset(A, -3_600_000);
        assert!((-3_600_200..-3_599_900).contains(&off(cluster, A)));
        assert!((-200..=0).contains(&off(cluster, B)));
        cluster.set_clock_rate(B, 100_000);
        cluster.run_for(secs(100));
        assert!((9_800..10_100).contains(&off(cluster, B)));
        let pings = cluster.pings_in(10, A, B);
        cluster.heal();
        assert!((-200..=0).contains(&off(cluster, A)));
        assert!(pings > 0);
    });
}

#[test]
fn overlapping_faults_of_one_kind_end_with_the_last() {
    scenario(numbers(1), |cluster| {
        let first = cluster.set_clock_offset(A, 1000);
        let second = cluster.set_clock_offset(A, 2000);
        assert_eq!(cluster.clock(A).offset_ms(), 2000);
        cluster.lift(second);
        assert_eq!(cluster.clock(A).offset_ms(), 1000);
        cluster.lift(first);
        assert_eq!(cluster.clock(A).offset_ms(), 0);
        let all = cluster.break_disk(A, DiskFault::FailWrites { per_mille: 1000 });
        let few = cluster.break_disk(A, DiskFault::FailWrites { per_mille: 1 });
        cluster.lift(few);
        assert!(cluster.ask(A, WRITE, 1).is_err());
        cluster.lift(all);
        assert!(cluster.ask(A, WRITE, 1).is_ok());
    });
}

#[test]
fn client_can_be_cut_off_alone() {
    scenario(numbers(2), |cluster| {
        let client = cluster.client("unlucky", |env| async move {
            let mut answers = Vec::new();
            for _ in 0..3 {
                answers.push(numbers::ask(&env.net, "node-1", READ, 0).await.is_ok());
                env.clock.sleep(secs(1)).await;
            }
            answers
        });
        cluster.run_for(millis(500));
        let id = cluster.cut_client("unlucky", A);
        cluster.run_for(secs(2));
        cluster.lift(id);
        assert!(cluster.ask(A, READ, 0).is_ok());
        assert_eq!(cluster.join(&client), [true, false, true]);
    });
}

#[test]
fn hundreds_of_short_clients_need_few_machines() {
    scenario(numbers(1), |cluster| {
        for number in 1..300 {
            cluster.ask(A, WRITE, number).unwrap();
        }
        let host = cluster.as_client("last", |env| async move { format!("{:?}", env.net) });
        assert!(host.contains("HostId(1)"), "one machine for all: {host}");
    });
}

#[test]
fn panic_on_a_simulated_host_fails_the_run() {
    let failed = harness::scenario::run(&numbers(1), Seed(1), |cluster| {
        cluster.run_for(secs(1));
        cluster.pause(A);
        cluster.resume(A);
        drop(cluster.ask(A, PANIC, 0));
    });
    let failed = failed.unwrap_err();
    assert!(failed.panicked.message.contains("asked to panic"), "{failed}");
    assert!(failed.at > Duration::from_secs(1) && failed.at < Duration::from_secs(2));
    let journal: Vec<String> = failed.journal.iter().map(ToString::to_string).collect();
    assert_eq!(journal, ["     1.000s  pause node-1", "     1.000s  end of pause node-1"]);
}

#[test]
fn broken_invariant_fails_the_run_at_once() {
    let failed = harness::scenario::run(&numbers(1), Seed(1), |cluster| {
        cluster.system_mut().forbidden = Some(13);
        cluster.ask(A, WRITE, 12).unwrap();
        drop(cluster.ask(A, WRITE, 13));
        unreachable!("the run is over");
    });
    let message = failed.unwrap_err().panicked.message;
    assert!(message.contains("R1 is violated: Node(0) wrote 13"), "{message}");
}

#[test]
fn waiting_in_vain_says_for_what() {
    let failed = harness::scenario::run(&numbers(1), Seed(1), |cluster| {
        cluster.wait_until("the cows to come home", |_| false);
    });
    let failed = failed.unwrap_err();
    assert_eq!(failed.at, secs(60));
    assert!(failed.panicked.message.contains("60 s of simulated time in vain for: the cows"));
}

#[test]
fn verb_without_effect_is_a_mistake_of_the_story() {
    let failed = harness::scenario::run(&numbers(1), Seed(1), |cluster| {
        cluster.crash(A);
        cluster.crash(A);
    });
    assert!(failed.unwrap_err().panicked.message.contains("the node is down"));
}

/// Set for the process that is to hang.
const HANG: &str = "HARNESS_TEST_HANGS";

#[test]
fn watchdog_ends_a_run_whose_time_stands_still() {
    const NAME: &str = "watchdog_ends_a_run_whose_time_stands_still";
    if std::env::var_os(HANG).is_some() {
        hang();
        panic!("the watchdog slept");
    }
    // The watchdog ends the whole process, so the run that hangs gets one of its own: this test
    // once more, told to play that part.
    let this = std::env::current_exe().unwrap();
    let mut again = std::process::Command::new(this);
    again.args([NAME, "--exact", "--nocapture"]).env(HANG, "1");
    let output = again.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(words.contains(&format!("{NAME} with seed 0x1 hangs")), "{words}");
}

/// A story with a task that never waits.
fn hang() {
    let mut setup = numbers(1);
    setup.options.hang_limit = secs(1);
    scenario(setup, |cluster| {
        let () = cluster.as_client("busy", |_| async {
            loop {
                tokio::task::yield_now().await;
            }
        });
    });
}

#[test]
fn programs_may_move_their_environment_between_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<NodeEnv>();
    is_send_and_sync::<ClientEnv>();
    is_send_and_sync::<harness::disk::SimFile>();
    is_send_and_sync::<harness::net::SimListener>();
    is_send_and_sync::<harness::net::SimStream>();
}
