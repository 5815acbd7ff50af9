//! What people read in a notification, and how text is made to fit.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Notification, Reason, Target};
use crate::outbound::{Answer, Method, Request, Verdict};
use crate::setting::Period;
use crate::signal::{Evidence, Incident, Severity};

/// How much of a refusal is logged.
const EXCERPT_CHARS_MAX: usize = 200;

/// What happened, in a word or three.
pub(super) fn word(notification: &Notification) -> &'static str {
    match (notification.reason, notification.incident.severity) {
        (Reason::Closed, _) if notification.incident.course.is_unwatched() => "No longer watched",
        (Reason::Closed, _) if notification.incident.course.joined().is_some() => {
            "Part of a wider incident"
        }
        (Reason::Closed, _) => "Resolved",
        (Reason::Escalated, Severity::Page) => "Now a page",
        (Reason::Grew, _) => "Now",
        (Reason::Escalated | Reason::Opened | Reason::StillOpen, Severity::Ticket) => "Ticket",
        (Reason::Opened | Reason::StillOpen, Severity::Page) => "Page",
        (Reason::Escalated | Reason::Opened | Reason::StillOpen, Severity::None) => {
            "For your information"
        }
    }
}

/// `Page: SsoConnectionFailing`.
pub(super) fn headline(notification: &Notification) -> String {
    format!("{}: {}", word(notification), notification.incident.alertname)
}

/// How long it took, e.g. `14m`; `None` while it goes on.
pub(super) fn lasted(incident: &Incident) -> Option<String> {
    let seconds = incident.resolved_at?.since(incident.started_at).as_secs();
    // Nobody cares for the seconds of an hour.
    let seconds = if seconds >= 3600 { seconds / 60 * 60 } else { seconds };
    Some(Period::from_secs(seconds).to_string())
}

/// What is hit: the connection, the connection type, the tier, `fleet`.
pub(super) fn thing(incident: &Incident) -> &str {
    let scope = incident.scope.as_str();
    let named = ["connection_id", "connection_type", "source", "sink", "tier", "limit"];
    let label = named.iter().find(|label| label.trim_end_matches("_id") == scope);
    label.and_then(|label| incident.labels.get(*label)).map_or(scope, |value| value)
}

/// The numbers, without what the alert does not use, and those of its parts.
pub(super) fn evidence(incident: &Incident) -> Map<String, Value> {
    let mut all = numbers(&incident.evidence);
    if !incident.parts.is_empty() {
        let part = |part: &Arc<Incident>| {
            let evidence = numbers(&part.evidence);
            json!({"incident_id": part.id, "alertname": part.alertname, "summary": part.summary, "evidence": evidence})
        };
        all.insert("parts".into(), incident.parts.iter().map(part).collect());
    }
    all
}

/// What Alertmanager's users know as annotations; without a runbook, none is named.
pub(super) fn annotations(notification: &Notification) -> Value {
    let Notification { incident, links, .. } = notification;
    let mut annotations = json!({
        "summary": incident.summary,
        "description": incident.description,
        "dashboard_url": links.dashboard(incident),
    });
    if let Some(runbook) = links.runbook(incident) {
        annotations["runbook_url"] = runbook.into();
    }
    annotations
}

fn numbers(evidence: &Evidence) -> Map<String, Value> {
    let value = serde_json::to_value(evidence).expect("numbers and names can be encoded");
    let Value::Object(mut numbers) = value else { unreachable!("a struct is an object") };
    numbers.retain(|_, value| {
        !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
    });
    numbers
}

/// `idp_error 12, denied 3`.
pub(super) fn counts(counts: &[(Box<str>, u64)]) -> String {
    let words: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    words.join(", ")
}

/// `text`, at most `chars_max` characters long.
pub(super) fn cut(text: &str, chars_max: usize) -> Cow<'_, str> {
    if text.chars().nth(chars_max).is_none() {
        return Cow::Borrowed(text);
    }
    let mut short: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    short.push('…');
    Cow::Owned(short)
}

/// What a service answered, for the log, with the remedy. What it says may repeat what it was sent: secrets
/// are taken out.
pub(super) fn detail(
    target: &Target,
    batch: &[Notification],
    answer: &Answer,
    verdict: Verdict,
) -> String {
    let what = match batch {
        [one] => format!("{} {}", one.incident.alertname, one.reason.as_str()),
        all => format!("{} alerts", all.len()),
    };
    let mut detail = format!("HTTP {} for {what} at {}", answer.status, target.key);
    if verdict == Verdict::Accepted {
        return detail;
    }
    detail.push_str(match (verdict, answer.status) {
        (_, 300..=399) => "; redirects are not followed, write the final address",
        (Verdict::Hold, _) => "; check its address and its secret in `receivers`",
        _ => answer.doubt(),
    });
    let said = answer.excerpt(&target.secrets(), EXCERPT_CHARS_MAX);
    if !said.is_empty() {
        detail.push_str(": ");
        detail.push_str(&said);
    }
    detail
}

/// `text` as a segment of a URL's path: an operator chooses names, so anything may be in them.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    encoded
}

/// A question.
pub(super) fn get(url: String, headers: Vec<(&'static str, String)>) -> Request {
    let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Request { method: Method::Get, url, headers, body: Bytes::new() }
}

/// A POST of `body`.
pub(super) fn post(url: String, body: &Value, headers: Vec<(&'static str, String)>) -> Request {
    let mut all = vec![("content-type", "application/json".to_owned())];
    all.extend(headers);
    let body = serde_json::to_vec(body).expect("JSON values can be encoded");
    let headers = all.into_iter().map(|(name, value)| (name.into(), value)).collect();
    Request { method: Method::Post, url, headers, body: Bytes::from(body) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Scope, State};

    #[test]
    fn text_is_cut_between_characters_and_says_so() {
        for (text, max, want) in
            [("abc", 3, "abc"), ("äöüß", 3, "äö…"), ("", 0, ""), ("🔥🔥", 1, "…")]
        {
            assert_eq!(cut(text, max), want, "{text}");
        }
    }

    #[test]
    fn what_is_hit_is_called_by_its_name() {
        let named = |scope: Scope, label: &str| {
            let mut incident = super::super::tests::incident("1", State::Firing);
            incident.scope = scope;
            incident.labels.insert(label.into(), "name".into());
            thing(&incident).to_owned()
        };
        assert_eq!(named(Scope::Tier("name".into()), "tier"), "name");
        assert_eq!(named(Scope::Limit("name".into()), "limit"), "name");
        assert_eq!(named(Scope::Sink("name".into()), "sink"), "name");
        assert_eq!(named(Scope::ConnectionType("name".into()), "connection_type"), "name");
        assert_eq!(named(Scope::Fleet, "tier"), "fleet");
    }

    #[test]
    fn names_cannot_leave_their_place_in_a_url() {
        assert_eq!(percent_encoded("Sso-1_a.~"), "Sso-1_a.~");
        assert_eq!(percent_encoded("../a?b#c|>ä"), "..%2Fa%3Fb%23c%7C%3E%C3%A4");
    }
}
