//! Events from a stream of a real NATS server: each counts once, whoever is killed, and nothing bad costs the good.

use std::io::Write as _;
use std::process::Command;

use async_nats::{Client, HeaderMap};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::component::{Component, Place, free_port};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::{installed, wait};

/// A server with a stream, and who writes into it.
struct Bus {
    component: Component,
    port: u16,
    runtime: Runtime,
    client: Client,
}

impl Bus {
    fn start() -> Self {
        let plan = |place: &Place| {
            let port = free_port();
            // Messages may be larger than a request of ssowatch takes together.
            let config = format!(
                "listen: 127.0.0.1:{port}\nmax_payload: 32MB\njetstream {{ store_dir: \"js\", max_file_store: 64GB }}\n\
                 authorization {{ users: [ {{ user: sso, password: \"s3cret\" }}, {{ user: reader, password: \"r3ad\", permissions: {{\n\
                 publish: [\"$JS.API.STREAM.INFO.*\", \"$JS.API.CONSUMER.CREATE.WORKOS\", \"$JS.API.CONSUMER.MSG.NEXT.WORKOS.>\"],\n\
                 subscribe: [\"_INBOX.>\"] }} }} ] }}\n"
            );
            place.write("nats.conf", config);
            (command(place), port)
        };
        let (component, port, ()) = Component::start("nats-server", plan, |place, _| ready(place));
        let runtime = Runtime::new().unwrap();
        let options =
            async_nats::ConnectOptions::with_user_and_password("sso".into(), "s3cret".into());
        let client = runtime.block_on(options.connect(format!("127.0.0.1:{port}"))).unwrap();
        let bus = Self { component, port, runtime, client };
        bus.make("WORKOS", "limits");
        bus
    }

    fn ask(&self, subject: &str, body: &Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let asked = self.client.request(subject.to_owned(), body.into());
        let answer = self.runtime.block_on(asked).unwrap();
        let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
        assert!(answer["error"].is_null(), "{answer}");
    }

    /// Makes a stream of all subjects below its name.
    fn make(&self, stream: &str, retention: &str) {
        let subjects = [format!("{}.>", stream.to_lowercase())];
        let config = json!({"name": stream, "subjects": subjects, "retention": retention, "storage": "file"});
        self.ask(&format!("$JS.API.STREAM.CREATE.{stream}"), &config);
    }

    /// Writes a message; it is stored on return.
    fn put(&self, subject: &str, body: impl Into<Vec<u8>>) {
        self.put_with(subject, HeaderMap::new(), body);
    }

    fn put_with(&self, subject: &str, headers: HeaderMap, body: impl Into<Vec<u8>>) {
        let sent =
            self.client.request_with_headers(subject.to_owned(), headers, body.into().into());
        self.runtime.block_on(sent).unwrap();
    }

    fn sign_ins(&self, range: std::ops::Range<u32>) {
        for n in range {
            self.put("workos.events.sso", start(&format!("s{n}")));
        }
    }

    /// A configuration that reads it, as somebody who may do no more than `docs/sources.md` asks for.
    fn config(&self, rest: &str) -> String {
        let Self { port, .. } = self;
        format!(
            "sources: {{ nats: {{ urls: [\"nats://127.0.0.1:{port}\"], user: reader, password: r3ad, {rest} }} }}\n"
        )
    }
}

fn command(_: &Place) -> Command {
    let mut command = installed::server("nats-server");
    command.args(["-c", "nats.conf"]);
    command
}

fn ready(place: &Place) -> Option<()> {
    let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
    log.contains("Server is ready").then_some(())
}

fn start(session: &str) -> String {
    event("sso_started", Some("conn_1"), session, now_millis() - 500)
}

fn received(daemon: &Daemon) -> u64 {
    daemon.count("ssowatch_events_received_total{source=\"nats\"}")
}

fn waits_for(daemon: &Daemon, events: u64) {
    let all = || (received(daemon) >= events).then_some(());
    wait::until(&format!("{events} events are there"), all);
    assert_eq!(received(daemon), events, "{}", daemon.metrics());
}

#[test]
fn each_event_of_the_stream_counts_once_whoever_is_killed_or_made_anew() {
    let mut bus = Bus::start();
    bus.sign_ins(0..300);
    let mut daemon = Daemon::start(&bus.config("stream: WORKOS, subject: \"workos.events.>\""));
    waits_for(&daemon, 300);

    // It is killed, and what comes meanwhile waits for it.
    daemon.kill();
    bus.sign_ins(300..400);
    daemon.start_again();
    waits_for(&daemon, 400);

    // The server is killed, and comes back.
    bus.component.kill();
    bus.component.start_again(command, ready);
    let back = || bus.runtime.block_on(bus.client.request("$JS.API.INFO", "".into())).ok();
    wait::until("the writer is there again", back);
    bus.sign_ins(400..450);
    waits_for(&daemon, 450);

    // A stream of the same name is another stream: it is read from its beginning.
    bus.ask("$JS.API.STREAM.DELETE.WORKOS", &Value::Null);
    bus.make("WORKOS", "limits");
    bus.sign_ins(440..460);
    waits_for(&daemon, 460);
    let duplicates = daemon.count("ssowatch_events_duplicate_total{source=\"nats\"}");
    assert_eq!(duplicates, 10, "only what was written twice came twice");
}

#[test]
fn what_is_no_event_is_counted_and_every_other_message_is_taken() {
    let bus = Bus::start();
    bus.put("workos.other", start("of another subject"));
    bus.put("workos.events.a", "rubbish");
    bus.put("workos.events.a", format!("[{},{}]", start("a1").trim(), start("a2").trim()));
    bus.put("workos.events.a", format!("{}{{\"id\":7}}\n{}", start("b1"), start("b2")));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(start("c1").as_bytes()).unwrap();
    let packed = gzip.finish().unwrap();
    let encoding = |name: &str| {
        HeaderMap::from_iter([(
            "Content-Encoding".parse::<async_nats::HeaderName>().unwrap(),
            name.parse::<async_nats::HeaderValue>().unwrap(),
        )])
    };
    bus.put_with("workos.events.a", encoding("gzip"), packed);
    bus.put_with("workos.events.a", encoding("br"), "?");
    bus.put("workos.events.a", "");
    // More in one message than a request takes.
    let many: String = (0..50_000).map(|n| start(&format!("many{n}"))).collect();
    assert!(many.len() > 16 << 20, "{}", many.len());
    bus.put("workos.events.a", many);
    bus.put("workos.events.a", start("last"));

    let mut daemon = Daemon::start(&bus.config("stream: WORKOS, subject: \"workos.events.>\""));
    waits_for(&daemon, 50_006);
    let rejected = |daemon: &Daemon| {
        ["not_json", "not_an_event", "bad_encoding"].map(|reason| daemon.rejected("nats", reason))
    };
    assert_eq!(rejected(&daemon), [1, 1, 1]);
    assert_eq!(daemon.said("message 2, line 1: "), 1, "the log names the first");

    // Nor is any of it counted again.
    daemon.kill();
    daemon.start_again();
    bus.put("workos.events.a", start("after"));
    waits_for(&daemon, 50_007);
    assert_eq!(rejected(&daemon), [1, 1, 1]);
}

#[test]
fn check_says_whether_the_stream_can_be_read_and_what_to_do_otherwise() {
    let bus = Bus::start();
    bus.make("QUEUE", "workqueue");
    bus.sign_ins(0..3);
    let said = |rest: &str| {
        let place = Place::new();
        let listen =
            "http: { admin: { listen: \"127.0.0.1:0\" }, intake: { listen: \"127.0.0.1:0\" } }\n";
        let file = place.write("ssowatch.yaml", format!("{listen}{}", bus.config(rest)));
        let mut check = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
        let output = check.args(["check", "--online", "--config"]).arg(file).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find(|line| line.contains(" sources.nats: "));
        line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
            .to_owned()
    };
    assert_eq!(
        said("stream: WORKOS"),
        "ok      sources.nats: the stream WORKOS can be read; it has 3 message(s)"
    );
    assert!(said("stream: NONE").ends_with("stream not found; check `sources.nats.stream`"));
    let queue = said("stream: QUEUE");
    assert!(queue.starts_with("failed ") && queue.contains("`workqueue`"), "{queue}");
    let wrong = said("stream: WORKOS, tls: { ca_file: /nowhere }");
    assert!(wrong.starts_with("failed ") && wrong.contains("sources.nats"), "{wrong}");
}
