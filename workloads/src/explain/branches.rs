//! The failed run as the trunk from which others branch off.

use std::time::Duration;

use harness::explain::{Branch, Fate, Limits, point_of_no_return, stopped_at, without_each};
use harness::fault::Fault;
use harness::nemesis::{Aim, Schedule, ScheduledFault};
use harness::report::RunReport;

use super::{Needed, NoReturn};
use crate::plan::Plan;
use crate::record::Record;
use crate::run::{Errand, Ran, Watching, carry_out};
use crate::settings::ClusterSettings;
use crate::signature::Signature;

/// A failed run, and what its branches are compared with.
pub(super) struct Trunk<'a> {
    plan: Plan,
    record: &'a Record,
    signature: &'a Signature,
    /// When the schedule began, since the run did.
    began: Duration,
    /// When it failed, since the schedule began.
    failed_at: Duration,
}

impl<'a> Trunk<'a> {
    /// `None` if it failed before the first fault could strike.
    pub(super) fn new(
        ran: &'a Ran,
        signature: &'a Signature,
        limits: &Limits<'_>,
        remarks: &mut Vec<String>,
    ) -> Option<Self> {
        let record = ran.insight.record.as_ref()?;
        let began = ran.insight.storm_began?;
        let lasts = ran.plan.schedule.lasts;
        let violation = record.broke().map(|(_, violation)| violation.at);
        let failed_at = violation.map_or(Some(lasts), |at| at.checked_sub(began))?.min(lasts);
        let plan = ran.plan.clone();
        let mut trunk = Self { plan, record, signature, began, failed_at };
        trunk.fix_targets(ran, limits, remarks);
        Some(trunk)
    }

    /// Aims each fault at whom it struck, so that one fault less leaves the others where they were.
    fn fix_targets(&mut self, ran: &Ran, limits: &Limits<'_>, remarks: &mut Vec<String>) {
        let schedule = ran.insight.strikes.as_they_struck(&ran.plan.schedule);
        let same_until = self.failed_at;
        if ran.insight.strikes.strikes.is_empty() || (limits.is_enough)() {
            return;
        }
        let branch = Branch { schedule, same_until };
        if self.carry_out(&branch) == Fate::Fails {
            self.plan.schedule = branch.schedule;
        } else {
            remarks.push(
                "aimed at the nodes that they struck, the faults make another run; so they are \
                 aimed at roles, and one fault less may move the others"
                    .to_owned(),
            );
        }
    }

    fn carry_out(&self, branch: &Branch) -> Fate {
        let plan = Plan { schedule: branch.schedule.clone(), ..self.plan.clone() };
        let watching = Watching { record: true, ..Watching::default() };
        let ran = carry_out(&Errand { plan, repeat: String::new() }, watching);
        let until = self.began + branch.same_until;
        let same = |record: &Record| self.record.agrees_before(record, until);
        if !ran.insight.record.as_ref().is_some_and(same) {
            return Fate::Strays;
        }
        self.fate(&ran.report)
    }

    fn fate(&self, report: &RunReport) -> Fate {
        match Signature::of(report) {
            None => Fate::Passes,
            Some(signature) if signature.is_same_failure(self.signature) => Fate::Fails,
            Some(other) => Fate::FailsOtherwise(other.to_string()),
        }
    }

    /// Finds the point of no return, and which of the faults before it the failure needs.
    pub(super) fn branch(
        &self,
        limits: &Limits<'_>,
        remarks: &mut Vec<String>,
    ) -> (Option<NoReturn>, Vec<Needed>) {
        let schedule = &self.plan.schedule;
        let carry_out = |branch: &Branch| self.carry_out(branch);
        let point = point_of_no_return(schedule, self.failed_at, limits, carry_out);
        if !point.strayed.is_empty() {
            remarks.push(format!(
                "{} branches were other runs before they should have been: something is not \
                 repeatable",
                point.strayed.len()
            ));
        }
        let from = point.saved.unwrap_or(Duration::ZERO);
        let struck = |fault: &&ScheduledFault| (from..point.lost).contains(&fault.at);
        let in_force = |fault: &&ScheduledFault| {
            fault.at < from
                && fault.fault.lasts()
                && fault.lasts.is_none_or(|l| fault.at + l > from)
        };
        let no_return = NoReturn {
            saved: point.saved.map(|saved| self.began + saved),
            lost: self.began + point.lost,
            struck: schedule.faults.iter().filter(struck).map(|fault| self.told(fault)).collect(),
            in_force: schedule.faults.iter().filter(in_force).map(|f| self.told(f)).collect(),
        };
        let needed = self.needed(&stopped_at(schedule, point.lost), limits);
        (Some(no_return), needed)
    }

    fn needed(&self, schedule: &Schedule, limits: &Limits<'_>) -> Vec<Needed> {
        let fates = without_each(schedule, limits, |branch| self.carry_out(branch));
        let faults = schedule.faults.iter().zip(fates);
        let needed = faults.map(|(scheduled, without)| Needed {
            at: self.began + scheduled.at,
            fault: words(scheduled),
            without,
        });
        needed.collect()
    }

    fn told(&self, scheduled: &ScheduledFault) -> String {
        let at = self.began + scheduled.at;
        format!("{} at {:.3}s", words(scheduled), at.as_secs_f64())
    }
}

/// A fault and whom it is aimed at, by name.
fn words(scheduled: &ScheduledFault) -> String {
    let mut words = scheduled.fault.to_string();
    if let Fault::Partition { groups } = &scheduled.fault {
        for group in groups {
            let names: Vec<String> =
                group.iter().map(|node| ClusterSettings::node_name(node.0)).collect();
            words.push_str(&format!(" {}", names.join("+")));
        }
    }
    for aim in &scheduled.aims {
        match aim {
            Aim::Node(node) => words.push_str(&format!(" {}", ClusterSettings::node_name(node.0))),
            Aim::Role { role, .. } => words.push_str(&format!(" the {role}")),
        }
    }
    if let Some(lasts) = scheduled.lasts {
        words.push_str(&format!(" for {:.3}s", lasts.as_secs_f64()));
    }
    words
}
