//! The numbers that an operator watches: Kafka's, under the names that its dashboards expect.
//!
//! Names are those that Prometheus' JMX exporter makes of Kafka's MBeans by custom: lower case, an
//! underscore between type and name, `PerSec` counters end in `_total`. Meanings are Kafka's too:
//! what concerns a partition is counted by its leader only, what concerns the cluster by the
//! controllers.
//!
//! A gauge is read from the state when somebody asks, under the locks that guard the state anyway.
//! Only what is gone afterwards is counted as it happens: one atomic addition each. Every node has
//! numbers of its own, so that several nodes can live in one process, as they do in a simulation.
//! Times come from the host's clock. Nothing in the broker reads a number back.

mod controllers;
mod fetchers;
mod in_sync;
pub(crate) mod listener;
mod page;
mod quantiles;
mod replicas;
mod requests;

pub(crate) use controllers::ControllerCounters;
pub(crate) use fetchers::{FetcherStats, Fetchers};
pub(crate) use in_sync::InSyncChange;
pub(crate) use replicas::ReplicaCounters;
pub(crate) use requests::{RequestKind, RequestTimes};

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use page::Page;

use super::handlers::Node;

/// The numbers of one node, for as long as it runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
}

impl Metrics {
    /// The numbers of `node`. They do not keep it alive: once it is gone, its page is empty.
    pub(crate) fn of(node: &Arc<Node>) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Collected { node: Arc::downgrade(node) }));
        Self { registry: Arc::new(registry) }
    }

    /// All numbers as they are now, in OpenMetrics' text format. The order of lines does not change
    /// from one call to the next.
    ///
    /// # Panics
    /// Never: a string takes all that is written to it.
    #[must_use]
    pub fn page(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes all that is written to it");
        text
    }
}

/// Reads the node's state whenever a page is asked for.
#[derive(Debug)]
struct Collected {
    node: Weak<Node>,
}

impl Collector for Collected {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(node) = self.node.upgrade() else { return Ok(()) };
        let mut page = Page::new(encoder);
        let now = node.host.clock.now();
        requests::write(&mut page, &node.requests, now)?;
        if let Some(broker) = &node.broker {
            replicas::write(&mut page, broker)?;
            fetchers::write(&mut page, broker, now)?;
        }
        if let Some(controller) = &node.controller {
            controllers::write(&mut page, controller, now)?;
        }
        Ok(())
    }
}

/// Something that is counted; never goes back while the node runs.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn one_more(&self) {
        self.add(1);
    }

    /// So many more.
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many are here now.
#[derive(Debug, Default)]
pub(crate) struct Population(AtomicU64);

impl Population {
    /// So many come, and stay until what is returned is dropped.
    pub(crate) fn enter(&self, count: u64) -> Presence<'_> {
        self.0.fetch_add(count, Ordering::Relaxed);
        Presence { population: self, count }
    }

    /// How many.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// See [`Population::enter`].
#[derive(Debug)]
pub(crate) struct Presence<'a> {
    population: &'a Population,
    count: u64,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.population.0.fetch_sub(self.count, Ordering::Relaxed);
    }
}
