//! One connection: frames in, answers out, in order (R27: acks=0 has no answer).

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::codec::Decoder as _;

use bytes::{Buf as _, Bytes, BytesMut};

use crate::host::{Host, Listener, Stream};
use crate::protocol::api::{ApiKey, ListenerKind};
use crate::protocol::frame::{FrameBuf, FrameCodec, FrameParts};
use crate::protocol::request::{self, EncodeError, RequestError};

use super::handlers::{self, Answer, Node};
use super::metrics::RequestKind;

/// The pause after the socket refused to accept, so that a failing socket does not spin.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Answers up to this size are copied together, so that they leave in one segment.
const COPY_BYTES: usize = 4 * 1024;
/// Bytes asked of the socket at a time while no frame is announced; the codec asks for more once
/// it knows how much is missing.
const READ_BYTES: usize = 8 * 1024;

/// Accepts connections and serves each in a task of its own. Never returns.
pub(crate) async fn accept(node: Arc<Node>, kind: ListenerKind, listener: Box<dyn Listener>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                connections.spawn(serve(node.clone(), kind, stream, peer));
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                node.host.clock.sleep(ACCEPT_BACKOFF).await;
            }
        }
        // Collect the connections that ended, so that the set does not grow for ever.
        while connections.try_join_next().is_some() {}
    }
}

/// Serves one connection until it ends, misbehaves or idles for too long.
async fn serve(node: Arc<Node>, listener: ListenerKind, mut stream: Box<dyn Stream>, peer: String) {
    let mut codec = FrameCodec::new(node.config.network.request_bytes_max);
    let mut buffer = BytesMut::new();
    loop {
        let frame = match codec.decode(&mut buffer) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                let idle = node.config.network.connection_idle_max;
                if !read_more(&node.host, &mut stream, &mut buffer, idle).await {
                    return;
                }
                continue;
            }
            Err(error) => {
                tracing::warn!(%peer, %error, "closing a connection");
                return;
            }
        };
        let arrived = node.host.clock.now();
        let (kind, reply) = match answer(&node, listener, frame).await {
            Ok(answered) => answered,
            Err(error) => {
                tracing::warn!(%peer, %error, "closing a connection");
                return;
            }
        };
        match reply {
            Reply::Frame(parts) => {
                let Some(buffer) = parts.into_buf() else { return };
                if write(&mut stream, buffer).await.is_err() {
                    return;
                }
            }
            Reply::Nothing => {}
            Reply::Close => return,
        }
        if let Some(kind) = kind {
            node.requests.answered(kind, arrived, node.host.clock.now());
        }
    }
}

/// Reads what has arrived; `false` when the connection has ended or idled for too long.
async fn read_more(
    host: &Host,
    stream: &mut Box<dyn Stream>,
    buffer: &mut BytesMut,
    idle: Duration,
) -> bool {
    buffer.reserve(READ_BYTES);
    match host.within(idle, stream.read_buf(buffer)).await {
        Some(Ok(read)) => read > 0,
        Some(Err(_)) | None => false,
    }
}

/// What goes back to the client.
enum Reply {
    Frame(FrameParts),
    Nothing,
    Close,
}

/// Why a connection is closed with a word in the log.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("{api} is not served on a {listener}'s listener")]
    WrongListener { api: ApiKey, listener: ListenerKind },
    #[error(transparent)]
    Response(#[from] EncodeError),
}

/// The answer to a frame, and the kind of request it was, if that is timed.
async fn answer(
    node: &Arc<Node>,
    listener: ListenerKind,
    frame: Bytes,
) -> Result<(Option<RequestKind>, Reply), ServeError> {
    let (header, decoded) = match request::decode_request(frame) {
        Ok(decoded) => decoded,
        Err(error) => {
            // A client that asks in a version we do not know is told which ones we do (KIP-511).
            let Some((header, response)) = error.answer() else { return Err(error.into()) };
            return Ok((None, Reply::Frame(request::encode_response(&header, &response)?)));
        }
    };
    if !header.api.is_served_on(listener) {
        return Err(ServeError::WrongListener { api: header.api, listener });
    }
    let kind = RequestKind::of(&decoded);
    let reply = match handlers::handle(node, listener, &header, decoded).await {
        Answer::Respond(response) => Reply::Frame(request::encode_response(&header, &response)?),
        Answer::Silent => Reply::Nothing,
        Answer::Close => Reply::Close,
    };
    Ok((kind, reply))
}

async fn write(stream: &mut Box<dyn Stream>, mut frame: FrameBuf) -> std::io::Result<()> {
    if frame.remaining() <= COPY_BYTES {
        let whole = frame.copy_to_bytes(frame.remaining());
        stream.write_all(&whole).await?;
    } else {
        stream.write_all_buf(&mut frame).await?;
    }
    stream.flush().await
}
