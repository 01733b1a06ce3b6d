//! The real machine: tokio's sockets, the file system, the system clock.
