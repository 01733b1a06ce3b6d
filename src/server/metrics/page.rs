//! The page being written: one family of samples after the other.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// What tells the samples of a family apart, in order.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A page in the making.
#[derive(Debug)]
pub(super) struct Page<'encoder> {
    encoder: DescriptorEncoder<'encoder>,
}

impl<'encoder> Page<'encoder> {
    pub(super) fn new(encoder: DescriptorEncoder<'encoder>) -> Self {
        Self { encoder }
    }

    /// A number that goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.gauges(name, help, [(Labels::new(), value)])
    }

    /// A number that only goes up. Its sample is called `{name}_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.counters(name, help, [(Labels::new(), value)])
    }

    /// Numbers of one kind that go up and down.
    pub(super) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            // Without labels there are no braces either.
            match labels.is_empty() {
                true => family.encode_gauge(&value)?,
                false => family.encode_family(&labels)?.encode_gauge(&value)?,
            }
        }
        Ok(())
    }

    /// Numbers of one kind that only go up. Their samples are called `{name}_total`.
    pub(super) fn counters(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels, u64)>,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            match labels.is_empty() {
                true => family.encode_counter::<NoLabelSet, _, u64>(&value, None)?,
                false => family
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, _, u64>(&value, None)?,
            }
        }
        Ok(())
    }

    /// A number with a fraction.
    pub(super) fn fraction(
        &mut self,
        (name, labels): (&str, &Labels),
        help: &str,
        value: f64,
    ) -> fmt::Result {
        let mut family = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        family.encode_family(labels)?.encode_gauge(&value)
    }
}

/// `usize` counts as a page has them.
pub(super) fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
