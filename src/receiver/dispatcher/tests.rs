mod key;
mod stage;
mod unwell;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::stage::{Reply, Stage, status};
use super::courier::STOP_GRACE;
use super::*;
use crate::event::Record;
use crate::receiver::tests::{START, incident};
use crate::signal::{Incident, Scope, Severity, State};

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

#[test]
fn who_is_not_configured_any_more_and_has_something_open_is_named() {
    let log = |names: &[&str]| -> ToldLog {
        names
            .iter()
            .map(|name| ((*name).into(), (*name != "told over", Timestamp::default())))
            .collect()
    };
    let told = BTreeMap::from([
        ("old-pager".into(), log(&["a", "told over", "b", "gone"])),
        ("quiet".into(), log(&["told over", "w"])),
    ]);
    let mut incidents = fires(&["a", "b", "told over"]);
    let mut watchdog = incident("w", State::Firing);
    watchdog.severity = Severity::None;
    incidents.push(Arc::new(watchdog));
    incidents.extend(is_over(&["gone"]));
    assert_eq!(abandoned(&told, &incidents), [("old-pager", 2)]);
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
async fn what_was_told_is_recorded_with_the_engines_time_which_its_steps_have() {
    let stage = Stage::new(&pagerduty(), &[], |_, _, _| status(202));
    let (now, incidents) = (stage.clock.now().plus_millis(-3_600_000), fires(&["f"]));
    stage.publish.send_replace(Arc::new(Snapshot { now, incidents, ..Snapshot::default() }));
    sleep(Duration::from_millis(500)).await;
    let records = stage.records();
    let told = records.iter().find_map(|record| match record {
        Record::Told(told) => Some(told.at),
        _ => None,
    });
    assert_eq!(told, Some(now));
}

#[tokio::test(start_paused = true)]
async fn growth_is_told_and_recorded() {
    let stage = Stage::new(&pagerduty(), &[], |_, _, _| status(202));
    stage.show(&fires(&["f"]), 100).await;
    let mut grown = Incident::clone(&about("f", State::Firing));
    grown.alertname = "SsoFleetFailing".into();
    grown.scope = Scope::Fleet;
    stage.show(&[Arc::new(grown)], 100).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 202", "100 pagerduty trigger f 202"]);
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f+"]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_begins_before_the_end_of_another_was_told_rings() {
    let down = |asked: usize| (2..6).contains(&asked);
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stage = Stage::new(&pagerduty(), &[], move |_, _, _| {
        let nth = 1 + asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        status(if down(nth) { 503 } else { 202 })
    });
    stage.show(&fires(&["f"]), 60).await;
    stage.show(&is_over(&["f"]), 20).await;
    let mut again = Incident::clone(&about("f", State::Firing));
    again.id = "f-2".into();
    again.fired_at = again.fired_at.map(|at| at.plus_millis(3_600_000));
    stage.show(&[about("f", State::Resolved), Arc::new(again)], 600).await;
    let asked = stage.asked();
    let accepted: Vec<_> = asked.iter().filter(|one| one.ends_with("202")).collect();
    let said: Vec<_> = accepted.iter().map(|one| one.split(' ').nth(2).unwrap()).collect();
    assert_eq!(said, ["trigger", "resolve", "trigger"], "{asked:?}");
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
