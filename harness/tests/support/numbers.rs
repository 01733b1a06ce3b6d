//! A system to try the harness on: nodes that keep a number each, and count each other's pings.
//!
//! A node answers on port 7000 to one-letter commands with an eight-byte number behind each, and
//! sends a ping to every peer every 50 ms over a connection that it makes again when it breaks.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::disk::{OpenMode, SimDisk};
use harness::net::{SimNet, SimStream};
use harness::prelude::*;
use harness::system::{BoxError, ClientEnv, Deed, LocalBoxFuture, NodeEnv, Stopped, Violation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PORT: u16 = 7000;

/// Writes and answers after an fsync.
pub(crate) const WRITE: u8 = b'W';
/// Writes and answers before the fsync that never comes.
pub(crate) const WRITE_UNSYNCED: u8 = b'w';
/// Reads.
pub(crate) const READ: u8 = b'R';
/// Asks for the node's wall clock, in milliseconds since 1970.
pub(crate) const WALL: u8 = b'T';
/// Makes the node's program panic.
pub(crate) const PANIC: u8 = b'P';
/// Makes the node's program end with an error.
pub(crate) const EXIT: u8 = b'X';
/// Counts as a ping of the peer whose number is given.
const PING: u8 = b'p';

/// What a test can see of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Picture {
    /// Pings heard, by hearer and speaker.
    pub pings: BTreeMap<(Node, Node), u64>,
    /// The value last written on each node.
    pub written: BTreeMap<Node, u64>,
    /// Starts and stops, as the harness told them.
    pub lives: Vec<String>,
}

/// The system.
#[derive(Debug)]
pub(crate) struct Numbers {
    count: usize,
    /// What can be seen of it.
    pub picture: Arc<Mutex<Picture>>,
    /// Crashes that it still permits, if it counts them.
    pub budget: Option<usize>,
    /// A value that no node may write.
    pub forbidden: Option<u64>,
}

/// So many nodes.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    /// How many.
    pub count: usize,
    /// In which physics.
    pub options: Options,
}

/// So many nodes in a data centre.
pub(crate) fn numbers(count: usize) -> Build {
    Build { count, options: Options::new() }
}

impl Setup for Build {
    type System = Numbers;

    fn build(&self, _: Seed) -> Numbers {
        Numbers { count: self.count, picture: Arc::default(), budget: None, forbidden: None }
    }

    fn options(&self) -> Options {
        self.options.clone()
    }
}

impl System for Numbers {
    fn nodes(&self) -> Vec<String> {
        (1..=self.count).map(|number| format!("node-{number}")).collect()
    }

    fn boot(&mut self, env: NodeEnv) -> LocalBoxFuture<'static, Result<(), BoxError>> {
        Box::pin(live(env, self.nodes(), Arc::clone(&self.picture)))
    }

    fn resolve(&self, role: &str, index: usize) -> Option<Vec<Node>> {
        (role == "any").then(|| vec![Node(index % self.count)])
    }

    fn permits(&mut self, fault: &Fault, _: Node) -> bool {
        match &mut self.budget {
            Some(left) if fault.stops_the_process() => {
                let permitted = *left > 0;
                *left = left.saturating_sub(1);
                permitted
            }
            _ => true,
        }
    }

    fn act(&mut self, action: &str, dice: &mut Stream) -> Option<Deed> {
        let value = dice.range(1000..2000);
        (action == "write somewhere").then(|| {
            let deed = move |env: ClientEnv| -> LocalBoxFuture<'static, ()> {
                Box::pin(async move {
                    let answer = ask(&env.net, "node-1", WRITE, value).await;
                    env.trace.note(format!("{action:?}", action = answer.is_ok()));
                })
            };
            Box::new(deed) as Deed
        })
    }

    fn invariant(&mut self) -> Result<(), Violation> {
        let picture = self.picture.lock().unwrap();
        let wrong = picture.written.iter().find(|(_, value)| Some(**value) == self.forbidden);
        match wrong {
            None => Ok(()),
            Some((node, value)) => Err(Violation {
                invariant: "R1".to_owned(),
                what: format!("{node:?} wrote {value}"),
            }),
        }
    }

    fn started(&mut self, node: Node, incarnation: u64) {
        self.picture.lock().unwrap().lives.push(format!("{} starts {incarnation}", node.0));
    }

    fn stopped(&mut self, node: Node, how: &Stopped) {
        self.picture.lock().unwrap().lives.push(format!("{} {how}", node.0));
    }
}

async fn live(
    env: NodeEnv,
    names: Vec<String>,
    picture: Arc<Mutex<Picture>>,
) -> Result<(), BoxError> {
    let env = Arc::new(env);
    env.trace.note(format!("started, lucky number {}", env.dice.clone().range(0..1000)));
    for (peer, name) in names.into_iter().enumerate() {
        if peer != env.node.0 {
            let env = Arc::clone(&env);
            tokio::spawn(async move { ping_for_ever(&env, &name).await });
        }
    }
    let (ended, mut end) = tokio::sync::mpsc::unbounded_channel();
    let listener = env.net.bind(&format!("0.0.0.0:{PORT}")).await?;
    loop {
        tokio::select! {
            biased;
            () = env.stop.requested() => return Ok(()),
            Some(why) = end.recv() => return Err(why),
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                let (env, picture, ended) = (Arc::clone(&env), Arc::clone(&picture), ended.clone());
                tokio::spawn(async move {
                    let why = serve(&env, stream, &picture).await;
                    if let Err(why) = why && why.kind() == io::ErrorKind::Other {
                        drop(ended.send(why.into()));
                    }
                });
            }
        }
    }
}

async fn ping_for_ever(env: &NodeEnv, peer: &str) {
    let speaker = u64::try_from(env.node.0).unwrap();
    loop {
        if let Ok(mut stream) = env.net.connect(&format!("{peer}:{PORT}")).await {
            loop {
                let answer = exchange(&mut stream, PING, speaker);
                if !matches!(tokio::time::timeout(Duration::from_secs(1), answer).await, Ok(Ok(_)))
                {
                    break;
                }
                env.clock.sleep(Duration::from_millis(50)).await;
            }
        }
        env.clock.sleep(Duration::from_millis(50)).await;
    }
}

async fn serve(env: &NodeEnv, mut stream: SimStream, picture: &Mutex<Picture>) -> io::Result<()> {
    loop {
        let command = stream.read_u8().await?;
        let number = stream.read_u64().await?;
        let answer = match command {
            WRITE | WRITE_UNSYNCED => {
                store(&env.disk, number, command == WRITE).await?;
                picture.lock().unwrap().written.insert(env.node, number);
                env.trace.note(format!("wrote {number}"));
                number
            }
            READ => load(&env.disk)?,
            WALL => u64::try_from(env.clock.wall_ms()).unwrap(),
            PANIC => panic!("asked to panic"),
            EXIT => return Err(io::Error::other("asked to exit")),
            PING => {
                let speaker = Node(usize::try_from(number).unwrap());
                let mut picture = picture.lock().unwrap();
                let heard = picture.pings.entry((env.node, speaker)).or_default();
                *heard += 1;
                env.trace.note(format!("ping {heard} of {}", speaker.0));
                *heard
            }
            other => return Err(io::Error::other(format!("unknown command {other}"))),
        };
        stream.write_u64(answer).await?;
    }
}

async fn store(disk: &SimDisk, number: u64, synced: bool) -> io::Result<()> {
    let file = disk.open("value", OpenMode::Create)?;
    file.write_at(0, &[&number.to_be_bytes()])?;
    if synced {
        file.sync().await?;
        disk.sync_dir("").await?;
    }
    Ok(())
}

fn load(disk: &SimDisk) -> io::Result<u64> {
    match disk.open("value", OpenMode::Existing) {
        Ok(file) => {
            let bytes = file.read_at(0, 8)?;
            Ok(bytes.try_into().map_or(0, u64::from_be_bytes))
        }
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(failed) => Err(failed),
    }
}

async fn exchange(stream: &mut SimStream, command: u8, number: u64) -> io::Result<u64> {
    let mut request = vec![command];
    request.extend(number.to_be_bytes());
    stream.write_all(&request).await?;
    stream.read_u64().await
}

/// Asks a node once, over a connection of its own, and gives up after five seconds.
pub(crate) async fn ask(net: &SimNet, node: &str, command: u8, number: u64) -> io::Result<u64> {
    let work = async {
        let mut stream = net.connect(&format!("{node}:{PORT}")).await?;
        exchange(&mut stream, command, number).await
    };
    tokio::time::timeout(Duration::from_secs(5), work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Words that the tests need.
pub(crate) trait Words {
    /// Asks a node as a client and waits for the answer.
    fn ask(&mut self, node: Node, command: u8, number: u64) -> io::Result<u64>;
    /// How many pings `hearer` has heard from `speaker` so far.
    fn heard(&self, hearer: Node, speaker: Node) -> u64;
    /// How many pings `hearer` hears from `speaker` in the next seconds.
    fn pings_in(&mut self, seconds: u64, hearer: Node, speaker: Node) -> u64;
    /// Starts and stops so far.
    fn lives(&self) -> Vec<String>;
}

impl Words for Cluster<Numbers> {
    fn ask(&mut self, node: Node, command: u8, number: u64) -> io::Result<u64> {
        let name = self.name(node).to_owned();
        self.as_client(
            "asker",
            move |env| async move { ask(&env.net, &name, command, number).await },
        )
    }

    fn heard(&self, hearer: Node, speaker: Node) -> u64 {
        let picture = self.system().picture.lock().unwrap();
        picture.pings.get(&(hearer, speaker)).copied().unwrap_or(0)
    }

    fn pings_in(&mut self, seconds: u64, hearer: Node, speaker: Node) -> u64 {
        let before = self.heard(hearer, speaker);
        self.run_for(secs(seconds));
        self.heard(hearer, speaker) - before
    }

    fn lives(&self) -> Vec<String> {
        self.system().picture.lock().unwrap().lives.clone()
    }
}
