//! **Pure.** What the active controller decides: who is registered, who is fenced, who leads, who
//! is in sync, where replicas are placed (R18–R26).
//!
//! [`Controller::step`] takes the time and what happened and answers with metadata records to
//! propose and replies to send. A reply that depends on a record is held back until the quorum has
//! committed the record: a controller that answered earlier could be forgotten by its successor.

mod event;
mod image;

pub use event::{
    AlterPartitionReply, AlterPartitionRequest, CreateTopicReply, CreateTopicRequest, Effect,
    ElectLeadersReply, ElectionKind, ElectionRefusal, Event, HeartbeatReply, HeartbeatRequest,
    PartitionRefusal, RegisterBrokerRequest, Reply, Request, RequestTicket, TopicRefusal,
};
pub use image::{MetadataImage, TopicImage};
