//! Random schedules over the whole model, and the same with a mechanism switched off.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::model::{Cluster, Op};

fn op() -> impl Strategy<Value = Op> {
    let broker = 0..3_u8;
    prop_oneof![
        4 => broker.clone().prop_map(Op::Produce),
        8 => broker.clone().prop_map(Op::SendFetch),
        16 => any::<u8>().prop_map(Op::Deliver),
        1 => any::<u8>().prop_map(Op::Repeat),
        2 => any::<u8>().prop_map(Op::GiveUp),
        4 => (broker.clone(), 1..4_u8).prop_map(|(at, n)| Op::ApplyMetadata(at, n)),
        2 => broker.clone().prop_map(Op::Elect),
        1 => broker.clone().prop_map(Op::Fence),
        2 => broker.clone().prop_map(Op::Unfence),
        1 => broker.clone().prop_map(Op::Restart),
        2 => (broker, 0..20_u8).prop_map(|(at, seconds)| Op::Tick(at, seconds)),
    ]
}

fn run(ops: &[Op], min_in_sync_replicas: usize, third_set: bool) -> usize {
    let mut cluster = Cluster::new(min_in_sync_replicas, third_set);
    for op in ops {
        cluster.play(*op);
    }
    cluster.heal_and_settle();
    cluster.acknowledged
}

/// The same schedules in every run, so that a failure is there to stay.
pub(super) fn config(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(0x4857);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    proptest::collection::vec(op(), 0..400)
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn whatever_happens_nothing_committed_is_lost_and_everybody_recovers(
        ops in ops(),
        min_in_sync_replicas in 1..=2_usize,
        third_set in any::<bool>(),
    ) {
        let acknowledged = run(&ops, min_in_sync_replicas, third_set);
        prop_assert!(acknowledged > 0, "not even the last record was acknowledged");
    }
}

/// A harness that has never failed anything proves nothing.
#[cfg(feature = "mutants")]
mod mutants {
    use proptest::test_runner::TestRunner;

    use super::{config, ops, run};
    use crate::mutants::{Mutant, switch_on};

    fn failure_of(mutant: Mutant) -> String {
        switch_on(Some(mutant));
        let failure = TestRunner::new(config(5_000)).run(&ops(), |ops| {
            run(&ops, 2, false);
            Ok(())
        });
        switch_on(None);
        failure.expect_err("a broken broker must be found").to_string()
    }

    #[test]
    fn truncating_to_the_high_watermark_is_found() {
        let failure = failure_of(Mutant::A01);
        assert!(failure.contains("GS1"), "{failure}");
    }

    #[test]
    fn answering_at_append_is_found() {
        let failure = failure_of(Mutant::B01);
        assert!(failure.contains("GS7"), "{failure}");
    }
}
