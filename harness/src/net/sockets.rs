//! The open sockets of one process, closed in order when it dies.
//!
//! When turmoil crashes a host it drops the host's tasks, and tokio drops tasks in an order that
//! depends on how many the whole process ever made. Each dropped socket sends a FIN, each FIN draws
//! a latency: two runs of one seed would part here. So the streams that tasks hold are mere
//! handles. In a dying process dropping one does nothing; [`CloseInOrder`], which is dropped after
//! all tasks, closes the sockets by age.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::TcpStream;

use super::tap::{Traffic, Ways};
use crate::gate::{Gate, Ticket, lock};

type Cell = Arc<Mutex<Option<TcpStream>>>;

/// The sockets of one start of a process. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sockets {
    registry: Arc<Mutex<Registry>>,
}

#[derive(Debug, Default)]
struct Registry {
    next: u64,
    dying: bool,
    open: BTreeMap<u64, Cell>,
}

/// Closes, when dropped, all sockets that are still open, oldest first.
#[derive(Debug)]
pub(crate) struct CloseInOrder(pub(crate) Sockets);

/// A byte stream in both directions.
#[derive(Debug)]
pub struct SimStream {
    number: u64,
    cell: Cell,
    sockets: Sockets,
    gate: Gate,
    traffic: Traffic,
    ways: Ways,
    read_ticket: Ticket,
    write_ticket: Ticket,
}

impl Sockets {
    pub(super) fn adopt(
        &self,
        stream: TcpStream,
        gate: &Gate,
        (traffic, ways): (Traffic, Ways),
    ) -> SimStream {
        let cell = Arc::new(Mutex::new(Some(stream)));
        let mut registry = lock(&self.registry);
        let number = registry.next;
        registry.next += 1;
        registry.open.insert(number, Arc::clone(&cell));
        SimStream {
            number,
            cell,
            sockets: self.clone(),
            gate: gate.clone(),
            traffic,
            ways,
            read_ticket: Ticket::default(),
            write_ticket: Ticket::default(),
        }
    }

    /// From now on dropping a stream closes nothing.
    pub(crate) fn die(&self) {
        lock(&self.registry).dying = true;
    }
}

impl Drop for CloseInOrder {
    fn drop(&mut self) {
        let open = std::mem::take(&mut lock(&self.0.registry).open);
        for cell in open.into_values() {
            let stream = lock(&cell).take();
            drop(stream);
        }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        let mut registry = lock(&self.sockets.registry);
        if registry.dying {
            return;
        }
        registry.open.remove(&self.number);
        drop(registry);
        let stream = lock(&self.cell).take();
        drop(stream);
    }
}

impl SimStream {
    fn with<T>(
        &mut self,
        act: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match lock(&self.cell).as_mut() {
            Some(stream) => act(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.gate.poll_pass(context, &mut this.read_ticket));
        let before = buffer.filled().len();
        let read = this.with(|stream| stream.poll_read(context, buffer));
        this.traffic.read(&this.ways, buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.gate.poll_pass(context, &mut this.write_ticket));
        let written = this.with(|stream| stream.poll_write(context, bytes));
        if let Poll::Ready(Ok(count)) = written {
            this.traffic.sent(&this.ways, &bytes[..count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(this.gate.poll_pass(context, &mut this.write_ticket));
        match ready!(this.with(|stream| stream.poll_shutdown(context))) {
            // A second shutdown of a healthy socket is no error anywhere else.
            Err(failed) if failed.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}
