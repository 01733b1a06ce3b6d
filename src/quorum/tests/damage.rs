//! Nothing that arrives and nothing that is read back brings a voter down.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::*;
use super::cluster::{Cluster, settings};

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..12_u64, 1 => Just(u64::MAX), 1 => Just(1 << 62), 1 => any::<u64>()]
}

fn log_entry() -> impl Strategy<Value = LogEntry> {
    (number(), number()).prop_map(|(epoch, index)| LogEntry {
        epoch,
        index,
        payload: Bytes::from_static(b"x"),
    })
}

fn garbage() -> impl Strategy<Value = QuorumMessage> {
    let who = (prop_oneof![9 => 0..3_i32, 1 => any::<i32>()], 0..3_i32, -1..22_i32);
    let numbers = prop::array::uniform8(number());
    let snapshot = prop::option::weighted(0.3, (number(), number()));
    let entries = (prop::collection::vec(log_entry(), 0..3), any::<bool>());
    let odd = prop::bool::weighted(0.05);
    (who, numbers, snapshot, entries, any::<bool>(), odd).prop_map(
        |((from, to, kind), n, snapshot, (mut entries, follow), reject, odd)| {
            if follow {
                for (entry, ahead) in entries.iter_mut().zip(1..) {
                    entry.index = n[2].saturating_add(ahead);
                    entry.epoch = n[1].max(1);
                }
            }
            QuorumMessage {
                from: NodeId(from),
                to: NodeId(to),
                kind,
                epoch: n[0],
                log_epoch: n[1],
                index: n[2],
                entries,
                commit: n[3],
                commit_epoch: n[4],
                snapshot: snapshot.map(|(index, epoch)| (index, epoch, Bytes::new())),
                request_snapshot: if odd { n[5] } else { 0 },
                reject,
                reject_hint: n[6],
                context: if odd { Bytes::from_static(b"CampaignTransfer") } else { Bytes::new() },
                priority: if odd { -1 } else { 0 },
            }
        },
    )
}

/// What a voter does with garbage between real messages; its answers are not judged.
fn feed(garbage: Vec<QuorumMessage>, seed: u64) {
    let mut cluster = Cluster::new(3, seed);
    for _ in 0..40 {
        cluster.tick_all();
    }
    let active = cluster.active().expect("somebody is active");
    cluster.propose(active);
    let mut nodes: Vec<Quorum> = cluster.nodes.into_iter().map(|node| node.quorum).collect();
    let mut wire = Vec::new();
    for message in garbage {
        wire.push(message);
        for _ in 0..8 {
            let Some(message) = wire.pop() else { break };
            let to = usize::try_from(message.to.0).unwrap_or(0);
            let Some(node) = nodes.get_mut(to) else { continue };
            let mut effects = node.step(Event::Received(message));
            effects.extend(node.step(Event::Tick));
            effects.extend(node.step(Event::Propose(Bytes::from_static(b"y"))));
            wire.extend(effects.into_iter().filter_map(|effect| match effect {
                Effect::Send(message) => Some(message),
                Effect::Persist(_)
                | Effect::Restore { .. }
                | Effect::Committed { .. }
                | Effect::Leader { .. }
                | Effect::Active { .. }
                | Effect::Resigned
                | Effect::ProposalDropped => None,
            }));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_message_brings_a_voter_down(
        garbage in prop::collection::vec(garbage(), 1..60),
        seed in 0..8_u64,
    ) {
        feed(garbage, seed);
    }

    #[test]
    fn no_damaged_disk_brings_a_voter_down(
        snapshot in prop::option::of((0..9_u64, 0..9_u64)),
        entries in prop::collection::vec(
            (0..9_u64, 0..9_u64).prop_map(|(epoch, index)| LogEntry {
                epoch,
                index,
                payload: Bytes::from_static(b"x"),
            }),
            0..6,
        ),
        (epoch, vote, commit) in (0..9_u64, 0..5_u64, 0..20_u64),
        voters in 1..4_i32,
    ) {
        let saved = Saved {
            snapshot: snapshot.map(|(index, epoch)| (index, epoch, Bytes::new())),
            entries,
            hard_state: HardState { epoch, vote, commit },
        };
        let mut quorum = Quorum::restore(settings(0, voters, 1), saved);
        for _ in 0..40 {
            drop(quorum.step(Event::Tick));
        }
        prop_assert_eq!(quorum.is_active(), voters == 1);
    }

    #[test]
    fn intact_state_is_not_mended(seed in any::<u64>()) {
        let mut cluster = Cluster::new(3, seed);
        for _ in 0..60 {
            cluster.tick_all();
            let node = cluster.dice.below(3);
            cluster.propose(node);
            if cluster.chance(10) {
                cluster.snapshot(node);
            }
        }
        for node in cluster.nodes {
            prop_assert!(!node.saved.entries.is_empty() || node.saved.snapshot.is_some());
            prop_assert_eq!(node.saved.clone().mended(), node.saved);
        }
    }
}
