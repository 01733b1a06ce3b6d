//! What `faults shrink --as-test` writes compiles and passes with sound brokers. The first two tests
//! are as they were written; the others say that they still are.

use harness::prelude::*;
use workloads::plan::Plan;
use workloads::prelude::*;
use workloads::run::{Errand, Watching, carry_out};

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

/// Shrunk from seed 0x1, which showed lost-write.
#[test]
fn no_lost_write_under_the_faults_of_seed_0x1() {
    let plan = Plan::read(include_str!("shrunk/plan.json"));
    let plan = plan.expect("the plan is of this version");
    // The brokers as they are, whatever was broken when the plan was made.
    let plan = Plan { mutant: None, ..plan };
    let repeat = "cargo faults repro shrunk/plan.json".to_owned();
    let ran = carry_out(&Errand { plan, repeat }, Watching::default());
    assert_eq!(ran.report.failure(), None, "{:#?}", ran.report.journal);
}

mod written {
    use super::*;
    use harness::nemesis::{Aim, ScheduledFault};
    use workloads::profile::{Clients, Profile};
    use workloads::shrink::{Shrunk, Size, as_plan_test, as_story, as_test};
    use workloads::signature::Signature;

    fn plan() -> Plan {
        let role = |role: &str| Aim::Role { role: role.to_owned(), index: 0 };
        let fault = |at: u64, lasts: Option<u64>, fault, aim| ScheduledFault {
            at: millis(at),
            lasts: lasts.map(millis),
            fault,
            aims: vec![aim],
        };
        let faults = vec![
            fault(0, Some(500), Fault::Pause, role("leader")),
            fault(1000, Some(2000), Fault::Isolate, role("follower")),
            fault(3000, None, Fault::PowerCut { loss: Loss::Nothing }, Aim::Node(Node(2))),
        ];
        let profile = Profile::on(brokers(3).min_in_sync_replicas(2)).clients(Clients::AppendRead);
        let mut plan = profile.plan(Seed(1));
        plan.schedule = Schedule { lasts: millis(4000), faults, ..plan.schedule };
        plan.calm = millis(1000);
        plan.clients.records_max = Some(20);
        plan
    }

    /// As if this plan had failed so.
    fn shrunk(signature: Signature) -> Shrunk {
        let errand = Errand { plan: plan(), repeat: String::new() };
        let report = carry_out(&errand, Watching::default()).report;
        let size = Size::of(&plan(), &report);
        let (before, after) = (size, size);
        let plan = plan();
        Shrunk { plan, signature, report, before, after, runs: 0, complete: true }
    }

    #[test]
    fn story_is_the_one_above() {
        let shrunk = shrunk(Signature::Invariant("GS1".to_owned()));
        let text = as_story(&shrunk).expect("there are words for all of it");
        assert!(include_str!("shrunk.rs").contains(&text), "{text}");
    }

    #[test]
    fn story_that_does_not_fail_gives_way_to_the_plan() {
        let shrunk = shrunk(Signature::Anomaly("lost-write".to_owned()));
        let text = as_test(&shrunk, "shrunk/plan.json");
        assert_eq!(text, as_plan_test(&shrunk, "shrunk/plan.json"));
        assert!(include_str!("shrunk.rs").contains(&text), "{text}");
        expect_test::expect_file!["shrunk/plan.json"].assert_eq(&plan().to_json());
    }
}
