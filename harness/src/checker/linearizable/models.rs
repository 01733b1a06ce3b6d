//! Objects that most stores offer.

pub mod register;

pub mod key_value;
pub mod log;
pub mod queue;
pub mod set;
