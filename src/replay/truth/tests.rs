use std::sync::Arc;

use super::*;
use crate::signal::Incident;
use crate::web::sample;

const ACME: &str = r#"{"scope":"connection","connection_id":"conn_acme"}"#;

/// A truth in which `conn_acme` fails from 10:00 to 11:00, and a page is due.
fn truth(due: bool) -> Truth {
    let right = if due {
        format!(
            r#"{{"severity":["page"],"alertnames":["SsoConnectionFailing"],"scopes":[{ACME}],"from":"2025-06-03T10:00:00Z",
            "until":"2025-06-03T11:10:00Z","within_seconds":600.0,"at_most":1}}"#
        )
    } else {
        "null".into()
    };
    let severity = if due { r#"["page","ticket"]"# } else { r#"["ticket"]"# };
    let text = format!(
        r#"{{"format":"sso-truth/v1","scenario":"s","seed":7,{WHOLE},"maintenance":[],"wrong":"others","alerts":{{"right":{right},
        "optional":{{"severity":{severity},"scopes":[{ACME},{{"scope":"fleet"}}],"from":"2025-06-03T10:00:00Z","until":"2025-06-03T12:00:00Z"}}}}}}"#
    );
    read_text(&text).unwrap()
}

/// The time and the size of the recording.
const WHOLE: &str =
    r#""start":"2025-06-01T00:00:00Z","end":"2025-06-04T00:00:00Z","counts":{"events":100}"#;

/// So many events in these hours of that day.
fn recorded(day: u32, events: u64) -> Recorded {
    let at = |hour: u32| Timestamp::parse(&format!("2025-06-{day:02}T{hour:02}:00:00Z")).unwrap();
    Recorded { span: Some((at(1), at(23))), events }
}

fn read_text(text: &str) -> anyhow::Result<Truth> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    read(file.path())
}

fn connection(id: &str) -> Scope {
    Scope::Connection(Some(ConnectionId::new(id)))
}

fn fires(at: &str, scope: Scope, severity: Severity) -> Transition {
    let at = Timestamp::parse(&format!("2025-06-03T{at}Z")).unwrap();
    let known = &sample::snapshot().incidents[0];
    let incident = Incident {
        id: format!("{scope:?}-{at}").into(),
        alertname: "SsoConnectionFailing".into(),
        severity,
        scope,
        state: State::Firing,
        ..Incident::clone(known)
    };
    Transition { at, incident: Arc::new(incident) }
}

#[test]
fn each_alert_is_right_optional_or_false_as_the_truth_says() {
    use Severity::{Page, Ticket};
    let acme = || connection("conn_acme");
    // Due; what fires; delay, missed, late, right, optional, false pages, false tickets.
    let cases = [
        ("in time", true, fires("10:05:00", acme(), Page), (Some(300.0), 0, 0, 1, 0, 0, 0)),
        ("late", true, fires("10:20:00", acme(), Page), (Some(1200.0), 0, 1, 1, 0, 0, 0)),
        ("a ticket is no page", true, fires("10:05:00", acme(), Ticket), (None, 1, 0, 0, 1, 0, 0)),
        ("before", true, fires("09:59:59", acme(), Page), (None, 1, 0, 0, 0, 1, 0)),
        ("just after the end", true, fires("11:30:00", acme(), Page), (None, 1, 0, 0, 1, 0, 0)),
        ("long after", true, fires("12:00:01", acme(), Page), (None, 1, 0, 0, 0, 1, 0)),
        ("wider", true, fires("10:05:00", Scope::Fleet, Page), (None, 1, 0, 0, 1, 0, 0)),
        ("another", true, fires("10:05:00", connection("c2"), Page), (None, 1, 0, 0, 0, 1, 0)),
        ("nothing due", false, fires("10:05:00", acme(), Page), (None, 0, 0, 0, 0, 1, 0)),
        ("its ticket", false, fires("10:05:00", acme(), Ticket), (None, 0, 0, 0, 1, 0, 0)),
        ("any ticket", false, fires("09:00:00", acme(), Ticket), (None, 0, 0, 0, 0, 0, 1)),
    ];
    for (name, due, transition, want) in cases {
        let mut score = Score::new(truth(due), recorded(3, 100)).unwrap();
        score.take(&transition);
        // The same incident again, with newer numbers, and its end.
        score.take(&transition);
        let end = Incident { state: State::Resolved, ..(*transition.incident).clone() };
        score.take(&Transition { incident: Arc::new(end), ..transition });
        let got = (
            score.delay_seconds(),
            u8::from(score.is_missed()),
            u8::from(score.is_late()),
            score.right.len(),
            score.optional,
            score.false_pages.len(),
            score.false_tickets,
        );
        assert_eq!(got, want, "{name}");
        assert_eq!(score.json()["missed"], want.1 == 1, "{name}");
        assert!(score.text().contains("seed 7: "), "{name}: {}", score.text());
    }
}

#[test]
fn an_incident_that_becomes_what_is_due_is_found_when_it_is_told_as_that() {
    let at = |time: &str, scope: Scope| {
        let mut transition = fires(time, scope, Severity::Page);
        Arc::make_mut(&mut transition.incident).id = "one".into();
        transition
    };
    let mut score = Score::new(truth(true), recorded(3, 100)).unwrap();
    score.take(&at("10:02:00", Scope::Fleet));
    assert!(score.is_missed());
    score.take(&at("10:05:00", connection("conn_acme")));
    assert_eq!((score.delay_seconds(), score.right.len(), score.optional), (Some(300.0), 1, 1));
    // It goes on, first as something else, and then as before.
    score.take(&at("10:06:00", connection("c2")));
    score.take(&at("10:07:00", connection("conn_acme")));
    assert_eq!((score.right.len(), score.optional, score.false_pages.len()), (1, 1, 0));
}

#[test]
fn a_second_right_page_is_too_many_where_one_is_due() {
    let mut score = Score::new(truth(true), recorded(3, 100)).unwrap();
    for at in ["10:05:00", "10:45:00"] {
        score.take(&fires(at, connection("conn_acme"), Severity::Page));
    }
    assert!(
        score.is_too_many()
            && score.text().contains("found after 300 s (due in 600 s), 2 right, TOO MANY")
    );
}

#[test]
fn what_is_no_truth_is_refused_with_its_place() {
    let valid = format!(
        r#"{{"format":"sso-truth/v1","scenario":"s","seed":1,{WHOLE},"maintenance":[],"alerts":{{"right":null,"optional":null}}}}"#
    );
    assert!(read_text(&valid).is_ok());
    let window = r#"[{"from":"noon","until":"2025-06-03T10:00:00Z","connections":[]}]"#;
    let cases = [
        (valid.replace("truth/v1", "truth/v2"), "not sso-truth/v1"),
        (valid.replace("seed", "sown"), "expected what `ssowatch simulate --truth` writes"),
        (valid.replace("[]", window), "\"noon\" is no time"),
        (valid.replace("2025-06-04T00:00:00Z", "later"), "\"later\" is no time"),
    ];
    for (text, want) in cases {
        let error = format!("{:#}", read_text(&text).unwrap_err());
        assert!(error.contains(want), "{error}");
    }
}

#[test]
fn announced_work_is_known_from_the_beginning() {
    let window = r#"[{"from":"2025-06-03T09:00:00Z","until":"2025-06-03T10:00:00Z","connections":["conn_acme"]}]"#;
    let text = format!(
        r#"{{"format":"sso-truth/v1","scenario":"s","seed":1,{WHOLE},"maintenance":{window},"alerts":{{"right":null,"optional":null}}}}"#
    );
    let truth = read_text(&text).unwrap();
    let records: Vec<_> = truth.announced().collect();
    let [Record::Planned(planned)] = &records[..] else { panic!("{records:?}") };
    assert_eq!(planned.covers, Covers::Connections(vec![ConnectionId::new("conn_acme")]));
    assert_eq!(planned.from.millis_since(planned.until), -3_600_000);
}

#[test]
fn the_truth_of_another_recording_is_refused_or_doubted() {
    let score = |due: bool, day: u32, events: u64| Score::new(truth(due), recorded(day, events));
    // Of another time altogether, and of a day of its own that ends before anything is due.
    for (due, day, words) in
        [(false, 5, "is from 2025-06-01"), (true, 2, "what is due lies from 2025-06-03T10:00:00Z")]
    {
        let error = score(due, day, 100).unwrap_err().to_string();
        assert!(error.starts_with("the truth of s, seed 7, is not of these events: "), "{error}");
        assert!(
            error.contains(words)
                && error.contains(&format!("they are from 2025-06-{day:02}T01:00:00Z")),
            "{error}"
        );
    }
    assert!(score(false, 2, 100).is_ok(), "a part in which nothing is due");
    let nothing = Score::new(truth(false), Recorded { span: None, events: 0 }).unwrap_err();
    assert!(nothing.to_string().contains("no event was read"), "{nothing}");
    assert!(!score(true, 3, 100).unwrap().text().contains("warning"));
    let doubted = score(true, 3, 99).unwrap();
    assert!(
        doubted.text().contains("warning: the truth is of a recording of 100 events, 99 were read")
    );
    assert_eq!(
        (&doubted.json()["events"], &doubted.json()["events_of_truth"]),
        (&json!(99), &json!(100))
    );
}
