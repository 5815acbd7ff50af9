//! What is refused, why, and without a word of what it said.

use super::*;

#[test]
fn what_is_not_an_event_is_rejected_with_place_and_reason() {
    let long = format!(
        r#"{{"id":"{}","event":"a","created_at":"2026-01-15T12:00:00Z"}}"#,
        "x".repeat(129)
    );
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let cases: [(&str, Reason, &str); 12] = [
        ("", Reason::NotJson, "line 1"),
        ("hello", Reason::NotJson, "column 1"),
        ("{\"id\":\"e\",", Reason::NotJson, "cut off"),
        ("42", Reason::NotAnEvent, "one JSON object"),
        ("[]", Reason::NotAnEvent, ""),
        (r#"{"event":"a","created_at":"2026-01-15T12:00:00Z"}"#, Reason::NotAnEvent, "`id`"),
        (r#"{"id":"e","created_at":"2026-01-15T12:00:00Z"}"#, Reason::NotAnEvent, "`event`"),
        (r#"{"id":"e","event":"a"}"#, Reason::NotAnEvent, "`created_at`"),
        (r#"{"id":"e","event":"a","created_at":"soon"}"#, Reason::BadTimestamp, "ISO 8601"),
        (
            r#"{"id":"e","event":"authentication.sso_failed","created_at":"2026-01-15T12:00:00Z"}"#,
            Reason::NotAnEvent,
            "`data`",
        ),
        (&long, Reason::BadId, "128 bytes"),
        (&deep, Reason::TooDeep, "128 levels"),
    ];
    for (text, reason, hint) in cases {
        let rejection = event(text).unwrap_err();
        assert_eq!(rejection.reason, reason, "{text} {rejection}");
        assert!(rejection.problem.contains(hint), "{rejection}");
    }
    assert_eq!(decode(b"{\"id\":\"\xff\"}", &privacy()).unwrap_err().reason, Reason::NotUtf8);
    let turned = "{\"id\":\"e\u{202E}1\",\"event\":\"a\",\"created_at\":\"2026-01-15T12:00:00Z\"}";
    assert_eq!(event(turned).unwrap_err().reason, Reason::BadId);
    let control = r#"{"id":"e\u0000","event":"a","created_at":"2026-01-15T12:00:00Z"}"#;
    assert_eq!(event(control).unwrap_err().reason, Reason::BadId);
}

#[test]
fn nesting_is_read_up_to_its_limit_and_refused_beyond_without_recursion() {
    // `x` stands two levels deep.
    let deep = |levels: usize| format!("{{\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    for name in ["vault.data.created", "authentication.sso_failed"] {
        assert!(event(&with(name, &deep(DEPTH_MAX - 2))).is_ok(), "{name}");
        for levels in [DEPTH_MAX - 1, 100_000] {
            let rejection = event(&with(name, &deep(levels))).unwrap_err();
            assert_eq!(rejection.reason, Reason::TooDeep, "{name} {levels}");
        }
    }
    let brackets = format!(r#"{{"user_agent":"{}"}}"#, "[{".repeat(1000));
    assert!(event(&with("authentication.sso_failed", &brackets)).is_ok());
}

#[test]
fn ids_that_could_not_be_labels_are_refused_by_name() {
    let long = "x".repeat(129);
    let limit = "x".repeat(128);
    let cases: [(&str, &str, &str, Option<&str>); 12] = [
        ("authentication.sso_started", "sso.connection_id", &long, Some("data.sso.connection_id")),
        ("authentication.sso_started", "sso.session_id", &long, Some("data.sso.session_id")),
        ("authentication.sso_started", "sso.session_id", r"a\n", Some("data.sso.session_id")),
        (
            "authentication.sso_started",
            "sso.organization_id",
            &long,
            Some("data.sso.organization_id"),
        ),
        ("authentication.sso_started", "sso.connection_id", &limit, None),
        ("authentication.sso_started", "sso.connection_id", "", None),
        ("connection.activated", ".id", &long, Some("data.id")),
        ("connection.activated", ".id", "", Some("data.id")),
        ("connection.activated", ".id", "unknown", Some("data.id")),
        (
            "connection.saml_certificate_renewed",
            "connection.id",
            "other",
            Some("data.connection.id"),
        ),
        (
            "connection.saml_certificate_renewed",
            "connection.id",
            r"\u0007",
            Some("data.connection.id"),
        ),
        ("vault.data.created", ".id", &long, None),
    ];
    for (name, path, value, field) in cases {
        let (object, key) = path.split_once('.').unwrap();
        let data = match object {
            "" => format!(r#"{{"{key}":"{value}"}}"#),
            _ => format!(r#"{{"{object}":{{"{key}":"{value}"}}}}"#),
        };
        match (event(&with(name, &data)), field) {
            (Err(rejection), Some(field)) => {
                assert_eq!(rejection.reason, Reason::BadId, "{name} {path}");
                assert!(rejection.problem.starts_with(&format!("`{field}`")), "{rejection}");
            }
            (outcome, field) => assert_eq!(outcome.is_err(), field.is_some(), "{name} {path}"),
        }
    }
}

#[test]
fn names_that_could_not_be_labels_are_refused_and_new_ones_kept() {
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    for name in ["", "  ", long.as_str(), r"a\u001bb"] {
        assert_eq!(event(&with(name, "{}")).unwrap_err().reason, Reason::NotAnEvent, "{name}");
    }
    let kind = |name: &str, data: &str| match event(&with(name, data)).map(|event| event.body) {
        Ok(Body::Sso(_)) => "sso",
        Ok(Body::Authentication(_)) => "authentication",
        Ok(Body::Connection(_)) => "connection",
        Ok(Body::Certificate(_)) => "certificate",
        Ok(Body::Other) => "other",
        Err(rejection) => rejection.reason.as_str(),
    };
    let cases = [
        ("authentication.sso_started", "{}", "sso"),
        ("authentication.sso_started", "null", "not_an_event"),
        ("authentication.sso_paused", "{}", "authentication"),
        ("authentication.sso_paused", "[]", "other"),
        ("authentication.passkey_failed", "{}", "authentication"),
        ("authentication.passkey_failed", "7", "not_an_event"),
        ("authentication.radar_risk_detected", "{}", "authentication"),
        ("connection.deactivated", r#"{"id":"conn_1"}"#, "connection"),
        ("connection.deactivated", "{}", "not_an_event"),
        ("connection.renamed", "null", "other"),
        ("connection.saml_certificate_renewed", "{}", "not_an_event"),
        ("vault.kek.created", "null", "other"),
    ];
    for (name, data, want) in cases {
        assert_eq!(kind(name, data), want, "{name} {data}");
    }
}

#[test]
fn problems_repeat_nothing_of_the_input() {
    let secret = "hunter2";
    let texts = [
        secret.to_owned(),
        format!(r#"{{"{secret}":{secret}}}"#),
        with("x.y", "{}").replace("event_1", &format!("{secret}\\u0000")),
        with("x.y", "{}").replace("2026-01-15T12:00:00Z", secret),
        with(&format!(r"{secret}\n"), "{}"),
        with("connection.activated", &format!(r#"{{"id":"{}"}}"#, secret.repeat(30))),
        format!(r#"{{"message":"{secret}"}}"#),
    ];
    for text in texts {
        for outcome in [event(&text), decode_datadog_log(text.as_bytes(), &privacy())] {
            let rejection = outcome.unwrap_err();
            assert!(!rejection.problem.contains(secret), "{rejection}");
        }
    }
}

#[test]
fn an_event_from_the_future_is_refused_by_the_clock() {
    let event = event(&with("x.y", "{}")).unwrap();
    assert_eq!(check_time(&event, event.at), Ok(()));
    assert_eq!(check_time(&event, event.at.plus_millis(-FUTURE_MILLIS_MAX)), Ok(()));
    let late = check_time(&event, event.at.plus_millis(-FUTURE_MILLIS_MAX - 1)).unwrap_err();
    assert_eq!(late.reason, Reason::FutureTimestamp);
}
