//! Where machines stand, and how far it is from one place to another.
//!
//! A zone is a rack, a data centre or a region: machines that fail together and are near each
//! other. Nodes stand in the zones in turn; clients stand nowhere, at the same distance from
//! everybody, unless they are started in a zone. Without a topology there are no zones.

use std::collections::BTreeMap;
use std::time::Duration;

/// The way between two zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// How long the fastest message takes, in one direction.
    pub latency: Duration,
    /// How much longer the slowest one takes. Latencies fall off exponentially between the two.
    pub jitter: Duration,
}

/// A zone, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Zone(usize);

/// The zones of a cluster and the ways between them.
///
/// ```
/// use harness::topology::Topology;
/// use std::time::Duration;
///
/// let ms = Duration::from_millis;
/// let topology = Topology::new(&["seoul", "busan"]).path("seoul", "busan", ms(4), ms(1));
/// assert_eq!(topology.zone_of(2), "seoul");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    zones: Vec<String>,
    paths: BTreeMap<(Zone, Zone), Path>,
}

impl Topology {
    /// Zones of these names, with the network's own latencies within and between them.
    ///
    /// # Panics
    /// There is none, or a name comes twice.
    #[must_use]
    pub fn new(zones: &[&str]) -> Self {
        assert!(!zones.is_empty(), "a topology has at least one zone");
        for (index, zone) in zones.iter().enumerate() {
            assert!(!zones[..index].contains(zone), "zone {zone} comes twice");
        }
        let zones = zones.iter().map(|zone| (*zone).to_owned()).collect();
        Self { zones, paths: BTreeMap::new() }
    }

    /// How long messages between two zones take, in each direction; for one zone given twice,
    /// within it.
    ///
    /// # Panics
    /// A zone is not one of this topology.
    #[must_use]
    pub fn path(mut self, a: &str, b: &str, latency: Duration, jitter: Duration) -> Self {
        let (a, b) = (self.known(a), self.known(b));
        self.paths.insert((a.min(b), a.max(b)), Path { latency, jitter });
        self
    }

    /// The names of the zones.
    #[must_use]
    pub fn zones(&self) -> &[String] {
        &self.zones
    }

    /// The name of the zone in which the node at `index` stands.
    #[must_use]
    pub fn zone_of(&self, index: usize) -> &str {
        &self.zones[index % self.zones.len()]
    }

    pub(crate) fn place(&self, index: usize) -> Zone {
        Zone(index % self.zones.len())
    }

    pub(crate) fn find(&self, name: &str) -> Option<Zone> {
        self.zones.iter().position(|zone| zone == name).map(Zone)
    }

    pub(crate) fn between(&self, a: Zone, b: Zone) -> Option<Path> {
        self.paths.get(&(a.min(b), a.max(b))).copied()
    }

    fn known(&self, name: &str) -> Zone {
        let Some(zone) = self.find(name) else {
            panic!("there is no zone {name} among {:?}", self.zones)
        };
        zone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_both_ways_and_only_where_it_leads() {
        let ms = Duration::from_millis;
        let topology = Topology::new(&["a", "b", "c"]).path("b", "a", ms(4), ms(1));
        let (a, b, c) = (topology.place(3), topology.place(1), topology.place(2));
        let path = Some(Path { latency: ms(4), jitter: ms(1) });
        assert_eq!(topology.between(a, b), path);
        assert_eq!(topology.between(b, a), path);
        assert_eq!(topology.between(a, a), None);
        assert_eq!(topology.between(b, c), None);
    }

    #[test]
    #[should_panic(expected = "no zone d")]
    fn a_path_to_nowhere_is_a_mistake() {
        drop(Topology::new(&["a"]).path("a", "d", Duration::ZERO, Duration::ZERO));
    }
}
