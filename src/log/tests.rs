//! What must hold of a log.
