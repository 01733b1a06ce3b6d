//! A run and its chronicle as the data of a page.

use std::time::Duration;

use harness::report::page::{Band, Calls, Finding, Group, Page, Span, Track, micros};
use harness::verdict::Anomaly;
use highwater::types::NodeId;

use super::{Acted, Chronicle, Role};
use crate::run::Ran;

/// The states of a replica, as spans count them.
const STATES: [&str; 4] = ["leader", "follower", "waits for a leader", "active controller"];
const LEADER: usize = 0;
const FOLLOWER: usize = 1;
const WAITING: usize = 2;
const CONTROLLER: usize = 3;

/// What the lanes of the controllers are about.
const QUORUM: &str = "controllers";

/// The page of a run; without its lanes and messages if the run kept no chronicle.
#[must_use]
pub fn page(ran: &Ran) -> Page {
    let nothing = Chronicle::default();
    let chronicle = ran.chronicle.as_ref().unwrap_or(&nothing);
    let lasted = micros(ran.report.simulated);
    let faults = Band::of(&ran.journal, ran.report.simulated);
    let findings = findings(ran);
    let focus = findings.iter().filter_map(|finding| finding.at).min();
    // A run without a mistake is most worth looking at where its first fault strikes.
    let around = focus.or_else(|| faults.first().map(|fault| fault.from)).unwrap_or_default();
    Page {
        lasted,
        focus,
        nodes: chronicle.nodes.clone(),
        journal: ran.journal.iter().map(|line| (micros(line.at), line.event.to_string())).collect(),
        calls: Calls::of(&chronicle.history),
        states: STATES.map(str::to_owned).to_vec(),
        tracks: chronicle.tracks(&faults, lasted),
        groups: chronicle.groups(),
        messages: chronicle.wires.around(around),
        logs: chronicle.logs.clone(),
        report: ran.report.clone(),
        findings,
        faults,
    }
}

/// What was found: the invariant, the anomalies, and what did not come to pass.
fn findings(ran: &Ran) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(violation) = &ran.report.violation {
        findings.push(Finding {
            kind: violation.name.clone(),
            key: ran.violated.as_ref().map(|partition| partition.to_string().into()),
            summary: violation.what.clone(),
            demand: Some(violation.statement.clone()),
            count: 1,
            at: Some(micros(violation.at)),
            operations: Vec::new(),
        });
    }
    let anomalies = ran.judgement.iter().flat_map(|judged| judged.verdict.anomalies());
    findings.extend(anomalies.map(|anomaly| Finding {
        kind: anomaly.kind.to_string(),
        key: anomaly.key.clone(),
        summary: anomaly.summary.clone(),
        demand: None,
        count: anomaly.total,
        at: seen_at(ran, anomaly),
        operations: anomaly.operations.clone(),
    }));
    findings.extend(ran.report.liveness.as_ref().map(|liveness| Finding {
        kind: "liveness".to_owned(),
        key: None,
        summary: liveness.clone(),
        demand: None,
        count: 1,
        at: None,
        operations: Vec::new(),
    }));
    findings
}

/// When the first operation of those that prove an anomaly took place: nearest to the cause.
fn seen_at(ran: &Ran, anomaly: &Anomaly) -> Option<u64> {
    let operations = ran.history.operations();
    let times = anomaly.operations.iter().filter_map(|index| {
        let position = operations.partition_point(|operation| operation.index < *index);
        operations.get(position).map(|operation| operation.time)
    });
    times.min()
}

impl Chronicle {
    fn tracks(&self, faults: &[Band], lasted: u64) -> Vec<Track> {
        let mut tracks = Vec::new();
        for ((partition, node), replica) in &self.replicas {
            let Some(index) = self.index_of(*node) else { continue };
            let acted = self.roles_until(&replica.roles, &self.stops(index, faults), lasted);
            tracks.push(Track {
                key: partition.to_string(),
                node: index,
                spans: acted.iter().map(span).collect(),
                lines: vec![replica.log_end_offset.clone(), replica.high_watermark.clone()],
            });
        }
        for (index, _) in self.nodes.iter().enumerate() {
            let spans = self.reigns(index, &self.stops(index, faults), lasted);
            if !spans.is_empty() {
                tracks.push(Track {
                    key: QUORUM.to_owned(),
                    node: index,
                    spans,
                    lines: Vec::new(),
                });
            }
        }
        tracks
    }

    /// When the node's process was brought down.
    fn stops(&self, node: usize, faults: &[Band]) -> Vec<u64> {
        let Some(name) = self.nodes.get(node) else { return Vec::new() };
        let struck = faults.iter().filter(|fault| fault.down && fault.on.contains(name));
        struck.map(|fault| fault.from).collect()
    }

    /// The times in which a node was the active controller.
    fn reigns(&self, index: usize, stops: &[u64], lasted: u64) -> Vec<Span> {
        let mine = |node: NodeId| self.index_of(node) == Some(index);
        let changes: Vec<&(Duration, NodeId, u64, bool)> =
            self.controllers.iter().filter(|(_, node, ..)| mine(*node)).collect();
        let mut spans = Vec::new();
        for (position, (at, _, epoch, active)) in changes.iter().enumerate() {
            if !active {
                continue;
            }
            let from = micros(*at);
            let next = changes.get(position + 1).map_or(lasted, |(at, ..)| micros(*at));
            let stop = stops.iter().copied().find(|stop| *stop >= from).unwrap_or(u64::MAX);
            let (to, label) = (next.min(stop).max(from), format!("epoch {epoch}"));
            spans.push(Span { from, to, state: CONTROLLER, label });
        }
        spans
    }

    fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        for (partition, memberships) in &self.memberships {
            let changes = memberships.iter().map(|membership| {
                let members = membership.in_sync_replicas.iter();
                let members = members.filter_map(|broker| self.index_of(NodeId::from(*broker)));
                (micros(membership.at), members.collect())
            });
            groups.push(Group { key: partition.to_string(), changes: changes.collect() });
        }
        groups
    }
}

fn span(acted: &Acted) -> Span {
    let (state, label) = match acted.role {
        Role::Leader(epoch) => (LEADER, format!("leader, epoch {epoch}")),
        Role::Follower(epoch, Some(leader)) => {
            (FOLLOWER, format!("follows node-{leader}, epoch {epoch}"))
        }
        Role::Follower(epoch, None) => (WAITING, format!("waits after epoch {epoch}")),
    };
    Span { from: acted.from, to: acted.to, state, label }
}
