//! Whether a plan still fails: one run each, and none twice.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use harness::shrink::first_in_order;

use super::{Judge, Limits, Progress, carried_out};
use crate::plan::Plan;
use crate::signature::Signature;

/// The simulation as a judge of candidates.
pub(super) struct Trial<'a> {
    signature: Signature,
    limits: Limits<'a>,
    /// What plans came to, by their text.
    known: Mutex<BTreeMap<String, bool>>,
    doing: Mutex<&'static str>,
    runs: AtomicU64,
    was_enough: AtomicBool,
}

impl<'a> Trial<'a> {
    pub(super) fn new(signature: Signature, limits: Limits<'a>) -> Self {
        Self {
            signature,
            limits,
            known: Mutex::default(),
            doing: Mutex::new(""),
            runs: AtomicU64::new(0),
            was_enough: AtomicBool::new(false),
        }
    }

    /// How many candidates were run.
    pub(super) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Whether it was enough before everything was tried.
    pub(super) fn was_enough(&self) -> bool {
        self.was_enough.load(Ordering::Relaxed)
    }

    fn fails(&self, plan: &Plan) -> bool {
        if plan.check().is_err() {
            return false;
        }
        let text = serde_json::to_string(plan).expect("a plan has only text keys");
        let known = self.known.lock().expect(NO_PANIC).get(&text).copied();
        if let Some(fails) = known {
            return fails;
        }
        if (self.limits.is_enough)() {
            self.was_enough.store(true, Ordering::Relaxed);
            return false;
        }
        let report = carried_out(plan).report;
        let signature = Signature::of(&report);
        let fails = signature.is_some_and(|other| other.is_same_failure(&self.signature));
        self.known.lock().expect(NO_PANIC).insert(text, fails);
        let runs = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let doing = *self.doing.lock().expect(NO_PANIC);
        (self.limits.told)(&Progress { runs, faults: plan.schedule.faults.len(), doing });
        fails
    }
}

const NO_PANIC: &str = "nothing panics under this lock";

impl Judge for Trial<'_> {
    fn first_failing(&self, candidates: &[Plan]) -> Option<usize> {
        first_in_order(candidates, self.limits.workers, |plan| self.fails(plan))
    }

    fn begin(&self, doing: &'static str) {
        *self.doing.lock().expect(NO_PANIC) = doing;
    }
}
