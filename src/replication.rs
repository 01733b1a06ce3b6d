//! **Pure.** What one replica of one partition decides: leading, following, the in-sync set, the
//! high watermark (R7–R17, R27–R29).
//!
//! [`Replica::step`] takes the time, what the local log looks like and what happened, and answers
//! with what to do. The shell performs the effects in order, each once, before it feeds the next
//! event. Nothing here waits, reads a clock, rolls dice or touches a disk, so ten thousand
//! schedules a second can be tried against it.

mod event;

pub use event::{
    AlterPartitionAnswer, AlterPartitionProposal, Assignment, CompletedProduce, Effect, Event,
    FetchAnswer, FetchIdentity, FetchRefusal, FetchRequestView, FetchVerdict, FetchedBatches,
    ProduceOutcome, ProduceRefusal, ProduceTicket, ReplicaStanding,
};
