//! Bad input to the running binary: each is answered with what is wrong and what to do, counted by reason, costs no good
//! input beside it, and does not fill the memory.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpStream;

use ssowatch::event::Timestamp;
use ssowatch::source::intake::{PUSH_BYTES_MAX, WEBHOOK_BYTES_MAX};
use ssowatch::source::signature::sign;

use crate::bytes::{gzip, zstd};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::http::{self, Answer};
use crate::wait;

const SECRET: &str = "whsec_components";
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The most memory that the daemon may ever have had, whatever came in.
const PEAK_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Something bad, and what must become of it.
struct Case {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    /// The label under which it is counted; empty: it is not refused.
    reason: &'static str,
    /// What the answer says.
    says: &'static str,
    /// Good events beside it, all of which are kept.
    kept: u64,
}

/// A good event; every call gives another.
fn good() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let session = format!("good_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    event("sso_succeeded", Some("conn_good"), &session, now_millis() - 1000)
}

/// `bad` in a line of its own between two good ones.
fn line(
    name: &'static str,
    bad: impl AsRef<[u8]>,
    reason: &'static str,
    says: &'static str,
) -> Case {
    let body = [good().as_bytes(), bad.as_ref(), b"\n", good().as_bytes()].concat();
    Case { name, path: "/v1/events", headers: vec![], body, status: 200, reason, says, kept: 2 }
}

/// A whole body that is refused.
fn body(
    name: &'static str,
    encoding: Option<&str>,
    body: Vec<u8>,
    (status, reason, says): (u16, &'static str, &'static str),
) -> Case {
    let headers = encoding.map(|encoding| ("content-encoding", encoding.to_owned()));
    let headers = headers.into_iter().collect();
    Case { name, path: "/v1/events", headers, body, status, reason, says, kept: 0 }
}

/// A webhook that is signed as it should be.
fn webhook(
    name: &'static str,
    text: impl Into<String>,
    (status, reason, says): (u16, &'static str, &'static str),
) -> Case {
    let text = text.into();
    let header = sign(SECRET, text.as_bytes(), Timestamp::from_millis(now_millis()));
    let headers = vec![("workos-signature", header)];
    let body = text.into_bytes();
    Case { name, path: "/webhooks/workos", headers, body, status, reason, says, kept: 0 }
}

/// Over a gibibyte of spaces, as compressed streams one after the other, which counts as one stream.
fn bomb(compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let piece = vec![b' '; 8 * 1024 * 1024];
    compress(&piece).repeat(129)
}

/// A zstd frame that asks for a window of 2 GiB, and holds one byte.
const WINDOW_BOMB: [u8; 10] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x09, 0x00, 0x00, b' '];

fn lines() -> Vec<Case> {
    let now = now_millis();
    let at = |millis| event("sso_failed", Some("conn_1"), "elsewhen", millis);
    let deep =
        format!("{{\"id\":\"event_1\",\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"id\":\"event_1\",\"x\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    let no_id = at(now).replace("event_sso_failed_elsewhen", "");
    let yesterday = at(now).replace(&Timestamp::from_millis(now).to_string(), "yesterday");
    let latin = [&b"{\"id\":\"event_1\",\"event\":\"caf"[..], b"\xE9\"}"].concat();
    vec![
        line("not JSON", "{\"id\": oops", "not_json", "JSON"),
        line("not an event", "{\"hello\": 1}", "not_an_event", "`id`"),
        line("a number", "42", "not_an_event", "object"),
        line("no id", no_id, "bad_id", "`id`"),
        line("no time", yesterday, "bad_timestamp", "write ISO 8601"),
        line("from the future", at(now + 11 * MINUTE), "future_timestamp", "check the clocks"),
        line("invalid UTF-8", latin, "not_utf8", "UTF-8"),
        line("nested 100,000 deep", deep, "too_deep", "128 levels"),
        line("10 MB in one line", long, "too_large", "1048576"),
    ]
}

fn bodies() -> Vec<Case> {
    let mut cut = gzip(good().repeat(10).as_bytes());
    cut.truncate(cut.len() / 2);
    let large = (413, "too_large", "smaller batches");
    let broken = (415, "bad_encoding", "not valid");
    vec![
        body("oversized", None, vec![b' '; PUSH_BYTES_MAX + 1], large),
        body("gzip bomb", Some("gzip"), bomb(gzip), large),
        body("zstd bomb", Some("zstd"), bomb(zstd), large),
        body("zstd window bomb", Some("zstd"), WINDOW_BOMB.to_vec(), broken),
        body("gzip that breaks off", Some("gzip"), cut, broken),
        body("not what it says", Some("gzip"), b"plain".to_vec(), broken),
        body("unknown encoding", Some("br"), b"x".to_vec(), (415, "bad_encoding", "use gzip")),
    ]
}

fn webhooks() -> Vec<Case> {
    let future = event("sso_failed", Some("conn_1"), "elsewhen", now_millis() + DAY);
    let unsigned = Case {
        headers: vec![],
        ..webhook("unsigned", good(), (401, "signature_missing", "`WorkOS-Signature`"))
    };
    let other = sign("whsec_other", b"{}", Timestamp::from_millis(now_millis()));
    let headers = vec![("workos-signature", other)];
    let wrong = (401, "signature_mismatch", "`sources.workos_webhook.secret`");
    let stale = sign(SECRET, b"{}", Timestamp::from_millis(now_millis() - 10 * MINUTE));
    let stale = vec![("workos-signature", stale)];
    let old = (401, "signature_stale", "`sources.workos_webhook.tolerance`");
    vec![
        webhook("signed, not JSON", "{", (400, "not_json", "JSON")),
        webhook("signed, not an event", "{}", (400, "not_an_event", "`id`")),
        webhook("signed, from the future", future, (400, "future_timestamp", "check the clocks")),
        webhook(
            "signed, oversized",
            " ".repeat(WEBHOOK_BYTES_MAX + 1),
            (413, "too_large", "smaller"),
        ),
        unsigned,
        Case { headers, ..webhook("signed by somebody else", "{}", wrong) },
        Case { headers: stale, ..webhook("signed long ago", "{}", old) },
    ]
}

fn send(daemon: &Daemon, case: &Case) -> Answer {
    let mut request = http::client().post(format!("{}{}", daemon.intake, case.path));
    for (name, value) in &case.headers {
        request = request.header(*name, value);
    }
    http::try_send(request.body(case.body.clone()))
        .unwrap_or_else(|| panic!("{}: no answer", case.name))
}

fn daemon() -> Daemon {
    Daemon::start(&format!("sources: {{ workos_webhook: {{ secret: {SECRET} }} }}\n"))
}

#[test]
fn each_bad_input_is_answered_counted_and_costs_no_good_one() {
    let daemon = daemon();
    let (mut kept, mut wanted) = (0, BTreeMap::new());
    for case in lines().into_iter().chain(bodies()).chain(webhooks()) {
        let answer = send(&daemon, &case);
        let name = case.name;
        assert_eq!(answer.status, case.status, "{name}: {answer:?}");
        assert!(answer.body.contains(case.says), "{name}: {answer:?}");
        if case.status == 200 {
            let answer = answer.json();
            assert_eq!(answer["accepted"], case.kept, "{name}: {answer}");
            assert_eq!(answer["rejected"][0]["line"], 2, "{name}: {answer}");
            assert_eq!(answer["rejected"][0]["reason"], case.reason, "{name}: {answer}");
        }
        kept += case.kept;
        let source = if case.path == "/v1/events" { "push" } else { "workos_webhook" };
        *wanted.entry((source, case.reason)).or_insert(0) += 1;
    }
    for ((source, reason), count) in wanted {
        wait::until(&format!("{count} of {reason}"), || {
            (daemon.rejected(source, reason) == count).then_some(())
        });
    }
    let good = format!(
        "sso_sessions_finished_total{{connection_id=\"conn_good\",outcome=\"succeeded\"}} {kept}"
    );
    assert!(daemon.metrics().lines().any(|line| line == good), "{good}\n{}", daemon.metrics());
}

#[test]
fn an_ancient_event_counts_but_moves_no_window() {
    let daemon = daemon();
    let ancient = event("sso_failed", Some("conn_1"), "ancient", now_millis() - 9000 * DAY);
    let answer = daemon.push(&format!("{}{ancient}{}", good(), good()));
    assert_eq!(answer["accepted"], 3, "{answer}");
    let late = "ssowatch_events_late_total{source=\"push\"} 1";
    let metrics = wait::until(late, || {
        Some(daemon.metrics()).filter(|text| text.lines().any(|line| line == late))
    });
    let failed = "sso_sessions_finished_total{connection_id=\"conn_1\",outcome=\"failed\"} 1";
    assert!(metrics.lines().any(|line| line == failed), "{metrics}");
    assert!(metrics.contains("sso_fleet_failure_ratio{window=\"5m\"} 0\n"), "{metrics}");
}

#[test]
fn many_bombs_at_once_leave_the_memory_and_the_others_alone() {
    let daemon = daemon();
    let bombs = [("gzip", bomb(gzip)), ("zstd", bomb(zstd))];
    let larger = vec![b' '; PUSH_BYTES_MAX + 1];
    std::thread::scope(|scope| {
        for n in 0..24 {
            let (encoding, body) = match n % 3 {
                2 => (None, &larger),
                kind => (Some(bombs[kind].0), &bombs[kind].1),
            };
            let case = self::body("one of many", encoding, body.clone(), (413, "too_large", ""));
            let daemon = &daemon;
            scope.spawn(move || {
                // 503 when too many arrive at once.
                let answer = send(daemon, &case);
                assert!([413, 503].contains(&answer.status), "{answer:?}");
            });
        }
    });
    let peak = daemon.peak_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{} MiB at most, not {peak} bytes", PEAK_BYTES_MAX >> 20);
    assert_eq!(daemon.push(&good())["accepted"], 1);
    assert_eq!(http::get(&format!("{}/-/healthy", daemon.admin)).status, 200);
}

#[test]
fn bodies_that_never_end_leave_the_memory_and_the_webhooks_alone() {
    let daemon = daemon();
    let address = daemon.intake.strip_prefix("http://").unwrap();
    let head =
        format!("POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: {PUSH_BYTES_MAX}\r\n\r\n");
    let most = vec![b' '; PUSH_BYTES_MAX - 1];
    let stalled = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&most).unwrap();
        stream
    };
    let _streams: Vec<_> = (0..64).map(stalled).collect();
    let case = webhook("beside them", good(), (200, "", ""));
    assert_eq!(send(&daemon, &case).status, 200);
    let peak = daemon.peak_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{} MiB at most, not {peak} bytes", PEAK_BYTES_MAX >> 20);
}
