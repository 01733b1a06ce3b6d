//! **Pure.** The controllers' log: raft, from the `raft` crate, driven by ticks and messages.
//!
//! [`Quorum::step`] takes what happened and answers with what to make durable, what to send and
//! what is committed, in an order that is safe to perform one by one: nothing is sent before what
//! it promises is on the disk.

mod event;

pub use event::{Change, Effect, Event, HardState, LogEntry, QuorumMessage, Saved, Settings};
