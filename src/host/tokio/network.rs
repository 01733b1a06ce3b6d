//! TCP through tokio.

use std::io;
use std::time::Duration;

use ::tokio::net::{TcpListener, TcpStream};
use ::tokio::time::timeout;

use crate::host::{BoxFuture, Listener, Network, Stream};

/// How long a connection may take to be made: Kafka's `socket.connection.setup.timeout.ms`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The machine's network.
#[derive(Debug)]
pub(super) struct TokioNetwork;

impl Network for TokioNetwork {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(address));
            let stream = connecting.await.map_err(|_elapsed| {
                let limit = CONNECT_TIMEOUT.as_secs();
                let reason = format!("no connection to {address} within {limit} s");
                io::Error::new(io::ErrorKind::TimedOut, reason)
            })??;
            without_delay(stream)
        })
    }

    fn bind<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let socket = TcpListener::bind(address).await?;
            let port = socket.local_addr()?.port();
            Ok(Box::new(TokioListener { socket, port }) as Box<dyn Listener>)
        })
    }
}

#[derive(Debug)]
struct TokioListener {
    socket: TcpListener,
    port: u16,
}

impl Listener for TokioListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.socket.accept().await?;
            Ok((without_delay(stream)?, peer.to_string()))
        })
    }

    fn port(&self) -> u16 {
        self.port
    }
}

/// A request is a whole frame and waits for its answer: holding back a small segment in the hope
/// of more (Nagle) would only add latency.
fn without_delay(stream: TcpStream) -> io::Result<Box<dyn Stream>> {
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

#[cfg(test)]
mod tests {
    use ::tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_cross_a_connection_both_ways() {
        let listener = TokioNetwork.bind("127.0.0.1:0").await.unwrap();
        assert_ne!(listener.port(), 0, "the port that was found");
        let address = format!("127.0.0.1:{}", listener.port());
        let (client, server) = ::tokio::join!(TokioNetwork.connect(&address), listener.accept());
        let (mut client, (mut server, peer)) = (client.unwrap(), server.unwrap());
        assert!(peer.starts_with("127.0.0.1:"), "{peer}");

        client.write_all(b"ask").await.unwrap();
        let mut asked = [0; 3];
        server.read_exact(&mut asked).await.unwrap();
        server.write_all(b"tell").await.unwrap();
        drop(server);
        let mut told = Vec::new();
        client.read_to_end(&mut told).await.unwrap();
        assert_eq!((&asked, told.as_slice()), (b"ask", b"tell".as_slice()));
    }

    #[tokio::test]
    async fn a_port_that_nobody_listens_on_refuses() {
        let listener = TokioNetwork.bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", listener.port());
        drop(listener);
        let Err(error) = TokioNetwork.connect(&address).await else { panic!("nobody listens") };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_port_is_bound_once() {
        let listener = TokioNetwork.bind("127.0.0.1:0").await.unwrap();
        let taken = TokioNetwork.bind(&format!("127.0.0.1:{}", listener.port())).await;
        assert_eq!(taken.map(|_| ()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
