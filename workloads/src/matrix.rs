//! The guarantee matrix: what each combination of settings keeps under each hardship, measured.
//!
//! Operators choose between acks levels, replication factors, `min.insync.replicas` and unclean
//! election on the strength of tables in tutorials. Here the table is computed. A [`Cell`] is one
//! combination under one [`Hardship`]; its [`Tally`] is what many seeds came to. What the protocol
//! promises is said beside it by [`theory`], so that a cell that must lose nothing and does is a
//! bug, and one that may lose and never did is marked as not exercised.
//!
//! One run has producers of all three acks levels side by side under the same faults. So it fills
//! three cells, and what they lose and cost can be compared.

mod cell;
mod hardship;
mod measure;
pub mod page;
pub mod store;
pub mod table;
pub mod theory;

pub use cell::{Cell, Row, Run, cells, golden_cells};
pub use hardship::Hardship;
pub use measure::{Figures, Tally, measure};

#[cfg(test)]
mod tests;
