use super::*;
use crate::event::{
    Authentication, ConnectionId, EventId, OrganizationId, Person, Privacy, SessionId, Timestamp,
    Treatment, UserKey,
};

pub(in crate::sink) fn event(name: &str, body: Body) -> AuthEvent {
    let at = Timestamp::from_millis(1_760_000_000_123);
    AuthEvent { id: EventId::new("event_01"), at, name: name.into(), body, novel: Vec::new() }
}

pub(in crate::sink) fn person(treatment: Treatment) -> Person {
    let privacy = Privacy::new(treatment, b"key");
    Person {
        key: privacy.caller("user_1").map(|(_, key)| UserKey(key)),
        user_id: privacy.treat("user_1"),
        email: privacy.treat("ada@example.com"),
        ip_address: privacy.treat("203.0.113.42"),
        user_agent: privacy.treat("Mozilla/5.0"),
    }
}

pub(in crate::sink) fn sso(
    step: Step,
    connection: Option<&str>,
    error: Option<(&str, &str)>,
) -> Sso {
    Sso {
        step,
        connection_id: connection.map(ConnectionId::new),
        organization_id: connection.map(|_| OrganizationId::new("org_01")),
        session_id: Some(SessionId::new("session_01")),
        error: error
            .map(|(code, message)| AuthError { code: code.into(), message: message.into() }),
        person: person(Treatment::Keep),
        test: false,
    }
}

fn info() -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId::new("conn_01"),
        organization_id: Some(OrganizationId::new("org_01")),
        organization_name: None,
        connection_type: Some("OktaSAML".into()),
        name: Some("Acme Okta".into()),
        state: Some("active".into()),
    }
}

fn notice() -> CertificateNotice {
    CertificateNotice {
        connection_id: ConnectionId::new("conn_01"),
        organization_id: None,
        certificate_type: "ResponseSigning".into(),
        expires_at: Timestamp::from_millis(1_770_000_000_000),
    }
}

/// One of each kind.
pub(in crate::sink) fn events() -> Vec<AuthEvent> {
    let expired = Some(("saml_certificate_expired", "The certificate has expired."));
    let test = Sso { test: true, ..sso(Step::Succeeded, Some("conn_01"), None) };
    let password = Authentication {
        error: Some(AuthError { code: "invalid_credentials".into(), message: "".into() }),
        person: Person::default(),
    };
    vec![
        event("authentication.sso_started", Body::Sso(sso(Step::Started, Some("conn_01"), None))),
        event("authentication.sso_succeeded", Body::Sso(test)),
        event("authentication.sso_failed", Body::Sso(sso(Step::Failed, Some("conn_01"), expired))),
        event("authentication.sso_timed_out", Body::Sso(sso(Step::TimedOut, None, None))),
        event("authentication.password_failed", Body::Authentication(password)),
        event("connection.activated", Body::Connection(info())),
        event("connection.saml_certificate_renewal_required", Body::Certificate(notice())),
        event("connection.saml_certificate_renewed", Body::Certificate(notice())),
        event("vault.data.created", Body::Other),
    ]
}

#[test]
fn names_of_any_kind_become_words() {
    let cases = [
        ("authentication.magic_auth_failed", "Magic auth failed"),
        ("user.created", "User created"),
        ("ünknown", "ünknown"),
        ("", ""),
    ];
    for (name, want) in cases {
        assert_eq!(words(name), want, "{name}");
    }
}
