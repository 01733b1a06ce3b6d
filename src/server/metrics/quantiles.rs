//! How long something took lately: a count and quantiles.
//!
//! Kafka's histograms keep a random sample that leans towards the last five minutes. This keeps
//! everything of the last one to two minutes, to two digits, and rolls no dice: a histogram fills
//! for a minute, then stands for the minute before while the next one fills.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::types::Millis;

/// How long one histogram fills.
const WINDOW: Duration = Duration::from_secs(60);
/// Digits that are kept: a value is told to within one part in a hundred.
const DIGITS: u8 = 2;
/// Nothing is told to have taken longer: a day.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// The quantiles told, with the words that the exporter of Kafka's MBeans uses for them.
const TOLD: [(&str, f64); 6] = [
    ("0.50", 0.50),
    ("0.75", 0.75),
    ("0.95", 0.95),
    ("0.98", 0.98),
    ("0.99", 0.99),
    ("0.999", 0.999),
];

/// Durations in milliseconds.
#[derive(Debug)]
pub(crate) struct Quantiles {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    count: u64,
    begun: Millis,
    current: Histogram<u32>,
    previous: Histogram<u32>,
}

/// What is told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// How many there were since the start.
    pub(super) count: u64,
    /// Each quantile in its words, and its value in milliseconds; 0 if there was nothing lately.
    pub(super) quantiles: Vec<(&'static str, u64)>,
}

impl Default for Quantiles {
    fn default() -> Self {
        let state =
            State { count: 0, begun: Millis(0), current: histogram(), previous: histogram() };
        Self { state: Mutex::new(state) }
    }
}

fn histogram() -> Histogram<u32> {
    Histogram::new(DIGITS).expect("up to five digits may be asked for")
}

impl Quantiles {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic under this lock is a bug that ends the broker")
    }

    /// Something took so long, and ended now.
    pub(crate) fn record(&self, now: Millis, took: Duration) {
        let mut state = self.lock();
        state.rotate(now);
        state.count += 1;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(LONGEST_MS).min(LONGEST_MS);
        state.current.record(took_ms).expect("the histogram grows to a day");
    }

    /// How many there were, and how long those of the last minute or two took.
    pub(super) fn told(&self, now: Millis) -> Told {
        let mut state = self.lock();
        state.rotate(now);
        let mut lately = state.previous.clone();
        lately.add(&state.current).expect("the histogram grows to a day");
        let quantiles = TOLD.map(|(words, quantile)| (words, lately.value_at_quantile(quantile)));
        Told { count: state.count, quantiles: quantiles.to_vec() }
    }
}

impl State {
    fn rotate(&mut self, now: Millis) {
        let filled = now - self.begun;
        if filled < WINDOW {
            return;
        }
        self.previous = std::mem::replace(&mut self.current, histogram());
        if filled >= WINDOW * 2 {
            self.previous = histogram();
        }
        self.begun = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Millis {
        Millis(seconds * 1000)
    }

    fn value(told: &Told, words: &str) -> u64 {
        told.quantiles.iter().find(|(name, _)| *name == words).unwrap().1
    }

    #[test]
    fn quantiles_are_within_a_hundredth() {
        let quantiles = Quantiles::default();
        for took in 1..=10_000 {
            quantiles.record(at(1), Duration::from_millis(took));
        }
        let told = quantiles.told(at(2));
        assert_eq!(told.count, 10_000);
        for (words, exact) in [("0.50", 5_000), ("0.95", 9_500), ("0.999", 9_990)] {
            let value = value(&told, words);
            assert!(value.abs_diff(exact) * 100 <= exact, "{words}: {value}, not {exact}");
        }
        assert_eq!(told, quantiles.told(at(2)), "asking changes nothing");
    }

    #[test]
    fn what_is_longer_ago_than_two_minutes_is_forgotten_but_counted() {
        let quantiles = Quantiles::default();
        quantiles.record(at(1), Duration::from_millis(900));
        assert_eq!(value(&quantiles.told(at(61)), "0.99"), 903, "it stands for a minute more");
        quantiles.record(at(62), Duration::from_millis(5));
        assert_eq!(value(&quantiles.told(at(70)), "0.99"), 903);
        let told = quantiles.told(at(125));
        assert_eq!((told.count, value(&told, "0.99")), (2, 5));
        let told = quantiles.told(at(500));
        assert_eq!((told.count, value(&told, "0.99")), (2, 0));
    }

    #[test]
    fn times_beyond_reason_are_bounded() {
        let quantiles = Quantiles::default();
        quantiles.record(at(0), Duration::MAX);
        assert!(value(&quantiles.told(at(0)), "0.50") >= LONGEST_MS);
    }
}
