//! What may come to the intake listener in whole requests.

use ssowatch::event::Timestamp;
use ssowatch::source::intake::{PUSH_BYTES_MAX, WEBHOOK_BYTES_MAX};

use super::world::{Case, SECRET, World, refused, rejected, signed, words};
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

fn elsewhen(name: &str, millis: i64) -> String {
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

/// A webhook: body, the header that goes with it, and why it is refused.
fn webhook(
    name: &'static str,
    sent: &str,
    text: &str,
    header: Option<String>,
    moved: String,
) -> Case {
    let body = text.as_bytes().to_vec();
    let headers: Vec<_> = header.map(|header| ("workos-signature", header)).into_iter().collect();
    Case {
        name,
        sent: format!("`POST /webhooks/workos`: {sent}"),
        moved,
        act: Box::new(move |world| post(world, "/webhooks/workos", &headers, body)),
    }
}

pub(super) fn webhooks() -> Vec<Case> {
    let of = |reason: &str| rejected("workos_webhook", reason);
    let good = |text: &str| Some(signed(SECRET, text.as_bytes(), 0));
    let future = elsewhen("sso_failed", now_millis() + DAY);
    let large = " ".repeat(WEBHOOK_BYTES_MAX + 1);
    let fresh = elsewhen("sso_failed", now_millis());
    let header = signed(SECRET, fresh.as_bytes(), 0);
    let short = header[..header.len() - 1].to_owned();
    let changed = fresh.replace("sso_failed", "sso_succeeded");
    let again = elsewhen("sso_timed_out", now_millis());
    let mut cases = vec![
        webhook("unsigned", "an event", &fresh, None, of("signature_missing")),
        webhook(
            "a signature of nonsense",
            "`t=now`",
            &fresh,
            Some("t=now".into()),
            of("signature_missing"),
        ),
        webhook(
            "a signature that is cut",
            "63 digits",
            &fresh,
            Some(short),
            of("signature_missing"),
        ),
        webhook(
            "a signature of 30,000 bytes",
            "digits",
            &fresh,
            Some("1".repeat(30_000)),
            of("signature_missing"),
        ),
        webhook(
            "signed by somebody else",
            "an event",
            &fresh,
            Some(signed("whsec_other", fresh.as_bytes(), 0)),
            of("signature_mismatch"),
        ),
        webhook(
            "changed on its way",
            "another body",
            &changed,
            Some(header.clone()),
            of("signature_mismatch"),
        ),
        webhook(
            "signed long ago",
            "10 minutes",
            &fresh,
            Some(signed(SECRET, fresh.as_bytes(), 10 * MINUTE)),
            of("signature_stale"),
        ),
        webhook(
            "signed in the future",
            "in 10 minutes",
            &fresh,
            Some(signed(SECRET, fresh.as_bytes(), -10 * MINUTE)),
            of("signature_stale"),
        ),
        webhook("signed, not JSON", "`{`", "{", good("{"), of("not_json")),
        webhook("signed, not an event", "`{}`", "{}", good("{}"), of("not_an_event")),
        webhook(
            "signed, from the future",
            "tomorrow",
            &future,
            good(&future),
            of("future_timestamp"),
        ),
        webhook("signed, oversized", "256 KiB and a byte", &large, good(&large), of("too_large")),
    ];
    cases.push(Case {
        name: "replayed",
        sent: "`POST /webhooks/workos`: a good one, twice".into(),
        moved: "ssowatch_events_duplicate_total{source=\"workos_webhook\"}".into(),
        act: Box::new(move |world| {
            let headers = [("workos-signature", signed(SECRET, again.as_bytes(), 0))];
            post(world, "/webhooks/workos", &headers, again.clone().into_bytes());
            post(world, "/webhooks/workos", &headers, again.into_bytes())
        }),
    });
    cases
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

/// What a listener with a token refuses.
pub(super) fn guarded() -> Vec<Case> {
    let with = |name,
                sent: &str,
                path: &'static str,
                header: Option<(&'static str, &str)>,
                source: &str| {
        let headers: Vec<_> =
            header.map(|(name, value)| (name, value.to_owned())).into_iter().collect();
        Case {
            name,
            sent: format!("`POST {path}` {sent}"),
            moved: rejected(source, "unauthorized"),
            act: Box::new(move |world: &World| post(world, path, &headers, b"x".to_vec())),
        }
    };
    let edge = "/v1/edge?format=nginx_combined&tier=web";
    vec![
        with("no token", "without one", "/v1/events", None, "push"),
        with(
            "a wrong token",
            "with `Bearer wrong`",
            "/v1/events",
            Some(("authorization", "Bearer wrong")),
            "push",
        ),
        with(
            "the beginning of the token",
            "with `Bearer righ`",
            "/v1/events",
            Some(("authorization", "Bearer righ")),
            "push",
        ),
        with(
            "a wrong key of Datadog's senders",
            "with `DD-API-KEY: wrong`",
            "/api/v2/logs",
            Some(("dd-api-key", "wrong")),
            "push",
        ),
        with("no token for access logs", "without one", edge, None, "edge"),
    ]
}

/// What a listener with a list and a rate refuses.
pub(super) fn access() -> Vec<Case> {
    let from = |name, sent: &str, forwarded: &'static str, times: u32, reason: &str| Case {
        name,
        sent: format!("`POST /webhooks/workos` from {sent}"),
        moved: rejected("workos_webhook", reason),
        act: Box::new(move |world: &World| {
            let headers = [("x-forwarded-for", forwarded.to_owned())];
            let send = |_| post(world, "/webhooks/workos", &headers, b"{}".to_vec());
            (0..times).map(send).find(|answer| !answer.starts_with("401")).unwrap()
        }),
    };
    vec![
        from(
            "an address that is not on the list",
            "198.51.100.7, through the proxy",
            "198.51.100.7",
            1,
            "not_allowed",
        ),
        from(
            "an address made up behind a stranger",
            "198.51.100.7, which says that it asks for 203.0.113.7",
            "203.0.113.7, 198.51.100.7",
            1,
            "not_allowed",
        ),
        from(
            "an address that is none",
            "`unknown`, through the proxy",
            "203.0.113.7, unknown, 198.51.100.7",
            1,
            "not_allowed",
        ),
        from(
            "too many requests from one address",
            "203.0.113.7, as fast as it can",
            "203.0.113.7",
            100_000,
            "rate_limited",
        ),
    ]
}
