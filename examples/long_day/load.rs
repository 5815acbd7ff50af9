//! What comes in, second by second: good events by every way, people and scrapers who look, and bad input of many kinds.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use ssowatch::app::Daemon;
use ssowatch::event::Timestamp;
use ssowatch::source::signature::sign;

use super::client::{raw, send};
use super::services::{MOODS, Services};

/// The secret of webhooks.
pub(crate) const SECRET: &str = "whsec_long_day";

const CONNECTIONS: u64 = 50;

/// How long services keep a mood, in seconds.
const MOOD_SECONDS: u64 = 600;

/// Slow clients that are there at a time.
const SLOW_MAX: usize = 100;

/// Rotated logs that are kept.
const ROTATED_MAX: u64 = 2;

/// Everybody outside.
pub(crate) struct Load {
    logs: PathBuf,
    services: Arc<Services>,
    admin: SocketAddr,
    intake: SocketAddr,
    now: Timestamp,
    sign_ins: u64,
    bad: u64,
    /// Connections that say half of something.
    slow: Vec<TcpStream>,
    bomb: Vec<u8>,
}

impl Load {
    pub(crate) fn new(logs: PathBuf, services: Arc<Services>) -> Self {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let bomb = gzip(&vec![b' '; 8 << 20]).repeat(9);
        let now = Timestamp::from_millis(0);
        Self {
            logs,
            services,
            admin: nowhere,
            intake: nowhere,
            now,
            sign_ins: 0,
            bad: 0,
            slow: Vec::new(),
            bomb,
        }
    }

    /// From now on it goes to `daemon`, where it is `now`.
    pub(crate) fn aim(&mut self, daemon: &Daemon, now: Timestamp) {
        (self.admin, self.intake, self.now) = (daemon.admin, daemon.intake, now);
    }

    /// Sign-ins that were sent and must count.
    pub(crate) fn sign_ins(&self) -> u64 {
        self.sign_ins
    }

    /// Bad things that were sent.
    pub(crate) fn bad(&self) -> u64 {
        self.bad
    }

    /// All of second `second`.
    pub(crate) fn second(&mut self, second: u64) {
        if second.is_multiple_of(MOOD_SECONDS) {
            // Well half of the time.
            let turn = usize::try_from(second / MOOD_SECONDS).expect("a day is short");
            self.services.set(if turn.is_multiple_of(2) { 0 } else { turn / 2 % MOODS.len() });
        }
        if second.is_multiple_of(2) {
            self.webhooks(second);
        }
        if second.is_multiple_of(10) {
            self.push(second);
        }
        if second.is_multiple_of(5) {
            self.write_logs(second);
        }
        if second.is_multiple_of(3600) {
            self.rotate(second / 3600);
        }
        self.bad_input(second);
        self.look(second);
    }

    /// Nothing new comes; what is there is looked at.
    pub(crate) fn quiet(&mut self) {
        self.slow.clear();
        send(self.admin, "GET", "/-/healthy", "", b"");
    }

    /// One sign-in by webhook: its start and its end.
    fn webhooks(&mut self, second: u64) {
        for body in self.sign_in(second) {
            let header =
                format!("workos-signature: {}\r\n", sign(SECRET, body.as_bytes(), self.now));
            let status = send(self.intake, "POST", "/webhooks/workos", &header, body.as_bytes());
            assert_eq!(status, 200, "a good webhook is taken");
        }
    }

    fn push(&mut self, second: u64) {
        let lines: String =
            (0..4).flat_map(|_| self.sign_in(second)).map(|line| line + "\n").collect();
        let body = gzip(lines.as_bytes());
        let status = send(self.intake, "POST", "/v1/events", "content-encoding: gzip\r\n", &body);
        assert_eq!(status, 200, "a good push is taken");
    }

    fn write_logs(&mut self, second: u64) {
        let lines: String = self.sign_in(second).map(|line| line + "\n").concat();
        append(&self.logs.join("events.ndjson"), &lines);
        let time = self.now.to_rfc3339_seconds();
        let (minute, second) = (&time[11..16], &time[17..19]);
        let access = (0..20).map(|n| {
            let status = if n == 0 { 429 } else { 200 };
            let client = n * 7 % 200;
            format!(
                "203.0.113.{client} - - [01/Jan/2026:{minute}:{second} +0000] \"GET /login HTTP/1.1\" {status} 100 \"-\" \"-\"\n"
            )
        });
        let access = access.collect::<Vec<_>>().concat();
        append(&self.logs.join("access.log"), &access);
    }

    fn rotate(&self, hour: u64) {
        for (name, ending) in [("events", "ndjson"), ("access", "log")] {
            let path = self.logs.join(format!("{name}.{ending}"));
            let rotated = |hour: u64| self.logs.join(format!("{name}-{hour}.{ending}"));
            if path.exists() {
                fs::rename(&path, rotated(hour)).expect("a log is renamed");
            }
            if hour > ROTATED_MAX {
                drop(fs::remove_file(rotated(hour - ROTATED_MAX)));
            }
        }
    }

    fn look(&self, second: u64) {
        let since = self.now.plus_millis(-600_000);
        let gate = format!("/api/v1/gate?scope=all&since={since}");
        let looks = [
            (15, "/metrics"),
            (60, "/"),
            (60, "/api/v1/status"),
            (120, "/incidents"),
            (300, "/api/v1/sessions?status=failed"),
            (600, &*gate),
        ];
        for (every, path) in looks {
            if second.is_multiple_of(every) {
                assert_eq!(send(self.admin, "GET", path, "", b""), 200, "{path}");
            }
        }
    }

    fn bad_input(&mut self, second: u64) {
        self.bad += 1;
        let (intake, admin) = (self.intake, self.admin);
        let old = sign(SECRET, b"{}", self.now.plus_millis(-600_000));
        let json = "content-type: application/json\r\n";
        // What is answered is the business of other tests; here it must come often.
        let _status = match second % 12 {
            0 => send(intake, "POST", "/webhooks/workos", "", b"{\"id\":\"event_1\"}"),
            1 => {
                let header = format!("workos-signature: {old}\r\n");
                send(intake, "POST", "/webhooks/workos", &header, b"{}")
            }
            2 => send(intake, "POST", "/v1/events", "", b"not JSON\n{\"hello\": 1}\n\xFF\xFE\n"),
            3 => send(intake, "POST", "/v1/events", "", "[".repeat(100_000).as_bytes()),
            4 => garbage(intake, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            5 => garbage(admin, b"hello\r\n\r\n"),
            6 => send(admin, "GET", "/api/v1/connections?limit=-1", "", b""),
            7 => send(admin, "POST", "/api/v1/silences", json, b"{"),
            8 => send(admin, "GET", &format!("/{second}"), "", b""),
            9 => send(intake, "POST", "/v1/edge?format=nginx_combined&tier=web", "", b"hello\n"),
            10 if second.is_multiple_of(5) => {
                send(intake, "POST", "/v1/events", "content-encoding: gzip\r\n", &self.bomb)
            }
            _ => self.slow_client(second),
        };
    }

    /// Somebody who says half of something, and stays.
    fn slow_client(&mut self, second: u64) -> u16 {
        let to = if second.is_multiple_of(2) { self.intake } else { self.admin };
        if let Ok(mut stream) = TcpStream::connect(to) {
            drop(stream.write_all(b"POST /v1/events HTTP/1.1\r\nhost: x"));
            self.slow.push(stream);
        }
        if self.slow.len() > SLOW_MAX {
            self.slow.remove(0);
        }
        0
    }

    /// Start and end of one more sign-in, on a connection that fails for ten minutes in each hour.
    fn sign_in(&mut self, second: u64) -> [String; 2] {
        self.sign_ins += 1;
        let number = self.sign_ins;
        // Half of all who come then.
        let failing = second % 3600 < 600 && number.is_multiple_of(2);
        let connection = if failing { second / 3600 } else { number } % CONNECTIONS;
        let end = match number % 20 {
            _ if failing => "failed",
            0 => "timed_out",
            1 => "failed",
            _ => "succeeded",
        };
        [("started", -2_000), (end, -500)].map(|(step, age)| {
            let at = self.now.plus_millis(age).to_string();
            let mut data = json!({"email": format!("person{}@example.com", number % 5_000), "ip_address": "203.0.113.7",
                "sso": {"connection_id": format!("conn_{connection}"), "session_id": format!("session_{number}")}});
            if step == "failed" {
                data["error"] = json!({"code": "saml_certificate_expired", "message": "expired"});
            }
            json!({"id": format!("event_{number}_{step}"), "event": format!("authentication.sso_{step}"), "created_at": at, "data": data}).to_string()
        })
    }
}

fn garbage(to: SocketAddr, bytes: &[u8]) -> u16 {
    raw(to, bytes);
    0
}

fn append(path: &std::path::Path, text: &str) {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("a log can be written");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory grows");
    encoder.finish().expect("memory grows")
}
