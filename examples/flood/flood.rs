//! The flood: unsigned webhooks over a few connections, many in a packet, so that the sender takes little of the machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: u64 = 8;

/// Requests that are sent together.
const TOGETHER: u64 = 50;

/// An event of the usual size.
const BODY: &str = r#"{"object":"event","id":"event_01HF0000000000000000000000","event":"authentication.sso_failed","created_at":"2026-01-15T12:00:00.000Z","data":{"type":"sso","status":"failed","ip_address":"203.0.113.42","user_agent":"Mozilla/5.0","email":"somebody@example.com","sso":{"organization_id":"org_1","connection_id":"conn_1","session_id":"session_1"}}}"#;

/// What came of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) unauthorized: u64,
    pub(crate) otherwise: u64,
    pub(crate) wall: Duration,
}

/// Sends `rate` a second for so many seconds, or as many as are answered.
pub(crate) fn run(to: SocketAddr, rate: u64, seconds: u64) -> Outcome {
    let begun = Instant::now();
    let total = thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(move || send(to, rate / CONNECTIONS, seconds)))
            .collect();
        senders.into_iter().map(|sender| sender.join().expect("it does not panic")).fold(
            Outcome::default(),
            |sum, one| Outcome {
                sent: sum.sent + one.sent,
                unauthorized: sum.unauthorized + one.unauthorized,
                otherwise: sum.otherwise + one.otherwise,
                ..sum
            },
        )
    });
    Outcome { wall: begun.elapsed(), ..total }
}

fn send(to: SocketAddr, rate: u64, seconds: u64) -> Outcome {
    let head = format!(
        "POST /webhooks/workos HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    let packet = [head, BODY.to_owned()].concat().repeat(usize::try_from(TOGETHER).expect("small"));
    let mut stream = TcpStream::connect(to).expect("it listens");
    stream.set_nodelay(true).expect("a connection");
    let mut outcome = Outcome::default();
    let (begun, mut rest) = (Instant::now(), Vec::new());
    let end = begun + Duration::from_secs(seconds);
    while Instant::now() < end {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let due = begun + Duration::from_secs_f64(outcome.sent as f64 / rate as f64);
        if let Some(wait) = due.checked_duration_since(Instant::now()) {
            thread::sleep(wait);
        }
        stream.write_all(packet.as_bytes()).expect("it reads");
        outcome.sent += TOGETHER;
        while outcome.unauthorized + outcome.otherwise < outcome.sent {
            let mut buffer = vec![0; 65_536];
            let count = stream.read(&mut buffer).expect("it answers");
            assert!(count > 0, "the connection was closed");
            rest.extend_from_slice(&buffer[..count]);
            let (unauthorized, otherwise) = take(&mut rest);
            outcome.unauthorized += unauthorized;
            outcome.otherwise += otherwise;
        }
    }
    outcome
}

/// Takes whole status lines out of `bytes`; keeps what may be the beginning of one.
fn take(bytes: &mut Vec<u8>) -> (u64, u64) {
    const MARK: &[u8] = b"HTTP/1.1 ";
    let (mut unauthorized, mut otherwise, mut at) = (0, 0, 0);
    while let Some(found) =
        bytes[at..].windows(MARK.len() + 3).position(|part| part.starts_with(MARK))
    {
        let status = at + found + MARK.len();
        if &bytes[status..status + 3] == b"401" {
            unauthorized += 1;
        } else {
            otherwise += 1;
        }
        at = status + 3;
    }
    let keep = bytes.len().saturating_sub(MARK.len() + 2).max(at);
    bytes.drain(..keep);
    (unauthorized, otherwise)
}
