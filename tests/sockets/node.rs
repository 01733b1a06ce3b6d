//! A node as a process of its own: started, asked to stop, killed, read what it says.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::machine::Machine;

/// How long a node may take from its start until it accepts connections, and from SIGTERM until it
/// has gone. Generous: a machine that builds at the same time is slow.
pub(crate) const START_MAX: Duration = Duration::from_secs(20);
pub(crate) const STOP_MAX: Duration = Duration::from_secs(20);

/// How much of a node's log is shown when a test fails.
const TOLD_LINES: usize = 40;

/// A node that was configured, and may be running. Killed when it is dropped.
pub(crate) struct Node {
    /// Where clients reach it.
    pub(crate) address: String,
    /// `log.dirs`.
    pub(crate) data: PathBuf,
    name: String,
    properties: PathBuf,
    said: PathBuf,
    /// The process, while it runs.
    pub(crate) process: Option<Child>,
}

impl Node {
    /// A cluster of one node with these settings beside the usual ones, all of them on the same
    /// data. Not started yet.
    pub(crate) async fn alone(machine: &Machine, name: &str, settings: &str) -> Self {
        let [broker, controller] = machine.free_ports().await;
        let data = machine.path("data");
        let properties = format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
             controller.listener.names=CONTROLLER\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             controller.quorum.fetch.timeout.ms=500\n\
             log.dirs={}\n\
             {settings}",
            data.display()
        );
        Self::configured(machine, name, broker, &properties)
    }

    /// A node with exactly these settings, which listens on `port` for clients. Not started yet.
    pub(crate) fn configured(machine: &Machine, name: &str, port: u16, settings: &str) -> Self {
        let data = settings.lines().find_map(|line| line.strip_prefix("log.dirs="));
        let node = Self {
            address: format!("127.0.0.1:{port}"),
            data: data.expect("every node of a test says where its data is").into(),
            name: name.to_owned(),
            properties: machine.path(format!("{name}.properties")),
            said: machine.path(format!("{name}.log")),
            process: None,
        };
        std::fs::write(&node.properties, settings).expect("the directory is ours");
        node
    }

    /// Starts the process and waits until it accepts connections.
    pub(crate) async fn start(&mut self, machine: &Machine) {
        self.launch();
        let what = format!("{} to accept connections", self.name);
        machine
            .wait_for(&what, START_MAX, async || {
                let left = self.process.as_mut().expect("launched").try_wait().expect("our child");
                assert!(left.is_none(), "{} left with {left:?}:\n{}", self.name, self.said());
                machine.host.network.connect(&self.address).await.ok()
            })
            .await;
    }

    /// Starts the process and waits until it has ended by itself.
    pub(crate) async fn start_in_vain(&mut self, machine: &Machine) -> ExitStatus {
        self.launch();
        self.ended(machine, "to give up", START_MAX).await
    }

    /// Everything said on standard error since the last start.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.said).unwrap_or_default()).into_owned()
    }

    /// SIGTERM, and waits until the process has ended.
    pub(crate) async fn stop(&mut self, machine: &Machine) -> ExitStatus {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill").arg("-TERM").arg(process.id().to_string()).status();
        assert!(sent.expect("kill is everywhere").success(), "{} is gone already", self.name);
        self.ended(machine, "to stop on SIGTERM", STOP_MAX).await
    }

    /// SIGKILL: the process has no say in it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("our child");
            process.wait().expect("our child");
        }
    }

    /// The end of what it said, to be shown when a test fails.
    pub(crate) fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        let last = &lines[lines.len().saturating_sub(TOLD_LINES)..];
        format!("--- the last words of {}\n{}", self.name, last.join("\n"))
    }

    fn launch(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let process = Command::new(Path::new(env!("CARGO_BIN_EXE_highwater")))
            .arg("--config")
            .arg(&self.properties)
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            // One heap, so that the size of the process says what it has asked for.
            .env("MALLOC_ARENA_MAX", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(
                std::fs::OpenOptions::new()
                    .create(true)
                    .write(true)
                    .truncate(true)
                    .open(&self.said)
                    .expect("the directory is ours"),
            )
            .spawn();
        self.process = Some(process.expect("the binary was built for this test"));
    }

    async fn ended(&mut self, machine: &Machine, what: &str, limit: Duration) -> ExitStatus {
        let what = format!("{} {what}", self.name);
        let process = self.process.as_mut().expect("it runs");
        let status =
            machine.wait_for(&what, limit, async || process.try_wait().expect("our child")).await;
        self.process = None;
        status
    }
}

impl Drop for Node {
    #[expect(clippy::print_stderr, reason = "what a failing test has to say")]
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().and_then(|()| process.wait()).ok();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.last_words());
        }
    }
}
