use std::fmt::Write;

use serde_json::{Value, json};

use super::*;
use crate::event::ConnectionId;
use crate::outbound::Answer;
use crate::signal::{Course, Evidence, Scope, State};

/// 2026-01-15T12:00:00Z.
pub(super) const START: i64 = 1_768_478_400_000;

/// An incident of one connection: began two minutes before [`START`], fires since then, and took ten minutes
/// if it is over.
pub(super) fn incident(fingerprint: &str, state: State) -> Incident {
    let at = Timestamp::from_millis(START);
    let labels = [
        ("alertname", "SsoConnectionFailing"),
        ("severity", "page"),
        ("scope", "connection"),
        ("connection_id", "conn_01"),
        ("organization_id", "org_01"),
        ("team.name", "R&D <east>"),
        ("empty", ""),
    ];
    Incident {
        id: format!("{fingerprint}-1768478400").into(),
        fingerprint: fingerprint.into(),
        alertname: "SsoConnectionFailing".into(),
        severity: Severity::Page,
        scope: Scope::Connection(Some(ConnectionId::new("conn_01"))),
        labels: labels.map(|(name, value)| (name.into(), value.into())).into(),
        state,
        started_at: at.plus_millis(-120_000),
        fired_at: (state != State::Pending).then_some(at),
        resolved_at: (state == State::Resolved).then(|| at.plus_millis(600_000)),
        summary: "Acme <R&D>: 38 of 61 sign-ins failed in 5m (62 %), since about 11:58:00 UTC"
            .into(),
        description:
            "Threshold: 30 % in 5m. People hit: 22. Causes: certificate_expired 36, other 2.".into(),
        evidence: Evidence {
            attempts: 61,
            bad: 38,
            users: Some(22),
            value: Some(0.625),
            threshold: Some(0.3),
            window_seconds: Some(300),
            causes: vec![("certificate_expired".into(), 36), ("other".into(), 2)],
            ..Evidence::default()
        },
        course: Course::default(),
        parts: Vec::new(),
        part_of: None,
    }
}

pub(super) fn configs(list: &Value) -> Vec<Config> {
    serde_json::from_value(list.clone()).unwrap()
}

pub(super) fn links() -> Links {
    LinksConfig::default().links("http://127.0.0.1:9470", ["OwnRule".into()].into()).unwrap()
}

pub(super) fn notification(incident: Incident, reason: Reason) -> Notification {
    let now = Timestamp::from_millis(START + 660_000);
    let (incident, links) = (Arc::new(incident), Arc::new(links()));
    Notification { incident, reason, now, their_now: now, links }
}

fn everyone() -> Vec<Target> {
    let list = json!([
        {"alertmanager": {"urls": ["http://127.0.0.1:9093/"], "token": "am-s3cret"}},
        {"pagerduty": {"routing_key": "pd-s3cret"}},
        {"slack": {"webhook_url": "https://hooks.slack.com/services/T/B/s3cret"}},
        {"datadog_event": {"api_key": "dd-s3cret", "site": "datadoghq.eu"}},
        {"webhook": {"url": "https://example.com/hook?key=s3cret", "token": "wh-s3cret"}},
    ]);
    let inherited = Inherited { datadog_tags: vec!["env:prod".into()], ..Inherited::default() };
    targets(&configs(&list), &inherited).unwrap()
}

#[test]
fn each_whole_payload_is_as_agreed() {
    for target in everyone() {
        let mut text = String::new();
        let mut escalated = incident("9f3a5c7e11d20b48", State::Firing);
        escalated.description = String::new();
        let told = [
            notification(incident("9f3a5c7e11d20b48", State::Firing), Reason::Opened),
            notification(escalated, Reason::Escalated),
            notification(incident("9f3a5c7e11d20b48", State::Resolved), Reason::Closed),
        ];
        for one in told {
            let request = target.request(std::slice::from_ref(&one)).unwrap();
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let headers: Vec<_> =
                request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            writeln!(
                text,
                "# {}\n{:?} {}\n{}\n\n{body:#}\n",
                one.reason.as_str(),
                request.method,
                request.url,
                headers.join("\n")
            )
            .unwrap();
        }
        insta::assert_snapshot!(&*target.name, text);
    }
}

#[test]
fn what_is_no_longer_watched_is_not_called_resolved() {
    use crate::signal::{Happened, Unwatched};
    let mut incident = incident("9f3a5c7e11d20b48", State::Resolved);
    incident.course.add(incident.resolved_at.unwrap(), Happened::Unwatched(Unwatched::Removed));
    for target in everyone() {
        let end = notification(incident.clone(), Reason::Closed);
        let body = String::from_utf8(target.request(&[end]).unwrap().body.to_vec()).unwrap();
        let says = body.contains("No longer watched: SsoConnectionFailing");
        // The others have no word of their own for an end; what they know as a summary says it.
        let has_headline = ["slack", "datadog"].iter().any(|kind| target.name.contains(kind));
        assert_eq!(says, has_headline, "{}: {body}", target.name);
        for sign in ["Resolved", "white_check_mark", "success"] {
            assert!(!body.contains(sign), "{}: {body}", target.name);
        }
    }
}

#[test]
fn what_a_wider_alert_tells_of_is_not_called_resolved() {
    use crate::signal::Happened;
    let mut incident = incident("9f3a5c7e11d20b48", State::Resolved);
    let joined = Happened::Joined("SsoFleetFailing".into());
    incident.course.add(incident.resolved_at.unwrap(), joined);
    for target in everyone() {
        let end = notification(incident.clone(), Reason::Closed);
        let body = String::from_utf8(target.request(&[end]).unwrap().body.to_vec()).unwrap();
        let says = body.contains("Part of a wider incident: SsoConnectionFailing");
        let has_headline = ["slack", "datadog"].iter().any(|kind| target.name.contains(kind));
        assert_eq!(says, has_headline, "{}: {body}", target.name);
        for sign in ["Resolved", "white_check_mark", "success"] {
            assert!(!body.contains(sign), "{}: {body}", target.name);
        }
    }
}

#[test]
fn each_name_of_an_incident_is_a_notification_of_its_own() {
    use crate::signal::Happened;
    let keys = [5, 7].map(|second| {
        let mut incident = incident("9f3a5c7e11d20b48", State::Firing);
        let at = incident.started_at.plus_millis(second * 1_000);
        incident.course.add(at, Happened::Grew("SsoFleetFailing".into()));
        let notification = notification(incident, Reason::Grew);
        let webhook = everyone().into_iter().find(|target| &*target.name == "webhook").unwrap();
        let request = webhook.request(&[notification]).unwrap();
        let key = request.headers.iter().find(|(name, _)| &**name == "idempotency-key");
        key.unwrap().1.clone()
    });
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn a_runbook_that_nobody_wrote_is_not_named() {
    for target in everyone() {
        for (alertname, named) in [("SsoConnectionFailing", true), ("OwnRule", false)] {
            let mut incident = incident("9f3a5c7e11d20b48", State::Firing);
            incident.alertname = alertname.into();
            let request = target.request(&[notification(incident, Reason::Opened)]).unwrap();
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            assert!(body.contains("/incidents/9f3a5c7e11d20b48"), "{body}");
            assert_eq!(body.to_lowercase().contains("runbook"), named, "{body}");
        }
    }
}

#[test]
fn every_status_has_a_meaning() {
    use Verdict::{Accepted, Drop, Hold, Retry, Split};
    for target in everyone() {
        for status in 100..=599 {
            let want = match (&*target.name, status) {
                (_, 200..=299) => Accepted,
                (_, 408 | 429 | 500..=599) | ("webhook", 425) => Retry,
                ("alertmanager", 400 | 413 | 422) => Split,
                ("alertmanager", 300..=499)
                | (_, 300..=399 | 401 | 404 | 405)
                | ("pagerduty" | "datadog_event" | "webhook", 403) => Hold,
                _ => Drop,
            };
            assert_eq!(target.classify(status), want, "{} {status}", target.name);
        }
    }
}

#[test]
fn no_secret_can_be_printed() {
    for target in everyone() {
        let request =
            target.request(&[notification(incident("f", State::Firing), Reason::Opened)]).unwrap();
        let printed = format!(
            "{target:?} {request:?} {:?}",
            configs(&json!([
                {"webhook": {"url": "https://example.com/s3cret", "token": "s3cret"}},
            ]))
        );
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(!target.secrets().is_empty(), "{}", target.name);
    }
}

#[test]
fn what_a_service_answers_is_told_with_a_remedy_and_without_secrets() {
    for target in everyone() {
        let one = [notification(incident("f", State::Firing), Reason::Opened)];
        let request = target.request(&one).unwrap();
        // As some do, it says what it was sent.
        let body = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        let body = format!("you sent {} {body}", request.url);
        for (status, remedy) in [
            (302, "; redirects are not followed, write the final address: you sent "),
            (401, "; check its address and its secret in `receivers`: you sent "),
            (500, ": you sent "),
        ] {
            let answer = Answer { status, retry_after: None, body: body.clone().into() };
            let detail = words::detail(&target, &one, &answer, target.classify(status));
            let key = &target.key;
            let want = format!("HTTP {status} for SsoConnectionFailing opened at {key}{remedy}");
            assert!(detail.starts_with(&want), "{detail}");
            assert!(!detail.contains("s3cret"), "{detail}");
        }
    }
}

#[test]
fn the_largest_incident_stays_within_each_vendors_limits() {
    let huge = |scale: usize| "&<ä\u{1f525}\"".repeat(scale);
    let mut largest = incident("9f3a5c7e11d20b48", State::Firing);
    largest.summary = huge(40_000);
    largest.description = huge(40_000);
    largest.evidence.causes = vec![(huge(40_000).into(), 1)];
    largest.labels.insert("large".into(), huge(40_000).into());
    for target in everyone() {
        let request = target.request(&[notification(largest.clone(), Reason::Opened)]).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let length =
            |pointer: &str| body.pointer(pointer).unwrap().as_str().unwrap().chars().count();
        match &*target.name {
            "pagerduty" => {
                assert_eq!(length("/payload/summary"), 1024);
                assert!(request.body.len() <= 512 * 1024, "{}", request.body.len());
                assert!(length("/payload/custom_details/description") > 1000);
            }
            "slack" => {
                assert!(length("/text") <= 4000);
                for block in ["/blocks/0/text/text", "/blocks/1/text/text"] {
                    assert!(length(block) <= 3000, "{block}");
                }
            }
            "datadog_event" => {
                assert_eq!((length("/title") <= 100, length("/text")), (true, 4000));
                assert!(body["text"].as_str().unwrap().ends_with("/runbooks/SsoConnectionFailing"));
                for tag in body["tags"].as_array().unwrap() {
                    assert!(tag.as_str().unwrap().chars().count() <= 200);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn datadog_gets_no_time_that_it_refuses() {
    let target = everyone().remove(3);
    let hour = 3_600_000;
    for (age, want) in [(hour, hour), (17 * hour, 17 * hour), (18 * hour, 0), (-hour, 0)] {
        let mut old = incident("f", State::Firing);
        let mut one = notification(old.clone(), Reason::Opened);
        old.fired_at = Some(one.now.plus_millis(-age));
        one.incident = Arc::new(old);
        let request = target.request(std::slice::from_ref(&one)).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["date_happened"], one.now.plus_millis(-want).seconds(), "{age}");
    }
}

#[test]
fn severities_are_those_of_each_vendor() {
    let cases = [
        (Severity::Page, "critical", "error", ":rotating_light:"),
        (Severity::Ticket, "warning", "warning", ":warning:"),
        (Severity::None, "info", "info", ":information_source:"),
    ];
    for (severity, pagerduty, datadog, slack) in cases {
        let mut incident = incident("f", State::Firing);
        incident.severity = severity;
        let one = notification(incident, Reason::Opened);
        let body = |target: &Target| -> Value {
            serde_json::from_slice(&target.request(std::slice::from_ref(&one)).unwrap().body)
                .unwrap()
        };
        let all = everyone();
        assert_eq!(body(&all[1])["payload"]["severity"], pagerduty);
        assert_eq!(body(&all[3])["alert_type"], datadog);
        assert!(body(&all[2])["blocks"][0]["text"]["text"].as_str().unwrap().starts_with(slack));
    }
}
