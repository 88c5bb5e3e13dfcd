//! Connections that come in: so many at once, each for so long, each of which can be cut.

use std::future::Future as _;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// What a listener puts up with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections at once; more wait.
    pub(crate) connections: usize,
    /// How long one may last: whoever sends a byte a minute is not waited for.
    pub(crate) life: Duration,
}

/// A listener with bounds.
#[derive(Debug)]
pub(crate) struct Sockets {
    listener: TcpListener,
    room: Arc<Semaphore>,
    life: Duration,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    cut: Cut,
    _place: Option<OwnedSemaphorePermit>,
}

/// Cuts a connection before it is answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut(Arc<AtomicBool>);

impl Cut {
    /// Nothing goes through this connection any more.
    pub(crate) fn now(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Sockets>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Sockets>) -> Cut {
        stream.io().cut.clone()
    }
}

impl Sockets {
    /// Listens at an address; port 0 takes a free one.
    pub(crate) async fn bind(address: SocketAddr, bounds: Bounds) -> std::io::Result<Sockets> {
        Ok(Sockets {
            listener: TcpListener::bind(address).await?,
            room: Arc::new(Semaphore::new(bounds.connections)),
            life: bounds.life,
        })
    }
}

impl Listener for Sockets {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        // It is never closed, so a place is always found in the end.
        let place = self.room.clone().acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let socket = Socket {
            stream,
            end: Box::pin(tokio::time::sleep(self.life)),
            cut: Cut::default(),
            _place: place,
        };
        (socket, address)
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Socket {
    fn check(&mut self, context: &mut Context<'_>) -> Result<(), Error> {
        if self.cut.0.load(Ordering::Acquire) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
