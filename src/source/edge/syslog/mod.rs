//! Access logs by syslog, over UDP and TCP.
//!
//! Syslog knows no answers: a line counts once what it adds up to is durable, and what was received in the quarter of a
//! second before a crash is lost. While the journal does not take anything, TCP senders wait and the system drops
//! datagrams.

mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod message;

use std::fmt::{self, Display};
use std::io;
use std::net::{self, IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::frames::Frames;
use self::message::message;
use crate::clock::Clock;
use crate::event::batch::{LINE_BYTES_MAX, too_long};
use crate::event::edge::{Internal, Tallier};
use crate::event::{Reason, Record, Source};
use crate::journal::{Delivery, Inlet, InletError};
use crate::outbound::Backoff;
use crate::telemetry;

/// How often what was received is made durable.
const DELIVER_EVERY: Duration = Duration::from_millis(250);

/// Shortest and longest wait when the journal does not take it.
const RETRY_WAITS: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];

/// The largest datagram that UDP can carry.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Bytes that are read from a connection in one go.
const READ_BYTES: usize = 64 * 1024;

/// Connections at a time: one for each edge server, and some.
const CONNECTIONS_MAX: usize = 256;

/// After so long without a byte the sender is taken for dead, as nobody closed its connection.
const IDLE: Duration = Duration::from_hours(1);

/// How messages come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// One message a datagram.
    Udp,
    /// Messages after each other, by their length or by line ends (RFC 6587).
    Tcp,
}

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// How messages come.
    pub transport: Transport,
    /// On which address and port.
    pub address: SocketAddr,
    /// Networks that may send; `None`: anybody who can reach it.
    pub from: Option<Internal>,
}

impl Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.transport.as_str(), self.address)
    }
}

impl Transport {
    fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// A listener that listens.
#[derive(Debug)]
pub struct Syslog {
    socket: Socket,
    senders: Arc<Senders>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpListener),
}

/// What all senders to a listener share.
#[derive(Debug)]
struct Senders {
    from: Option<Internal>,
    /// Held while what was received becomes durable, so that senders wait.
    tallier: Mutex<Tallier>,
    inlet: Inlet,
    clock: Clock,
}

impl Syslog {
    /// Listens where `listen` says, and adds the lines up with `tallier`. Wants a runtime around it.
    pub fn bind(listen: Listen, tallier: Tallier, inlet: Inlet, clock: Clock) -> io::Result<Self> {
        let Listen { transport, address, from } = listen;
        let socket = match transport {
            Transport::Udp => {
                let socket = net::UdpSocket::bind(address)?;
                socket.set_nonblocking(true)?;
                Socket::Udp(UdpSocket::from_std(socket)?)
            }
            Transport::Tcp => {
                let listener = net::TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Socket::Tcp(TcpListener::from_std(listener)?)
            }
        };
        let syslog = Self {
            socket,
            senders: Arc::new(Senders { from, tallier: Mutex::new(tallier), inlet, clock }),
        };
        let address = syslog.address()?;
        tracing::info!(transport = transport.as_str(), %address, "Listening for access logs by syslog.");
        Ok(syslog)
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        match &self.socket {
            Socket::Udp(socket) => socket.local_addr(),
            Socket::Tcp(listener) => listener.local_addr(),
        }
    }

    /// Takes messages until `stop`, and makes the last of them durable.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let Self { socket, senders } = self;
        let mut stopped = stop.clone();
        let receive = async {
            let receive = async {
                match socket {
                    Socket::Udp(socket) => datagrams(&socket, &senders).await,
                    Socket::Tcp(listener) => connections(&listener, &senders).await,
                }
            };
            tokio::select! {
                // An error means that the daemon is gone: stop as well.
                _ = stopped.wait_for(|stop| *stop) => {}
                () = receive => {}
            }
        };
        let deliver = async {
            let mut ticks = interval(DELIVER_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while senders.deliver(&mut stop).await {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => break,
                    _ = ticks.tick() => {}
                }
            }
            stop
        };
        let ((), mut stop) = tokio::join!(receive, deliver);
        senders.deliver(&mut stop).await;
    }
}

async fn datagrams(socket: &UdpSocket, senders: &Senders) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((_, sender)) if !senders.may_send(sender.ip()) => {
                senders.refuse(Reason::Unauthorized);
            }
            Ok((length, _)) => senders.take([&buffer[..length]]).await,
            Err(error) => {
                telemetry::source_trouble(Source::Edge.as_str(), &error);
                tokio::time::sleep(RETRY_WAITS[0]).await;
            }
        }
    }
}

async fn connections(listener: &TcpListener, senders: &Arc<Senders>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    loop {
        let place = Arc::clone(&room).acquire_owned().await.expect("it is never closed");
        while tasks.try_join_next().is_some() {}
        let (stream, sender) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // No descriptors, for instance: others may be given back.
                telemetry::source_trouble(Source::Edge.as_str(), &error);
                tokio::time::sleep(RETRY_WAITS[0]).await;
                continue;
            }
        };
        if !senders.may_send(sender.ip()) {
            senders.refuse(Reason::Unauthorized);
            continue;
        }
        let senders = Arc::clone(senders);
        tasks.spawn(async move {
            connection(stream, &senders).await;
            drop(place);
        });
    }
}

async fn connection(mut stream: TcpStream, senders: &Senders) {
    let mut frames = Frames::new(LINE_BYTES_MAX);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // Whoever is silent for so long, or breaks off, is done.
        let Ok(Ok(length)) = timeout(IDLE, stream.read(&mut buffer)).await else { break };
        if length == 0 {
            break;
        }
        let passed = frames.push(&buffer[..length]);
        for _ in 0..passed {
            senders.refuse(too_long().reason);
        }
        senders.take(frames.whole()).await;
        frames.forget();
    }
    senders.take(frames.rest()).await;
}

impl Senders {
    fn may_send(&self, sender: IpAddr) -> bool {
        self.from.as_ref().is_none_or(|from| from.holds(sender.to_canonical()))
    }

    fn refuse(&self, reason: Reason) {
        self.inlet.refuse(Source::Edge, reason, 1);
    }

    /// Adds messages up. A message is a line; one that has several, several.
    async fn take<'a>(&self, messages: impl IntoIterator<Item = &'a [u8]>) {
        let mut tallier = self.tallier.lock().await;
        let now = self.clock.now();
        for line in
            messages.into_iter().flat_map(|bytes| message(bytes).split(|byte| *byte == b'\n'))
        {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            if let Err(rejection) = tallier.add(line, now) {
                self.refuse(rejection.reason);
            }
        }
    }

    /// Makes what was received durable. Says whether anything may follow.
    async fn deliver(&self, stop: &mut watch::Receiver<bool>) -> bool {
        let mut tallier = self.tallier.lock().await;
        let records: Vec<_> = tallier.take().into_iter().map(Record::Edge).collect();
        if records.is_empty() {
            return true;
        }
        let mut backoff = Backoff::new(RETRY_WAITS[0], RETRY_WAITS[1], None);
        loop {
            let delivery = Delivery { records: records.clone(), ..Delivery::default() };
            match self.inlet.deliver(delivery).await {
                Ok(_) => return true,
                Err(InletError::Closed) => return false,
                Err(error @ (InletError::Busy | InletError::Storage(_))) => {
                    telemetry::source_trouble(Source::Edge.as_str(), &error);
                }
            }
            tokio::select! {
                // A disk that is full must not keep the daemon from stopping.
                _ = stop.wait_for(|stop| *stop) => return false,
                () = tokio::time::sleep(backoff.next_wait(None)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
