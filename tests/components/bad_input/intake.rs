//! What may come to the intake listener in whole requests.

use ssowatch::event::Timestamp;
use ssowatch::source::intake::PUSH_BYTES_MAX;

use super::world::{Case, World, refused, rejected, words};
use super::{DAY, GIB_PIECES, MINUTE, WINDOW_BOMB, bomb};
use crate::bytes::{gzip, zstd};
use crate::events::{event, now_millis};
use crate::http;

/// A body for `path` with these headers.
pub(super) fn post(world: &World, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> String {
    let mut request = http::client().post(format!("{}{path}", world.daemon.intake));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let answer = http::try_send(request.body(body));
    answer.map_or_else(|| "no answer".to_owned(), |answer| words(&answer))
}

/// `bad` in a line of its own between two good ones.
fn line(name: &'static str, sent: &str, bad: impl Into<Vec<u8>>, reason: &str) -> Case {
    let bad = bad.into();
    Case {
        name,
        sent: format!("`POST /v1/events`, between two good lines: {sent}"),
        moved: rejected("push", reason),
        act: Box::new(move |world| {
            let body = [world.good().into_bytes(), bad, b"\n".to_vec(), world.good().into_bytes()];
            post(world, "/v1/events", &[], body.concat())
        }),
    }
}

pub(super) fn elsewhen(name: &str, millis: i64) -> String {
    event(name, Some("conn_1"), "elsewhen", millis).trim_end().to_owned()
}

pub(super) fn lines() -> Vec<Case> {
    let now = now_millis();
    let at = |millis| elsewhen("sso_failed", millis);
    let deep =
        format!("{{\"id\":\"event_1\",\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"id\":\"event_1\",\"x\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    let with_time =
        |time: &str| at(now).replace(&format!("\"{}\"", Timestamp::from_millis(now)), time);
    let with_id = |id: &str| at(now).replace("\"event_sso_failed_elsewhen\"", id);
    let latin = [&b"{\"id\":\"event_1\",\"event\":\"caf"[..], b"\xE9\"}"].concat();
    vec![
        line("not JSON", "`{\"id\": oops`", "{\"id\": oops", "not_json"),
        line("cut off", "the first half of an event", &at(now)[..200], "not_json"),
        line(
            "two values in a line",
            "an event, then `{}`",
            format!("{} {{}}", at(now)),
            "not_json",
        ),
        line("NUL bytes", "eight of them", [0; 8], "not_json"),
        line("invalid UTF-8", "Latin 1", latin, "not_utf8"),
        line("another object", "`{\"hello\": 1}`", "{\"hello\": 1}", "not_an_event"),
        line("a number", "`42`", "42", "not_an_event"),
        line("a list", "`[[]]`", "[[]]", "not_an_event"),
        line("an empty id", "`\"id\": \"\"`", with_id("\"\""), "bad_id"),
        line(
            "a long id",
            "an id of 129 bytes",
            with_id(&format!("\"{}\"", "x".repeat(129))),
            "bad_id",
        ),
        line("an id that is an object", "`\"id\": {}`", with_id("{}"), "not_an_event"),
        line(
            "no time",
            "`\"created_at\": \"yesterday\"`",
            with_time("\"yesterday\""),
            "bad_timestamp",
        ),
        line(
            "a time that is a number",
            "`\"created_at\": -1e300`",
            with_time("-1e300"),
            "not_an_event",
        ),
        line(
            "a time beyond all calendars",
            "the year 99999",
            with_time("\"99999-01-01T00:00:00Z\""),
            "bad_timestamp",
        ),
        line("from the future", "in 11 minutes", at(now + 11 * MINUTE), "future_timestamp"),
        line("nested", "100,000 brackets deep", deep, "too_deep"),
        line("one long line", "10 MiB", long, "too_large"),
    ]
}

/// What is strange and counts all the same.
pub(super) fn strange() -> Vec<Case> {
    let counted = |name, sent: &str, moved: &str, body: fn() -> String| Case {
        name,
        sent: format!("`POST /v1/events`: {sent}"),
        moved: moved.to_owned(),
        act: Box::new(move |world| post(world, "/v1/events", &[], body().into_bytes())),
    };
    vec![
        counted(
            "sent again",
            "one event twice",
            "ssowatch_events_duplicate_total{source=\"push\"}",
            || {
                elsewhen("sso_started", now_millis() - 2000)
                    + "\n"
                    + &elsewhen("sso_started", now_millis())
            },
        ),
        counted(
            "ancient",
            "an event of 9,000 days ago",
            "ssowatch_events_late_total{source=\"push\"}",
            || event("sso_failed", Some("conn_1"), "ancient", now_millis() - 9000 * DAY),
        ),
        counted(
            "an unknown type of event",
            "`authentication.teleported`",
            "sso_authentication_events_total{type=\"authentication.teleported\"}",
            || event("teleported", Some("conn_1"), "teleported", now_millis()),
        ),
    ]
}

/// A whole body that is refused.
fn body(name: &'static str, sent: &str, encoding: &str, body: Vec<u8>, reason: &str) -> Case {
    let headers: Vec<_> = Some(("content-encoding", encoding.to_owned()))
        .filter(|_| !encoding.is_empty())
        .into_iter()
        .collect();
    Case {
        name,
        sent: format!("`POST /v1/events`: {sent}"),
        moved: rejected("push", reason),
        act: Box::new(move |world| post(world, "/v1/events", &headers, body)),
    }
}

pub(super) fn bodies() -> Vec<Case> {
    let mut cut = gzip(elsewhen("sso_failed", now_millis()).repeat(10).as_bytes());
    cut.truncate(cut.len() / 2);
    let mut spoilt = zstd(&[b' '; 4096]);
    *spoilt.last_mut().unwrap() ^= 0xFF;
    spoilt.truncate(spoilt.len() - 1);
    vec![
        body("oversized", "16 MiB and a byte", "", vec![b' '; PUSH_BYTES_MAX + 1], "too_large"),
        body("gzip bomb", "a GiB in a MiB", "gzip", bomb(b' ', GIB_PIECES, gzip), "too_large"),
        body("zstd bomb", "a GiB in 100 KiB", "zstd", bomb(b' ', GIB_PIECES, zstd), "too_large"),
        body(
            "zstd window bomb",
            "10 bytes that ask for 2 GiB",
            "zstd",
            WINDOW_BOMB.to_vec(),
            "bad_encoding",
        ),
        body("gzip that breaks off", "the first half", "gzip", cut, "bad_encoding"),
        body("zstd that breaks off", "all but its last byte", "zstd", spoilt, "bad_encoding"),
        body("not what it says", "`plain` as gzip", "gzip", b"plain".to_vec(), "bad_encoding"),
        body("not deflate", "`plain` as deflate", "deflate", b"plain".to_vec(), "bad_encoding"),
        body("unknown encoding", "brotli", "br", b"x".to_vec(), "bad_encoding"),
        body(
            "an encoding in two layers",
            "`gzip, gzip`",
            "gzip, gzip",
            gzip(&gzip(b"x")),
            "bad_encoding",
        ),
    ]
}

pub(super) fn others() -> Vec<Case> {
    let to = |name, path: &'static str, body: &str, moved: String| {
        let text = body.as_bytes().to_vec();
        Case {
            name,
            sent: format!(
                "`POST {path}`: {}",
                if body.is_empty() { "nothing".into() } else { format!("`{body}`") }
            ),
            moved,
            act: Box::new(move |world: &World| post(world, path, &[], text)),
        }
    };
    let nginx = "/v1/edge?format=nginx_combined&tier=web";
    let line = |status: &str, time: &str| {
        format!("203.0.113.7 - - [{time}] \"GET / HTTP/1.1\" {status} 1 \"-\" \"-\"")
    };
    let get = Case {
        name: "the wrong method",
        sent: "`GET /v1/events`".into(),
        moved: refused("intake", 405),
        act: Box::new(|world| words(&http::get(&format!("{}/v1/events", world.daemon.intake)))),
    };
    vec![
        to("logs that are not JSON", "/api/v2/logs", "oops", rejected("push", "not_json")),
        to("logs that are a number", "/api/v2/logs", "[1]", rejected("push", "not_an_event")),
        to("a line that is none", nginx, "hello", rejected("edge", "not_a_line")),
        to(
            "a status that is none",
            nginx,
            &line("2000", "15/Jan/2026:12:00:00 +0000"),
            rejected("edge", "bad_status"),
        ),
        to(
            "a month that is none",
            nginx,
            &line("200", "15/Foo/2026:12:00:00 +0000"),
            rejected("edge", "bad_timestamp"),
        ),
        to(
            "a line of 2038 and more",
            nginx,
            &line("200", "15/Jan/2999:12:00:00 +0000"),
            rejected("edge", "future_timestamp"),
        ),
        to("an unknown format", "/v1/edge?format=apache3&tier=web", "x", refused("intake", 400)),
        to("no format", "/v1/edge", "x", refused("intake", 400)),
        to("an unknown route", "/v2/events", "", refused("intake", 404)),
        to("a route of the other listener", "/-/reload", "", refused("intake", 404)),
        to("a path into the file system", "/..%2f..%2fetc/passwd", "", refused("intake", 404)),
        get,
    ]
}
