//! Takes connections and serves HTTP/1.1 on them. Bounded: so many connections at once, and none for longer than it
//! takes a client that means it to send a request's head.
//!
//! At the end nobody loses a request: whoever had connected is answered, answers say that the connection ends, and idle
//! connections stay until the gateway has let go of them. Whoever does not take the answer keeps no process from ending.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::serve::Listener;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::guard::Peer;
use crate::{Shutdown, tasks};

/// How long a request's head may take, and how long a connection may wait for the next one.
const HEAD_WITHIN: Duration = Duration::from_secs(20);
/// The largest head, in bytes: more than the gateway lets through.
const LARGEST_HEAD: usize = 64 * 1024;

/// What the system may hold of a connection that its other end does not read, or that we do not, in bytes each way; Linux
/// doubles it. By itself it would grow to megabytes.
const SOCKET_BUFFER: u32 = 64 * 1024;
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1_024;

/// How long idle connections stay open after the shutdown was requested. Longer than the gateway keeps its own idle ones
/// (`keepalive_timeout` of its upstreams), so that no request meets a connection that is just being closed.
pub const LINGER: Duration = Duration::from_millis(1_500);
/// How long after that whoever is being answered may take for it; then nobody is waited for. With [`LINGER`] it leaves the
/// process time to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(18);

/// Takes this address, without listening on it. What is accepted inherits the bounds of the listener's buffers.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Listens; from here on clients come.
pub(super) fn listen(socket: TcpSocket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)
}

/// A server on its way from the first connection to the last.
#[derive(Debug)]
pub(super) struct Server {
    router: Router,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    over: CancellationToken,
    shutdown: Shutdown,
}

impl Server {
    /// Serves these routes, on so many connections at once, until the shutdown.
    pub(super) fn new(router: Router, most: usize, shutdown: Shutdown) -> Self {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { router, places, connections: TaskTracker::new(), over: CancellationToken::new(), shutdown }
    }

    /// Returns when the last connection has ended, also one whose client does not read: [`LINGER`] and [`LAST_WORDS`] after
    /// the shutdown was requested.
    pub(super) async fn run(self, mut listener: TcpListener) -> io::Result<()> {
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
                Some((place, Listener::accept(&mut listener).await))
            };
            tokio::select! {
                biased;
                () = self.shutdown.requested() => break,
                next = next => match next {
                    Some((place, (stream, peer))) => self.take(stream, peer, place),
                    None => break,
                },
            }
        }
        self.take_the_rest(listener.into_std()?);
        self.connections.close();
        if timeout(LINGER, self.connections.wait()).await.is_err() {
            self.over.cancel();
            self.connections.wait().await;
        }
        Ok(())
    }

    /// Whoever has connected already is not sent away; then nobody can connect any more.
    fn take_the_rest(&self, listener: std::net::TcpListener) {
        while let Ok((stream, peer)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            let place = Arc::clone(&self.places).try_acquire_owned();
            if let (Ok(stream), Ok(place)) = (stream, place) {
                self.take(stream, peer, place);
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before its first request");
        }
        let (router, over) = (self.router.clone(), self.over.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(LARGEST_HEAD)
            .serve_connection(TokioIo::new(Placed { stream, _place: place }), service)
            .with_upgrades();
        let served = self.connections.track_future(async move {
            let mut connection = pin!(connection);
            let outcome = tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = over.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let Ok(outcome) = timeout(LAST_WORDS, connection).await else {
                        tracing::warn!(http.peer = %peer, "{peer} did not take its answer in time and is cut");
                        return;
                    };
                    outcome
                }
            };
            if let Err(error) = outcome {
                tracing::debug!(error = crate::chain(&error), "a connection was cut");
            }
        });
        drop(tasks::spawn("connection", served));
    }
}

/// A connection and its place among those that are allowed, which an upgraded socket keeps.
struct Placed {
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Placed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
