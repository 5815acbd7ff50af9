//! What may come over a connection that is no request, or none in time: the same to both listeners.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::world::{Case, World, broken, refused};

/// Longer than any time limit of the daemon.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which listener.
#[derive(Clone, Copy)]
pub(super) struct Side {
    name: &'static str,
    /// Something that it takes by POST.
    path: &'static str,
}

pub(super) const SIDES: [Side; 2] =
    [Side { name: "intake", path: "/v1/events" }, Side { name: "admin", path: "/api/v1/silences" }];

impl Side {
    fn connect(self, world: &World) -> TcpStream {
        let url = if self.name == "intake" { &world.daemon.intake } else { &world.daemon.admin };
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

/// What comes back over `stream` until it ends, in words.
fn answer(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is reset has nothing more to say either.
    drop(stream.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let Some(first) = text.strip_prefix("HTTP/1.1 ") else { return "closed".into() };
    let status = first.lines().next().unwrap_or_default().to_owned();
    match text.split_once("\r\n\r\n") {
        Some((_, body)) if !body.is_empty() => {
            let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            format!("{} {}", &status[..3], json["error"].as_str().unwrap_or_default())
        }
        _ => format!("{status}, closed"),
    }
}

/// Bytes, after which the sender goes on listening, or (`end`) says that nothing more will come.
fn raw(
    side: Side,
    name: &'static str,
    sent: &str,
    bytes: Vec<u8>,
    end: bool,
    moved: String,
) -> Case {
    Case {
        name,
        sent: format!("to {}: {sent}", side.name),
        moved,
        act: Box::new(move |world| {
            let mut stream = side.connect(world);
            // Who is refused early cannot send the rest.
            drop(stream.write_all(&bytes));
            if end {
                drop(stream.shutdown(Shutdown::Write));
            }
            answer(stream)
        }),
    }
}

pub(super) fn cases(side: Side) -> Vec<Case> {
    let Side { name: listener, path } = side;
    let not_http = || broken(listener, "not_http");
    let post = |headers: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{headers}\r\n"
        )
    };
    let many = "x: 1\r\n".repeat(101);
    let wide = format!("x: {}\r\n", "x".repeat(40_000));
    let text = |name, sent: &str, text: String, end, moved| {
        raw(side, name, sent, text.into_bytes(), end, moved)
    };
    vec![
        text("garbage", "`hello`", "hello\r\n\r\n".into(), false, not_http()),
        raw(
            side,
            "TLS",
            "a handshake where plain HTTP is spoken",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            false,
            not_http(),
        ),
        text(
            "a version that is none",
            "`HTTP/7.0`",
            format!("GET {path} HTTP/7.0\r\n\r\n"),
            false,
            not_http(),
        ),
        text(
            "a long path",
            "64 KiB",
            format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(65_536)),
            false,
            not_http(),
        ),
        text("a large header", "40,000 bytes", post(&wide), false, not_http()),
        text("many headers", "101", post(&many), false, not_http()),
        raw(
            side,
            "a NUL in a header",
            "`x: a\\0b`",
            post("x: a\0b\r\n").into_bytes(),
            false,
            not_http(),
        ),
        text(
            "a negative length",
            "`content-length: -1`",
            post("content-length: -1\r\n"),
            false,
            not_http(),
        ),
        text(
            "two lengths",
            "`content-length` 5 and 6",
            post("content-length: 5\r\ncontent-length: 6\r\n") + "hello",
            false,
            not_http(),
        ),
        text(
            "no end of a head",
            "half a head, then the end",
            "GET / HTTP/1.1\r\nhost: lo".into(),
            true,
            broken(listener, "cut"),
        ),
        text(
            "less than announced",
            "5 of 100 bytes, then the end",
            post("content-length: 100\r\n") + "hello",
            true,
            refused_or_cut(listener),
        ),
        text(
            "a chunk that lies",
            "a chunk with the length `zz`",
            post("transfer-encoding: chunked\r\n") + "zz\r\nhello\r\n0\r\n\r\n",
            false,
            refused_or_cut(listener),
        ),
        text(
            "a chunk without an end",
            "a chunk of 4 GiB with 5 bytes, then the end",
            post("transfer-encoding: chunked\r\n") + "ffffffff\r\nhello",
            true,
            refused_or_cut(listener),
        ),
        raw(
            side,
            "HTTP/2 in name only",
            "its preface, then garbage",
            [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &[0xFF; 64]].concat(),
            false,
            broken(listener, "cut"),
        ),
    ]
}

/// A body that breaks: the intake says so, the admin listener too.
fn refused_or_cut(listener: &str) -> String {
    refused(listener, if listener == "intake" { 415 } else { 400 })
}

/// What takes as long as the daemon waits.
pub(super) fn slow(side: Side) -> Vec<Case> {
    let moved = || broken(side.name, "slow");
    vec![
        raw(side, "a connection that says nothing", "nothing", Vec::new(), false, moved()),
        raw(
            side,
            "headers that trickle",
            "half a head",
            b"GET / HTTP/1.1\r\nhost: lo".to_vec(),
            false,
            moved(),
        ),
    ]
}

/// A body that trickles.
pub(super) fn trickle() -> Case {
    let head = "POST /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhello";
    let moved = refused("intake", 408);
    raw(
        SIDES[0],
        "a body that trickles",
        "5 of 100 bytes, and then nothing",
        head.into(),
        false,
        moved,
    )
}
