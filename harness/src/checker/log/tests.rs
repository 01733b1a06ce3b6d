//! The log checker's tests: each anomaly as a short story, each legal oddity as another, random
//! legal histories with and without a corruption, and garbage.

mod anomalies;
mod circles;
mod corrupt;
mod edges;
mod garbage;
mod legal;
mod moments;
mod order;
mod readers;
mod several;
mod simulated;
mod story;
mod torn;
mod transactions;

pub(crate) use story::story;
use story::{asked, read, send};
