//! What was scraped lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::exposition::{Labels, Sample};
use super::expression::Selector;

/// One round over all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrape {
    /// When it began.
    pub at: Duration,
    /// What all nodes said, with the label `instance`; and `up` for each node, 1 or 0.
    pub samples: Vec<Sample>,
}

/// A memory of scrapes, as long as the rules look back.
#[derive(Debug)]
pub struct Series {
    range: Duration,
    scrapes: VecDeque<Scrape>,
}

/// The values of one series, by time.
pub(super) type Points = Vec<(Duration, f64)>;

impl Series {
    /// A memory of `range`.
    #[must_use]
    pub fn new(range: Duration) -> Self {
        Self { range, scrapes: VecDeque::new() }
    }

    /// Remembers a scrape, and forgets what is too old.
    pub fn push(&mut self, scrape: Scrape) {
        let oldest = scrape.at.saturating_sub(self.range);
        while self.scrapes.front().is_some_and(|old| old.at < oldest) {
            self.scrapes.pop_front();
        }
        self.scrapes.push_back(scrape);
    }

    /// When the newest scrape began.
    pub(super) fn newest_at(&self) -> Option<Duration> {
        self.scrapes.back().map(|scrape| scrape.at)
    }

    /// The newest values. A node that did not answer the last scrape has none: its series have gone
    /// stale.
    pub(super) fn newest(&self, selector: &Selector) -> Vec<(Labels, f64)> {
        let Some(newest) = self.scrapes.back() else { return Vec::new() };
        let meant = newest.samples.iter().filter(|sample| is_meant(selector, sample));
        meant.map(|sample| (sample.labels.clone(), sample.value)).collect()
    }

    /// All values later than `since`.
    pub(super) fn range(&self, selector: &Selector, since: Duration) -> BTreeMap<Labels, Points> {
        let mut series: BTreeMap<Labels, Points> = BTreeMap::new();
        for scrape in self.scrapes.iter().filter(|scrape| scrape.at > since) {
            for sample in scrape.samples.iter().filter(|sample| is_meant(selector, sample)) {
                let points = series.entry(sample.labels.clone()).or_default();
                points.push((scrape.at, sample.value));
            }
        }
        series
    }
}

fn is_meant(selector: &Selector, sample: &Sample) -> bool {
    sample.name == selector.name
        && selector.matchers.iter().all(|(label, equal, value)| {
            let found = sample.labels.get(label).map_or("", String::as_str);
            (found == value) == *equal
        })
}
