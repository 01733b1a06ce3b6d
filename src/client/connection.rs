//! One connection to one broker, one request at a time.
//!
//! An answer belongs to a request by its position in the stream. So a connection whose call
//! failed, timed out or was dropped half way is never used again: the next answer could be an old
//! one. (In a simulated network a stream that lost a segment stays silent for ever, too.)

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWriteExt as _, ReadBuf};
use tokio_util::codec::Decoder as _;

use crate::host::{Host, Stream};
use crate::protocol::frame::FRAME_BYTES_MAX;
use crate::protocol::{
    EncodeError, FrameCodec, FrameError, FrameParts, Request, Response, ResponseError,
    decode_response, encode_request,
};

/// How long [`Connection::connect`] waits: Kafka's `socket.connection.setup.timeout.ms`.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no connection to the broker. Nothing was sent.
    #[error("cannot connect to {address}: {reason}")]
    Unreachable {
        /// Who was called.
        address: Arc<str>,
        /// What the network said.
        reason: io::Error,
    },
    /// Connecting took too long. Nothing was sent.
    #[error("connecting to {address} took longer than {limit:?}")]
    ConnectTimedOut {
        /// Who was called.
        address: Arc<str>,
        /// The time allowed.
        limit: Duration,
    },
    /// The connection was closed, or given up after an earlier call. Nothing was sent.
    #[error("the connection to {address} is closed")]
    Closed {
        /// Who was called.
        address: Arc<str>,
    },
    /// The request cannot be written in its version. Nothing was sent.
    #[error(transparent)]
    NotRepresentable(#[from] EncodeError),
    /// No answer in time. The request may take effect yet.
    #[error("{address} did not answer within {limit:?}")]
    TimedOut {
        /// Who was called.
        address: Arc<str>,
        /// The time allowed.
        limit: Duration,
    },
    /// The connection broke while the request was under way. It may have taken effect.
    #[error("lost the connection to {address} during a request: {reason}")]
    Lost {
        /// Who was called.
        address: Arc<str>,
        /// How it broke.
        reason: FrameError,
    },
    /// The answer cannot be understood. The request may have taken effect.
    #[error("{address} answered what cannot be understood: {reason}")]
    Unintelligible {
        /// Who was called.
        address: Arc<str>,
        /// What is wrong with it.
        reason: ResponseError,
    },
    /// The answer is to another request. The request may have taken effect.
    #[error("{address} answered request {answered} where {asked} was asked")]
    OutOfStep {
        /// Who was called.
        address: Arc<str>,
        /// The correlation id sent.
        asked: i32,
        /// The correlation id received.
        answered: i32,
    },
}

impl CallError {
    /// Whether the request may have taken effect, or may take effect yet.
    #[must_use]
    pub fn is_indeterminate(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::ConnectTimedOut { .. }
            | Self::Closed { .. }
            | Self::NotRepresentable(_) => false,
            Self::TimedOut { .. }
            | Self::Lost { .. }
            | Self::Unintelligible { .. }
            | Self::OutOfStep { .. } => true,
        }
    }
}

/// A connection to a broker.
pub struct Connection {
    host: Host,
    address: Arc<str>,
    client_id: Arc<str>,
    /// Away while a call is under way, and for good after one failed.
    wire: Option<Wire>,
    next_correlation_id: i32,
}

impl Connection {
    /// Connects to `host:port`, for at most [`CONNECT_TIMEOUT`].
    ///
    /// # Errors
    /// The network says no, or nothing.
    pub async fn connect(host: &Host, address: &str, client_id: &str) -> Result<Self, CallError> {
        Self::connect_within(host, address, client_id, CONNECT_TIMEOUT).await
    }

    /// Connects to `host:port`, for at most `limit`.
    ///
    /// # Errors
    /// The network says no, or nothing.
    pub async fn connect_within(
        host: &Host,
        address: &str,
        client_id: &str,
        limit: Duration,
    ) -> Result<Self, CallError> {
        let name: Arc<str> = address.into();
        let stream = match host.within(limit, host.network.connect(address)).await {
            Some(Ok(stream)) => stream,
            Some(Err(reason)) => return Err(CallError::Unreachable { address: name, reason }),
            None => return Err(CallError::ConnectTimedOut { address: name, limit }),
        };
        let wire =
            Wire { stream, codec: FrameCodec::new(FRAME_BYTES_MAX), incoming: BytesMut::new() };
        Ok(Self {
            host: host.clone(),
            address: name,
            client_id: client_id.into(),
            wire: Some(wire),
            next_correlation_id: 0,
        })
    }

    /// Whether a call can be made: no earlier one failed or was dropped.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.wire.is_some()
    }

    /// Who is at the other end.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request in the newest version we speak and waits for its answer.
    ///
    /// # Errors
    /// As told by [`CallError`]; after most of them the connection is not usable any more.
    pub async fn call(
        &mut self,
        request: &Request,
        limit: Duration,
    ) -> Result<Response, CallError> {
        self.call_in_version(request.api().latest(), request, limit).await
    }

    /// Sends a request in `version` and waits for its answer.
    ///
    /// # Errors
    /// As told by [`CallError`]; after most of them the connection is not usable any more.
    pub async fn call_in_version(
        &mut self,
        version: i16,
        request: &Request,
        limit: Duration,
    ) -> Result<Response, CallError> {
        let (mut wire, asked, frame) = self.begin(version, request).await?;
        let exchange = async {
            wire.send(frame).await?;
            wire.receive().await
        };
        let answer = self.host.clone().within(limit, exchange).await;
        let frame = self.settled(answer, limit)?;
        let (answered, response) =
            decode_response(request.api(), version, frame).map_err(|reason| {
                CallError::Unintelligible { address: self.address.clone(), reason }
            })?;
        if answered != asked {
            let address = self.address.clone();
            return Err(CallError::OutOfStep { address, asked, answered });
        }
        self.wire = Some(wire);
        Ok(response)
    }

    /// Sends a request that has no answer: a Produce with acks=0.
    ///
    /// # Errors
    /// As told by [`CallError`]. Success says that it was written, no more.
    pub async fn send(&mut self, request: &Request, limit: Duration) -> Result<(), CallError> {
        let (mut wire, _, frame) = self.begin(request.api().latest(), request).await?;
        let written = self.host.clone().within(limit, wire.send(frame)).await;
        self.settled(written, limit)?;
        self.wire = Some(wire);
        Ok(())
    }

    /// Takes the wire for one exchange. Whoever fails, or is dropped, does not bring it back.
    async fn begin(
        &mut self,
        version: i16,
        request: &Request,
    ) -> Result<(Wire, i32, Bytes), CallError> {
        let asked = self.next_correlation_id;
        let frame = encode_request(version, asked, Some(&self.client_id), request)?;
        self.next_correlation_id = asked.wrapping_add(1);
        let closed = || CallError::Closed { address: self.address.clone() };
        let mut wire = self.wire.take().ok_or_else(closed)?;
        // A broker that went away between two requests has not seen the second.
        if wire.has_ended().await {
            return Err(closed());
        }
        Ok((wire, asked, frame))
    }

    fn settled<T>(
        &self,
        outcome: Option<Result<T, FrameError>>,
        limit: Duration,
    ) -> Result<T, CallError> {
        let address = self.address.clone();
        match outcome {
            Some(Ok(done)) => Ok(done),
            Some(Err(reason)) => Err(CallError::Lost { address, reason }),
            None => Err(CallError::TimedOut { address, limit }),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .field("usable", &self.is_usable())
            .finish_non_exhaustive()
    }
}

struct Wire {
    stream: Box<dyn Stream>,
    codec: FrameCodec,
    incoming: BytesMut,
}

impl Wire {
    async fn send(&mut self, frame: Bytes) -> Result<(), FrameError> {
        let length = frame.len();
        let too_large = FrameError::TooLarge { length, limit: FRAME_BYTES_MAX };
        let mut frame = FrameParts::from(frame).into_buf().ok_or(too_large)?;
        self.stream.write_all_buf(&mut frame).await?;
        self.stream.flush().await?;
        Ok(())
    }

    async fn receive(&mut self) -> Result<Bytes, FrameError> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.incoming)? {
                return Ok(frame);
            }
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Whether the other side has closed the stream, or says what nobody asked.
    async fn has_ended(&mut self) -> bool {
        let stream = &mut self.stream;
        let looked = std::future::poll_fn(|context| {
            let mut byte = [0];
            let mut byte = ReadBuf::new(&mut byte);
            Poll::Ready(Pin::new(&mut *stream).poll_read(context, &mut byte).is_ready())
        });
        looked.await || !self.incoming.is_empty()
    }
}
