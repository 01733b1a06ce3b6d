//! What time it is: for the simulation, and for each node as its own crystal sees it.
//!
//! turmoil's hosts all tick alike. Real machines do not: a wall clock jumps when it is set, and a
//! crystal runs a little fast or slow. Every process here reads time through a [`NodeClock`],
//! whose wall clock can be pushed and whose rate can be bent while it runs. Sleeps already begun
//! keep their length, as a timer armed in a kernel does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::gate::{Gate, lock};

/// Milliseconds between 1970 and the beginning of every simulation: 1 January 2026, 00:00 UTC.
pub const EPOCH_MS: i64 = 1_767_225_600_000;

const MILLION: i128 = 1_000_000;

/// Time since the simulation began, as nobody inside it can see. Cheap to clone.
///
/// Between steps it stands still; inside a step it moves with the host that is being run.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    shared: Arc<Moment>,
}

#[derive(Debug, Default)]
struct Moment {
    nanos: AtomicU64,
    in_step: AtomicBool,
}

impl Timeline {
    /// The true time since the simulation began.
    #[must_use]
    pub fn now(&self) -> Duration {
        let settled = Duration::from_nanos(self.shared.nanos.load(Ordering::Relaxed));
        // Outside a step there is no current host, and in its destructors tokio's clock is real.
        if self.shared.in_step.load(Ordering::Relaxed) {
            turmoil::sim_elapsed().unwrap_or(settled)
        } else {
            settled
        }
    }

    /// A step of the simulation begins.
    pub(crate) fn begin_step(&self) {
        self.shared.in_step.store(true, Ordering::Relaxed);
    }

    /// The step is over and the simulation is `elapsed` old.
    pub(crate) fn end_step(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.shared.nanos.store(nanos, Ordering::Relaxed);
        self.shared.in_step.store(false, Ordering::Relaxed);
    }
}

/// Time as one node believes it to be. Cheap to clone; survives the node's restarts.
#[derive(Clone, Debug)]
pub struct NodeClock {
    timeline: Timeline,
    crystal: Arc<Mutex<Crystal>>,
    gate: Gate,
}

/// The node's own time is `local + (true now - anchor) * (1 + rate)`.
#[derive(Debug, Default)]
struct Crystal {
    anchor: Duration,
    local: Duration,
    rate_ppm: i32,
    wall_offset_ms: i64,
}

impl NodeClock {
    /// A clock that is right, for now.
    #[must_use]
    pub fn new(timeline: Timeline) -> Self {
        Self { timeline, crystal: Arc::default(), gate: Gate::new(true) }
    }

    /// The same clock for a process that can be paused at `gate`.
    #[must_use]
    pub(crate) fn behind(&self, gate: Gate) -> Self {
        Self { gate, ..self.clone() }
    }

    /// Time since the simulation began, as this node's crystal counts it. Never goes back.
    #[must_use]
    pub fn now(&self) -> Duration {
        lock(&self.crystal).at(self.timeline.now())
    }

    /// Whole milliseconds of [`NodeClock::now`].
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since 1970, as this node believes. Jumps when its clock is set.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        let crystal = lock(&self.crystal);
        let counted = crystal.at(self.timeline.now()).as_millis();
        let counted = i64::try_from(counted).unwrap_or(i64::MAX);
        EPOCH_MS.saturating_add(counted).saturating_add(crystal.wall_offset_ms)
    }

    /// Waits for `duration` as this node measures it. While the process is paused no sleep ends;
    /// those that fell due meanwhile end at once when it resumes.
    pub async fn sleep(&self, duration: Duration) {
        let real = lock(&self.crystal).real(duration);
        tokio::time::sleep(real).await;
        self.gate.pass().await;
    }

    /// Sets the wall clock off by `offset_ms` from the truth.
    pub fn set_offset_ms(&self, offset_ms: i64) {
        lock(&self.crystal).wall_offset_ms = offset_ms;
    }

    /// How far the wall clock is set off.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        lock(&self.crystal).wall_offset_ms
    }

    /// Lets the crystal run fast, or slow if negative, by so many millionths. At most half speed
    /// and double speed.
    pub fn set_rate_ppm(&self, rate_ppm: i32) {
        let now = self.timeline.now();
        let mut crystal = lock(&self.crystal);
        crystal.local = crystal.at(now);
        crystal.anchor = now;
        crystal.rate_ppm = rate_ppm.clamp(-500_000, 1_000_000);
    }

    /// By how many millionths the crystal runs fast.
    #[must_use]
    pub fn rate_ppm(&self) -> i32 {
        lock(&self.crystal).rate_ppm
    }
}

impl Crystal {
    fn speed(&self) -> i128 {
        MILLION + i128::from(self.rate_ppm)
    }

    fn at(&self, truth: Duration) -> Duration {
        self.local + scale(truth.saturating_sub(self.anchor), self.speed(), MILLION)
    }

    fn real(&self, local: Duration) -> Duration {
        scale(local, MILLION, self.speed())
    }
}

/// `duration * numerator / denominator`, rounded down, without a float.
fn scale(duration: Duration, numerator: i128, denominator: i128) -> Duration {
    // Nearly every crystal is right nearly all the time, and dividing 128 bits is slow.
    if numerator == denominator {
        return duration;
    }
    let nanos = i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX / MILLION / 2);
    let scaled = nanos.saturating_mul(numerator) / denominator;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(timeline: &Timeline, seconds: u64) {
        timeline.end_step(Duration::from_secs(seconds));
    }

    #[test]
    fn clock_that_runs_fast_never_goes_back_when_it_is_slowed() {
        let timeline = Timeline::default();
        let clock = NodeClock::new(timeline.clone());
        clock.set_rate_ppm(100_000);
        at(&timeline, 10);
        assert_eq!(clock.now(), 11 * SECOND);
        clock.set_rate_ppm(-100_000);
        assert_eq!(clock.now(), 11 * SECOND);
        at(&timeline, 20);
        assert_eq!(clock.now(), 20 * SECOND);
        assert_eq!(clock.now_ms(), 20_000);
    }

    #[test]
    fn wall_clock_jumps_and_the_other_does_not() {
        let timeline = Timeline::default();
        let clock = NodeClock::new(timeline.clone());
        at(&timeline, 5);
        assert_eq!(clock.wall_ms(), EPOCH_MS + 5_000);
        clock.set_offset_ms(-60_000);
        assert_eq!(clock.wall_ms(), EPOCH_MS - 55_000);
        assert_eq!(clock.now(), 5 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn fast_clock_sleeps_shorter() {
        let clock = NodeClock::new(Timeline::default());
        clock.set_rate_ppm(1_000_000);
        let begun = tokio::time::Instant::now();
        clock.sleep(2 * SECOND).await;
        assert_eq!(begun.elapsed(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn no_sleep_ends_while_the_process_is_paused() {
        let gate = Gate::new(true);
        let clock = NodeClock::new(Timeline::default()).behind(gate.clone());
        let begun = tokio::time::Instant::now();
        gate.shut();
        let sleeper = tokio::spawn(async move { clock.sleep(SECOND).await });
        tokio::time::sleep(5 * SECOND).await;
        assert!(!sleeper.is_finished());
        gate.open();
        sleeper.await.unwrap();
        assert_eq!(begun.elapsed(), 5 * SECOND);
    }
}
