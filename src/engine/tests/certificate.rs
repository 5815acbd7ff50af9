//! Certificates that expire.

use super::*;

#[test]
fn a_certificate_is_a_ticket_then_a_page_then_over() {
    let day = 86_400;
    let notice = |received: i64, expires: i64, name: &str| {
        let notice = CertificateNotice {
            connection_id: ConnectionId::new("c1"),
            organization_id: None,
            certificate_type: "ResponseSigning".into(),
            expires_at: second(expires),
        };
        let body = Body::Certificate(notice);
        entry(
            received,
            AuthEvent {
                id: EventId::new(name),
                at: second(received),
                name: name.into(),
                body,
                novel: Vec::new(),
            },
        )
    };
    let severity = |engine: &mut Engine| {
        let incidents = engine.snapshot().incidents;
        let mut found = incidents.iter().filter(|i| &*i.alertname == "SsoCertificateExpiring");
        found.next().map(|i| (i.state, i.severity))
    };
    let mut engine = Engine::new(Config::default());
    engine.apply(&notice(0, 40 * day, "required"));
    engine.advance(second(9 * day));
    assert_eq!(severity(&mut engine), None);
    engine.advance(second(10 * day + 60));
    assert_eq!(severity(&mut engine), Some((State::Firing, Severity::Ticket)));
    engine.advance(second(39 * day + 60));
    assert_eq!(severity(&mut engine), Some((State::Firing, Severity::Page)));
    let told: Vec<_> = engine
        .transitions()
        .into_iter()
        .filter(|t| &*t.incident.alertname == "SsoCertificateExpiring")
        .map(|t| {
            let Incident { severity, labels, summary, .. } = &*t.incident;
            let words =
                summary.split_once("expires ").and_then(|(_, words)| words.split_once(" ("));
            (*severity, labels["severity"].to_string(), words.unwrap().0.to_owned())
        })
        .collect();
    let want = [
        (Severity::Ticket, "ticket".into(), "in 29 days".into()),
        (Severity::Page, "page".into(), "within a day".into()),
    ];
    assert_eq!(told, want);
    engine.apply(&notice(39 * day + 100, 400 * day, "renewed"));
    // An older word that comes late changes nothing.
    let mut late = notice(5, 40 * day, "repeated");
    late.received_at = second(39 * day + 110);
    engine.apply(&late);
    engine.advance(second(39 * day + 200));
    assert_eq!(severity(&mut engine), Some((State::Resolved, Severity::Page)));
}
