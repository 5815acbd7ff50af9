//! Serves HTTP: connections within limits, TLS when asked for, an orderly end within a stated time.

mod sockets;
mod tls;
mod unbound;

use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

pub use self::sockets::Sockets;
pub use self::tls::Tls;
pub use self::unbound::unbound;
use crate::telemetry;

/// Connections of one listener at a time; more wait in the kernel's queue. Two listeners stay below the 1,024 files that a process
/// may have open where nobody has raised the limit.
pub const CONNECTIONS_MAX: usize = 400;

/// A handshake, or the headers of a request, must be there by then: whoever trickles them holds a connection that others need.
/// Also how long a connection stays open with nothing to do.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Headers of a request, together. A cookie, a token and a signature have 2 KiB.
const HEAD_BYTES_MAX: u16 = 32 * 1024;

/// How long requests under way may take when the daemon stops. Supervisors kill after 10 s (Docker) or more.
pub const GRACE: Duration = Duration::from_secs(5);

/// The pause after an `accept` that failed: mostly no file descriptor is left, and one will be.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Address of the caller, in each request's extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer(pub IpAddr);

/// Whom a rate is for: an address of IPv4, a network of 64 bits of IPv6, because whoever has one address there has all of it.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Serves `router` on `socket` until `stopped` says so; then for [`GRACE`] what is under way.
#[expect(missing_debug_implementations, reason = "an acceptor has none")]
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
}

impl Listener {
    /// On `socket`, which does not block; within a runtime. What goes wrong is counted under `name`.
    pub fn new(
        name: &'static str,
        socket: StdListener,
        tls: Option<TlsAcceptor>,
        router: Router,
    ) -> std::io::Result<Self> {
        Ok(Self { name, socket: TcpListener::from_std(socket)?, tls, router })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// See the type.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        // Dropping them ends those that are still there after the grace.
        let mut connections = JoinSet::new();
        loop {
            let accepted = async {
                let permit = Arc::clone(&room).acquire_owned().await.expect("it is never closed");
                (permit, self.socket.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                // An error means that the daemon is gone: stop as well.
                _ = stopped.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next() => continue,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let peer = Peer(peer.ip().to_canonical());
                    let caller = Caller { listener: self.name, peer };
                    let connection = caller.connect(
                        stream,
                        self.tls.clone(),
                        self.router.clone(),
                        graceful.watcher(),
                    );
                    connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "Connection could not be accepted.");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                seconds = GRACE.as_secs(),
                "Requests under way were cut off at the stop."
            );
        }
    }
}

/// Who called which listener.
#[derive(Clone, Copy)]
struct Caller {
    listener: &'static str,
    peer: Peer,
}

impl Caller {
    /// Shakes hands when there is TLS, then serves.
    async fn connect(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        router: Router,
        watcher: Watcher,
    ) {
        // Answers are small and must not wait for more.
        drop(stream.set_nodelay(true));
        let Some(tls) = tls else { return self.serve(stream, router, watcher).await };
        match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.serve(stream, router, watcher).await,
            Ok(Err(error)) => telemetry::connection_broken(self.listener, "no_tls", &error),
            Err(error) => telemetry::connection_broken(self.listener, "slow", &error),
        }
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        router: Router,
        watcher: Watcher,
    ) {
        let asked = Arc::new(AtomicBool::new(false));
        let service = hyper::service::service_fn({
            let asked = Arc::clone(&asked);
            move |mut request: hyper::Request<Incoming>| {
                asked.store(true, Ordering::Relaxed);
                request.extensions_mut().insert(self.peer);
                let answer = router.clone().oneshot(request.map(axum::body::Body::new) as Request);
                async move {
                    let answer = answer.await;
                    if let Ok(answer) = &answer
                        && (answer.status().is_client_error() || answer.status().is_server_error())
                    {
                        telemetry::request_refused(self.listener, answer.status().as_u16());
                    }
                    answer
                }
            }
        });
        let server = server();
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection.into_owned()).await
            && let Some(reason) = broken(&*error, asked.load(Ordering::Relaxed))
        {
            telemetry::connection_broken(self.listener, reason, &error);
        }
    }
}

/// What speaks HTTP, within limits.
fn server() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX.into());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX.into())
        // One connection must not hold the place of hundreds of requests.
        .max_concurrent_streams(100)
        .keep_alive_interval(HEAD_TIMEOUT)
        .keep_alive_timeout(HEAD_TIMEOUT);
    builder
}

/// What a broken connection is counted as. One that was `asked` something before and then stayed open with nothing to do is as it
/// should be.
fn broken(error: &(dyn std::error::Error + 'static), asked: bool) -> Option<&'static str> {
    let Some(error) = error.downcast_ref::<hyper::Error>() else { return Some("cut") };
    match () {
        () if error.is_timeout() => (!asked).then_some("slow"),
        () if error.is_parse() || error.is_parse_too_large() => Some("not_http"),
        () => Some("cut"),
    }
}

#[cfg(test)]
mod tests;
