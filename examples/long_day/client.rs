//! One HTTP request over a connection of its own, with an answer that is read to its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Real time that an answer may take: the daemon's own time stands meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends `bytes`; gives what comes back.
pub(crate) fn raw(to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(to) {
        drop(stream.set_read_timeout(Some(PATIENCE)));
        // Who is refused early cannot send the rest, and reads the answer all the same.
        drop(stream.write_all(bytes));
        drop(stream.read_to_end(&mut answer));
    }
    answer
}

/// The status of the answer to a request, 0 when there is none. `headers` are lines that end in CR LF.
pub(crate) fn send(to: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> u16 {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    let answer = raw(to, &[head.as_bytes(), body].concat());
    let text = String::from_utf8_lossy(&answer[..answer.len().min(16)]).into_owned();
    text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
