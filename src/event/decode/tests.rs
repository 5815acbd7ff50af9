use super::*;
use crate::event::{Body, ConnectionId, Person, Sso, Treatment};

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
        assert_eq!(event.novel, [], "{}", path.display());
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
fn what_is_not_documented_is_named_without_what_it_says() {
    use crate::event::Novel::{Field, Type, Value};
    let sso = "authentication.sso_failed";
    let cases: [(&str, &str, &[_]); 8] = [
        (sso, r#"{"type":"sso","status":"failed","error":{"code":"brand_new"}}"#, &[]),
        (
            sso,
            r#"{"flow":"todd","sso":{"hint":{"a":1},"hint":2},"error":{"retry":true}}"#,
            &[(Field, "data.flow"), (Field, "data.error.retry"), (Field, "data.sso.hint")],
        ),
        (
            sso,
            r#"{"type":"pigeon","status":"todd@example.com"}"#,
            &[(Value, "data.type=pigeon"), (Value, "data.status=?")],
        ),
        (
            sso,
            r#"{"type":null,"status":5,"user_01FKJ843CVE8F7BXQSPFH0M53V":1}"#,
            &[(Field, "data.?")],
        ),
        ("authentication.sso_paused", r#"{"flow":1}"#, &[(Type, "authentication.sso_paused")]),
        ("vault.kek.created", r#"{"flow":1}"#, &[]),
        ("vault.kek.bent", "{}", &[(Type, "vault.kek.bent")]),
        (
            "connection.activated",
            r#"{"id":"conn_1","state":"asleep","connection_type":"NewSAML","external_key":"x"}"#,
            &[(Value, "data.state=asleep"), (Value, "data.connection_type=NewSAML")],
        ),
    ];
    for (name, data, want) in cases {
        let text = with(name, data);
        let want: Vec<_> = want.iter().map(|(kind, what)| (*kind, (*what).into())).collect();
        assert_eq!(event(&text).unwrap().novel, want, "{text}");
        assert_eq!(decode_with_care(text.as_bytes(), &privacy()).unwrap().novel, want, "{text}");
    }
    let around = with(sso, "{}").replace("\"id\"", "\"region\":\"eu\",\"id\"");
    assert_eq!(event(&around).unwrap().novel, [(Field, "region".into())]);
    let log = decode_datadog_log(around.as_bytes(), &privacy()).unwrap();
    assert_eq!(log.novel, [], "the log's own fields");
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
        // They are in labels already, for sign-ins without one and for those of too many.
        r#"{"sso":{"connection_id":"unknown"}}"#,
        r#"{"sso":{"connection_id":"other"}}"#,
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
fn what_other_tools_do_to_json_is_forgiven() {
    let cases = [
        ("a key twice", r#"{"sso":{"connection_id":"a","connection_id":"conn_1"}}"#),
        ("an object twice", r#"{"sso":{"session_id":"s"},"sso":{"connection_id":"conn_1"}}"#),
        ("an escaped key", r#"{"s\u0073o":{"connection\u005fid":"conn_1"}}"#),
        ("an escaped value", r#"{"sso":{"connection_id":"conn\u005f1"}}"#),
        ("half a pair in a value", r#"{"user_agent":"x\ud83d","sso":{"connection_id":"conn_1"}}"#),
        ("half a pair in a key", r#"{"\uDE00":1,"sso":{"connection_id":"conn_1"}}"#),
        ("a whole pair", r#"{"email":"\ud83d\ude00@x","sso":{"connection_id":"conn_1"}}"#),
        ("a number out of range", r#"{"email":1e999,"sso":{"connection_id":"conn_1"}}"#),
        ("an object for text", r#"{"email":{"a":[1]},"sso":{"connection_id":"conn_1"}}"#),
        ("true for an object", r#"{"error":true,"sso":{"connection_id":"conn_1"}}"#),
    ];
    for (name, data) in cases {
        let sso = sso(&with("authentication.sso_failed", data));
        assert_eq!(sso.connection_id, Some(ConnectionId::new("conn_1")), "{name}");
    }
    let whole = with("x.y", "{}");
    for text in
        [format!("\u{feff}{whole}"), format!(" \r\n{whole}\r\n\t"), whole.replace("\":", "\" :\n")]
    {
        assert!(event(&text).is_ok(), "{text:?}");
    }
    let twice = whole.replacen('{', r#"{"id":"first","#, 1);
    assert_eq!(event(&twice).unwrap().id.as_str(), "event_1");
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
fn connections_and_certificates_say_what_they_say() {
    let state = |name: &str, state: &str| {
        let text =
            with(name, &format!(r#"{{"id":"conn_1","name":"Foo\u0007Corp","state":{state}}}"#));
        let Body::Connection(info) = event(&text).unwrap().body else { panic!("{text}") };
        assert_eq!(info.name.as_deref(), Some("Foo Corp"));
        info.state.unwrap().into_string()
    };
    let states = [
        ("connection.activated", "null", "active"),
        ("connection.activated", r#""validating""#, "validating"),
        ("connection.deactivated", "null", "inactive"),
        ("connection.deleted", r#""active""#, "deleted"),
        ("connection.deleted", r#""deleting""#, "deleted"),
    ];
    for (name, given, want) in states {
        assert_eq!(state(name, given), want, "{name} {given}");
    }
    let expiry = |expiry: &str| {
        let data = format!(
            r#"{{"connection":{{"id":"conn_1"}},"certificate":{{"expiry_date":{expiry}}}}}"#
        );
        match event(&with("connection.saml_certificate_renewal_required", &data)) {
            Ok(event) => match event.body {
                Body::Certificate(notice) => {
                    format!("{} {}", notice.certificate_type, notice.expires_at)
                }
                other => panic!("{other:?}"),
            },
            Err(rejection) => rejection.reason.as_str().to_owned(),
        }
    };
    assert_eq!(expiry(r#""2021-06-28 19:07:33.155""#), "unknown 2021-06-28T19:07:33.155Z");
    assert_eq!(expiry(r#""in three days""#), "bad_timestamp");
    assert_eq!(expiry("1624907253"), "not_an_event");
    assert_eq!(expiry("null"), "not_an_event");
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
        "no profile for [removed], ([removed]) [removed] twice"
    );
    let kept = decode(text.as_bytes(), &Privacy::new(Treatment::Keep, b"key")).unwrap();
    let Body::Sso(kept) = kept.body else { panic!() };
    assert_eq!(kept.person.email.unwrap().as_str(), "Todd@example.com");
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

    #[test]
    fn property_test_spliced_events_never_panic(
        splices in proptest::collection::vec((0usize..400, 0usize..PIECES.len()), 0..6),
    ) {
        let mut text = with("authentication.sso_failed", r#"{"email":"a@x","sso":{"connection_id":"c"},"error":{"code":"x","message":"y b@x 192.0.2.1:80"}}"#);
        for (place, piece) in splices {
            let place = text.floor_char_boundary(place % (text.len() + 1));
            text.insert_str(place, PIECES[piece]);
        }
        let decoded = decode(text.as_bytes(), &Privacy::new(Treatment::Drop, b"key"));
        drop(decode_datadog_log(text.as_bytes(), &privacy()));
        if let Ok(event) = decoded {
            // Whatever was read fits its bounds.
            proptest::prop_assert!(event.id.as_str().len() <= crate::event::ID_BYTES_MAX);
            proptest::prop_assert!(event.name.len() <= NAME_BYTES_MAX);
        }
    }
}

/// What breaks readers of JSON.
const PIECES: &[&str] = &[
    "\\ud83d",
    "\\ude00",
    "\\u",
    "\\",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1e999",
    "-",
    "\u{feff}",
    "\u{e9}",
    "\0",
    "\n",
    "@",
    "%40",
    "user_",
    "::",
    "\"id\":\"\",",
    "\"data\":{},",
    "\"sso\":[],",
    "true",
];
