//! Single sentences about the quorum.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use expect_test::{Expect, expect};

use super::super::*;
use super::cluster::{Cluster, ELECTION_TICKS, settings};

fn check(effects: &[Effect], expected: &Expect) {
    let mut text = String::new();
    for effect in effects {
        writeln!(text, "{}", tell(effect)).unwrap();
    }
    expected.assert_eq(&text);
}

fn tell(effect: &Effect) -> String {
    match effect {
        Effect::Persist(Change { snapshot, entries, hard_state }) => {
            let snapshot = snapshot.as_ref().map(|(index, epoch, _)| (index, epoch));
            let entries: Vec<_> = entries.iter().map(|entry| (entry.index, entry.epoch)).collect();
            let state = hard_state.map(|state| (state.epoch, state.vote));
            format!("persist snapshot {snapshot:?} entries {entries:?} epoch and vote {state:?}")
        }
        Effect::Send(message) => {
            format!("send kind {} of epoch {} to {}", message.kind, message.epoch, message.to)
        }
        Effect::Restore { offset, image: _ } => format!("restore up to {offset}"),
        Effect::Committed { offset, payload } => format!("committed {offset}: {payload:?}"),
        Effect::Leader { leader, epoch } => format!("leader {leader:?} in epoch {epoch}"),
        Effect::Active { epoch, next_offset } => format!("active in {epoch} from {next_offset}"),
        Effect::Resigned | Effect::ProposalDropped => format!("{effect:?}"),
    }
}

fn alone() -> Quorum {
    Quorum::restore(settings(0, 1, 1), Saved::default())
}

fn saved(effects: &[Effect]) -> Saved {
    let mut saved = Saved::default();
    for effect in effects {
        if let Effect::Persist(change) = effect {
            saved.apply(change.clone());
        }
    }
    saved
}

fn settled(seed: u64) -> (Cluster, usize) {
    let mut cluster = Cluster::new(3, seed);
    for _ in 0..4 * ELECTION_TICKS {
        cluster.tick_all();
    }
    let active = cluster.active().expect("somebody is active");
    (cluster, active)
}

#[test]
fn a_sole_voter_works_at_once() {
    let mut quorum = alone();
    check(
        &quorum.step(Event::Tick),
        &expect![[r#"
        leader Some(NodeId(0)) in epoch 1
        persist snapshot None entries [(1, 1)] epoch and vote Some((1, 1))
        active in 1 from 2
    "#]],
    );
    check(
        &quorum.step(Event::Propose(Bytes::from_static(b"one"))),
        &expect![[r#"
        persist snapshot None entries [(2, 1)] epoch and vote Some((1, 1))
        committed 2: b"one"
    "#]],
    );
    assert!(quorum.is_active());
    assert_eq!(quorum.leader(), Some(NodeId(0)));
    assert_eq!(quorum.committed(), MetadataOffset(2));
}

#[test]
fn a_restart_brings_back_what_was_committed() {
    let mut quorum = alone();
    let mut effects = quorum.step(Event::Tick);
    for payload in ["one", "two", "three"] {
        effects.extend(quorum.step(Event::Propose(Bytes::from_static(payload.as_bytes()))));
    }
    let image = Bytes::from_static(b"one and two");
    effects.extend(quorum.step(Event::Snapshot { offset: MetadataOffset(3), image }));
    let mut quorum = Quorum::restore(settings(0, 1, 2), saved(&effects));
    check(
        &quorum.step(Event::Tick),
        &expect![[r#"
        restore up to 3
        leader Some(NodeId(0)) in epoch 2
        persist snapshot None entries [(5, 2)] epoch and vote Some((2, 1))
        committed 4: b"three"
        active in 2 from 6
    "#]],
    );
}

#[test]
fn a_node_that_is_not_active_drops_proposals() {
    let mut quorum = Quorum::restore(settings(0, 3, 1), Saved::default());
    check(
        &quorum.step(Event::Propose(Bytes::from_static(b"one"))),
        &expect![[r#"
        ProposalDropped
    "#]],
    );
}

#[test]
fn an_active_node_that_drops_a_proposal_gives_up_leading() {
    let mut quorum = alone();
    drop(quorum.step(Event::Tick));
    check(
        &quorum.step(Event::Propose(Bytes::new())),
        &expect![[r#"
        ProposalDropped
        Resigned
        leader Some(NodeId(0)) in epoch 2
        persist snapshot None entries [(2, 2)] epoch and vote Some((2, 1))
        active in 2 from 3
    "#]],
    );
}

#[test]
fn a_candidate_asks_for_votes_after_its_own_is_durable() {
    let (mut cluster, active) = settled(3);
    cluster.diary.clear();
    cluster.cut_off.insert(cluster.nodes[active].quorum.settings.me);
    while cluster.active().is_none_or(|now| now == active) {
        cluster.tick_all();
    }
    let vote_request = 5;
    let mut epoch_on_disk = BTreeMap::new();
    let mut requests = 0;
    for (node, effect) in &cluster.diary {
        if let Effect::Persist(Change { hard_state: Some(state), .. }) = effect {
            epoch_on_disk.insert(*node, state.epoch);
        }
        if let Effect::Send(message) = effect
            && message.kind == vote_request
        {
            requests += 1;
            assert_eq!(epoch_on_disk[node], message.epoch);
        }
    }
    assert!(requests > 0);
}

#[test]
fn a_leader_that_hears_nobody_resigns() {
    let (mut cluster, active) = settled(5);
    cluster.cut_off.insert(cluster.nodes[active].quorum.settings.me);
    let mut ticks = 0;
    while cluster.nodes[active].quorum.is_active() {
        assert!(ticks <= 2 * ELECTION_TICKS, "still active after {ticks} ticks");
        cluster.tick_all();
        ticks += 1;
    }
    let id = cluster.nodes[active].quorum.settings.me;
    assert!(cluster.diary.contains(&(id, Effect::Resigned)));
    assert_eq!(cluster.nodes[active].quorum.leader(), None);
}

#[test]
fn a_follower_far_behind_gets_a_snapshot_even_if_the_first_is_lost() {
    let (mut cluster, active) = settled(7);
    let behind = (active + 1) % 3;
    cluster.cut_off.insert(NodeId(i32::try_from(behind).unwrap()));
    for _ in 0..5 {
        cluster.propose(active);
        cluster.tick_all();
    }
    cluster.snapshot(active);
    cluster.cut_off.clear();
    let snapshot = 7;
    let mut lost = 0;
    for _ in 0..6 * ELECTION_TICKS {
        for node in 0..3 {
            cluster.step(node, Event::Tick);
        }
        while !cluster.wire.is_empty() {
            let before = cluster.wire.len();
            if lost == 0 {
                cluster.wire.retain(|message| message.kind != snapshot);
                lost += before - cluster.wire.len();
            }
            cluster.deliver();
        }
    }
    assert_eq!(lost, 1);
    assert_eq!(cluster.restores, 1);
    assert_eq!(cluster.nodes[behind].state, cluster.truth);
    assert_eq!(cluster.active(), Some(active), "nobody was disturbed");
}

#[test]
fn a_snapshot_of_what_is_not_committed_is_ignored() {
    let mut quorum = alone();
    drop(quorum.step(Event::Tick));
    let image = Bytes::from_static(b"");
    for offset in [-1, 0, 9] {
        let offset = MetadataOffset(offset);
        assert_eq!(quorum.step(Event::Snapshot { offset, image: image.clone() }), []);
    }
}

#[test]
fn strangers_and_messages_for_others_are_ignored() {
    let (mut cluster, active) = settled(9);
    let heartbeat = QuorumMessage {
        from: NodeId(0),
        to: NodeId(1),
        kind: 8,
        epoch: 99,
        log_epoch: 0,
        index: 0,
        entries: Vec::new(),
        commit: 0,
        commit_epoch: 0,
        snapshot: None,
        request_snapshot: 0,
        reject: false,
        reject_hint: 0,
        context: Bytes::new(),
        priority: 0,
    };
    let me = cluster.nodes[active].quorum.settings.me;
    let other = NodeId((me.0 + 1) % 3);
    for (from, to) in [(NodeId(7), me), (NodeId(-1), me), (other, other), (me, me)] {
        let message = QuorumMessage { from, to, ..heartbeat.clone() };
        assert_eq!(cluster.nodes[active].quorum.step(Event::Received(message)), []);
    }
    let message = QuorumMessage { from: other, to: me, ..heartbeat };
    let effects = cluster.nodes[active].quorum.step(Event::Received(message));
    assert!(effects.contains(&Effect::Resigned), "a voter of a newer epoch is believed");
}
