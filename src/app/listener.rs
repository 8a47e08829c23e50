//! The console's own listener: TLS, HTTP/1.1, a place for each connection, and a deadline for each wait.

use std::future::{Ready, ready};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::task::{Context, Poll, ready as wait};
use std::time::Duration;

use axum_server::Server;
use axum_server::accept::Accept;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::app::places::{Place, Places};

/// How long a connection may keep the console waiting.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, from the end of the one before.
    pub head: Duration,
    /// For a client to take some of what was written to it.
    pub write: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { handshake: ten, head: ten, write: Duration::from_secs(30) }
    }
}

/// The head of a request may hold this much, in bytes; more is answered with 431. As much is read ahead of a body.
const MOST_READ_AHEAD: usize = 32 * 1024;

/// The server on `listener`.
///
/// # Errors
/// The listener cannot be used.
pub fn server(
    listener: TcpListener,
    tls: RustlsConfig,
    places: Places,
    deadlines: Deadlines,
) -> io::Result<Server<SocketAddr, RustlsAcceptor<Door>>> {
    let door = Door { places, write: deadlines.write };
    let acceptor = RustlsAcceptor::new(tls).handshake_timeout(deadlines.handshake).acceptor(door);
    // Without it the server would first wait, for ever, for enough bytes to tell HTTP/2 from HTTP/1.
    let mut server = axum_server::from_tcp(listener)?.acceptor(acceptor).http1_only();
    server.http_builder().http1().header_read_timeout(deadlines.head).max_buf_size(MOST_READ_AHEAD);
    Ok(server)
}

/// Lets a connection in if there is a place for it.
#[derive(Clone, Debug)]
pub struct Door {
    places: Places,
    write: Duration,
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Connection;
    type Service = S;
    type Future = Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // A page is more than one write: without this the last of them waits 40 ms for the other side (RFC 1122 section
        // 4.2.3.2). A socket that refuses is only slower.
        drop(stream.set_nodelay(true));
        let place = stream.peer_addr().map(|peer| self.places.enter(peer.ip()));
        ready(match place {
            Ok(Some(place)) => Ok((Connection { stream, deadline: self.write, stuck: None, _place: place }, service)),
            Ok(None) => Err(io::Error::other("no place for one more connection")),
            Err(error) => Err(error),
        })
    }
}

/// A connection in its place. Writing fails once the other side has taken nothing for the deadline.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    deadline: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Connection {
    /// What a write came to; where it came to nothing, whether that has lasted too long.
    fn in_time<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let deadline = self.deadline;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(deadline)));
        wait!(stuck.as_mut().poll(context));
        // Asked again after it has failed, it fails again at once.
        stuck.as_mut().reset(Instant::now());
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.in_time(shut, context)
    }
}
