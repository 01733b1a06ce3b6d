//! The simulated world as a broker's [`Host`]: the harness's disk, clock, network and dice behind
//! the broker's traits.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use harness::clock::NodeClock;
use harness::disk::{self, SimDisk, SimFile};
use harness::net::{SimListener, SimNet};
use harness::seed::Stream as DiceStream;
use harness::system::ClientEnv;
use highwater::host::{
    BoxFuture, Clock, Dice, File, Host, Listener, Network, OpenMode, Probe, Storage, Stream,
};
use highwater::types::Millis;

/// What one incarnation of a node is given.
#[derive(Debug)]
pub struct Parts {
    /// Its sockets.
    pub net: SimNet,
    /// Its disk, mounted for this incarnation.
    pub disk: SimDisk,
    /// Its clock.
    pub clock: NodeClock,
    /// Its dice.
    pub dice: DiceStream,
}

/// Puts a node's world together.
#[must_use]
pub fn host(parts: Parts, probe: Arc<dyn Probe>) -> Host {
    Host {
        network: Arc::new(Sockets(parts.net)),
        storage: Arc::new(Disk(parts.disk)),
        clock: Arc::new(Time(parts.clock)),
        dice: Arc::new(Rolls(Mutex::new(parts.dice))),
        probe,
    }
}

/// A host for a client: it has no disk, and tells nobody what it does.
#[must_use]
pub fn client_host(env: ClientEnv) -> Host {
    Host {
        network: Arc::new(Sockets(env.net)),
        storage: Arc::new(NoDisk),
        clock: Arc::new(Time(env.clock)),
        dice: Arc::new(Rolls(Mutex::new(env.dice))),
        probe: Arc::new(Silence),
    }
}

#[derive(Debug)]
struct NoDisk;

impl NoDisk {
    fn refuse<T>() -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "a client's machine has no disk"))
    }
}

impl Storage for NoDisk {
    fn open(&self, _path: &str, _mode: OpenMode) -> io::Result<Arc<dyn File>> {
        Self::refuse()
    }

    fn create_dir_all(&self, _path: &str) -> io::Result<()> {
        Self::refuse()
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Self::refuse()
    }

    fn remove_file(&self, _path: &str) -> io::Result<()> {
        Self::refuse()
    }

    fn list(&self, _directory: &str) -> io::Result<Vec<String>> {
        Self::refuse()
    }

    fn exists(&self, _path: &str) -> bool {
        false
    }

    fn sync_dir<'a>(&'a self, _directory: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async { Self::refuse() })
    }
}

#[derive(Debug)]
struct Silence;

impl Probe for Silence {
    fn observe(&self, _: highwater::host::probe::Observation) {}
}

#[derive(Debug)]
struct Sockets(SimNet);

impl Network for Sockets {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = self.0.connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = self.0.bind(address).await?;
            Ok(Box::new(Socket(listener)) as Box<dyn Listener>)
        })
    }
}

struct Socket(SimListener);

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({})", self.0.port())
    }
}

impl Listener for Socket {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.0.accept().await?;
            Ok((Box::new(stream) as Box<dyn Stream>, peer.to_string()))
        })
    }

    fn port(&self) -> u16 {
        self.0.port()
    }
}

#[derive(Debug)]
struct Disk(SimDisk);

impl Storage for Disk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mode = match mode {
            OpenMode::Existing => disk::OpenMode::Existing,
            OpenMode::Create => disk::OpenMode::Create,
            OpenMode::CreateNew => disk::OpenMode::CreateNew,
        };
        Ok(Arc::new(OpenFile(self.0.open(path, mode)?)))
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        self.0.create_dir_all(path)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        self.0.remove_file(path)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }

    fn exists(&self, path: &str) -> bool {
        self.0.exists(path)
    }

    fn sync_dir<'a>(&'a self, directory: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.0.sync_dir(directory))
    }
}

#[derive(Debug)]
struct OpenFile(SimFile);

impl File for OpenFile {
    fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        self.0.read_at(position, len).map(Bytes::from)
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        self.0.write_at(position, parts)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.0.sync())
    }
}

#[derive(Debug)]
struct Time(NodeClock);

impl Clock for Time {
    fn now(&self) -> Millis {
        Millis(self.0.now_ms())
    }

    fn wall(&self) -> i64 {
        self.0.wall_ms()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let clock = self.0.clone();
        Box::pin(async move { clock.sleep(duration).await })
    }
}

#[derive(Debug)]
struct Rolls(Mutex<DiceStream>);

impl Dice for Rolls {
    fn next_u64(&self) -> u64 {
        self.0.lock().expect("rolling dice does not panic").next_u64()
    }
}
