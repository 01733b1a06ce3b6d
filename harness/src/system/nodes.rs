//! The shortest way to introduce a program: so many nodes that all run the same function.
//!
//! A program that needs no roles, no fault budget and no invariants is one `async` function, and
//! [`nodes`] makes a system of it. Whoever needs more implements [`System`].

use std::fmt;
use std::future::Future;

use crate::cluster::Options;
use crate::scenario::Setup;
use crate::seed::Seed;
use crate::system::{BoxError, LocalBoxFuture, NodeEnv, System};

/// So many nodes that run the same program, ready to be told a story about. Made by [`nodes`].
#[derive(Clone)]
pub struct Nodes<M> {
    count: usize,
    main: M,
    options: Options,
}

/// A system of `count` nodes, called `node-1`, `node-2` and so on, in a data centre. Each of them
/// runs `main`, for the first time and again after each restart. When `main` returns, the process
/// has exited.
///
/// ```
/// use harness::prelude::*;
///
/// async fn sleeper(env: NodeEnv) -> Result<(), BoxError> {
///     env.clock.sleep(secs(2)).await;
///     Ok(())
/// }
///
/// scenario(nodes(3, sleeper), |cluster| {
///     assert_eq!(cluster.running().len(), 3);
///     cluster.run_for(secs(3));
///     assert!(cluster.running().is_empty());
/// });
/// ```
pub fn nodes<M, P>(count: usize, main: M) -> Nodes<M>
where
    M: Fn(NodeEnv) -> P + Clone + Sync + 'static,
    P: Future<Output = Result<(), BoxError>> + 'static,
{
    Nodes { count, main, options: Options::new() }
}

impl<M> Nodes<M> {
    /// The same in other physics.
    #[must_use]
    pub fn options(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

impl<M, P> Setup for Nodes<M>
where
    M: Fn(NodeEnv) -> P + Clone + Sync + 'static,
    P: Future<Output = Result<(), BoxError>> + 'static,
{
    type System = Programs<M>;

    fn build(&self, _: Seed) -> Programs<M> {
        Programs { count: self.count, main: self.main.clone() }
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

/// The system that [`nodes`] makes.
pub struct Programs<M> {
    count: usize,
    main: M,
}

impl<M, P> System for Programs<M>
where
    M: Fn(NodeEnv) -> P + 'static,
    P: Future<Output = Result<(), BoxError>> + 'static,
{
    fn nodes(&self) -> Vec<String> {
        (1..=self.count).map(|number| format!("node-{number}")).collect()
    }

    fn boot(&mut self, env: NodeEnv) -> LocalBoxFuture<'static, Result<(), BoxError>> {
        Box::pin((self.main)(env))
    }
}

impl<M> fmt::Debug for Nodes<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, main: _, options } = self;
        f.debug_struct("Nodes")
            .field("count", count)
            .field("options", options)
            .finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Programs<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Programs").field("count", &self.count).finish_non_exhaustive()
    }
}
