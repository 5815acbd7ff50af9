//! The least of an HTTP client: one connection, one request at a time, so that what is measured is the server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A connection that is kept open.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the listener accepts");
        stream.set_nodelay(true).expect("a TCP connection");
        Self { stream: BufReader::with_capacity(1 << 16, stream) }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"), b"")
    }

    /// `headers` are lines that end in CR LF.
    pub(crate) fn post(&mut self, path: &str, headers: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        self.send(&head, body)
    }

    fn send(&mut self, head: &str, body: &[u8]) -> Answer {
        let stream = self.stream.get_mut();
        if body.len() < 4096 {
            let whole = [head.as_bytes(), body].concat();
            stream.write_all(&whole).expect("the server reads");
        } else {
            stream.write_all(head.as_bytes()).expect("the server reads");
            stream.write_all(body).expect("the server reads");
        }
        self.answer()
    }

    fn answer(&mut self) -> Answer {
        let mut line = String::new();
        let mut next = |stream: &mut BufReader<TcpStream>| {
            line.clear();
            stream.read_line(&mut line).expect("the server answers");
            line.trim_end().to_ascii_lowercase()
        };
        let first = next(&mut self.stream);
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in `{first}`"));
        let (mut length, mut chunked) = (0usize, false);
        loop {
            let header = next(&mut self.stream);
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if !chunked {
            self.read(length, &mut body);
            return Answer { status, body };
        }
        loop {
            let size = usize::from_str_radix(&next(&mut self.stream), 16).expect("a chunk's size");
            self.read(size, &mut body);
            next(&mut self.stream);
            if size == 0 {
                return Answer { status, body };
            }
        }
    }

    fn read(&mut self, bytes: usize, body: &mut Vec<u8>) {
        let from = body.len();
        body.resize(from + bytes, 0);
        self.stream.read_exact(&mut body[from..]).expect("the whole answer");
    }
}
