use super::*;
use crate::event::Treatment;

fn privacy() -> Privacy {
    Privacy::new(Treatment::Hash, b"key")
}

fn event(text: &str) -> Result<AuthEvent, Rejection> {
    decode(text.as_bytes(), &privacy())
}

/// An event with `data` and, before and after it, more fields.
fn with(name: &str, data: &str) -> String {
    format!(
        r#"{{"id":"event_1","event":"{name}","created_at":"2026-01-15T12:00:00Z","data":{data}}}"#
    )
}

fn sso(text: &str) -> Sso {
    match event(text).unwrap().body {
        Body::Sso(sso) => sso,
        other => panic!("not a sign-in: {other:?}"),
    }
}

#[test]
fn every_documented_sample_is_decoded_to_its_kind() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/workos");
    let mut kinds = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let event = decode(&std::fs::read(&path).unwrap(), &privacy()).unwrap();
        let kind = match event.body {
            Body::Sso(sso) => format!("{:?} {}", sso.step, sso.connection_id.is_some()),
            Body::Authentication(_) => "authentication".into(),
            Body::Connection(info) => format!("connection {}", info.state.unwrap()),
            Body::Certificate(notice) => format!("certificate {}", notice.certificate_type),
            Body::Other => "other".into(),
        };
        kinds.push(format!("{}: {kind}", path.file_stem().unwrap().display()));
    }
    kinds.sort();
    insta::assert_snapshot!(kinds.join("\n"), @r"
    authentication.sso_failed.docs: Failed true
    authentication.sso_succeeded.docs: Succeeded true
    authentication_password_failed.sdk: authentication
    authentication_radar_risk_detected.sdk: authentication
    authentication_sso_failed.sdk: Failed true
    authentication_sso_started.sdk: Started true
    authentication_sso_succeeded.sdk: Succeeded true
    authentication_sso_timed_out.sdk: TimedOut true
    connection.activated.docs: connection active
    connection.saml_certificate_renewal_required.docs: certificate ResponseSigning
    connection.saml_certificate_renewed.docs: certificate ResponseSigning
    connection_activated.sdk: connection active
    connection_saml_certificate_renewal_required.sdk: certificate ResponseSigning
    connection_saml_certificate_renewed.sdk: certificate ResponseSigning
    ");
}

#[test]
fn a_sign_in_without_ids_is_kept_with_nothing_in_their_place() {
    let cases = [
        "{}",
        r#"{"sso":null}"#,
        r#"{"sso":{}}"#,
        r#"{"sso":"none"}"#,
        r#"{"sso":[1]}"#,
        r#"{"sso":{"connection_id":null,"session_id":"","organization_id":null}}"#,
    ];
    for data in cases {
        let sso = sso(&with("authentication.sso_failed", data));
        assert_eq!(
            (sso.connection_id, sso.organization_id, sso.session_id),
            (None, None, None),
            "{data}"
        );
    }
}

#[test]
fn unknown_types_and_fields_are_kept_and_order_does_not_matter() {
    let unknown = r#"{"data":{"x":[[[{}]]]},"new":1,"event":"vault.data.created","id":"e","created_at":"2026-01-15 12:00:00"}"#;
    assert_eq!(event(unknown).unwrap().body, Body::Other);
    assert_eq!(
        event(r#"{"id":"e","event":"x.y","created_at":"2026-01-15T12:00:00Z"}"#).unwrap().body,
        Body::Other
    );
    let turned = r#"{"data":{"sso":{"connection_id":"conn_1"}},"created_at":"2026-01-15T12:00:00Z","event":"authentication.sso_started","id":"e"}"#;
    assert_eq!(sso(turned).connection_id, Some(ConnectionId::new("conn_1")));
    let numbers =
        with("authentication.sso_failed", r#"{"user_id":7,"error":{"code":500,"message":null}}"#);
    assert_eq!(&*sso(&numbers).error.unwrap().code, "500");
}

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
        (&deep, Reason::NotAnEvent, ""),
    ];
    for (text, reason, hint) in cases {
        let rejection = event(text).unwrap_err();
        assert_eq!(rejection.reason, reason, "{text} {rejection}");
        assert!(rejection.problem.contains(hint), "{rejection}");
    }
    assert_eq!(decode(b"{\"id\":\"\xff\"}", &privacy()).unwrap_err().reason, Reason::NotUtf8);
    let control = r#"{"id":"e\u0000","event":"a","created_at":"2026-01-15T12:00:00Z"}"#;
    assert_eq!(event(control).unwrap_err().reason, Reason::BadId);
}

#[test]
fn deep_nesting_in_an_unused_field_is_skipped_without_recursion() {
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(event(&with("vault.data.created", &deep)).unwrap().body, Body::Other);
}

#[test]
fn personal_data_is_hashed_everywhere_even_in_messages() {
    let data = r#"{"email":"Todd@example.com","user_id":"user_1","ip_address":"192.0.2.1","user_agent":"curl",
        "error":{"code":"x","message":"no profile for todd@example.com, (192.0.2.1) user_01ABC twice"}}"#;
    let text = with("authentication.sso_failed", data);
    let shown = format!("{:?}", serde_json::to_string(&event(&text).unwrap()).unwrap());
    for secret in ["odd@example", "192.0.2.1", "user_0", "curl"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let same = |email: &str| {
        sso(&with("authentication.sso_failed", &format!(r#"{{"email":"{email}"}}"#))).person
    };
    assert_eq!(same("todd@example.com"), same("Todd@Example.com"));
    let dropped = decode(text.as_bytes(), &Privacy::new(Treatment::Drop, b"key")).unwrap();
    let Body::Sso(dropped) = dropped.body else { panic!() };
    assert_eq!(dropped.person, Person::default());
    assert_eq!(
        &*dropped.error.unwrap().message,
        "no profile for [removed] [removed] [removed] twice"
    );
    let kept = decode(text.as_bytes(), &Privacy::new(Treatment::Keep, b"key")).unwrap();
    let Body::Sso(kept) = kept.body else { panic!() };
    assert_eq!(kept.person.email.unwrap().as_str(), "Todd@example.com");
}

#[test]
fn datadog_logs_hide_the_event_in_three_places() {
    let event = with("authentication.sso_started", r#"{"sso":{"connection_id":"c"}}"#);
    let quoted = serde_json::to_string(&event).unwrap();
    let shapes = [
        event.clone(),
        format!(r#"{{"ddsource":"workos","message":{event}}}"#),
        format!(r#"{{"ddsource":"workos","message":{quoted}}}"#),
        format!(r#"{{"message":"SSO started","attributes":{event}}}"#),
    ];
    for shape in shapes {
        assert_eq!(
            &*decode_datadog_log(shape.as_bytes(), &privacy()).unwrap().name,
            "authentication.sso_started",
            "{shape}"
        );
    }
    let nothing = decode_datadog_log(br#"{"message":"hello"}"#, &privacy()).unwrap_err();
    assert!(nothing.problem.contains("`attributes`"));
}

#[test]
fn an_event_from_the_future_is_refused_by_the_clock() {
    let event = event(&with("x.y", "{}")).unwrap();
    assert_eq!(check_time(&event, event.at), Ok(()));
    assert_eq!(check_time(&event, event.at.plus_millis(-FUTURE_MILLIS_MAX)), Ok(()));
    let late = check_time(&event, event.at.plus_millis(-FUTURE_MILLIS_MAX - 1)).unwrap_err();
    assert_eq!(late.reason, Reason::FutureTimestamp);
}

#[test]
fn test_sessions_of_the_admin_portal_are_marked() {
    let text = r#"{"id":"e","event":"authentication.sso_failed","created_at":"2026-01-15T12:00:00Z","data":{},"context":{"actor":{"source":"admin_portal"}}}"#;
    assert!(sso(text).test);
}

proptest::proptest! {
    #[test]
    fn property_test_decoding_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        drop(decode(&bytes, &privacy()));
        drop(decode_datadog_log(&bytes, &privacy()));
    }

    #[test]
    fn property_test_damaged_events_never_panic(place in 0usize..300, byte in proptest::num::u8::ANY) {
        let mut text = with("authentication.sso_failed", r#"{"sso":{"connection_id":"c"},"error":{"code":"x","message":"y"}}"#).into_bytes();
        let place = place % text.len();
        text[place] = byte;
        drop(decode(&text, &privacy()));
    }
}
