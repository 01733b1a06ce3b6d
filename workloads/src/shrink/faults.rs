//! Plainer faults: of a kind that a reader understands sooner, at somebody who has a name.

use harness::disk::{DiskFault, Loss};
use harness::fault::Fault;
use harness::nemesis::{Aim, ScheduledFault};
use harness::system::Node;

use crate::plan::Plan;
use crate::system::IN_SYNC;

/// A plainer kind at the same target.
pub(super) fn kinds(plan: &Plan, place: usize) -> Vec<Plan> {
    let kind = |fault: Fault| {
        let mut candidate = plan.clone();
        candidate.schedule.faults[place].fault = fault;
        candidate
    };
    plainer(&plan.schedule.faults[place].fault).into_iter().map(kind).collect()
}

/// Numbers that are easy to read.
const ROUND: [u64; 8] = [0, 10, 100, 500, 1_000, 5_000, 10_000, 60_000];

fn below(number: u64) -> impl Iterator<Item = u64> {
    ROUND.into_iter().filter(move |round| *round < number)
}

/// Every step goes down: a crash is plainer than a power cut that loses everything, that one is
/// plainer than one that loses nothing, and what the dice decide comes last.
fn plainer(fault: &Fault) -> Vec<Fault> {
    let loss = |loss| Fault::PowerCut { loss };
    match fault {
        Fault::Crash
        | Fault::ShutDown
        | Fault::Pause
        | Fault::Isolate
        | Fault::CutOneWay
        | Fault::Hold
        | Fault::Action(_) => Vec::new(),
        Fault::CrashSilently => vec![Fault::Crash],
        Fault::PowerCut { loss: Loss::Everything } => vec![Fault::Crash],
        Fault::PowerCut { loss: Loss::Nothing } => vec![Fault::Crash, loss(Loss::Everything)],
        Fault::PowerCut { loss: Loss::Random } => {
            vec![Fault::Crash, loss(Loss::Everything), loss(Loss::Nothing)]
        }
        Fault::IsolateFully | Fault::Deafen | Fault::Silence => vec![Fault::Isolate],
        Fault::Partition { groups } => fewer_groups(groups),
        Fault::Slow { latency_ms } => {
            below(*latency_ms).map(|latency_ms| Fault::Slow { latency_ms }).collect()
        }
        Fault::Lossy { per_mille } => {
            let fewer = below(u64::from(*per_mille)).filter_map(|n| u32::try_from(n).ok());
            fewer.map(|per_mille| Fault::Lossy { per_mille }).collect()
        }
        Fault::SetClock { offset_ms } => {
            let sign = offset_ms.signum();
            let signed = |size: u64| Fault::SetClock { offset_ms: sign * size.cast_signed() };
            below(offset_ms.unsigned_abs()).map(signed).collect()
        }
        Fault::DriftClock { rate_ppm } => {
            let sign = rate_ppm.signum();
            let size = |size: u64| i32::try_from(size).ok();
            let sizes = below(u64::from(rate_ppm.unsigned_abs())).filter_map(size);
            sizes.map(|size| Fault::DriftClock { rate_ppm: sign * size }).collect()
        }
        Fault::Disk(trouble) => plainer_trouble(trouble),
    }
}

fn fewer_groups(groups: &[Vec<Node>]) -> Vec<Fault> {
    if groups.len() < 2 {
        return Vec::new();
    }
    let without = |index: usize| {
        let mut groups = groups.to_vec();
        groups.remove(index);
        Fault::Partition { groups }
    };
    (0..groups.len()).map(without).collect()
}

/// A disk that always fails is plainer than one that sometimes does.
fn plainer_trouble(trouble: &DiskFault) -> Vec<Fault> {
    let plainer: Vec<DiskFault> = match trouble {
        DiskFault::FailReads { per_mille: ..1000 } => {
            vec![DiskFault::FailReads { per_mille: 1000 }]
        }
        DiskFault::FailWrites { per_mille: ..1000 } => {
            vec![DiskFault::FailWrites { per_mille: 1000 }]
        }
        DiskFault::FailSyncs { per_mille: ..1000 } => {
            vec![DiskFault::FailSyncs { per_mille: 1000 }]
        }
        DiskFault::Full { free_bytes } => {
            below(*free_bytes).map(|free_bytes| DiskFault::Full { free_bytes }).collect()
        }
        DiskFault::SlowSyncs { factor } => {
            let factors = below(u64::from(*factor)).filter_map(|factor| u32::try_from(factor).ok());
            factors
                .filter(|factor| *factor > 0)
                .map(|factor| DiskFault::SlowSyncs { factor })
                .collect()
        }
        DiskFault::CutAfter { operations } => {
            let cut = Fault::PowerCut { loss: Loss::Everything };
            let fewer = (1..*operations).map(|operations| DiskFault::CutAfter { operations });
            return [cut].into_iter().chain(fewer.map(Fault::Disk)).collect();
        }
        DiskFault::FailReads { .. }
        | DiskFault::FailWrites { .. }
        | DiskFault::FailSyncs { .. }
        | DiskFault::FlipBit => Vec::new(),
    };
    plainer.into_iter().map(Fault::Disk).collect()
}

/// How many aims all faults have.
pub(super) fn aims(plan: &Plan) -> usize {
    plan.schedule.faults.iter().map(|fault| fault.aims.len()).sum()
}

/// An aim that is higher on the list of [`preferred`] aims.
pub(super) fn aimed_simpler(plan: &Plan, place: usize) -> Vec<Plan> {
    let lengths = plan.schedule.faults.iter().map(|fault| fault.aims.len()).enumerate();
    let mut places = lengths.flat_map(|(fault, aims)| (0..aims).map(move |aim| (fault, aim)));
    let Some((fault, aim)) = places.nth(place) else { return Vec::new() };
    let ScheduledFault { aims, .. } = &plan.schedule.faults[fault];
    let preferred = preferred(plan.cluster.broker_count());
    let higher = preferred.into_iter().take_while(|preferred| *preferred != aims[aim]);
    let aimed = |better: Aim| {
        let mut candidate = plan.clone();
        candidate.schedule.faults[fault].aims[aim] = better;
        candidate
    };
    higher.map(aimed).collect()
}

/// A role tells what the fault is about; who played it is told by the journal. If none will do, it
/// is a node, and the last is a role whose number means somebody only by its remainder.
fn preferred(nodes: usize) -> Vec<Aim> {
    let roles = [("leader", 0), ("follower", 0), ("follower", 1), ("controller", 0), (IN_SYNC, 0)];
    let role = |(role, index): (&str, usize)| Aim::Role { role: role.to_owned(), index };
    roles.into_iter().map(role).chain((0..nodes).map(|node| Aim::Node(Node(node)))).collect()
}
