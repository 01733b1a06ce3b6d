//! A broker that is sent what it should not be sent, and watched while it is.

use std::time::Duration;

use highwater::types::Acks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::clients;
use crate::machine::Machine;
use crate::memory::Peak;
use crate::node::Node;
use crate::wire::Wire;

/// ApiVersions 0, which every broker answers at once.
const HARMLESS: [u8; 10] = [0, 18, 0, 0, 0, 0, 0, 5, 0xff, 0xff];

/// How long an answer is awaited before the connection is dropped: some may be held back, as a
/// fetch is.
const HELD_MAX: Duration = Duration::from_millis(300);

/// How far one attack may raise the marks, in KiB: a little for whatever it says, of which a new
/// thread's stack takes 2 MiB, and something for each byte of it. An empty name takes 2 bytes on
/// the wire, and 200 where it is looked up and answered.
const GROWTH_MAX: u64 = 8 * 1024;
const GROWTH_PER_BYTE: u64 = 128;

pub(crate) struct Victim {
    pub(crate) machine: Machine,
    pub(crate) node: Node,
    /// Where to go on reading what the node says.
    heard: usize,
}

impl Victim {
    /// A broker that leads the one partition of the topic `fuzzed`, with a record in it.
    pub(crate) async fn start() -> Self {
        let machine = Machine::new();
        let mut node = Node::alone(&machine, "victim", "auto.create.topics.enable=false\n").await;
        node.start(&machine).await;
        let client = clients::settings(&[&node.address]);
        let fuzzed = clients::topic("fuzzed", 1, &[]);
        let fuzzed = clients::create_topic(&machine, client.clone(), fuzzed).await;
        let mut producer = clients::producer(&machine, client, Acks::All);
        clients::append(&mut producer, &fuzzed, "something to read").await;
        let mut victim = Self { machine, node, heard: 0 };
        victim.serves_others().await.expect("it has just started");
        victim
    }

    /// Sends the bytes on a connection of their own. `Err` with what the broker did that it must
    /// not do; it is started again then, for the next attack.
    pub(crate) async fn survives(&mut self, bytes: &[u8]) -> Result<(), String> {
        let before = self.peak();
        let attacked = self.attack(bytes).await;
        let outcome = attacked.and_then(|()| self.stayed_small(before, bytes.len()));
        let Err(wrong) = outcome else { return Ok(()) };
        self.node.kill();
        let last_words = self.node.last_words();
        self.node.start(&self.machine).await;
        self.heard = 0;
        Err(format!("{wrong}\n{last_words}"))
    }

    async fn attack(&mut self, bytes: &[u8]) -> Result<(), String> {
        let connecting = self.machine.host.network.connect(&self.node.address);
        let mut stream = connecting.await.map_err(|error| format!("not accepted: {error}"))?;
        // The broker may close at any point; that is an answer.
        stream.write_all(bytes).await.ok();
        stream.shutdown().await.ok();
        let mut answer = Vec::new();
        let ended = self.machine.host.within(HELD_MAX, stream.read_to_end(&mut answer)).await;
        if matches!(ended, Some(Ok(_))) {
            are_whole_frames(&answer)?;
        }
        drop(stream);
        self.serves_others().await
    }

    async fn serves_others(&mut self) -> Result<(), String> {
        let left = self.node.process.as_mut().expect("started").try_wait().expect("our child");
        if let Some(status) = left {
            return Err(format!("the broker left with {status}: {}", self.news()));
        }
        let mut wire = Wire::connect(&self.machine, &self.node.address).await;
        wire.send(&HARMLESS).await;
        let answer = wire.receive().await.ok_or("the broker does not serve others any more")?;
        if answer[..6] != [0, 0, 0, 5, 0, 0] {
            return Err(format!("the broker answers others with {answer:?}"));
        }
        let news = self.news();
        if news.contains("panicked") { Err(news) } else { Ok(()) }
    }

    /// What the node has said since the last time.
    fn news(&mut self) -> String {
        let said = self.node.said();
        let news = said.get(self.heard..).unwrap_or_default().to_owned();
        self.heard = said.len();
        news
    }

    fn peak(&self) -> Option<Peak> {
        self.node.process.as_ref().and_then(|process| Peak::of(process.id()))
    }

    fn stayed_small(&self, before: Option<Peak>, sent: usize) -> Result<(), String> {
        let (Some(before), Some(after)) = (before, self.peak()) else { return Ok(()) };
        let allowed = GROWTH_MAX + GROWTH_PER_BYTE * sent as u64 / 1024;
        // The kernel counts for each processor apart, and what it tells may be a little behind.
        let mapped = after.mapped.saturating_sub(before.mapped);
        let held = after.held.saturating_sub(before.held);
        if mapped.max(held) > allowed {
            return Err(format!(
                "{sent} bytes made the broker grow by {mapped} KiB mapped and {held} KiB held, \
                 where {allowed} KiB are allowed"
            ));
        }
        Ok(())
    }
}

/// Whatever a broker answers, it does not stop in the middle.
fn are_whole_frames(answer: &[u8]) -> Result<(), String> {
    let mut rest = answer;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        rest = behind.get(length..).ok_or_else(|| format!("half a frame: {behind:?}"))?;
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("half a length: {rest:?}")) }
}
