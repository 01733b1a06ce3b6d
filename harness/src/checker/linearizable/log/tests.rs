//! The log's tests: each violation as a handwritten history beside a legal one that looks wrong,
//! small random histories against a brute force and the general search, recorded histories,
//! whatever a hostile file can hold, and what is told beside the outcome.

mod agree;
mod brute;
mod cases;
mod draw;
mod effort;
mod holes;
mod hostile;
mod recorded;
mod sparse;
mod violations;
