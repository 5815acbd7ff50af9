//! A pager: whatever comes is remembered with its time, and answered 200.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct Heard {
    bodies: Mutex<Vec<String>>,
    news: Condvar,
}

/// See the module.
pub(crate) struct Pager {
    address: SocketAddr,
    heard: Arc<Heard>,
}

impl Pager {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, heard) =
            (listener.local_addr().expect("an address"), Arc::new(Heard::default()));
        let hearing = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let hearing = Arc::clone(&hearing);
                thread::spawn(move || hearing.listen(stream));
            }
        });
        Self { address, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Until something came that holds `words`.
    pub(crate) fn wait_for(&self, words: &str, most: Duration) {
        let bodies = self.heard.bodies.lock().expect("nobody panics");
        let missing = |bodies: &mut Vec<String>| !bodies.iter().any(|body| body.contains(words));
        let (_bodies, late) =
            self.heard.news.wait_timeout_while(bodies, most, missing).expect("nobody panics");
        assert!(!late.timed_out(), "nobody was paged for {words}");
    }
}

impl Heard {
    /// Serves a connection until it ends.
    fn listen(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if !line.trim().is_empty() {
                continue;
            }
            let mut body = vec![0; length];
            if stream.read_exact(&mut body).is_err() {
                return;
            }
            let body = String::from_utf8_lossy(&body).into_owned();
            self.bodies.lock().expect("nobody panics").push(body);
            self.news.notify_all();
            if stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err()
            {
                return;
            }
        }
    }
}
