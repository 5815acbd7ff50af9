use std::sync::Arc;

use super::*;
use crate::signal::State;
use crate::web::sample;

#[test]
fn what_a_rule_counted_is_said_to_be_of_its_window() {
    for (window, state, want) in [
        (Some(300), State::Resolved, "went wrong in the last 5 min of the alarm"),
        (Some(300), State::Firing, "went wrong in the last 5 min of the alarm"),
        (None, State::Resolved, "went wrong between the beginning and the moment when"),
        (None, State::Firing, "went wrong so far"),
    ] {
        let mut incident = sample::incident(state);
        incident.evidence.window_seconds = window;
        let report = markdown(&incident, &sample::snapshot());
        assert!(report.contains(want), "{want}: {report}");
    }
}

#[test]
fn people_are_not_told_as_sign_ins_and_all_failures_are_told_beside_them() {
    let report = |users: u64, causes: &[u64]| {
        let mut incident = sample::incident(State::Resolved);
        let names = ["server_error", "assertion", "csrf", "expired", "unknown"];
        let causes = names.into_iter().zip(causes);
        incident.evidence = Evidence {
            attempts: 1_422,
            bad: 391,
            users: Some(users),
            value: Some(0.27),
            causes: causes.map(|(name, count)| (name.into(), *count)).collect(),
            ..Evidence::default()
        };
        markdown(&incident, &sample::snapshot())
    };
    let people = "- 391 of 1422 people (27 %) could not sign in between the beginning and the moment when the alarm ended; whoever tried again is counted once\n";
    let tries = "- 391 of 1422 sign-ins (27 %) went wrong between";
    for (users, causes, line, all) in [
        (391, vec![545, 63, 48, 25, 20], people, Some("too: 701 or more\n")),
        (391, vec![545, 63], people, Some("too: 608\n")),
        (300, vec![545, 63], tries, Some("too: 608\n")),
        (391, vec![391], tries, None),
        (391, vec![], tries, None),
    ] {
        let report = report(users, &causes);
        assert!(report.contains(line), "{users} {causes:?}: {report}");
        assert_eq!(report.contains("Failed sign-ins in all"), all.is_some(), "{report}");
        assert!(all.is_none_or(|all| report.contains(all)), "{users} {causes:?}: {report}");
    }
}

#[test]
fn a_rule_is_told_from_beginning_to_end_or_it_is_said_that_the_end_is_not_known() {
    let mut incident = sample::incident(State::Resolved);
    let began = incident.started_at;
    let (from, until) = (began.plus_millis(-41_250), began.plus_millis(138_750));
    incident.resolved_at = Some(began.plus_millis(710_000));
    incident.course = crate::signal::Course::default();
    incident.evidence.window_seconds = Some(300);
    let report = markdown(&incident, &sample::snapshot());
    for want in [
        "(when it counted as resolved; when",
        "11 min 50 s at most",
        "alarm; how many in all is not known",
    ] {
        assert!(report.contains(want), "{want}: {report}");
    }
    incident.course.ended_at = Some(until);
    incident.course.add(until, Happened::Counted { from, until, attempts: 15, bad: 14 });
    let report = markdown(&incident, &sample::snapshot());
    for want in
        ["- 14 of 15 sign-ins went wrong from 16:04:00 to 16:07:00\n", "no longer met: 14 of 15"]
    {
        assert!(report.contains(want), "{want}: {report}");
    }
    for wrong in ["not known", "at most"] {
        assert!(!report.contains(wrong), "{wrong}: {report}");
    }
}

#[test]
fn what_went_on_as_part_of_a_wider_incident_has_no_end_of_its_own() {
    let mut incident = sample::incident(State::Resolved);
    let joined = incident.started_at.plus_millis(600_000);
    incident.resolved_at = Some(joined);
    incident.course.add(joined, Happened::Joined("SsoFleetFailing".into()));
    let report = markdown(&incident, &sample::snapshot());
    for want in [
        "(when it went on as part of SsoFleetFailing: see that incident)",
        "**Impact duration:** 10 min at least",
    ] {
        assert!(report.contains(want), "{want}: {report}");
    }
}

#[test]
fn what_is_internal_or_slow_did_not_go_wrong() {
    for (alertname, want) in [
        ("EdgeInternalTraffic", " were internal so far"),
        ("EdgeLatencyHigh", " took longer than usual so far"),
        ("EdgeErrors", " went wrong so far"),
    ] {
        let mut incident = sample::incident(State::Firing);
        incident.alertname = alertname.into();
        incident.evidence.window_seconds = None;
        let report = markdown(&incident, &sample::snapshot());
        assert!(report.contains(want), "{want}: {report}");
    }
}

#[test]
fn a_heading_without_a_word_under_it_is_left_out() {
    let mut certificate = sample::incident(State::Firing);
    certificate.evidence = Evidence::default();
    certificate.course = crate::signal::Course::default();
    let report = markdown(&certificate, &sample::snapshot());
    for heading in ["## Impact on customers", "## Evidence"] {
        assert!(!report.contains(heading), "{heading}: {report}");
    }
    let headings: Vec<_> = report.lines().filter(|line| line.starts_with("##")).collect();
    assert_eq!(
        headings,
        ["## Summary", "## Timeline (UTC)", "## Detection", "## Cause", "## Prevention"]
    );
    let full = markdown(&sample::incident(State::Firing), &sample::snapshot());
    assert!(full.contains("\n\n## Impact on customers\n\n- "), "{full}");
    assert!(full.contains("\n\n## Evidence\n\n- "), "{full}");
}

#[test]
fn a_customer_is_called_by_name_whatever_told_the_name() {
    let mut snapshot = sample::snapshot();
    let mut incident = sample::incident(State::Firing);
    incident.evidence.connections = vec![("conn_1".into(), 7), ("conn_9".into(), 1)];
    for (organization, own, want) in
        [(Some("Acme"), Some("Okta"), "Acme"), (None, Some("Acme Okta"), "Acme Okta")]
    {
        let mut view = sample::connection(Some("conn_1"), 1);
        let info = Arc::make_mut(view.info.as_mut().unwrap());
        info.organization_name = organization.map(Into::into);
        info.name = own.map(Into::into);
        snapshot.connections = vec![Arc::new(view)];
        let report = markdown(&incident, &snapshot);
        let services = format!("single sign-on of {want}, connection conn_1");
        for line in [&*services, &format!("| {want} | conn_1 | 7 |"), "|  | conn_9 | 1 |"] {
            assert!(report.contains(line), "{line}: {report}");
        }
    }
}
