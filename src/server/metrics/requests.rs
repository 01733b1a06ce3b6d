//! How long requests take, from the last byte that arrived to the last byte of the answer.

use std::fmt;

use crate::protocol::request::Request;
use crate::types::Millis;

use super::page::{Labels, Page};
use super::quantiles::Quantiles;

/// The requests that are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    /// A producer's.
    Produce,
    /// A fetch of a consumer.
    FetchConsumer,
    /// A fetch of another broker.
    FetchFollower,
}

impl RequestKind {
    const ALL: [Self; 3] = [Self::Produce, Self::FetchConsumer, Self::FetchFollower];

    /// The kind of a request; `None` if it is not timed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not timed")]
    pub(crate) fn of(request: &Request) -> Option<Self> {
        match request {
            Request::Produce(_) => Some(Self::Produce),
            // By version one or the other is set; both are -1 for a consumer.
            Request::Fetch(fetch) if fetch.replica_id.max(fetch.replica_state.replica_id) >= 0 => {
                Some(Self::FetchFollower)
            }
            Request::Fetch(_) => Some(Self::FetchConsumer),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Produce => "Produce",
            Self::FetchConsumer => "FetchConsumer",
            Self::FetchFollower => "FetchFollower",
        }
    }
}

/// How long the requests to one node took.
#[derive(Debug, Default)]
pub(crate) struct RequestTimes {
    produce: Quantiles,
    fetch_consumer: Quantiles,
    fetch_follower: Quantiles,
}

impl RequestTimes {
    fn of(&self, kind: RequestKind) -> &Quantiles {
        match kind {
            RequestKind::Produce => &self.produce,
            RequestKind::FetchConsumer => &self.fetch_consumer,
            RequestKind::FetchFollower => &self.fetch_follower,
        }
    }

    /// A request that had arrived at `arrived` has been answered now.
    pub(crate) fn answered(&self, kind: RequestKind, arrived: Millis, now: Millis) {
        self.of(kind).record(now, now - arrived);
    }
}

pub(super) fn write(page: &mut Page<'_>, times: &RequestTimes, now: Millis) -> fmt::Result {
    let told = RequestKind::ALL.map(|kind| (kind, times.of(kind).told(now)));
    let request = |kind: RequestKind| ("request", kind.words().to_owned());
    page.gauges(
        "kafka_network_requestmetrics_totaltimems",
        "Time from a request's arrival until its answer was sent, in ms, lately",
        told.iter().flat_map(|(kind, told)| {
            told.quantiles.iter().map(|(words, value)| {
                let labels: Labels = vec![request(*kind), ("quantile", (*words).to_owned())];
                (labels, *value)
            })
        }),
    )?;
    page.gauges(
        "kafka_network_requestmetrics_totaltimems_count",
        "Requests answered",
        told.iter().map(|(kind, told)| (vec![request(*kind)], told.count)),
    )
}
