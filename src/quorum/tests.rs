//! The quorum's proofs: random networks, and single sentences.

mod cluster;
mod damage;
mod random;
mod sentences;
