//! A register that three nodes agree on, and a test that finds a bug in it. Start reading here.
//!
//! It is CASPaxos (Rystsov 2018) in its smallest form. The node that a client asks takes a fresh
//! ballot. First it asks all nodes to *promise* that they ignore smaller ballots, and learns what
//! they have accepted; then to *accept* the number that follows. Each round needs a majority, whose
//! disks have it. A read goes both rounds too: what it found may be on one node only, and once a
//! client was shown it, it must not be lost. `--bug` saves that round: "nothing changes anyway".
//! Most runs do not mind. `cargo run -p harness --example register -- --seeds 200 --bug`

use std::io;
use std::process::ExitCode;
use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed};

use harness::checker::linearizable::models::register::{Input, Output, Register};
use harness::command::Command;
use harness::net::{SimNet, SimStream};
use harness::prelude::*;
use harness::report::{RunReport, tell};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::{Mutex, mpsc};

const NODES: u64 = 3;

// ---- The system: a tokio program whose sockets, files and time come from its environment. ----

/// What nodes are asked, by clients and by each other.
#[derive(Clone, Serialize, Deserialize)]
enum Question {
    Client(Input),
    Promise { ballot: u64 },
    Accept { ballot: u64, value: i64 },
}

#[derive(Serialize, Deserialize)]
enum Answer {
    /// To a client: it is done, or certainly never will be.
    Done(Output),
    Failed,
    /// To a node: yes, and this I had accepted before; or no, for I have promised this ballot.
    Yes(Accepted),
    No(u64),
}

/// A number behind its ballot: the greatest is the latest.
type Accepted = (u64, i64);

/// What a node must never forget.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Memory {
    promised: u64,
    accepted: Accepted,
}

struct Replica {
    env: NodeEnv,
    memory: Mutex<Memory>,
    round: AtomicU64,
    bug: bool,
}

/// What runs on each node.
async fn serve(env: NodeEnv, bug: bool) -> Result<(), BoxError> {
    let stored = env.disk.read("memory")?;
    let memory = stored.map_or(Ok(Memory::default()), |bytes| serde_json::from_slice(&bytes))?;
    let (memory, round) = (Mutex::new(memory), AtomicU64::new(1));
    let listener = env.net.bind("0.0.0.0:7000").await?;
    let replica = Arc::new(Replica { env, memory, round, bug });
    loop {
        let (mut stream, _) = listener.accept().await?;
        let replica = Arc::clone(&replica);
        tokio::spawn(async move {
            let answer = replica.answer(receive(&mut stream).await?).await?;
            send(&mut stream, &answer).await
        });
    }
}

impl Replica {
    async fn answer(&self, question: Question) -> io::Result<Answer> {
        let (ballot, value) = match question {
            Question::Client(input) => return self.change(input).await,
            Question::Promise { ballot } => (ballot, None),
            Question::Accept { ballot, value } => (ballot, Some(value)),
        };
        let mut memory = self.memory.lock().await;
        let Memory { promised, accepted: before } = *memory;
        if ballot < promised || (ballot == promised && value.is_none()) {
            return Ok(Answer::No(promised));
        }
        let after = Memory { promised: ballot, accepted: value.map_or(before, |v| (ballot, v)) };
        self.env.disk.replace("memory", &serde_json::to_vec(&after)?).await?;
        *memory = after;
        Ok(Answer::Yes(before))
    }

    /// Does what a client wants, in two rounds. An error says that nobody knows whether it is done.
    async fn change(&self, input: Input) -> io::Result<Answer> {
        // Other nodes have other ballots, and one used before a restart gets no majority again.
        let ballot = self.round.fetch_add(1, Relaxed) * NODES + self.env.node.0 as u64;
        let Ok((_, old)) = self.majority(Question::Promise { ballot }).await else {
            return Ok(Answer::Failed);
        };
        let (value, output) = match input {
            Input::Read => (old, Output::Value(Some(old))),
            Input::Write(new) => (new, Output::Written),
            Input::CompareAndSet { expected, new } => {
                let matched = expected == old;
                (if matched { new } else { old }, Output::Matched(matched))
            }
        };
        if !(self.bug && value == old) {
            self.majority(Question::Accept { ballot, value }).await?;
        }
        Ok(Answer::Done(output))
    }

    /// Asks all nodes until a majority says yes, and returns the latest that it had accepted.
    async fn majority(&self, question: Question) -> io::Result<Accepted> {
        let (sender, mut answers) = mpsc::unbounded_channel();
        for node in 1..=NODES {
            let (sender, net, question) = (sender.clone(), self.env.net.clone(), question.clone());
            tokio::spawn(async move { sender.send(ask(&net, node, &question, secs(1)).await) });
        }
        drop(sender);
        let mut accepted = Vec::new();
        while accepted.len() < 2 {
            match answers.recv().await.ok_or(io::ErrorKind::TimedOut)? {
                Ok(Answer::Yes(before)) => accepted.push(before),
                Ok(Answer::No(promised)) => {
                    self.round.fetch_max(promised / NODES + 1, Relaxed);
                }
                Ok(Answer::Done(_) | Answer::Failed) | Err(_) => {}
            }
        }
        Ok(accepted.into_iter().max().unwrap_or_default())
    }
}

async fn ask(net: &SimNet, node: u64, question: &Question, limit: Duration) -> io::Result<Answer> {
    let exchange = async {
        let mut stream = net.connect(&format!("node-{node}:7000")).await?;
        send(&mut stream, question).await?;
        receive(&mut stream).await
    };
    tokio::time::timeout(limit, exchange).await?
}

async fn send(stream: &mut SimStream, message: &impl Serialize) -> io::Result<()> {
    stream.write_all(format!("{}\n", serde_json::to_string(message)?).as_bytes()).await
}

async fn receive<T: DeserializeOwned>(stream: &mut SimStream) -> io::Result<T> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

// ---- The test: clients that write down what they are told, faults, and a judgement. ----

async fn client(env: ClientEnv, calls: Calls<Input, Output>) {
    let (mut caller, mut dice, mut seen) = (calls.caller(&env), env.dice.clone(), 0);
    while !env.stop.is_requested() {
        let new = dice.range(1..10_000).cast_signed();
        let swap = Input::CompareAndSet { expected: seen, new };
        let input = *dice.pick(&[Input::Read, Input::Read, Input::Write(new), swap]);
        let call = caller.call(input);
        match ask(&env.net, dice.range(1..NODES + 1), &Question::Client(input), secs(3)).await {
            Ok(Answer::Done(output)) => {
                seen = if let Output::Value(Some(value)) = output { value } else { seen };
                call.returned(output);
            }
            Ok(Answer::Failed) => call.failed(),
            // Without an answer a write may have happened, and may still happen later.
            Ok(Answer::Yes(_) | Answer::No(_)) | Err(_) => call.unknown(),
        }
        env.clock.sleep(dice.millis(millis(1)..millis(400))).await;
    }
}

/// One run, from its seed to its report.
pub fn run(seed: Seed, bug: bool) -> RunReport {
    use FaultClass::{Crashes, Partitions, Pauses, PowerCuts, SlowLinks};
    tell("register", &nodes(3, move |env| serve(env, bug)), seed, |cluster| {
        let calls = Calls::new();
        let clients = cluster.clients("client", 4, |env| client(env, calls.clone()));
        let nemesis = Nemesis::only(&[Crashes, Partitions, Pauses, PowerCuts, SlowLinks])
            .session_timeout(secs(3));
        cluster.unleash(&cluster.schedule(&nemesis, secs(30)));
        cluster.finish_all(&clients);
        RunReport::of(cluster).judged(&calls, &Register { initial: Some(0) })
    })
}

fn main() -> ExitCode {
    Command::new("cargo run -p harness --example register --")
        .flag("--bug", "save the second round of a read")
        .run(std::env::args().skip(1), |seed, given| run(seed, given.has("--bug")))
}
