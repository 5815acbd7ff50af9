//! What an operator sees when the settings of `journal.nats` and those of real servers fit together, and when they do not.

use std::process::Command;

use crate::component::{Component, Place, free_port};
use crate::installed;

const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls");

/// A server that wants a certificate and a token.
fn server() -> (Component, u16) {
    let plan = |place: &Place| {
        let port = free_port();
        for file in ["ca.pem", "server.pem", "server.key"] {
            // The server runs as somebody who cannot read the repository.
            place.write(file, std::fs::read(format!("{TLS}/{file}")).unwrap());
        }
        place.write(
            "nats.conf",
            format!(
                "listen: 127.0.0.1:{port}\njetstream {{ store_dir: \"js\", max_file_store: 64GB }}\nauthorization {{ token: t0ken }}\n\
                 tls {{ cert_file: server.pem, key_file: server.key, ca_file: ca.pem, verify: true }}\n"
            ),
        );
        let mut command = installed::server("nats-server");
        command.args(["-c", "nats.conf"]);
        (command, port)
    };
    let ready = |place: &Place, _: &u16| {
        let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
        log.contains("Server is ready").then_some(())
    };
    let (component, port, ()) = Component::start("nats-server", plan, ready);
    (component, port)
}

/// What `check --online` says of `journal.nats`.
pub(crate) fn said(nats: &str) -> String {
    let place = Place::new();
    let file = place.write(
        "ssowatch.yaml",
        format!(
            "http: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\nprivacy: {{ key: k }}\n\
             journal: {{ nats: {{ {nats} }} }}\n"
        ),
    );
    let mut check = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    let output = check.args(["check", "--online", "--config"]).arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains(" journal.nats: "));
    line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).to_owned()
}

#[test]
fn settings_that_do_not_fit_are_named_with_a_remedy() {
    let (_server, port) = server();
    let tls = format!(
        "tls: {{ ca_file: {TLS}/ca.pem, cert_file: {TLS}/client.pem, key_file: {TLS}/client.key }}"
    );
    let with = |url: &str, rest: &str| format!("urls: [\"{url}:{port}\"], replicas: 1, {rest}");
    let good = with("tls://localhost", &format!("token: t0ken, {tls}"));
    // Made, and found.
    for _ in 0..2 {
        assert_eq!(
            said(&good),
            "ok      journal.nats: the streams are there and as they should be"
        );
    }
    let cases = [
        (
            format!("{good}, max_bytes: 32MiB"),
            ["ssowatch_journal", "`max_bytes`", "33554432", "nats stream edit"],
        ),
        (
            format!("{good}, stream: other, max_bytes: 8TiB"),
            ["NATS refuses", "other_journal", "storage", "lower `max_bytes`"],
        ),
        (
            with("tls://localhost", &format!("token: wrong, {tls}")),
            ["failed", "localhost", "authorization", "login"],
        ),
        (with("tls://localhost", "token: t0ken"), ["failed", "certificate", "UnknownIssuer", ""]),
        (
            with("nats://localhost", "token: t0ken, tls: {}"),
            ["failed", "certificate", "UnknownIssuer", ""],
        ),
        (
            "urls: [\"nats://127.0.0.1:1\"]".to_owned(),
            ["failed", "127.0.0.1:1", "refused", "journal.nats.urls"],
        ),
    ];
    for (settings, words) in cases {
        let said = said(&settings);
        assert!(words.iter().all(|word| said.contains(word)), "{settings}\n{said}\n{words:?}");
        assert!(!said.contains("t0ken"), "{said}");
    }
}
