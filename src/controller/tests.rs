//! The controller's proofs: transcripts, each named by its sentence, and random histories.

mod elections;
mod in_sync;
mod membership;
mod random;
mod scene;
mod topics;
mod unclean;
