//! A connection without a client behind it: whatever bytes a test wants to send.

use std::time::Duration;

use bytes::Bytes;
use highwater::host::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::machine::Machine;

/// How long a broker may take for an answer that waits for nothing.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Wire<'machine> {
    machine: &'machine Machine,
    stream: Box<dyn Stream>,
}

impl<'machine> Wire<'machine> {
    pub(crate) async fn connect(machine: &'machine Machine, address: &str) -> Self {
        let stream = machine.host.network.connect(address).await;
        Self { machine, stream: stream.expect("the broker accepts connections") }
    }

    /// Sends a frame with its length in front.
    pub(crate) async fn send(&mut self, frame: &[u8]) {
        let length = i32::try_from(frame.len()).expect("a frame of a test");
        self.send_bytes(&[&length.to_be_bytes(), frame].concat()).await;
    }

    /// Sends bytes as they are. The broker may have closed the connection: reading tells.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.ok();
        self.stream.flush().await.ok();
    }

    /// The next frame without its length; `None` if the broker has closed the connection.
    pub(crate) async fn receive(&mut self) -> Option<Bytes> {
        let answer = self.machine.host.within(ANSWER_MAX, read_frame(&mut self.stream)).await;
        answer.unwrap_or_else(|| panic!("no answer within {ANSWER_MAX:?}"))
    }
}

/// `None` at the end of the stream. A frame that is cut short counts as the end: a connection that
/// is reset may lose what was sent before.
async fn read_frame(stream: &mut Box<dyn Stream>) -> Option<Bytes> {
    let length = stream.read_i32().await.ok()?;
    let mut frame = vec![0; usize::try_from(length).expect("a broker's length is not negative")];
    stream.read_exact(&mut frame).await.ok()?;
    Some(frame.into())
}
