//! Time travel: a story is left at a moment, wherever in it that is.
//!
//! A story is a sequence of calls, and the moment somebody wants to look at lies in the midst of one
//! of them: in a storm of faults, in a wait. So the step that reaches it unwinds the story, and the
//! cluster stands still as it is. Nothing before that moment is different for it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use super::Cluster;
use crate::system::System;

/// What a story that is left is unwound with. No panic hook sees it, for nothing is wrong.
struct Halted;

impl<S: System> Cluster<S> {
    /// Tells a story up to the step that reaches `moment`, since the simulation began. `None` if it
    /// was left there; what it came to, if it was over before.
    ///
    /// # Panics
    /// As the story.
    pub fn tell_until<T>(
        &mut self,
        moment: Duration,
        story: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        if self.now() >= moment {
            return None;
        }
        self.halt_at = Some(moment);
        let told = catch_unwind(AssertUnwindSafe(|| story(self)));
        self.halt_at = None;
        match told {
            Ok(value) => Some(value),
            Err(payload) if payload.is::<Halted>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Leaves the story if its time is up.
    pub(super) fn halt_if_due(&self) {
        if self.halt_at.is_some_and(|moment| self.now() >= moment) {
            resume_unwind(Box::new(Halted));
        }
    }
}
