//! The Prometheus rules in whole scenarios: what the daemon would have shown is put before Prometheus's own tool, minute by
//! minute. Each rule that pages is seen to page in one of them, alone or with what it entails; in a healthy one nobody is paged.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;
use ssowatch::config::Config;
use ssowatch::engine::Engine;
use ssowatch::event::decode::decode;
use ssowatch::event::{AuthEvent, Body, Entry, Privacy, Record, Source, Timestamp, Treatment};
use ssowatch::web::exposition::Exposition;

use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::rules::all_rules;
use crate::scraped::Scraped;
use crate::{promtool, wait};

/// The files of rules of those who page by thresholds.
const THRESHOLDS: [&str; 2] = ["ssowatch.rules.yaml", "ssowatch-thresholds.rules.yaml"];

/// The same for those who page by what ssowatch finds.
const INCIDENTS: [&str; 2] = ["ssowatch.rules.yaml", "ssowatch-incidents.rules.yaml"];

/// The scenarios, and what they page by thresholds.
const SCENARIOS: [(&str, &[&str]); 22] = [
    ("healthy", &[]),
    ("connection-failing", &["SsoConnectionFailing"]),
    ("connection-timing-out", &["SsoConnectionTimingOut"]),
    ("provider-failing", &["SsoProviderFailing"]),
    (
        "fleet-failing",
        &["SsoConnectionFailing", "SsoErrorBudgetBurn", "SsoFleetFailing", "SsoProviderFailing"],
    ),
    ("fleet-timing-out", &["SsoFleetTimingOut"]),
    ("fleet-slow", &["SsoLatencyHigh"]),
    ("no-end-seen", &["SsoSuccessDrought"]),
    ("delivery-broken", &["SourceStalled"]),
    ("delivery-late", &["SourceLagging"]),
    ("certificate", &["SsoCertificateExpiring"]),
    ("edge-502", &["EdgeErrors"]),
    ("edge-429", &["EdgeRateLimited"]),
    ("edge-403", &["EdgeBlocked"]),
    ("edge-499", &["EdgeAbandoned"]),
    ("edge-401", &["EdgeClientErrors"]),
    ("edge-scan", &[]),
    ("edge-limit", &["EdgeLimitNear"]),
    ("down", &["SsowatchDown"]),
    ("not-watching", &["SsowatchNotWatching"]),
    ("standbys-alone", &["JournalNotOwned"]),
    ("refused", &["ReceiverFailing", "SinkFailing"]),
];

/// Pages that are in no scenario, and why.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "JournalFailing",
        "needs a disk that is full for five minutes: alerts/prometheus/tests has it",
    ),
    ("SsowatchIncident", "is of the other set of rules, below"),
];

/// An entry as late as it comes.
pub(crate) type Delivery = (Timestamp, Record);

/// The events of a scenario, each as it happens.
fn simulated(scenario: &str) -> Vec<Delivery> {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/rules/{scenario}.yaml"));
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    let output = simulate.arg("simulate").arg(file).output().unwrap();
    assert!(output.status.success(), "{scenario}: {}", String::from_utf8_lossy(&output.stderr));
    let privacy = Privacy::new(Treatment::Hash, b"rules");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| happened(line, &privacy)).collect()
}

fn happened(line: &[u8], privacy: &Privacy) -> Delivery {
    let event = decode(line, privacy).unwrap();
    (event.at, Record::Event { source: Source::WorkosWebhook, event })
}

/// Folds what is delivered and scrapes it once a minute.
pub(crate) fn scraped(config: &Config, mut deliveries: Vec<Delivery>) -> Scraped {
    deliveries.sort_by_key(|(at, _)| *at);
    let mut engine = Engine::new(config.engine().unwrap());
    let mut next = deliveries[0].0.plus_millis(60_000);
    let mut scraped = Scraped::since(next.seconds());
    for (received_at, record) in deliveries {
        while next <= received_at {
            engine.advance(next);
            let snapshot = Arc::new(engine.snapshot());
            let all = vec![true; snapshot.connections.len()];
            scraped.add(&Exposition::new(snapshot, &all, String::new()).collect::<String>());
            next = next.plus_millis(60_000);
        }
        engine.apply(&Entry { received_at, record });
    }
    scraped
}

/// The files of rules make these pages, and no other, and all are over at the end.
fn assert_pages(scenario: &str, files: [&str; 2], scraped: &Scraped, pages: &[&str]) {
    let (_place, folder) = all_rules();
    let mut samples = String::new();
    for name in pages {
        writeln!(samples, "          - {{ labels: '{{alertname=\"{name}\"}}', value: 1 }}")
            .unwrap();
    }
    let samples = if pages.is_empty() { " []".to_owned() } else { format!("\n{samples}") };
    let minutes = scraped.minutes() - 1;
    let test = format!(
        "rule_files: [{files}]
evaluation_interval: 1m
tests:
  - name: {scenario}
    interval: 1m
    input_series:
{input}    promql_expr_test:
      - expr: max by (alertname) (max_over_time(ALERTS{{alertstate=\"firing\", severity=\"page\"}}[{minutes}m]))
        eval_time: {minutes}m
        exp_samples:{samples}
      - expr: ALERTS{{alertstate=\"firing\", severity=\"page\"}}
        eval_time: {minutes}m
        exp_samples: []
",
        files = files.join(", "),
        input = scraped.input(),
    );
    fs::write(folder.join("scenario.yaml"), test).unwrap();
    let complaint = promtool::complaint(&folder, &["test", "rules", "scenario.yaml"]);
    assert_eq!(complaint, None, "{scenario}: {}", complaint.as_deref().unwrap_or_default());
}

/// The thresholds make the pages that the scenario is to make.
pub(crate) fn assert_thresholds(scenario: &str, scraped: &Scraped) {
    let (_, pages) = SCENARIOS.iter().find(|(name, _)| *name == scenario).unwrap();
    assert_pages(scenario, THRESHOLDS, scraped, pages);
}

fn assert_simulated(scenario: &str) {
    assert_thresholds(scenario, &scraped(&Config::default(), simulated(scenario)));
}

#[test]
fn every_rule_that_pages_has_a_scenario() {
    let (_place, folder) = all_rules();
    let mut pages = BTreeSet::new();
    for file in [&THRESHOLDS[..], &INCIDENTS[1..]].concat() {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        for rule in text.split("- alert: ").skip(1).filter(|rule| rule.contains("severity: page")) {
            pages.insert(rule.lines().next().unwrap().to_owned());
        }
    }
    let of_scenarios = SCENARIOS.iter().flat_map(|(_, pages)| pages.iter().copied());
    let named: BTreeSet<_> =
        of_scenarios.chain(ELSEWHERE.map(|(name, _)| name)).map(str::to_owned).collect();
    assert_eq!(named, pages);
}

#[test]
fn a_healthy_fleet_pages_nobody() {
    let scraped = scraped(&Config::default(), simulated("healthy"));
    assert_thresholds("healthy", &scraped);
    assert_pages("healthy", INCIDENTS, &scraped, &[]);
}

#[test]
fn a_failing_connection_is_paged_alone() {
    assert_simulated("connection-failing");
}

#[test]
fn a_connection_that_times_out_is_paged_alone() {
    assert_simulated("connection-timing-out");
}

#[test]
fn a_failing_provider_is_paged_alone() {
    assert_simulated("provider-failing");
}

#[test]
fn a_failing_fleet_is_paged_with_all_in_it_and_burns_its_budget() {
    let scraped = scraped(&Config::default(), simulated("fleet-failing"));
    assert_thresholds("fleet-failing", &scraped);
    // Who pages by what ssowatch finds is paged, too.
    assert_pages("fleet-failing", INCIDENTS, &scraped, &["SsoErrorBudgetBurn", "SsowatchIncident"]);
}

#[test]
fn a_fleet_that_times_out_is_paged_alone() {
    assert_simulated("fleet-timing-out");
}

#[test]
fn slow_sign_ins_are_paged_alone() {
    assert_simulated("fleet-slow");
}

#[test]
fn sign_ins_without_an_end_are_a_drought() {
    assert_simulated("no-end-seen");
}

#[test]
fn a_broken_delivery_is_a_stalled_source() {
    assert_simulated("delivery-broken");
}

#[test]
fn a_delivery_that_is_ten_minutes_behind_is_a_lagging_source() {
    let mut deliveries = simulated("healthy");
    let begin = deliveries[0].0;
    for (at, _) in &mut deliveries {
        match at.millis_since(begin) / 60_000 {
            60..100 => *at = at.plus_millis(10 * 60_000),
            // What happens then waits behind it.
            100..110 => *at = begin.plus_millis(110 * 60_000),
            _ => {}
        }
    }
    assert_thresholds("delivery-late", &scraped(&Config::default(), deliveries));
}

#[test]
fn a_certificate_that_expires_within_a_day_is_paged_until_it_is_renewed() {
    let mut deliveries = simulated("healthy");
    let begin = deliveries[0].0;
    let connection = deliveries.iter().find_map(|(_, record)| match record {
        Record::Event { event: AuthEvent { body: Body::Sso(sso), .. }, .. } => {
            sso.connection_id.clone()
        }
        _ => None,
    });
    let connection = connection.unwrap().as_str().to_owned();
    let privacy = Privacy::new(Treatment::Hash, b"rules");
    for (minute, name, hours) in
        [(60, "certificate_renewal_required", 20), (120, "certificate_renewed", 9000)]
    {
        let at = begin.plus_millis(minute * 60_000);
        let expiry = at.plus_millis(hours * 3_600_000);
        let data = json!({"connection": {"id": connection}, "days_until_expiry": hours / 24, "certificate": {
            "certificate_type": "ResponseSigning", "is_expired": false, "expiry_date": expiry.to_string()}});
        let line = json!({"object": "event", "id": format!("event_{name}"), "event": format!("connection.saml_{name}"),
            "created_at": at.to_string(), "data": data});
        deliveries.push(happened(line.to_string().as_bytes(), &privacy));
    }
    assert_thresholds("certificate", &scraped(&Config::default(), deliveries));
}

/// What a daemon shows whose sink and receiver are answered with `status`, once each of `counters` has counted something.
fn own(status: u16, counters: [&str; 2]) -> String {
    let services = Recorder::answering(status);
    let daemon = Daemon::start(&format!(
        r#"
sinks: {{ otlp: {{ endpoint: "{url}", interval: 5s }} }}
receivers: [ {{ webhook: {{ url: "{url}/hook" }} }} ]
rules:
  - {{ name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 4, severity: page }}
"#,
        url = services.url()
    ));
    let failures =
        (0..6).map(|n| event("sso_failed", Some("conn_1"), &format!("s{n}"), now_millis() - 1000));
    daemon.push(&failures.collect::<String>());
    wait::until(&format!("{counters:?}"), || {
        let text = daemon.metrics();
        let counted =
            |name: &str| text.lines().any(|line| line.starts_with(name) && !line.ends_with(" 0"));
        counters.iter().all(|name| counted(name)).then_some(text)
    })
}

/// Minutes of the same scrape, one after the other; an empty one is none.
fn scrapes(minutes: &[(&str, usize)]) -> Scraped {
    let mut scraped = Scraped::default();
    for (text, times) in minutes {
        for _ in 0..*times {
            scraped.add(text);
        }
    }
    scraped
}

#[test]
fn the_watchmans_own_trouble_is_paged() {
    let told = |result| {
        format!("ssowatch_notifications_total{{receiver=\"webhook\",result=\"{result}\"}}")
    };
    let sent = "ssowatch_sink_requests_total{sink=\"otlp\",result=\"accepted\"}";
    let well = own(200, [sent, &told("accepted")]);
    let refused = own(400, ["ssowatch_sink_dropped_total", &told("dropped")]);
    assert_pages("well", THRESHOLDS, &scrapes(&[(&well, 120)]), &[]);
    assert_thresholds("refused", &scrapes(&[(&well, 30), (&refused, 60)]));
    assert_thresholds("down", &scrapes(&[(&well, 30), ("", 10), (&well, 30)]));
    let without = |what: &[&str]| -> String {
        let keep = |line: &&str| !what.iter().any(|name| line.starts_with(name));
        well.lines().filter(keep).collect::<Vec<_>>().join("\n") + "\n"
    };
    // While it reads its journal it shows neither incidents nor whether it owns the journal.
    let reading = without(&["ssowatch_incidents", "ssowatch_journal_owner"]);
    assert_thresholds("not-watching", &scrapes(&[(&well, 30), (&reading, 20), (&well, 30)]));
    let standby =
        without(&["ssowatch_incidents", "ssowatch_journal_owner"]) + "ssowatch_journal_owner 0\n";
    assert_thresholds("standbys-alone", &scrapes(&[(&well, 30), (&standby, 20), (&well, 30)]));
}
