//! The log checker's tests: each anomaly as a short story, each legal oddity as another, random
//! legal histories with and without a corruption, and garbage.

mod anomalies;
mod corrupt;
mod garbage;
mod legal;
mod simulated;
mod story;

pub(crate) use story::story;
