//! What `faults shrink --as-test` writes compiles and passes with sound brokers. The tests before
//! `written` are as they were written, but for the formatter; the others say that they still are.

use harness::prelude::*;
use workloads::prelude::*;

/// Shrunk from seed 0x1, which showed GS1.
#[test]
fn gs1_holds_under_the_faults_of_seed_0x1() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).records_max(20));
        cluster.run_for(millis(1000));
        let leader_0 = cluster.leader_of(&orders);
        cluster.pause(leader_0);
        cluster.run_for(millis(500));
        cluster.resume(leader_0);
        cluster.run_for(millis(500));
        let follower_1 = cluster.followers_of(&orders)[0];
        let fault_1 = cluster.isolate(follower_1);
        cluster.run_for(millis(2000));
        cluster.lift(fault_1);
        let node_2 = cluster.nodes()[2];
        cluster.power_cut_losing(node_2, Loss::Nothing);
        cluster.run_for(millis(1000));
        cluster.heal();
        cluster.run_for(millis(1000));
        load.finish(cluster).must_be_valid();
    });
}

/// Shrunk from seed 0x2, which showed reordered.
#[test]
fn no_reordered_under_the_faults_of_seed_0x2() {
    scenario(
        brokers(4).controllers(1).set("log.segment.bytes", "4096").min_in_sync_replicas(2),
        |cluster| {
            let orders = cluster.create_topic_with(
                "orders",
                (2, ReplicationFactor(3)),
                &[("retention.ms", "-1")],
            );
            let load = cluster.start(
                acks_mix(&orders)
                    .producer_kinds(&[
                        ProducerKind { acks: Acks::All, idempotent: true },
                        ProducerKind { acks: Acks::All, idempotent: false },
                        ProducerKind { acks: Acks::Leader, idempotent: false },
                    ])
                    .consumers(2)
                    .follower_consumers(2)
                    .pollers(0)
                    .pace(millis(100)),
            );
            let leader_0 = cluster.leader_of(&orders);
            cluster.crash(leader_0);
            cluster.run_for(millis(500));
            cluster.restart(leader_0);
            cluster.run_for(millis(1500));
            let follower_1 = cluster.followers_of(&orders)[0];
            cluster.crash_silently(follower_1);
            cluster.run_for(millis(500));
            cluster.restart(follower_1);
            cluster.run_for(millis(1500));
            let node_2 = cluster.nodes()[3];
            cluster.power_cut_losing(node_2, Loss::Random);
            cluster.run_for(millis(500));
            cluster.restart(node_2);
            cluster.run_for(millis(1500));
            let node_3 = cluster.nodes()[3];
            cluster.shut_down(node_3);
            cluster.run_for(millis(500));
            cluster.restart(node_3);
            cluster.run_for(millis(1500));
            let controller_4 = cluster.active_controller();
            cluster.pause(controller_4);
            cluster.run_for(millis(500));
            cluster.resume(controller_4);
            cluster.run_for(millis(1500));
            let leader_5 = cluster.leader_of(&orders);
            let fault_5 = cluster.isolate(leader_5);
            cluster.run_for(millis(500));
            cluster.lift(fault_5);
            cluster.run_for(millis(1500));
            let node_6 = cluster.nodes()[3];
            let fault_6 = cluster.isolate_fully(node_6);
            cluster.run_for(millis(500));
            cluster.lift(fault_6);
            cluster.run_for(millis(1500));
            let follower_7 = cluster.followers_of(&orders)[0];
            let fault_7 = cluster.deafen(follower_7);
            cluster.run_for(millis(500));
            cluster.lift(fault_7);
            cluster.run_for(millis(3500));
            cluster.heal();
            load.finish(cluster).must_be_valid();
        },
    );
}

/// Shrunk from seed 0x3, which showed reordered.
#[test]
fn no_reordered_under_the_faults_of_seed_0x3() {
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders));
        cluster.run_for(millis(500));
        let follower_0 = cluster.followers_of(&orders)[0];
        let fault_0 = cluster.silence(follower_0);
        cluster.run_for(millis(500));
        cluster.lift(fault_0);
        cluster.run_for(millis(1500));
        let fault_1 = cluster.partition(&[&[Node(0)], &[Node(1), Node(2)]]);
        cluster.run_for(millis(500));
        cluster.lift(fault_1);
        cluster.run_for(millis(1500));
        let leader_2 = cluster.leader_of(&orders);
        let follower_peer_2 = cluster.followers_of(&orders)[0];
        let fault_2 = cluster.cut_one_way(leader_2, follower_peer_2);
        cluster.run_for(millis(500));
        cluster.lift(fault_2);
        cluster.run_for(millis(1500));
        let leader_3 = cluster.leader_of(&orders);
        let follower_peer_3 = cluster.followers_of(&orders)[0];
        let fault_3 = cluster.hold(leader_3, follower_peer_3);
        cluster.run_for(millis(500));
        cluster.lift(fault_3);
        cluster.run_for(millis(1500));
        let leader_4 = cluster.leader_of(&orders);
        let follower_peer_4 = cluster.followers_of(&orders)[0];
        let fault_4 = cluster.slow_link(leader_4, follower_peer_4, millis(50));
        cluster.run_for(millis(500));
        cluster.lift(fault_4);
        cluster.run_for(millis(1500));
        let leader_5 = cluster.leader_of(&orders);
        let follower_peer_5 = cluster.followers_of(&orders)[0];
        let fault_5 = cluster.lossy_link(leader_5, follower_peer_5, 100);
        cluster.run_for(millis(500));
        cluster.lift(fault_5);
        cluster.run_for(millis(1500));
        let follower_6 = cluster.followers_of(&orders)[1];
        let fault_6 = cluster.set_clock_offset(follower_6, -60000);
        cluster.run_for(millis(500));
        cluster.lift(fault_6);
        cluster.run_for(millis(1500));
        let follower_7 = cluster.followers_of(&orders)[1];
        let fault_7 = cluster.set_clock_rate(follower_7, 500);
        cluster.run_for(millis(500));
        cluster.lift(fault_7);
        cluster.run_for(millis(1500));
        cluster.elect_leaders(ElectionType::Preferred, &orders);
        cluster.run_for(millis(2000));
        let follower_9 = cluster.followers_of(&orders)[1];
        let fault_9 = cluster.break_disk(follower_9, DiskFault::SlowSyncs { factor: 10 });
        cluster.run_for(millis(500));
        cluster.lift(fault_9);
        cluster.run_for(millis(1500));
        let follower_10 = cluster.followers_of(&orders)[1];
        let fault_10 = cluster.break_disk(follower_10, DiskFault::CutAfter { operations: 3 });
        cluster.run_for(millis(500));
        cluster.lift(fault_10);
        cluster.run_for(millis(1500));
        cluster.heal();
        cluster.run_for(millis(500));
        load.finish(cluster).must_be_valid();
    });
}

/// Shrunk from seed 0x1, which showed lost-write.
#[test]
fn no_lost_write_under_the_faults_of_seed_0x1() {
    use workloads::plan::Plan;
    use workloads::run::{Errand, Watching, carry_out};

    let plan = Plan::read(include_str!("shrunk_plan.json"));
    let plan = plan.expect("the plan is of this version");
    // The brokers as they are, whatever was broken when the plan was made.
    let plan = Plan { mutant: None, ..plan };
    let repeat = "cargo faults repro workloads/tests/shrunk_plan.json".to_owned();
    let ran = carry_out(&Errand { plan, repeat }, Watching::default());
    assert_eq!(ran.report.failure(), None, "{:#?}", ran.report.journal);
}

mod written {
    use super::*;
    use std::path::Path;

    use harness::nemesis::{Aim, ScheduledFault};
    use workloads::deeds::ELECT_PREFERRED;
    use workloads::plan::Plan;
    use workloads::profile::{Clients, Profile};
    use workloads::run::{Errand, Watching, carry_out};
    use workloads::shrink::{Shrunk, Size, as_plan_test, as_story, as_test};
    use workloads::signature::Signature;

    fn role(role: &str, index: usize) -> Aim {
        Aim::Role { role: role.to_owned(), index }
    }

    fn fault(at: u64, lasts: Option<u64>, fault: Fault, aims: &[Aim]) -> ScheduledFault {
        ScheduledFault { at: millis(at), lasts: lasts.map(millis), fault, aims: aims.to_vec() }
    }

    fn plan() -> Plan {
        let cut = Fault::PowerCut { loss: Loss::Nothing };
        let faults = vec![
            fault(0, Some(500), Fault::Pause, &[role("leader", 0)]),
            fault(1000, Some(2000), Fault::Isolate, &[role("follower", 0)]),
            fault(3000, None, cut, &[Aim::Node(Node(2))]),
        ];
        let profile = Profile::on(brokers(3).min_in_sync_replicas(2)).clients(Clients::AppendRead);
        let mut plan = profile.plan(Seed(1));
        plan.schedule = Schedule { lasts: millis(4000), faults, ..plan.schedule };
        plan.calm = millis(1000);
        plan.clients.records_max = Some(20);
        plan
    }

    /// One fault after the other, two seconds apart and for half a second each.
    fn one_by_one(verbs: Vec<(Fault, &[Aim])>) -> Vec<ScheduledFault> {
        let spread = |(number, (what, aims)): (u64, (Fault, &[Aim]))| {
            let lasts = if matches!(what, Fault::Action(_)) { None } else { Some(500) };
            fault(2000 * number, lasts, what, aims)
        };
        (0..).zip(verbs).map(spread).collect()
    }

    /// Processes that stop and nodes that are cut off, and every word for what they serve.
    fn stops_and_cuts() -> Plan {
        let (leader, follower) = ([role("leader", 0)], [role("follower", 0)]);
        let last = [Aim::Node(Node(3))];
        let faults = one_by_one(vec![
            (Fault::Crash, &leader),
            (Fault::CrashSilently, &follower),
            (Fault::PowerCut { loss: Loss::Random }, &last),
            (Fault::ShutDown, &last),
            (Fault::Pause, &[role("controller", 0)]),
            (Fault::Isolate, &leader),
            (Fault::IsolateFully, &last),
            (Fault::Deafen, &follower),
        ]);
        let settings = brokers(4).controllers(1).set("log.segment.bytes", "4096");
        let profile = Profile::on(settings.min_in_sync_replicas(2)).clients(Clients::AcksMix);
        let mut plan = profile.plan(Seed(2));
        plan.schedule = Schedule { lasts: millis(18_000), faults, ..plan.schedule };
        plan.calm = Duration::ZERO;
        plan.topic.partitions = 2;
        plan.topic.configs.insert("retention.ms".to_owned(), "-1".to_owned());
        plan.clients.producers.truncate(3);
        plan.clients.consumers = 2;
        plan.clients.follower_consumers = 2;
        plan.clients.pollers = 0;
        plan.clients.pace = millis(100);
        plan
    }

    /// Trouble with links, clocks and disks, and an order of the operator's.
    fn links_clocks_and_disks() -> Plan {
        let both = [role("leader", 0), role("follower", 0)];
        let second = [role("follower", 1)];
        let groups = vec![vec![Node(0)], vec![Node(1), Node(2)]];
        let faults = one_by_one(vec![
            (Fault::Silence, &both[1..]),
            (Fault::Partition { groups }, &[]),
            (Fault::CutOneWay, &both),
            (Fault::Hold, &both),
            (Fault::Slow { latency_ms: 50 }, &both),
            (Fault::Lossy { per_mille: 100 }, &both),
            (Fault::SetClock { offset_ms: -60_000 }, &second),
            (Fault::DriftClock { rate_ppm: 500 }, &second),
            (Fault::Action(ELECT_PREFERRED.to_owned()), &[]),
            (Fault::Disk(DiskFault::SlowSyncs { factor: 10 }), &second),
            (Fault::Disk(DiskFault::CutAfter { operations: 3 }), &second),
        ]);
        let mut plan = Plan { seed: Seed(3), ..plan() };
        plan.schedule = Schedule { lasts: millis(22_000), faults, ..plan.schedule };
        plan.calm = millis(500);
        plan.clients.records_max = None;
        plan
    }

    /// As if this plan had failed so.
    fn shrunk(plan: Plan, signature: Signature) -> Shrunk {
        let errand = Errand { plan: plan.clone(), repeat: String::new() };
        let report = carry_out(&errand, Watching::default()).report;
        let size = Size::of(&plan, &report);
        let (before, after) = (size, size);
        Shrunk { plan, signature, report, before, after, runs: 0, complete: true }
    }

    /// Without what the formatter does to it.
    fn bare(text: &str) -> String {
        let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        text.replace(",)", ")").replace(",]", "]").replace(",}", "}")
    }

    fn assert_is_above(text: &str) {
        assert!(bare(include_str!("shrunk.rs")).contains(&bare(text)), "{text}");
    }

    #[test]
    fn story_is_the_one_above() {
        let shrunk = shrunk(plan(), Signature::Invariant("GS1".into()));
        assert_is_above(&as_story(&shrunk).expect("there are words for all of it"));
    }

    #[test]
    fn every_verb_is_above() {
        for plan in [stops_and_cuts(), links_clocks_and_disks()] {
            assert_eq!(plan.check(), Ok(()));
            let shrunk = shrunk(plan, Signature::Anomaly("reordered".to_owned()));
            assert_eq!(shrunk.report.failure(), None);
            assert_is_above(&as_story(&shrunk).expect("there are words for all of it"));
        }
    }

    #[test]
    fn story_that_does_not_fail_gives_way_to_the_plan() {
        let shrunk = shrunk(plan(), Signature::Anomaly("lost-write".to_owned()));
        let path = Path::new("workloads/tests/shrunk_plan.json");
        let text = as_test(&shrunk, path);
        assert_eq!(text, as_plan_test(&shrunk, path));
        assert_is_above(&text);
        expect_test::expect_file!["./shrunk_plan.json"].assert_eq(&plan().to_json());
    }

    #[test]
    fn what_has_no_verb_is_no_story() {
        let aims = [role("leader", 0)];
        let wordless = [
            fault(0, None, Fault::Disk(DiskFault::FlipBit), &aims),
            fault(0, None, Fault::Hold, &aims),
            fault(0, None, Fault::Action("another deed".to_owned()), &[]),
            fault(0, None, Fault::Pause, &[role("in-sync", 0)]),
        ];
        for fault in wordless {
            let mut plan = plan();
            plan.schedule.faults = vec![fault];
            let shrunk = shrunk(plan, Signature::Invariant("GS1".into()));
            assert_eq!(as_story(&shrunk), None, "{}", shrunk.plan.schedule);
        }
    }
}
