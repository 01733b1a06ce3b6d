//! What must hold of a log, from its files' bytes to any crash at any moment.

mod appending;
mod corruption;
mod crashes;
mod cutting;
mod files;
mod flushing;
mod machine;
mod model;
mod reading;
