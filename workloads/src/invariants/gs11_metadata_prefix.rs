//! GS11, *metadata prefix*: what any controller reports as committed at an offset is what every other
//! one reports there, and a broker has only ever applied what is committed, in order.
//!
//! Source: Vanlightly's *MetadataLogMatching*. Always judged.
//!
//! It would cry wolf to demand that all report the same offsets *now*: controllers that follow are
//! late, one that restarts reports again from its snapshot on, and a broker that restarts begins
//! anew.

use highwater::host::probe::Observation;

use super::{Invariant, Violation};
use crate::picture::{Change, Picture, What};

#[derive(Debug)]
pub(super) struct MetadataPrefix;

impl Invariant for MetadataPrefix {
    fn name(&self) -> &'static str {
        "GS11"
    }

    fn statement(&self) -> &'static str {
        "controllers agree on what is committed, and brokers apply a prefix of it"
    }

    fn check(&mut self, picture: &Picture, change: &Change<'_>) -> Result<(), Violation> {
        let what = match change.what {
            What::Observed(Observation::MetadataCommitted { offset, .. }) => picture
                .metadata()
                .disagreement()
                .filter(|d| d.offset == *offset && d.node == change.node)
                .map(|d| {
                    format!(
                        "controller {} says that {:?} was committed at {offset}, where {:?} is known",
                        d.node, d.said, d.known
                    )
                }),
            What::Observed(Observation::MetadataApplied { offset }) => {
                let committed = picture.metadata().offset();
                let before = picture.node(change.node).and_then(|n| n.metadata_applied_before());
                if *offset > committed {
                    Some(format!(
                        "broker {} applied metadata up to {offset}, but only {committed} is committed",
                        change.broker()
                    ))
                } else if before > Some(*offset) {
                    Some(format!(
                        "broker {} went back from metadata offset {} to {offset}",
                        change.broker(),
                        before.unwrap_or_default()
                    ))
                } else {
                    None
                }
            }
            What::Observed(_) | What::Started | What::Stopped(_) | What::DiskHarmed => None,
        };
        match what {
            None => Ok(()),
            Some(what) => Err(Violation::of_none(self.name(), change, what)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use highwater::host::probe::Observation;
    use highwater::types::{MetadataOffset, MetadataRecord};

    use crate::picture::Stop;
    use crate::picture::tale::Tale;

    fn ids(next: i64) -> Arc<Vec<MetadataRecord>> {
        Arc::new(vec![MetadataRecord::ProducerIds { next }])
    }

    #[test]
    fn controllers_that_disagree_are_found() {
        let mut tale = Tale::begin();
        let offset = MetadataOffset(20);
        tale.say(100, Observation::MetadataCommitted { offset, records: ids(1) });
        tale.say(101, Observation::MetadataCommitted { offset, records: ids(2) });
        tale.breaks("GS11");
    }

    #[test]
    fn applying_what_is_not_committed_is_found() {
        let mut tale = Tale::begin();
        tale.say(2, Observation::MetadataApplied { offset: MetadataOffset(99) });
        tale.breaks("GS11");
    }

    #[test]
    fn late_controllers_and_restarted_brokers_are_legal() {
        let mut tale = Tale::begin();
        for controller in [100, 101] {
            for offset in [20, 21] {
                let offset = MetadataOffset(offset);
                tale.say(controller, Observation::MetadataCommitted { offset, records: ids(1) });
            }
        }
        tale.say(2, Observation::MetadataApplied { offset: MetadataOffset(21) });
        tale.stop(2, Stop::Clean).start(2);
        tale.say(2, Observation::MetadataApplied { offset: MetadataOffset(3) });
        tale.is_legal();
    }
}
