//! Random schedules over the whole model, and the same with a mechanism switched off.

use proptest::prelude::*;

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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn whatever_happens_nothing_committed_is_lost_and_everybody_recovers(
        ops in proptest::collection::vec(op(), 0..400),
        min_in_sync_replicas in 1..=2_usize,
        third_set in any::<bool>(),
    ) {
        prop_assert!(run(&ops, min_in_sync_replicas, third_set) > 0, "not even the last record");
    }
}
