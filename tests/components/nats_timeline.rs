//! Two instances over NATS, of which the second goes on where the first ends, tell the same as one alone on the same input.

use std::process::Command;

use serde_json::Value;
use ssowatch::app::Daemon;
use ssowatch::clock::{Clock, Setter};
use ssowatch::config::Config;
use ssowatch::event::Timestamp;
use ssowatch::listener::Sockets;

use crate::component::Place;
use crate::nats::Server;

/// How far time goes at once.
const STEP_MILLIS: i64 = 10_000;

/// What happens after the last event: long enough for an incident to end.
const AFTER_MILLIS: i64 = 20 * 60_000;

/// An incident: alert, scope, onset, when it fired and when it ended.
type Told = (String, String, String, Option<String>, Option<String>);

/// The events of a scenario, with their times.
fn events() -> Vec<(i64, String)> {
    let place = Place::new();
    let file = place.path().join("events.ndjson");
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    simulate.args(["simulate", "--out"]).arg(&file).arg("demo-certificate");
    assert!(simulate.status().unwrap().success());
    let text = std::fs::read_to_string(&file).unwrap();
    let at = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        Timestamp::parse(event["created_at"].as_str().unwrap()).unwrap().millis()
    };
    let mut events: Vec<_> = text.lines().map(|line| (at(line), line.to_owned())).collect();
    events.sort();
    events
}

/// One instance, or one after another.
struct Life {
    daemon: Option<Daemon>,
    clock: Clock,
    setter: Setter,
    sent: u64,
}

impl Life {
    fn daemon(&mut self) -> &mut Daemon {
        self.daemon.as_mut().unwrap()
    }

    /// It is `at`, and this has come.
    async fn reach(&mut self, at: i64, lines: &[&str]) {
        self.setter.set(Timestamp::from_millis(at));
        if !lines.is_empty() {
            let url = format!("http://{}/v1/events", self.daemon().intake);
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.post(url).body(lines.join("\n")).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            self.sent += lines.len() as u64;
        }
        let reached = |daemon: &Daemon| daemon.snapshots.borrow().now.millis() >= at;
        while !reached(self.daemon()) {
            self.daemon().snapshots.changed().await.unwrap();
        }
    }

    fn told(&mut self) -> Vec<Told> {
        let snapshot = self.daemon().snapshots.borrow().clone();
        let own = snapshot.incidents.iter().filter(|incident| &*incident.alertname != "Watchdog");
        let mut told: Vec<_> = own
            .map(|incident| {
                let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
                (
                    incident.alertname.to_string(),
                    incident.fingerprint.to_string(),
                    incident.started_at.to_string(),
                    time(incident.fired_at),
                    time(incident.resolved_at),
                )
            })
            .collect();
        told.sort();
        told
    }
}

fn config(folder: &Place, journal: &str) -> Config {
    let text = format!(
        "data_dir: {}\nprivacy: {{ key: the-same-for-all }}\n\
         http: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n\
         detection: {{ min_attempts: 10, keep_firing_for: 2m }}\n{journal}",
        folder.path().display()
    );
    Config::parse("test.yaml", &text, |_| None).unwrap()
}

/// Plays `events` to `life`; calls `change` in the middle.
async fn play(
    life: &mut Life,
    events: &[(i64, String)],
    change: impl AsyncFnOnce(&mut Life),
) -> Vec<Told> {
    let (begin, end) = (events[0].0, events.last().unwrap().0 + AFTER_MILLIS);
    let mut change = Some(change);
    let (mut at, mut next) = (begin, 0);
    while at < end {
        at += STEP_MILLIS;
        let due = events[next..].iter().take_while(|(time, _)| *time <= at).count();
        let lines: Vec<_> =
            events[next..next + due].iter().map(|(_, line)| line.as_str()).collect();
        life.reach(at, &lines).await;
        next += due;
        if next > events.len() / 2
            && let Some(change) = change.take()
        {
            change(life).await;
        }
    }
    life.told()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_tell_what_one_alone_tells() {
    let events = events();
    let begin = Timestamp::from_millis(events[0].0);
    let server = tokio::task::spawn_blocking(Server::alone).await.unwrap();
    let nats = format!(
        "journal: {{ nats: {{ urls: [\"nats://127.0.0.1:{}\"], user: sso, password: s3cret, replicas: 1 }} }}\n",
        server.client
    );
    let start = |config: &Config| {
        let (clock, setter) = Clock::set_by_hand(begin, 60);
        let daemon = Daemon::start(config, clock, &mut Sockets::default(), None).unwrap();
        Life { daemon: Some(daemon), clock, setter, sent: 0 }
    };
    let folders = [Place::new(), Place::new(), Place::new(), Place::new()];
    // One alone, which is stopped and started in the middle.
    let alone = config(&folders[0], "");
    let mut one = start(&alone);
    let expected = play(&mut one, &events, async |life| {
        life.daemon.take().unwrap().stop().await;
        let sockets = &mut Sockets::default();
        life.daemon = Some(Daemon::start(&alone, life.clock, sockets, None).unwrap());
    })
    .await;
    assert!(expected.iter().any(|told| told.4.is_some()), "something fires and ends: {expected:?}");
    // One that is never stopped.
    let mut never = start(&config(&folders[3], ""));
    let unbroken = play(&mut never, &events, async |_| {}).await;
    never.daemon.take().unwrap().stop().await;
    assert_eq!(unbroken, expected);
    // Two, of which the first is stopped there.
    let (first, second) = (config(&folders[1], &nats), config(&folders[2], &nats));
    let mut two = start(&first);
    let mut sockets = Sockets::default();
    let standby = Daemon::start(&second, two.clock, &mut sockets, None).unwrap();
    let told = play(&mut two, &events, async |life| {
        let mut standby = standby;
        life.daemon.take().unwrap().stop().await;
        let turn = standby.turn().await;
        let owner = standby.turn_over(turn, &second, life.clock, &mut sockets, None).await.unwrap();
        life.daemon = Some(owner);
    })
    .await;
    assert_eq!(told, expected);
    assert_eq!((one.sent, two.sent), (events.len() as u64, events.len() as u64));
    one.daemon.take().unwrap().stop().await;
    two.daemon.take().unwrap().stop().await;
}
