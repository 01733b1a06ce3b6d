//! What many hours of seeds came to: kept while they run, grouped, compared and joined.
//!
//! A soak is a sweep of the [`swarm`](crate::swarm) that may take a night and several machines. So
//! it must survive being interrupted ([`store`]), be cut into shards ([`shard`]) whose results are
//! joined again ([`merge`]), and end in few words: failures that have a
//! [`Signature`](crate::signature::Signature) in common are one finding ([`findings`]), which is new
//! or was there last time. [`ci`] tells that to the systems that start it at night.
//!
//! Nothing is kept for each seed but a line in a file. In memory there are counters, and findings up
//! to a bound: a [`ledger::Ledger`] after a million seeds is as large as after a hundred.

pub mod build;
pub mod ci;
pub mod findings;
pub mod ledger;
pub mod memory;
pub mod merge;
pub mod report;
pub mod shard;
pub mod store;

#[cfg(test)]
mod tests;
