//! A Kafka-compatible replicated log broker, built so that it can be run whole inside a simulation.
//!
//! # Layout, in reading order
//!
//! The words of the house are in [`types`]; what a broker needs from the outside is one value,
//! [`host::Host`]. The rooms that decide are pure: [`replication`], [`controller`] and [`quorum`].
//! The rooms that act are [`log`] (one replica on its disk), [`protocol`] (Kafka's wire),
//! [`server`] (shells around the pure rooms) and [`client`] (a small Kafka client).
#![doc = include_str!("ARCHITECTURE.md")]

#[macro_use]
pub mod mutants;

pub mod types;

pub mod host;

pub mod config;

pub mod protocol;

pub mod log;

pub mod replication;

pub mod controller;

pub mod quorum;

pub mod client;

pub mod server;
