//! Bad input to the running binary: each is answered with what is wrong and what to do, counted, costs no good input beside
//! it, and does not fill the memory. `docs/bad-input.md` is the table of all of it, which these tests hold to what happens.

mod admin;
mod config;
mod files;
mod intake;
mod start;
mod store;
mod stranger;
mod table;
mod webhook;
mod wire;
mod world;

use std::io::Write;
use std::net::TcpStream;

use ssowatch::source::intake::PUSH_BYTES_MAX;

use self::table::assert_documented;
use self::world::{SECRET, World, signed};
use crate::bytes::{gzip, zstd};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::http;
use crate::wait;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// The most memory that the daemon may ever have had, whatever came in.
const PEAK_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Over a gibibyte: what a body must not become.
const GIB_PIECES: usize = 129;

/// So many times 8 MiB of one byte, as compressed streams one after the other, which counts as one stream.
fn bomb(byte: u8, pieces: usize, compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let piece = vec![byte; 8 * 1024 * 1024];
    compress(&piece).repeat(pieces)
}

/// A zstd frame that asks for a window of 2 GiB, and holds one byte.
const WINDOW_BOMB: [u8; 10] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA8, 0x09, 0x00, 0x00, b' '];

fn webhook_daemon() -> Daemon {
    Daemon::start(&format!("sources: {{ workos_webhook: {{ secret: {SECRET} }} }}\n"))
}

#[test]
fn each_bad_input_is_answered_counted_and_costs_no_good_one() {
    let world = World::new(webhook_daemon());
    let sections = [
        ("lines", intake::lines()),
        ("strange", intake::strange()),
        ("bodies", intake::bodies()),
        ("webhooks", webhook::webhooks()),
        ("others", intake::others()),
        ("admin", admin::queries()),
        ("decisions", admin::decisions()),
    ];
    let rows = sections.map(|(name, cases)| (name, world.run(cases, Vec::new())));
    assert_documented(&rows);
    let peak = world.daemon.peak_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{} MiB at most, not {peak} bytes", PEAK_BYTES_MAX >> 20);
}

#[test]
fn each_connection_that_is_no_request_is_ended_and_counted() {
    let world = World::new(webhook_daemon());
    let [intake, admin] = wire::SIDES;
    let mut long = wire::slow(intake);
    long.extend(wire::slow(admin));
    long.push(wire::trickle());
    let cases = [wire::cases(intake), wire::cases(admin)].into_iter().flatten().collect();
    assert_documented(&[("wire", world.run(cases, long))]);
}

#[test]
fn whoever_has_no_token_or_no_place_on_the_list_is_refused() {
    let token = "right";
    let config = format!(
        "sources: {{ workos_webhook: {{ secret: {SECRET} }}, push: {{ token: {token} }} }}\n"
    );
    let world = World::new(Daemon::start_guarded(token, "", &config));
    assert_documented(&[("tokens", world.run(stranger::guarded(), Vec::new()))]);
    assert_documented(&[("guarded", world.run(admin::guarded(), Vec::new()))]);
    let config = format!("sources: {{ workos_webhook: {{ secret: {SECRET} }} }}\n");
    let access = ", access: { trusted_proxies: [\"127.0.0.1\"], allow: [\"127.0.0.1\", \"203.0.113.0/24\"], per_address: 100 }";
    let world = World::new(Daemon::start_guarded("right", access, &config));
    assert_documented(&[("access", world.run(stranger::access(), Vec::new()))]);
}

#[test]
fn a_wrong_configuration_is_named_and_stays_out() {
    let world = World::new(webhook_daemon());
    assert_documented(&[("config", world.run(config::cases(), Vec::new()))]);
}

#[test]
fn a_bad_file_is_named_and_the_others_are_read() {
    let paths = ["logs/*", "things/fifo.ndjson", "things/zero.ndjson"];
    let files = paths.map(|path| format!("{{ path: \"{path}\" }}")).join(", ");
    let daemon = Daemon::start(&format!(
        "sources: {{ workos_webhook: {{ secret: {SECRET} }}, files: [ {files} ] }}\n"
    ));
    for folder in ["logs", "things"] {
        std::fs::create_dir(daemon.path().join(folder)).unwrap();
    }
    let world = World::new(daemon);
    assert_documented(&[("files", world.run(files::cases(), Vec::new()))]);
}

#[test]
fn damage_on_the_disk_is_found_named_and_costs_nothing_else() {
    assert_documented(&[("store", store::rows())]);
}

#[test]
fn a_start_that_cannot_be_says_why_and_leaves_the_others_alone() {
    assert_documented(&[("start", start::rows())]);
}

#[test]
fn a_flood_of_bad_input_writes_a_line_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let daemon = Daemon::start(&format!(
        "sources: {{ workos_webhook: {{ secret_file: {} }} }}\n",
        secret.display()
    ));
    let send = |path: &str, signature: Option<String>| {
        let request = http::client().post(format!("{}{path}", daemon.intake)).body("oops");
        let request = signature
            .into_iter()
            .fold(request, |request, header| request.header("workos-signature", header));
        http::try_send(request).unwrap().status
    };
    let before = daemon.said("");
    for _ in 0..200 {
        let wrong = Some(signed("whsec_other", b"oops", 0));
        let good = Some(signed(SECRET, b"oops", 0));
        assert_eq!(send("/v1/events", None), 200);
        assert_eq!(send("/nowhere", None), 404);
        assert_eq!(
            [None, wrong, good].map(|header| send("/webhooks/workos", header)),
            [401, 401, 400]
        );
        assert_eq!(http::get(&format!("{}/nowhere", daemon.admin)).status, 404);
    }
    // A secret that is wrong refuses everything, which is said; all else that strangers can cause is only counted.
    let refused = daemon.said("Signed requests are refused");
    assert!((1..=2).contains(&refused), "{refused}");
    assert_eq!(
        daemon.said("") - refused,
        before,
        "what strangers can cause is counted, not logged"
    );
    std::fs::remove_file(&secret).unwrap();
    for _ in 0..200 {
        assert_eq!(send("/webhooks/workos", Some(signed(SECRET, b"oops", 0))), 503);
    }
    assert!((1..=2).contains(&daemon.said("Secret cannot be read")));
    assert_eq!(daemon.count("ssowatch_source_trouble_total{source=\"workos_webhook\"}"), 200);
}

/// A good event; every call gives another.
fn good() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let session = format!("good_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    event("sso_succeeded", Some("conn_good"), &session, now_millis() - 1000)
}

#[test]
fn an_ancient_event_counts_but_moves_no_window() {
    let daemon = webhook_daemon();
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
    let daemon = webhook_daemon();
    let bombs = [("gzip", bomb(b' ', GIB_PIECES, gzip)), ("zstd", bomb(b' ', GIB_PIECES, zstd))];
    let larger = vec![b' '; PUSH_BYTES_MAX + 1];
    std::thread::scope(|scope| {
        for n in 0..24 {
            let (encoding, body) = match n % 3 {
                2 => (None, &larger),
                kind => (Some(bombs[kind].0), &bombs[kind].1),
            };
            let mut request = http::client().post(format!("{}/v1/events", daemon.intake));
            if let Some(encoding) = encoding {
                request = request.header("content-encoding", encoding);
            }
            scope.spawn(move || {
                // 503 when too many arrive at once.
                let answer = http::try_send(request.body(body.clone())).unwrap();
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
    let daemon = webhook_daemon();
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
    let body = good();
    let request = http::client().post(format!("{}/webhooks/workos", daemon.intake));
    let request = request.header("workos-signature", signed(SECRET, body.as_bytes(), 0));
    assert_eq!(http::try_send(request.body(body)).unwrap().status, 200);
    let peak = daemon.peak_bytes();
    assert!(peak < PEAK_BYTES_MAX, "{} MiB at most, not {peak} bytes", PEAK_BYTES_MAX >> 20);
}
