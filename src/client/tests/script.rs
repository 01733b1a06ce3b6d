//! A network with brokers that do what a test's script says.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use tokio_util::codec::Decoder;

use crate::host::probe::{Observation, Probe};
use crate::host::{
    BoxFuture, Clock, Dice, File, Host, Listener, Network, OpenMode, Storage, Stream,
};
use crate::protocol::{
    FrameCodec, FrameParts, Request, RequestHeader, Response, decode_request, encode_response,
};
use crate::types::Millis;

/// What a broker does with a request.
pub(crate) enum Act {
    /// Answers.
    Answer(Response),
    /// Answers after a while; meanwhile it reads no further request.
    AnswerAfter(Duration, Response),
    /// Does not answer, and goes on reading.
    StaySilent,
    /// Closes the connection.
    HangUp,
    /// Answers, and closes the connection.
    AnswerAndHangUp(Response),
    /// Answers another request.
    AnswerOther(Response),
    /// Sends this frame.
    Say(Bytes),
}

type Script = Box<dyn FnMut(&str, Request) -> Act + Send>;

/// The script, and what happened so far.
pub(crate) struct Stage {
    script: Mutex<Script>,
    /// Addresses where nobody listens.
    closed: Mutex<BTreeSet<String>>,
    /// What every broker was asked and every connection attempt, in order.
    heard: Mutex<Vec<String>>,
    started: Instant,
    dice: AtomicU64,
}

impl Stage {
    pub(crate) fn new(script: impl FnMut(&str, Request) -> Act + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(Box::new(script)),
            closed: Mutex::default(),
            heard: Mutex::default(),
            started: Instant::now(),
            dice: AtomicU64::new(1),
        })
    }

    pub(crate) fn host(self: &Arc<Self>) -> Host {
        Host {
            network: Arc::new(Actors(self.clone())),
            storage: Arc::new(Actors(self.clone())),
            clock: Arc::new(Actors(self.clone())),
            dice: Arc::new(Actors(self.clone())),
            probe: Arc::new(Actors(self.clone())),
        }
    }

    pub(crate) fn close(&self, address: &str) {
        self.closed.lock().expect("no panic").insert(address.into());
    }

    /// What happened since the last look, one line each.
    pub(crate) fn heard(&self) -> String {
        let mut heard = self.heard.lock().expect("no panic");
        heard.drain(..).map(|line| line + "\n").collect()
    }

    fn note(&self, line: String) {
        self.heard.lock().expect("no panic").push(line);
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn serve(self: Arc<Self>, address: String, mut stream: DuplexStream) -> io::Result<()> {
        let mut codec = FrameCodec::new(1 << 20);
        let mut incoming = BytesMut::new();
        loop {
            let Some(frame) = codec.decode(&mut incoming).expect("the client frames well") else {
                if stream.read_buf(&mut incoming).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let (mut header, request) = decode_request(frame).expect("the client asks well");
            self.note(format!("{address} {}", header.api));
            let act = (self.script.lock().expect("no panic"))(&address, request);
            match act {
                Act::Answer(response) => answer(&mut stream, &header, &response).await?,
                Act::AnswerAfter(delay, response) => {
                    tokio::time::sleep(delay).await;
                    answer(&mut stream, &header, &response).await?;
                }
                Act::StaySilent => {}
                Act::HangUp => return Ok(()),
                Act::AnswerAndHangUp(response) => {
                    return answer(&mut stream, &header, &response).await;
                }
                Act::AnswerOther(response) => {
                    header.correlation_id += 100;
                    answer(&mut stream, &header, &response).await?;
                }
                Act::Say(frame) => say(&mut stream, frame.into()).await?,
            }
        }
    }
}

async fn answer(
    stream: &mut DuplexStream,
    header: &RequestHeader,
    response: &Response,
) -> io::Result<()> {
    say(stream, encode_response(header, response).expect("the script answers well")).await
}

async fn say(stream: &mut DuplexStream, frame: FrameParts) -> io::Result<()> {
    stream.write_all_buf(&mut frame.into_buf().expect("short")).await
}

/// A host whose network is the stage and whose clock is tokio's.
struct Actors(Arc<Stage>);

impl std::fmt::Debug for Actors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Actors")
    }
}

impl Network for Actors {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            if self.0.closed.lock().expect("no panic").contains(address) {
                self.0.note(format!("{address} refused"));
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            self.0.note(format!("{address} connected"));
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(self.0.clone().serve(address.to_owned(), theirs));
            Ok(Box::new(ours) as Box<dyn Stream>)
        })
    }

    fn bind<'a>(&'a self, _address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

impl Clock for Actors {
    fn now(&self) -> Millis {
        Millis(u64::try_from(self.0.elapsed().as_millis()).expect("a short test"))
    }

    fn wall(&self) -> i64 {
        0
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl Dice for Actors {
    fn next_u64(&self) -> u64 {
        self.0.dice.fetch_add(1, Ordering::Relaxed)
    }
}

impl Probe for Actors {
    fn observe(&self, _observation: Observation) {}
}

impl Storage for Actors {
    fn open(&self, _path: &str, _mode: OpenMode) -> io::Result<Arc<dyn File>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create_dir_all(&self, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_file(&self, _path: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _directory: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn exists(&self, _path: &str) -> bool {
        false
    }

    fn sync_dir<'a>(&'a self, _directory: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}
