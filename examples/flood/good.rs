//! Good webhooks, one after the other, and the failures that somebody must be paged for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use ssowatch::clock::Clock;
use ssowatch::source::signature::sign;

/// The secret of webhooks.
pub(crate) const SECRET: &str = "whsec_flood";

/// The pause between two.
const EVERY: Duration = Duration::from_millis(20);

/// Failures that are enough for the rule.
const FAILURES: u64 = 8;

/// WorkOS, as far as it goes well.
pub(crate) struct Good {
    to: SocketAddr,
    next: AtomicU64,
    /// Sent by the other thread, which measures.
    waits: Mutex<Vec<Duration>>,
}

impl Good {
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self { to, next: AtomicU64::new(0), waits: Mutex::default() }
    }

    /// Sends until `over`; gives how long each waited for its answer, sorted.
    pub(crate) fn send(&self, over: &AtomicBool) -> Vec<Duration> {
        let mut stream = BufReader::new(TcpStream::connect(self.to).expect("it listens"));
        while !over.load(Ordering::Relaxed) {
            self.one(&mut stream, "sso_succeeded", "conn_good");
            thread::sleep(EVERY);
        }
        let mut waits = self.waits.lock().expect("nobody panics").clone();
        waits.sort_unstable();
        waits
    }

    /// Failures on `connection`.
    pub(crate) fn fail(&self, connection: &str) {
        let mut stream = BufReader::new(TcpStream::connect(self.to).expect("it listens"));
        for _ in 0..FAILURES {
            self.one(&mut stream, "sso_failed", connection);
        }
    }

    fn one(&self, stream: &mut BufReader<TcpStream>, name: &str, connection: &str) {
        let (number, now) = (self.next.fetch_add(1, Ordering::Relaxed), Clock::system().now());
        let body = json!({"id": format!("event_{number}"), "event": format!("authentication.{name}"), "created_at": now.to_string(),
            "data": {"sso": {"connection_id": connection, "session_id": format!("session_{number}")},
            "error": {"code": "invalid_grant", "message": "no"}}});
        let body = body.to_string();
        let header = sign(SECRET, body.as_bytes(), now);
        let begun = Instant::now();
        let request = format!(
            "POST /webhooks/workos HTTP/1.1\r\nhost: localhost\r\nworkos-signature: {header}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.get_mut().write_all(request.as_bytes()).expect("it reads");
        assert_eq!(status(stream), 200, "a good webhook is taken");
        self.waits.lock().expect("nobody panics").push(begun.elapsed());
    }
}

/// Reads a whole answer.
fn status(stream: &mut BufReader<TcpStream>) -> u16 {
    let (mut line, mut status, mut length) = (String::new(), 0, 0);
    loop {
        line.clear();
        stream.read_line(&mut line).expect("it answers");
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse().expect("a status");
        } else if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        } else if line.trim().is_empty() {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("the body");
            return status;
        }
    }
}
