mod damaged;
mod refused;

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
fn test_sessions_of_the_admin_portal_are_marked() {
    let text = r#"{"id":"e","event":"authentication.sso_failed","created_at":"2026-01-15T12:00:00Z","data":{},"context":{"actor":{"source":"admin_portal"}}}"#;
    assert!(sso(text).test);
}
