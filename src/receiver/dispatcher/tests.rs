use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::courier::STOP_GRACE;
use super::*;
use crate::event::{PLACES, Record, Told};
use crate::journal::{self, InletError, Receipt};
use crate::outbound::{Answer, Request, SendError};
use crate::receiver::tests::{START, configs, incident, links};
use crate::receiver::{Inherited, targets};
use crate::signal::{Incident, Scope, Severity, State};

/// What a service answers: after a while, with a status (0: the network fails) and perhaps `Retry-After`.
#[derive(Clone, Copy)]
struct Reply {
    after: u64,
    status: u16,
    retry_after: Option<u64>,
    /// Whether it comes from a login page.
    page: bool,
}

fn status(status: u16) -> Reply {
    Reply { after: 0, status, retry_after: None, page: false }
}

type Script = dyn Fn(&str, &Value, u64) -> Reply + Send + Sync;

/// Services that answer by a script of URL, body and second; they remember what they were asked.
#[derive(Clone)]
struct Services {
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
    start: Instant,
}

impl Transport for Services {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let second = self.start.elapsed().as_secs();
        let reply = (self.script)(&request.url, &body, second);
        sleep(Duration::from_secs(reply.after)).await;
        let what = describe(&request.url, &body);
        self.asked.lock().unwrap().push(format!("{second} {what} {}", reply.status));
        if reply.status == 0 {
            return Err(SendError { host: "http://a".into(), problem: "cannot connect".into() });
        }
        let retry_after = reply.retry_after.map(Duration::from_secs);
        let body = if reply.page { "<html>Sign in</html>" } else { "" };
        Ok(Answer { status: reply.status, retry_after, body: body.into() })
    }
}

/// `pagerduty trigger f`, `slack Page`, `a: f+ g-`.
fn describe(url: &str, body: &Value) -> String {
    if let Value::Array(alerts) = body {
        let host = url.split("//").nth(1).unwrap().split('/').next().unwrap();
        let alert = |alert: &Value| {
            let ends = Timestamp::parse(alert["endsAt"].as_str().unwrap()).unwrap();
            let mark = if ends.millis() == START + 600_000 { "-" } else { "+" };
            format!("{}{mark}", alert["labels"]["id"].as_str().unwrap())
        };
        let alerts: Vec<_> = alerts.iter().map(alert).collect();
        return format!("{host}: {}", alerts.join(" "));
    }
    if let Some(action) = body["event_action"].as_str() {
        return format!("pagerduty {action} {}", body["dedup_key"].as_str().unwrap());
    }
    format!("slack {}", body["text"].as_str().unwrap().split(':').next().unwrap())
}

/// A dispatcher among services and a journal that are played.
struct Stage {
    services: Services,
    /// What the journal has taken.
    records: Arc<Mutex<Vec<Record>>>,
    journal_works: watch::Sender<bool>,
    publish: watch::Sender<Arc<Snapshot>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    clock: Clock,
}

impl Stage {
    fn new(
        receivers: &Value,
        told: &[(&str, &str, bool)],
        script: impl Fn(&str, &Value, u64) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let told = told.iter().map(|(receiver, fingerprint, open)| {
            let (receiver, fingerprint) = ((*receiver).into(), (*fingerprint).into());
            let at = Timestamp::from_millis(START);
            Record::Told(Told { receiver, fingerprint, open: *open, at })
        });
        Self::after(receivers, told.collect(), script)
    }

    /// One that goes on from what the journal has.
    fn after(
        receivers: &Value,
        records: Vec<Record>,
        script: impl Fn(&str, &Value, u64) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let services =
            Services { script: Arc::new(script), asked: Arc::default(), start: Instant::now() };
        let (mut before, mut places) = (BTreeMap::<_, ToldLog>::new(), BTreeMap::new());
        for record in records {
            match record {
                Record::Told(Told { receiver, fingerprint, open, at }) => {
                    before.entry(receiver).or_default().insert(fingerprint, (open, at));
                }
                Record::Cursor { key, value } => {
                    let receiver = key.strip_prefix(PLACES).unwrap();
                    let changed = |before| before != value;
                    if places.insert(receiver.into(), value.clone()).is_some_and(changed) {
                        let told = before.get_mut(receiver).unwrap();
                        for (open, _) in told.values_mut() {
                            *open = false;
                        }
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        let (inlet, mut parcels) = journal::inlet(8);
        let (journal_works, works) = watch::channel(true);
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&records);
        tokio::spawn(async move {
            while let Some(parcel) = parcels.recv().await {
                if !*works.borrow() {
                    drop(parcel.reply.send(Err(InletError::Storage("disk full".into()))));
                    continue;
                }
                kept.lock().unwrap().extend(parcel.delivery.records);
                drop(parcel.reply.send(Ok(Receipt::default())));
            }
        });
        let clock = Clock::starting_at(Timestamp::from_millis(START));
        let (publish, snapshots) = watch::channel(Arc::default());
        let (stop, stopped) = watch::channel(false);
        let dispatcher = Dispatcher {
            targets: targets(&configs(receivers), &Inherited::default()).unwrap(),
            links: links(),
            transport: services.clone(),
            told: before,
            places,
            inlet,
            clock,
        };
        let task = tokio::spawn(dispatcher.run(snapshots, stopped));
        Self { services, records, journal_works, publish, stop, task, clock }
    }

    /// Publishes these incidents once a second for so many seconds.
    async fn show(&self, incidents: &[Arc<Incident>], seconds: u64) {
        for _ in 0..seconds {
            let (now, incidents) = (self.clock.now(), incidents.to_vec());
            self.publish.send_replace(Arc::new(Snapshot { now, incidents, ..Snapshot::default() }));
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// What was asked since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.services.asked.lock().unwrap())
    }

    /// What the journal has taken since the last call.
    fn records(&self) -> Vec<Record> {
        std::mem::take(&mut self.records.lock().unwrap())
    }

    /// What of it says what was told.
    fn told(&self) -> Vec<String> {
        let told = self.records().into_iter().filter_map(|record| match record {
            Record::Told(Told { receiver, fingerprint, open, .. }) => {
                Some(format!("{receiver} {fingerprint}{}", if open { "+" } else { "-" }))
            }
            _ => None,
        });
        told.collect()
    }
}

fn about(fingerprint: &str, state: State) -> Arc<Incident> {
    let mut incident = incident(fingerprint, state);
    incident.labels.insert("id".into(), fingerprint.into());
    Arc::new(incident)
}

fn fires(fingerprints: &[&str]) -> Vec<Arc<Incident>> {
    fingerprints.iter().map(|fingerprint| about(fingerprint, State::Firing)).collect()
}

fn is_over(fingerprints: &[&str]) -> Vec<Arc<Incident>> {
    fingerprints.iter().map(|fingerprint| about(fingerprint, State::Resolved)).collect()
}

fn pagerduty() -> Value {
    json!([{"pagerduty": {"routing_key": "s3cret"}}])
}

fn slack() -> Value {
    json!([{"slack": {"webhook_url": "https://hooks.slack.com/services/s3cret"}}])
}

fn cluster() -> Value {
    json!([{"alertmanager": {"urls": ["http://a", "http://b"]}}])
}

fn only(asked: &[String], host: &str) -> Vec<String> {
    asked.iter().filter(|line| line.contains(host)).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn alerts_of_one_cause_are_one_page_and_to_alertmanager_two_alerts() {
    let wide = |fingerprint: &str, scope: Scope, seconds: i64, state| {
        let mut incident = Incident::clone(&about(fingerprint, state));
        incident.scope = scope;
        incident.fired_at = incident.fired_at.map(|at| at.plus_millis(seconds * 1000));
        Arc::new(incident)
    };
    let both = |edge, fleet| {
        [wide("edge", Scope::Tier("web".into()), 0, edge), wide("fleet", Scope::Fleet, 60, fleet)]
    };
    let receivers = json!([
        {"alertmanager": {"urls": ["http://a"]}},
        {"pagerduty": {"routing_key": "s3cret"}},
    ]);
    let stage = Stage::new(&receivers, &[], |_, _, _| status(202));
    let told = async |edge, fleet| {
        stage.show(&both(edge, fleet), 2).await;
        let mut told = stage.told();
        told.sort();
        told
    };
    assert_eq!(
        told(State::Firing, State::Firing).await,
        ["alertmanager/a edge+", "alertmanager/a fleet+", "pagerduty edge+"]
    );
    // The page lasts as long as its last part.
    assert_eq!(told(State::Resolved, State::Firing).await, ["alertmanager/a edge-"]);
    assert_eq!(
        told(State::Resolved, State::Resolved).await,
        ["alertmanager/a fleet-", "pagerduty edge-"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_not_heard_while_the_engines_time_is_not_that_of_the_clock() {
    let mut watchdog = incident("w", State::Firing);
    watchdog.severity = Severity::None;
    watchdog.labels.insert("id".into(), "w".into());
    let incidents = vec![Arc::new(watchdog), about("f", State::Firing)];
    for (ahead_millis, want) in
        [(30_000, "a: f+ w+ 200"), (31_000, "a: f+ 200"), (-31_000, "a: f+ 200")]
    {
        let receivers = json!([{"alertmanager": {"urls": ["http://a"]}}]);
        let stage = Stage::new(&receivers, &[], |_, _, _| status(200));
        let (now, incidents) = (stage.clock.now().plus_millis(ahead_millis), incidents.clone());
        stage.publish.send_replace(Arc::new(Snapshot { now, incidents, ..Snapshot::default() }));
        sleep(Duration::from_millis(500)).await;
        let mut asked = stage.asked().concat();
        if asked.contains("w+ f+") {
            asked = asked.replace("w+ f+", "f+ w+");
        }
        assert_eq!(asked, format!("0 {want}"), "{ahead_millis}");
    }
}

/// A PagerDuty whose key stands in a file.
fn with_key_file(file: &std::path::Path) -> Value {
    json!([{"pagerduty": {"routing_key_file": file}}])
}

#[tokio::test(start_paused = true)]
async fn a_service_with_another_key_is_told_what_is_open_and_not_what_the_one_before_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "key-1").unwrap();
    let receivers = with_key_file(&file);
    let stage = Stage::new(&receivers, &[], |_, body, second| {
        let right = body["routing_key"] == if second < 10 { "key-1" } else { "key-2" };
        status(if right { 202 } else { 500 })
    });
    let both = fires(&["over", "open"]);
    stage.show(&both, 10).await;
    let first = stage.records();
    std::fs::write(&file, "key-2").unwrap();
    stage.show(&both, 10).await;
    let asked = [
        "0 pagerduty trigger open 202",
        "0 pagerduty trigger over 202",
        "10 pagerduty trigger open 202",
        "10 pagerduty trigger over 202",
    ];
    assert_eq!(stage.asked(), asked);
    let all: Vec<_> = first.iter().cloned().chain(stage.records()).collect();
    // The key changes while nobody runs: what the journal has was told with another one.
    let restarted = Stage::after(&receivers, first, |_, _, _| status(202));
    restarted.show(&fires(&["open"]), 5).await;
    assert_eq!(restarted.asked(), ["0 pagerduty trigger open 202"]);
    // What the present place was told is told once.
    let restarted = Stage::after(&receivers, all, |_, _, _| status(202));
    restarted.show(&both, 5).await;
    assert_eq!(restarted.asked(), [""; 0]);
    // Nobody knows what a record without a mark was told with: it is taken as it is.
    // An earlier build's mark is no incident.
    let told = [("pagerduty", "open", true), ("pagerduty", "destination:00c0ffee00c0ffee", true)];
    let stage = Stage::new(&receivers, &told, |_, _, _| status(202));
    stage.show(&fires(&["open"]), 5).await;
    assert_eq!(stage.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_before_a_service_with_another_key_takes_what_is_open_tells_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let receivers = with_key_file(&file);
    for journal_works in [true, false] {
        std::fs::write(&file, "key-1").unwrap();
        let stage = Stage::new(&receivers, &[], |_, body, _| {
            status(if body["routing_key"] == "key-1" { 202 } else { 500 })
        });
        stage.show(&fires(&["f"]), 10).await;
        let mut records = stage.records();
        // What the first is told now reaches the journal no sooner than what the second is told.
        stage.journal_works.send_replace(journal_works);
        stage.show(&fires(&["f", "g"]), 3).await;
        std::fs::write(&file, "key-2").unwrap();
        stage.show(&fires(&["f", "g"]), 10).await;
        stage.journal_works.send_replace(true);
        stage.show(&fires(&["f", "g"]), 20).await;
        records.extend(stage.records());
        let restarted = Stage::after(&receivers, records, |_, _, _| status(202));
        restarted.show(&fires(&["f", "g"]), 5).await;
        restarted.show(&is_over(&["f", "g"]), 5).await;
        let asked = [
            "0 pagerduty trigger f 202",
            "0 pagerduty trigger g 202",
            "5 pagerduty resolve f 202",
            "5 pagerduty resolve g 202",
        ];
        assert_eq!(restarted.asked(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn what_ended_before_the_key_changed_is_nothing_to_the_next_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "key-1").unwrap();
    let stage = Stage::new(&with_key_file(&file), &[], |_, body, _| {
        status(if body["event_action"] == "trigger" { 202 } else { 500 })
    });
    stage.show(&fires(&["f"]), 10).await;
    stage.show(&is_over(&["f"]), 1).await;
    drop(stage.asked());
    std::fs::write(&file, "key-2").unwrap();
    stage.show(&is_over(&["f"]), 300).await;
    assert_eq!(stage.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_read_while_there_is_nothing_to_tell() {
    let stage = Stage::new(&pagerduty(), &[], |_, _, _| status(202));
    let mut ticket = incident("ticket", State::Firing);
    ticket.severity = Severity::Ticket;
    stage.show(&[about("f", State::Pending), Arc::new(ticket)], 10).await;
    assert_eq!(stage.records(), []);
    stage.show(&fires(&["f"]), 5).await;
    assert_eq!(stage.records().len(), 2, "what was told, and where");
}

#[tokio::test(start_paused = true)]
async fn a_login_page_is_no_sign_that_somebody_was_paged() {
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| Reply { page: second < 10, ..status(200) });
    stage.show(&fires(&["f"]), 60).await;
    let asked = stage.asked();
    assert!(asked.len() > 1 && asked[0] == "0 pagerduty trigger f 200", "{asked:?}");
    assert_eq!(stage.told(), ["pagerduty f+"]);
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_once_and_recorded() {
    let stage = Stage::new(&pagerduty(), &[], |_, _, _| status(202));
    stage.show(&[about("f", State::Pending)], 3).await;
    assert_eq!(stage.asked(), [""; 0]);
    stage.show(&fires(&["f"]), 300).await;
    stage.show(&is_over(&["f"]), 300).await;
    assert_eq!(stage.asked(), ["3 pagerduty trigger f 202", "303 pagerduty resolve f 202"]);
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f-"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_tells_nothing_twice_and_what_changed_meanwhile() {
    let told =
        [("pagerduty", "open", true), ("pagerduty", "ended", true), ("pagerduty", "gone", true)];
    let stage = Stage::new(&pagerduty(), &told, |_, _, _| status(202));
    // Before the engine has spoken nothing is known, and nothing is closed.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(stage.asked(), [""; 0]);
    let mut all = fires(&["open", "new"]);
    all.extend(is_over(&["ended", "never told"]));
    stage.show(&all, 60).await;
    assert_eq!(
        stage.asked(),
        [
            "5 pagerduty trigger new 202",
            "5 pagerduty resolve ended 202",
            // A process that died may have told its beginning.
            "6 pagerduty resolve never told 202",
            "6 pagerduty resolve gone 202"
        ]
    );
    let told = ["pagerduty new+", "pagerduty ended-", "pagerduty never told-", "pagerduty gone-"];
    assert_eq!(stage.told(), told);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_down_costs_the_other_nothing_and_hears_everything_when_it_is_back() {
    let stage = Stage::new(&cluster(), &[], |url, _, second| {
        status(if url.contains("//b") && second < 100 { 0 } else { 200 })
    });
    stage.show(&fires(&["f"]), 200).await;
    let asked = stage.asked();
    assert_eq!(
        only(&asked, "a:"),
        ["0 a: f+ 200", "60 a: f+ 200", "120 a: f+ 200", "180 a: f+ 200"]
    );
    let (failed, taken): (Vec<_>, Vec<_>) =
        only(&asked, "b:").into_iter().partition(|line| line.ends_with(" 0"));
    assert!((4..=20).contains(&failed.len()), "{failed:?}");
    let first: u64 = taken[0].split(' ').next().unwrap().parse().unwrap();
    assert!((100..=131).contains(&first), "{taken:?}");
    assert_eq!(stage.told(), ["alertmanager/a f+", "alertmanager/b f+"]);
    // The end is repeated for a quarter of an hour after it.
    stage.show(&is_over(&["f"]), 1_600).await;
    let ends = only(&stage.asked(), "a: f-");
    assert_eq!((ends[0].as_str(), ends[1].as_str()), ("200 a: f- 200", "260 a: f- 200"));
    let last: u64 = ends.last().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((1_440..1_500).contains(&last), "{ends:?}");
    assert_eq!(stage.told().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_mixed_batch_only_the_bad_alert_is_dropped() {
    let stage =
        Stage::new(&json!([{"alertmanager": {"urls": ["http://a"]}}]), &[], |_, body, _| {
            let bad = body.as_array().unwrap().iter().any(|alert| alert["labels"]["id"] == "bad");
            status(if bad { 400 } else { 200 })
        });
    let incidents = fires(&["bad", "f", "g", "h", "i"]);
    stage.show(&incidents, 10).await;
    let asked = stage.asked();
    assert_eq!(
        asked.iter().filter(|line| line.as_str() == "0 a: bad+ 400").count(),
        1,
        "{asked:?}"
    );
    for good in ["f", "g", "h", "i"] {
        let taken = |line: &&String| line.contains(&format!(" {good}+")) && line.ends_with("200");
        assert_eq!(asked.iter().filter(taken).count(), 1, "{good} {asked:?}");
    }
    stage.show(&incidents, 60).await;
    // From then on the good ones go together, and nobody speaks of the bad one.
    assert_eq!(stage.asked(), ["61 a: f+ g+ h+ i+ 200"]);
    stage.show(&is_over(&["bad"]), 30).await;
    assert!(stage.asked().iter().all(|line| !line.contains("bad")));
}

#[tokio::test(start_paused = true)]
async fn more_alerts_than_a_batch_holds_are_all_told_at_once() {
    let stage =
        Stage::new(&json!([{"alertmanager": {"urls": ["http://a"]}}]), &[], |_, body, _| {
            assert!(body.as_array().unwrap().len() <= 256);
            status(200)
        });
    let names: Vec<String> = (0..600).map(|number| format!("f{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    stage.show(&fires(&names), 50).await;
    assert_eq!((stage.asked().len(), stage.told().len()), (3, 600));
}

#[tokio::test(start_paused = true)]
async fn flapping_is_told_in_order_and_not_at_all_when_nobody_could_hear_it() {
    let stage = Stage::new(&slack(), &[], |_, _, second| {
        status(if (100..200).contains(&second) { 503 } else { 200 })
    });
    for _ in 0..2 {
        stage.show(&fires(&["f"]), 10).await;
        stage.show(&is_over(&["f"]), 10).await;
    }
    assert_eq!(
        stage.asked(),
        ["0 slack Page 200", "10 slack Resolved 200", "20 slack Page 200", "30 slack Resolved 200"]
    );
    stage.show(&is_over(&["f"]), 65).await;
    // While Slack is down it fires, ends, fires and ends.
    for _ in 0..2 {
        stage.show(&fires(&["f"]), 20).await;
        stage.show(&is_over(&["f"]), 20).await;
    }
    stage.show(&is_over(&["f"]), 200).await;
    assert!(stage.asked().iter().all(|line| line.ends_with("Page 503")));
    assert_eq!(stage.told().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_never_told_before_the_beginning_was_taken() {
    let stage = Stage::new(&pagerduty(), &[], |_, body, second| {
        let busy = if body["event_action"] == "trigger" { 0..40 } else { 400..500 };
        status(if busy.contains(&second) { 500 } else { 202 })
    });
    // Each phase is longer than the longest wait of five minutes.
    stage.show(&fires(&["f"]), 400).await;
    stage.show(&is_over(&["f"]), 500).await;
    let asked = stage.asked();
    let taken = asked.iter().position(|line| line.ends_with("trigger f 202")).unwrap();
    let end = asked.iter().position(|line| line.contains("resolve")).unwrap();
    assert!(taken > 0 && taken < end, "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.ends_with("resolve f 202")).count(), 1);
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f-"]);
}

#[tokio::test(start_paused = true)]
async fn what_fires_again_while_its_end_is_not_answered_is_told_again() {
    // PagerDuty acts on the end, and its answer is lost.
    let stage = Stage::new(&pagerduty(), &[], |_, body, _| {
        status(if body["event_action"] == "resolve" { 0 } else { 202 })
    });
    stage.show(&fires(&["f"]), 10).await;
    stage.show(&is_over(&["f"]), 2).await;
    let mut again = (*about("f", State::Firing)).clone();
    again.id = "f-2".into();
    again.fired_at = again.fired_at.map(|at| at.plus_millis(11_000));
    let mut both = is_over(&["f"]);
    both.push(Arc::new(again));
    stage.show(&both, 300).await;
    let asked = stage.asked();
    let mut what: Vec<_> = asked.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    // The end may be tried again before the next beginning: when is a matter of luck.
    what.dedup();
    assert_eq!(
        what,
        ["pagerduty trigger f 202", "pagerduty resolve f 0", "pagerduty trigger f 202"],
        "{asked:?}"
    );
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f+"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_offered_again_and_its_end_is_not_told() {
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| status(if second < 300 { 400 } else { 202 }));
    stage.show(&fires(&["f"]), 200).await;
    stage.show(&is_over(&["f"]), 200).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 400"]);
    assert_eq!(stage.told(), [""; 0]);
    // The next incident of the same alert is a new chance.
    let mut again = (*about("f", State::Firing)).clone();
    again.id = "f-2".into();
    stage.show(&[Arc::new(again)], 5).await;
    assert_eq!(stage.asked(), ["400 pagerduty trigger f 202"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_refused_is_given_up_once() {
    let stage = Stage::new(&pagerduty(), &[], |_, body, _| {
        status(if body["event_action"] == "resolve" { 400 } else { 202 })
    });
    stage.show(&fires(&["f"]), 5).await;
    stage.show(&is_over(&["f"]), 100).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 202", "5 pagerduty resolve f 400"]);
    // A restart does not offer it again either.
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f-"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_delays_no_other() {
    let both = json!([
        {"slack": {"webhook_url": "https://hooks.slack.com/s3cret"}},
        {"pagerduty": {"routing_key": "s3cret"}},
    ]);
    let stage = Stage::new(&both, &[], |url, _, _| Reply {
        after: if url.contains("slack") { 19 } else { 0 },
        ..status(200)
    });
    stage.show(&fires(&["f", "g"]), 10).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 200", "0 pagerduty trigger g 200"]);
    stage.show(&fires(&["f", "g"]), 60).await;
    assert_eq!(stage.asked(), ["0 slack Page 200", "20 slack Page 200"]);
}

#[tokio::test(start_paused = true)]
async fn slack_hears_one_message_a_second_and_its_retry_after_is_honoured() {
    let stage = Stage::new(&slack(), &[], |_, _, second| Reply {
        retry_after: Some(42),
        ..status(if second == 2 { 429 } else { 200 })
    });
    stage.show(&fires(&["a", "b", "c", "d", "e"]), 60).await;
    assert_eq!(
        stage.asked(),
        [
            "0 slack Page 200",
            "1 slack Page 200",
            "2 slack Page 429",
            "44 slack Page 200",
            "45 slack Page 200",
            "46 slack Page 200",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn pagerduty_waits_a_minute_when_it_is_asked_to_slow_down_without_a_time() {
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| status(if second < 60 { 429 } else { 202 }));
    stage.show(&fires(&["f"]), 120).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 429", "60 pagerduty trigger f 202"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_again_and_again_waits_behind_the_others() {
    let stage = Stage::new(&pagerduty(), &[], |_, body, _| {
        status(if body["dedup_key"] == "poison" { 500 } else { 202 })
    });
    stage.show(&fires(&["a poison", "poison"]), 1).await;
    drop(stage.asked());
    let mut all = fires(&["poison"]);
    all.extend(fires(&["x", "y"]));
    stage.show(&all, 20).await;
    let asked = stage.asked();
    let taken: Vec<_> = asked.iter().filter(|line| line.ends_with("202")).collect();
    assert!(
        taken.iter().any(|line| line.contains(" x "))
            && taken.iter().any(|line| line.contains(" y ")),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_held_and_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let receivers = json!([{"pagerduty": {"routing_key_file": path}}]);
    let stage = Stage::new(&receivers, &[], |_, body, _| {
        status(if body["routing_key"] == "new" { 202 } else { 403 })
    });
    // Not there, then wrong, then right.
    stage.show(&fires(&["f"]), 5).await;
    assert_eq!(stage.asked(), [""; 0]);
    std::fs::write(&path, "old").unwrap();
    stage.show(&fires(&["f"]), 60).await;
    let asked = stage.asked();
    assert!(!asked.is_empty() && asked.iter().all(|line| line.ends_with("403")), "{asked:?}");
    std::fs::write(&path, "new").unwrap();
    stage.show(&fires(&["f"]), 400).await;
    let asked = stage.asked();
    assert_eq!(asked.iter().filter(|line| line.ends_with("202")).count(), 1, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_the_memory_goes_on_and_is_recorded_later() {
    let stage = Stage::new(&pagerduty(), &[], |_, _, _| status(202));
    stage.journal_works.send_replace(false);
    stage.show(&fires(&["f", "g"]), 20).await;
    stage.show(&is_over(&["f"]).into_iter().chain(fires(&["g"])).collect::<Vec<_>>(), 20).await;
    assert_eq!(stage.asked().len(), 3);
    assert_eq!(stage.told(), [""; 0]);
    stage.journal_works.send_replace(true);
    stage.show(&fires(&["g"]), 60).await;
    assert_eq!(stage.asked(), [""; 0]);
    assert_eq!(stage.told(), ["pagerduty f-", "pagerduty g+"]);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_becomes_a_page_reaches_those_who_want_pages_and_those_who_heard_of_it() {
    let both = json!([
        {"slack": {"webhook_url": "https://hooks.slack.com/s3cret"}},
        {"pagerduty": {"routing_key": "s3cret"}},
    ]);
    let stage = Stage::new(&both, &[], |_, _, _| status(200));
    let ticket = Incident { severity: Severity::Ticket, ..(*about("f", State::Firing)).clone() };
    stage.show(&[Arc::new(ticket)], 10).await;
    stage.show(&fires(&["f"]), 10).await;
    let mut asked = stage.asked();
    asked.sort();
    assert_eq!(
        asked,
        ["0 slack Ticket 200", "10 pagerduty trigger f 200", "10 slack Now a page 200"]
    );
}

#[tokio::test(start_paused = true)]
async fn ends_that_nobody_wants_are_not_sent() {
    let receivers = json!([{"pagerduty": {"routing_key": "k", "send_resolved": false}}]);
    let stage = Stage::new(&receivers, &[], |_, _, _| status(202));
    stage.show(&fires(&["f"]), 5).await;
    stage.show(&is_over(&["f"]), 5).await;
    stage.show(&fires(&["f"]), 5).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 202", "10 pagerduty trigger f 202"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_answer_under_way_and_records_it() {
    for (after, told) in [(3, vec!["pagerduty f+"]), (15, vec![])] {
        let mut stage =
            Stage::new(&pagerduty(), &[], move |_, _, _| Reply { after, ..status(202) });
        stage.show(&fires(&["f"]), 1).await;
        stage.stop.send_replace(true);
        let before = Instant::now();
        (&mut stage.task).await.unwrap();
        assert!(before.elapsed() <= STOP_GRACE);
        assert_eq!(stage.told(), told);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_told_is_closed_where_an_end_of_nothing_does_no_harm() {
    // Whether PagerDuty took it when it did not answer, nobody knows.
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| status(if second < 60 { 0 } else { 202 }));
    stage.show(&fires(&["f"]), 50).await;
    stage.show(&is_over(&["f"]), 300).await;
    let asked = stage.asked();
    let taken: Vec<_> = asked.iter().filter(|line| line.ends_with(" 202")).collect();
    assert!(taken.len() == 1 && taken[0].ends_with("resolve f 202"), "{asked:?}");
    assert_eq!(stage.told(), ["pagerduty f-"]);
    // A process that died before it wrote down what it had told looks the same to the next one.
    // So does one that wrote down the end of an incident before, and died before it wrote down the next one's beginning.
    let told = [("pagerduty", "told", false), ("pagerduty", "again", false)];
    let stage = Stage::new(&pagerduty(), &told, |_, _, _| status(202));
    let mut over = is_over(&["f", "told", "again"]);
    Arc::make_mut(&mut over[1]).resolved_at = Some(Timestamp::from_millis(START));
    stage.show(&over, 60).await;
    let asked: Vec<_> =
        stage.asked().iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(asked, ["pagerduty resolve again 202", "pagerduty resolve f 202"]);
}

#[test]
fn notifications_are_counted_from_zero() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            Stage::new(&pagerduty(), &[], |_, _, _| status(202)).show(&[], 2).await;
        });
    });
    let own = recorder.handle().render();
    for result in ["accepted", "retried", "held", "dropped"] {
        let series = format!("{{receiver=\"pagerduty\",result=\"{result}\"}} 0");
        assert!(own.contains(&format!("ssowatch_notifications_total{series}")), "{own}");
    }
}
