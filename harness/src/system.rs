//! The program under test, as the harness needs to know it.
//!
//! The harness knows nodes, disks, clocks and a network; it does not know what runs on the nodes.
//! If they all run the same program, [`nodes`] introduces it: `nodes(3, main)`, where `main` is an
//! `async` function of a [`NodeEnv`], which holds all that a process may touch.
//!
//! Whoever wants more implements [`System`]. Only two methods have to be written:
//! [`System::nodes`] says how many machines there are and what they are called, and
//! [`System::boot`] starts the program on one of them. The rest makes testing sharper:
//!
//! - [`System::resolve`] gives names to roles, so that a schedule of faults can aim at whoever
//!   plays a role when the fault strikes. What the roles are is the system's business.
//! - [`System::permits`] is the fault budget. A replicated system promises to survive so many
//!   losses and no more; a schedule drawn at random is asked to stay within the promise, so that
//!   a violation is a bug and not a broken bargain.
//! - [`System::act`] performs deeds that are no faults, such as an operator's orders.
//! - [`System::invariant`] is asked after every step of the simulation, and finds a mistake at the
//!   moment at which it is made.
//!
//! # Sharing
//! A simulation lives on one thread. The system is owned by the cluster; what the running nodes
//! share with it (a picture of the whole, for the invariants) is reached through an `Arc` or `Rc`
//! that `boot` hands to each node. Nothing forces a node to be honest: one that used this to talk
//! to its peers would cheat the network.
//!
//! # Determinism
//! The future that `boot` returns is polled on its node's own single-threaded tokio runtime with a
//! clock that only the simulation moves. It is repeatable from the seed if it takes time from
//! [`NodeEnv::clock`] or `tokio::time`, randomness from [`NodeEnv::dice`], iterates over nothing
//! that hashes, begins each `select!` with `biased;`, and makes no threads.

mod nodes;

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

pub use nodes::{Nodes, Programs, nodes};

use crate::clock::{NodeClock, Timeline};
use crate::disk::SimDisk;
use crate::fault::Fault;
use crate::gate::Stop;
use crate::net::SimNet;
use crate::seed::Stream;
use crate::trace::Tracer;

/// Any error, as programs end with them.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A future that stays on its thread.
pub type LocalBoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A deed of the system, performed as a client of it.
pub type Deed = Box<dyn FnOnce(ClientEnv) -> LocalBoxFuture<'static, ()>>;

/// A node, by its position in [`System::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Node(pub usize);

/// The program under test.
pub trait System: 'static {
    /// The names of the nodes, which are also their host names. Asked once.
    fn nodes(&self) -> Vec<String>;

    /// Starts the program on a node, for the first time or again. The future is the process: when
    /// it returns, the process has exited and all that it left running is gone. It is made outside
    /// of the simulated host; what needs the host (sockets, time) belongs inside of it.
    fn boot(&mut self, env: NodeEnv) -> LocalBoxFuture<'static, Result<(), BoxError>>;

    /// The nodes that play a role now. `index` tells several of the role apart, modulo as many as
    /// there are. `None` if nobody plays it or nobody knows the role.
    fn resolve(&self, role: &str, index: usize) -> Option<Vec<Node>> {
        let _ = (role, index);
        None
    }

    /// Whether a fault may strike a node without asking more of the system than it promises.
    /// Asked just before the fault takes effect; to say yes is to count it.
    fn permits(&mut self, fault: &Fault, node: Node) -> bool {
        let _ = (fault, node);
        true
    }

    /// A deed that the schedule asks for by name. `None` if it makes no sense now.
    fn act(&mut self, action: &str, dice: &mut Stream) -> Option<Deed> {
        let _ = (action, dice);
        None
    }

    /// Asked after every step.
    ///
    /// # Errors
    /// What is wrong. It fails the run at once.
    fn invariant(&mut self) -> Result<(), Violation> {
        Ok(())
    }

    /// A node was started; `boot` has just been called.
    fn started(&mut self, node: Node, incarnation: u64) {
        let _ = (node, incarnation);
    }

    /// A node's process is gone.
    fn stopped(&mut self, node: Node, how: &Stopped) {
        let _ = (node, how);
    }
}

/// All that a process on a node has.
#[derive(Debug)]
pub struct NodeEnv {
    /// The node's name.
    pub name: String,
    /// The node.
    pub node: Node,
    /// Which start of the node this is, from 1.
    pub incarnation: u64,
    /// Its disk, which survives it.
    pub disk: SimDisk,
    /// Its clock.
    pub clock: NodeClock,
    /// Its sockets.
    pub net: SimNet,
    /// Its dice, fresh at each start: the stream `{name}/incarnation-{n}`.
    pub dice: Stream,
    /// The wish that it end cleanly.
    pub stop: Stop,
    /// Where it may note what happens, for whoever reads a failed run.
    pub trace: Tracer,
    /// True time, for stamping what is observed; the program itself has only its clock.
    pub timeline: Timeline,
}

/// All that a client has. It runs on a machine of its own, without a disk.
#[derive(Debug)]
pub struct ClientEnv {
    /// The client's name, as given.
    pub name: String,
    /// Its clock.
    pub clock: NodeClock,
    /// Its sockets.
    pub net: SimNet,
    /// Its dice: the stream `client/{name}`.
    pub dice: Stream,
    /// The wish that it finish.
    pub stop: Stop,
    /// Where it may note what happens.
    pub trace: Tracer,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stopped {
    /// It was killed; its sockets were closed by the operating system or, if `silent`, by nobody.
    Killed {
        /// Whether its peers heard nothing.
        silent: bool,
    },
    /// Its machine lost power.
    PowerCut,
    /// It was asked to stop and did.
    Stopped,
    /// It ended by itself, perhaps with an error.
    Exited {
        /// What it said.
        error: Option<String>,
    },
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{invariant} is violated: {what}")]
pub struct Violation {
    /// Which invariant, by its name or number.
    pub invariant: String,
    /// Who has broken it and how.
    pub what: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed { silent: false } => f.write_str("killed"),
            Self::Killed { silent: true } => f.write_str("killed silently"),
            Self::PowerCut => f.write_str("lost power"),
            Self::Stopped => f.write_str("stopped"),
            Self::Exited { error: None } => f.write_str("exited"),
            Self::Exited { error: Some(error) } => write!(f, "exited: {error}"),
        }
    }
}
