//! Load on a listener: closed loop (as fast as answers come) and open loop (at a rate, whatever comes back).

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ssowatch::clock::Clock;
use ssowatch::event::Timestamp;
use ssowatch::source::signature::sign;

use super::daemon::SECRET;
use super::events::Events;
use super::http::Client;

/// Requests, ready to be sent.
#[derive(Debug)]
pub(crate) struct Requests {
    path: &'static str,
    headers: Vec<String>,
    bodies: Vec<Vec<u8>>,
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) wall: Duration,
    /// From when a request was due until its answer, sorted.
    pub(crate) waits: Vec<Duration>,
    /// Answers that were not 2xx.
    pub(crate) refused: usize,
}

/// Now, on the clock that the daemon reads too.
pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}

/// Sign-ins on `connections` in the last minute: `count` events by as many as fit.
pub(crate) fn live(connections: u64, count: usize, seed: u64) -> Events {
    let span = 60_000_000;
    let gap = (span / i64::try_from(count).expect("a count")).max(1) * 2;
    Events::new(seed, connections, now().plus_millis(-span / 1000), gap)
}

impl Requests {
    /// Pushes of `size` events each.
    pub(crate) fn pushes(events: &mut Events, count: usize, size: usize) -> Self {
        let body = |_| {
            let mut body = Vec::with_capacity(size * 720);
            (0..size).for_each(|_| events.write(&mut body));
            body
        };
        Self { path: "/v1/events", headers: Vec::new(), bodies: (0..count).map(body).collect() }
    }

    /// Signed webhooks.
    pub(crate) fn webhooks(events: &mut Events, count: usize) -> Self {
        let mut requests = Self::pushes(events, count, 1);
        requests.path = "/webhooks/workos";
        let header =
            |body: &Vec<u8>| format!("WorkOS-Signature: {}\r\n", sign(SECRET, body, now()));
        requests.headers = requests.bodies.iter().map(header).collect();
        requests
    }

    pub(crate) fn bodies(&self) -> &[Vec<u8>] {
        &self.bodies
    }

    /// Sends everything over `connections` connections, each request as soon as the one before it is answered.
    pub(crate) fn closed_loop(&self, to: SocketAddr, connections: usize) -> Outcome {
        self.send(to, connections, None)
    }

    /// Sends `rate` requests a second over `connections` connections.
    pub(crate) fn open_loop(&self, to: SocketAddr, connections: usize, rate: f64) -> Outcome {
        self.send(to, connections, Some(rate))
    }

    fn send(&self, to: SocketAddr, connections: usize, rate: Option<f64>) -> Outcome {
        let next = AtomicUsize::new(0);
        let begun = Instant::now();
        let sender = || {
            let mut client = Client::new(to);
            let (mut waits, mut refused) = (Vec::new(), 0);
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(body) = self.bodies.get(index) else { return (waits, refused) };
                #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
                let due = rate.map(|rate| begun + Duration::from_secs_f64(index as f64 / rate));
                if let Some(wait) = due.and_then(|due| due.checked_duration_since(Instant::now())) {
                    std::thread::sleep(wait);
                }
                // A request that had to wait for a free connection has waited as well.
                let due = due.unwrap_or_else(Instant::now);
                let headers = self.headers.get(index).map_or("", String::as_str);
                let answer = client.post(self.path, headers, body);
                refused += usize::from(answer.status / 100 != 2);
                waits.push(due.elapsed());
            }
        };
        let (mut waits, mut refused) = (Vec::new(), 0);
        std::thread::scope(|scope| {
            let senders: Vec<_> = (0..connections).map(|_| scope.spawn(sender)).collect();
            for sender in senders {
                let (more, no) = sender.join().expect("a sender does not panic");
                waits.extend(more);
                refused += no;
            }
        });
        let wall = begun.elapsed();
        waits.sort_unstable();
        Outcome { wall, waits, refused }
    }
}

impl Outcome {
    /// The wait that 99 of 100 requests did not exceed, in milliseconds.
    pub(crate) fn p99_millis(&self) -> f64 {
        self.waits[self.waits.len() * 99 / 100].as_secs_f64() * 1000.0
    }
}
