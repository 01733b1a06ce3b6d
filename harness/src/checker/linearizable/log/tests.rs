//! The log's tests: each violation as a handwritten history beside a legal one that looks wrong,
//! small random histories against a brute force and the general search, recorded histories, and
//! whatever a hostile file can hold.

mod agree;
mod brute;
mod cases;
mod draw;
mod holes;
mod hostile;
mod recorded;
mod violations;
