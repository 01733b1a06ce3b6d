//! Barks when a step of a simulation does not end.
//!
//! A task that yields in a loop without ever waiting keeps the virtual time where it is, for ever.
//! Nothing inside the simulation can notice. One thread per process looks at the wall clock, and
//! when a step has taken too long it says which run hangs and ends the process: a thread that
//! spins cannot be stopped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crate::clock::Timeline;
use crate::gate::lock;

/// A run, as the watchdog sees it.
#[derive(Debug)]
pub(crate) struct Pulse {
    label: String,
    limit: Duration,
    timeline: Timeline,
    in_step: AtomicBool,
    steps: AtomicU64,
}

impl Pulse {
    /// Has the run watched from now on until the pulse is dropped.
    pub(crate) fn start(label: String, limit: Duration, timeline: Timeline) -> Arc<Self> {
        let (in_step, steps) = (AtomicBool::new(false), AtomicU64::new(0));
        let pulse = Arc::new(Self { label, limit, timeline, in_step, steps });
        lock(&WATCHED).push(Watched { pulse: Arc::downgrade(&pulse), last: 0, since: None });
        START.call_once(|| {
            let thread = thread::Builder::new().name("watchdog".to_owned());
            // Without its watchdog a simulation is as right as with it.
            drop(thread.spawn(keep_watch));
        });
        pulse
    }

    pub(crate) fn begin_step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.in_step.store(true, Ordering::Relaxed);
    }

    pub(crate) fn end_step(&self) {
        self.in_step.store(false, Ordering::Relaxed);
    }
}

struct Watched {
    pulse: Weak<Pulse>,
    last: u64,
    since: Option<Instant>,
}

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());
static START: Once = Once::new();

const LOOK_EVERY: Duration = Duration::from_millis(250);

#[expect(clippy::disallowed_methods, reason = "the one place that looks at the wall clock")]
fn keep_watch() {
    loop {
        thread::sleep(LOOK_EVERY);
        let now = Instant::now();
        let mut watched = lock(&WATCHED);
        watched.retain(|run| run.pulse.strong_count() > 0);
        if let Some(stuck) = watched.iter_mut().find_map(|run| run.look(now)) {
            bark(&stuck);
        }
    }
}

impl Watched {
    /// The run, if its step has lasted too long at `now`.
    fn look(&mut self, now: Instant) -> Option<Arc<Pulse>> {
        let pulse = self.pulse.upgrade()?;
        let steps = pulse.steps.load(Ordering::Relaxed);
        if !pulse.in_step.load(Ordering::Relaxed) || steps != self.last {
            self.last = steps;
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert(now);
        (now.duration_since(since) >= pulse.limit).then_some(pulse)
    }
}

#[expect(clippy::print_stderr, reason = "these are the process's last words")]
fn bark(stuck: &Pulse) -> ! {
    eprintln!(
        "--- {} hangs: its virtual time has stood still at {:.3}s for {} s of real time; some \
         task never waits",
        stuck.label,
        stuck.timeline.now().as_secs_f64(),
        stuck.limit.as_secs(),
    );
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a wall clock reading to count from")]
    fn only_a_step_that_lasts_too_long_is_stuck() {
        let limit = Duration::from_secs(10);
        let (in_step, steps) = (AtomicBool::new(false), AtomicU64::new(0));
        let timeline = Timeline::default();
        let pulse = Arc::new(Pulse { label: "run".into(), limit, timeline, in_step, steps });
        let mut watched = Watched { pulse: Arc::downgrade(&pulse), last: 0, since: None };
        let begin = Instant::now();
        let mut stuck_at = |second| watched.look(begin + Duration::from_secs(second)).is_some();
        assert!(!stuck_at(0) && !stuck_at(100), "between steps the story may take its time");
        pulse.begin_step();
        assert!(!stuck_at(101) && !stuck_at(102) && !stuck_at(111));
        pulse.end_step();
        pulse.begin_step();
        assert!(!stuck_at(112) && !stuck_at(113) && !stuck_at(122));
        assert!(stuck_at(123));
    }
}
