//! Clients: programs beside the cluster, each on a machine of its own.
//!
//! turmoil never forgets a host, and each costs time at every step. So a client that is done
//! leaves its machine to the next: a story may use hundreds of short-lived ones.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::rc::Rc;

use super::Cluster;
use super::process::{Process, Software};
use crate::clock::NodeClock;
use crate::gate::{Stop, lock};
use crate::net::wires::HostId;
use crate::system::{ClientEnv, System};
use crate::topology::Zone;

/// A client at work, or its result. Dropping it changes nothing: the client goes on.
pub struct Client<T> {
    name: String,
    stop: Stop,
    result: Rc<RefCell<Option<T>>>,
    done: Rc<Cell<bool>>,
}

impl<T> Client<T> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its work is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done.get()
    }

    /// Asks it to finish.
    pub fn stop(&self) {
        self.stop.request();
    }

    /// Its result, once, when it is done.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.result.borrow_mut().take()
    }
}

impl<T> fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("name", &self.name)
            .field("done", &self.is_done())
            .finish_non_exhaustive()
    }
}

/// A machine for clients.
pub(super) struct Desk {
    pub(super) host: HostId,
    pub(super) tenant: Option<String>,
    software: Software,
    process: Process<()>,
}

impl<S: System> Cluster<S> {
    /// Starts a client; it begins with the next step. Its name is for people and for its dice; a
    /// name used again gets dice of its own.
    pub fn client<T, F, W>(&mut self, name: &str, work: W) -> Client<T>
    where
        T: 'static,
        F: Future<Output = T> + 'static,
        W: FnOnce(ClientEnv) -> F,
    {
        self.client_at(None, name, work)
    }

    /// As [`Cluster::client`], on a machine in a zone of the topology.
    ///
    /// # Panics
    /// There is no such zone.
    pub fn client_in<T, F, W>(&mut self, zone: &str, name: &str, work: W) -> Client<T>
    where
        T: 'static,
        F: Future<Output = T> + 'static,
        W: FnOnce(ClientEnv) -> F,
    {
        let zone = self.zone(zone);
        self.client_at(Some(zone), name, work)
    }

    fn client_at<T, F, W>(&mut self, zone: Option<Zone>, name: &str, work: W) -> Client<T>
    where
        T: 'static,
        F: Future<Output = T> + 'static,
        W: FnOnce(ClientEnv) -> F,
    {
        let process = Process::new();
        let desk = self.free_desk();
        lock(&self.wires).place(self.desks[desk].host, zone);
        self.rewire();
        let stop = Stop::new();
        let env = self.client_env(name, desk, &process, &stop);
        let client = Client {
            name: env.name.clone(),
            stop,
            result: Rc::default(),
            done: Rc::new(Cell::new(false)),
        };
        let (result, done) = (Rc::clone(&client.result), Rc::clone(&client.done));
        let body = work(env);
        let wrapped = process.wrap(async move {
            let value = body.await;
            *result.borrow_mut() = Some(value);
            done.set(true);
        });
        self.seat(desk, &client.name, process, wrapped);
        client
    }

    /// Starts `count` clients that do the same work, called `{name}-1` and so on.
    pub fn clients<T, F, W>(&mut self, name: &str, count: usize, work: W) -> Vec<Client<T>>
    where
        T: 'static,
        F: Future<Output = T> + 'static,
        W: Fn(ClientEnv) -> F,
    {
        (1..=count).map(|number| self.client(&format!("{name}-{number}"), &work)).collect()
    }

    /// Runs until the client is done and returns its result.
    ///
    /// # Panics
    /// It is not done within the wait limit, or its result was taken before.
    pub fn join<T>(&mut self, client: &Client<T>) -> T {
        let words = format!("{} to be done", client.name);
        self.wait_until(&words, |_| client.is_done());
        client.take().expect("a client's result is taken once")
    }

    /// Asks the client to finish, runs until it is done and returns its result.
    ///
    /// # Panics
    /// As [`Cluster::join`].
    pub fn finish<T>(&mut self, client: &Client<T>) -> T {
        client.stop();
        self.join(client)
    }

    /// As [`Cluster::finish`] for several clients, all of which are asked at once.
    ///
    /// # Panics
    /// As [`Cluster::join`].
    pub fn finish_all<T>(&mut self, clients: &[Client<T>]) -> Vec<T> {
        clients.iter().for_each(Client::stop);
        clients.iter().map(|client| self.join(client)).collect()
    }

    /// Does some work as a client, and returns its result when it is done.
    ///
    /// # Panics
    /// As [`Cluster::join`].
    pub fn as_client<T, F, W>(&mut self, name: &str, work: W) -> T
    where
        T: 'static,
        F: Future<Output = T> + 'static,
        W: FnOnce(ClientEnv) -> F,
    {
        let client = self.client(name, work);
        self.join(&client)
    }

    fn client_env(
        &mut self,
        name: &str,
        desk: usize,
        process: &Process<()>,
        stop: &Stop,
    ) -> ClientEnv {
        let uses = self.client_names.entry(name.to_owned()).or_default();
        *uses += 1;
        let name = if *uses == 1 { name.to_owned() } else { format!("{name}#{uses}") };
        ClientEnv {
            clock: NodeClock::new(self.timeline.clone()).behind(process.gate.clone()),
            net: self.net(self.desks[desk].host, &process.gate, &process.sockets),
            dice: self.seed.stream(&format!("client/{name}")),
            stop: stop.clone(),
            trace: self.trace.tracer(&name),
            name,
        }
    }

    /// A desk without a tenant, by its index.
    fn free_desk(&mut self) -> usize {
        if let Some(free) = self.desks.iter().position(|desk| desk.tenant.is_none()) {
            return free;
        }
        let name = format!("client-{}", self.desks.len());
        let host = lock(&self.wires).add(&name, false);
        let software = Software::default();
        let runs = software.clone();
        self.sim.host(name, move || runs.run());
        self.desks.push(Desk { host, tenant: None, software, process: Process::new() });
        self.rewire();
        self.desks.len() - 1
    }

    fn seat(
        &mut self,
        desk: usize,
        tenant: &str,
        process: Process<()>,
        wrapped: crate::system::LocalBoxFuture<'static, ()>,
    ) {
        let desk = &mut self.desks[desk];
        desk.tenant = Some(tenant.to_owned());
        desk.process = process;
        desk.software.put(wrapped);
        let host = lock(&self.wires).name(desk.host).to_owned();
        self.sim.bounce(host);
    }

    /// Closes what finished clients have left open and frees their desks.
    pub(super) fn clear_desks(&mut self) {
        for desk in &mut self.desks {
            if desk.process.outcome.borrow_mut().take().is_some() {
                desk.tenant = None;
                desk.process.sockets.die();
                let host = lock(&self.wires).name(desk.host).to_owned();
                self.sim.crash(host);
            }
        }
    }
}
