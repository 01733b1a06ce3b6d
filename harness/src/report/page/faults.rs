//! Faults as bands of time, from the journal.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::micros;
use crate::cluster::{JournalEntry, JournalEvent};
use crate::fault::{Fault, FaultClass};

/// A fault from its beginning to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// When it struck.
    pub from: u64,
    /// When it was over; equal to `from` for one that is over as soon as it has struck.
    pub to: u64,
    /// Its class, as it stands in [`FaultClass::ALL`].
    pub class: usize,
    /// The fault.
    pub words: String,
    /// Whom it struck.
    pub on: Vec<String>,
    /// Whether whom it struck was down until it was over.
    pub down: bool,
}

impl Band {
    /// The faults of a run that lasted so long. What was not lifted before the end of the run
    /// lasts until then.
    #[must_use]
    pub fn of(journal: &[JournalEntry], lasted: Duration) -> Vec<Self> {
        let mut bands: Vec<Self> = Vec::new();
        // Positions of those that are in force: by number, or by the node that is down.
        let mut in_force: BTreeMap<u64, usize> = BTreeMap::new();
        let mut down: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for entry in journal {
            let now = micros(entry.at);
            match &entry.event {
                JournalEvent::Struck { id, fault, on } => {
                    if fault.stops_the_process() {
                        for node in on {
                            down.entry(node.clone()).or_default().push(bands.len());
                        }
                    } else if fault.lasts() {
                        in_force.insert(id.0, bands.len());
                    }
                    bands.push(Self::begun(now, fault, on));
                }
                JournalEvent::Lifted { id, on, .. } => {
                    let ended = in_force.remove(&id.0).into_iter();
                    let risen = on.iter().flat_map(|node| down.remove(node).unwrap_or_default());
                    ended.chain(risen).for_each(|at| bands[at].to = now);
                }
                JournalEvent::Restarted { node, .. } => {
                    let risen = down.remove(node).unwrap_or_default();
                    risen.into_iter().for_each(|at| bands[at].to = now);
                }
                JournalEvent::Healed => {
                    let ended = std::mem::take(&mut in_force).into_values();
                    let risen = std::mem::take(&mut down).into_values().flatten();
                    ended.chain(risen).for_each(|at| bands[at].to = now);
                }
                JournalEvent::Skipped { .. }
                | JournalEvent::Ended { .. }
                | JournalEvent::Note(_) => {}
            }
        }
        let open = in_force.into_values().chain(down.into_values().flatten());
        open.for_each(|at| bands[at].to = micros(lasted));
        bands
    }

    fn begun(now: u64, fault: &Fault, on: &[String]) -> Self {
        let class = fault.class();
        Self {
            from: now,
            to: now,
            class: FaultClass::ALL.iter().position(|known| *known == class).unwrap_or_default(),
            words: fault.to_string(),
            on: on.to_vec(),
            down: fault.stops_the_process(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::FaultId;

    fn entry(ms: u64, event: JournalEvent) -> JournalEntry {
        JournalEntry { at: Duration::from_millis(ms), event }
    }

    fn struck(id: u64, fault: Fault, on: &str) -> JournalEvent {
        JournalEvent::Struck { id: FaultId(id), fault, on: vec![on.to_owned()] }
    }

    #[test]
    fn a_band_ends_where_its_fault_does() {
        let journal = [
            entry(1, struck(1, Fault::Crash, "a")),
            entry(2, struck(2, Fault::Isolate, "b")),
            entry(3, struck(3, Fault::Pause, "c")),
            entry(4, struck(4, Fault::Action("elect".to_owned()), "b")),
            entry(5, JournalEvent::Restarted { node: "a".to_owned(), incarnation: 2 }),
            entry(
                6,
                JournalEvent::Lifted {
                    id: FaultId(2),
                    fault: Fault::Isolate,
                    on: vec!["b".to_owned()],
                },
            ),
        ];
        let bands = Band::of(&journal, Duration::from_millis(9));
        let times: Vec<_> = bands.iter().map(|band| (band.from, band.to, band.down)).collect();
        let expected =
            [(1000, 5000, true), (2000, 6000, false), (3000, 9000, false), (4000, 4000, false)];
        assert_eq!(times, expected);
        let mut healed = journal.to_vec();
        healed.push(entry(7, JournalEvent::Healed));
        assert_eq!(Band::of(&healed, Duration::from_millis(9))[2].to, 7000);
    }
}
