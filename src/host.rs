//! The seam: all that a broker needs from the world outside, as one value.
//!
//! Production hands in sockets, files and the system clock ([`tokio`]); a simulation hands in its
//! own. The broker's code is the same, byte for byte. A broker that reached past this seam would
//! not be repeatable from a seed.

pub mod probe;
pub mod tokio;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};
use bytes::Bytes;

use crate::types::Millis;
pub use probe::Probe;

/// A future behind a pointer, as object-safe traits need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The world outside. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    /// Sockets.
    pub network: Arc<dyn Network>,
    /// Files.
    pub storage: Arc<dyn Storage>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Dice.
    pub dice: Arc<dyn Dice>,
    /// Who is told what the broker does, as it does it.
    pub probe: Arc<dyn Probe>,
}

/// A byte stream in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// Connects to other hosts and is connected to.
pub trait Network: std::fmt::Debug + Send + Sync + 'static {
    /// Opens a stream to `host:port`.
    ///
    /// # Errors
    /// What the network says: refused, unreachable, timed out. Never hangs for ever.
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>>;

    /// Listens on `host:port`; port 0 asks for any free port.
    ///
    /// # Errors
    /// The address is taken or is not this host's.
    fn bind<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>>;
}

/// A bound socket.
pub trait Listener: std::fmt::Debug + Send + Sync {
    /// Waits for the next connection and says where it comes from.
    ///
    /// # Errors
    /// The socket failed; the caller may try again.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, String)>>;

    /// The port actually bound.
    fn port(&self) -> u16;
}

/// A tree of files. Paths are relative, with `/` between parts.
///
/// Data calls are synchronous; only the calls that wait for the device are not. So a crash can
/// fall between a write and its fsync, in production and in simulation alike.
pub trait Storage: std::fmt::Debug + Send + Sync + 'static {
    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// By `mode`: it does not exist, or exists already; or the device failed.
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>>;

    /// Makes a directory and its parents; no error if it exists.
    ///
    /// # Errors
    /// The device failed, or a file is in the way.
    fn create_dir_all(&self, path: &str) -> io::Result<()>;

    /// Moves a file, replacing what was at `to`. Durable only after [`Storage::sync_dir`].
    ///
    /// # Errors
    /// `from` does not exist, or the device failed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable only after [`Storage::sync_dir`].
    ///
    /// # Errors
    /// It does not exist, or the device failed.
    fn remove_file(&self, path: &str) -> io::Result<()>;

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// It does not exist, or the device failed.
    fn list(&self, directory: &str) -> io::Result<Vec<String>>;

    /// Whether something is at `path`.
    fn exists(&self, path: &str) -> bool;

    /// Makes the names in a directory durable: creations, renames and removals.
    fn sync_dir<'a>(&'a self, directory: &'a str) -> BoxFuture<'a, io::Result<()>>;
}

/// What [`Storage::open`] expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The file exists.
    Existing,
    /// The file is made if it does not exist; what it holds is kept.
    Create,
    /// The file does not exist yet.
    CreateNew,
}

/// An open file. Positions and lengths are in bytes.
pub trait File: std::fmt::Debug + Send + Sync {
    /// Reads up to `len` bytes at `position`; fewer only at the end of the file.
    ///
    /// # Errors
    /// The device failed.
    fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes>;

    /// Writes the parts one after the other, beginning at `position`. All or an error, after
    /// which any prefix may have been written.
    ///
    /// # Errors
    /// The device is full or failed.
    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// The device failed.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// The device failed.
    fn size(&self) -> io::Result<u64>;

    /// Waits until everything written before the call is durable. After an error nothing is known
    /// about what is on the device, and a later success does not mend it.
    fn sync(&self) -> BoxFuture<'_, io::Result<()>>;
}

/// Time as one host sees it.
pub trait Clock: std::fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since the host started; never goes back.
    fn now(&self) -> Millis;

    /// Milliseconds since 1970, as the host believes; may jump. Only ever written into timestamps.
    fn wall(&self) -> i64;

    /// Waits for `duration` as this host measures it.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Randomness. In a simulation it is a named stream of the seed.
pub trait Dice: std::fmt::Debug + Send + Sync + 'static {
    /// The next 64 random bits.
    fn next_u64(&self) -> u64;
}

impl Host {
    /// Runs `work` for at most `limit` of this host's time; `None` if it took longer.
    pub async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        ::tokio::select! {
            biased;
            done = work => Some(done),
            () = self.clock.sleep(limit) => None,
        }
    }
}
