//! `SsoCertificateExpiring`: a ticket when a certificate has 30 days left, urgent words at 7, a page at 1 day or none.

use std::collections::BTreeMap;

use super::Engine;
use super::alert::{Finding, Key};
use super::place::who;
use super::rule::Phase;
use super::watch::{day, labels};
use super::worst::Worst;
use crate::event::Timestamp;
use crate::signal::{Evidence, Reach, Scope, Severity};

pub(super) const ALERTNAME: &str = "SsoCertificateExpiring";

const DAY_MILLIS: i64 = 86_400_000;

/// Days left at which people are told.
const TICKET_DAYS: i64 = 30;
const URGENT_DAYS: i64 = 7;
const PAGE_DAYS: i64 = 1;

impl Engine {
    /// Looks at every certificate that is known.
    pub(super) fn look_at_certificates(&mut self) {
        let now = self.memory.now;
        let mut moves = Vec::new();
        for index in &self.memory.certified {
            let connection = &self.memory.connections[*index as usize];
            let first = connection
                .certificates
                .iter()
                .min_by_key(|(_, certificate)| certificate.expires_at);
            let Some((kind, certificate)) = first else { continue };
            let key = Key {
                alertname: ALERTNAME.into(),
                scope: Scope::Connection(connection.id.clone()),
            };
            let left = certificate.expires_at.millis_since(now);
            if left > TICKET_DAYS * DAY_MILLIS || !connection.is_alive() {
                moves.push((key, Phase::Inactive, None));
                continue;
            }
            let told_at = certificate.known_at.min(now);
            let severity =
                if left <= PAGE_DAYS * DAY_MILLIS { Severity::Page } else { Severity::Ticket };
            let finding = Finding {
                severity,
                labels: labels(&key, severity, &BTreeMap::new(), Some(connection)),
                started_at: told_at.max(certificate.expires_at.plus_millis(-TICKET_DAYS * DAY_MILLIS)),
                summary: summary(&who(connection), kind, left, certificate.expires_at),
                description: "Sign-ins fail once it has expired. The customer must upload a new certificate to their identity provider's connection, or refresh its metadata.".into(),
                evidence: Evidence::default(),
                reach: Reach::default(),
                worst: Worst::Unknown,
            };
            moves.push((key, Phase::Firing { clear_since: None }, Some(finding)));
        }
        for (key, phase, finding) in moves {
            self.memory.alerts.move_to(key, phase, None, finding, now);
        }
    }
}

fn summary(who: &str, kind: &str, left: i64, expires_at: Timestamp) -> String {
    let when = day(expires_at);
    if left <= 0 {
        return format!("{who}: its {kind} certificate has expired ({when})");
    }
    if left <= PAGE_DAYS * DAY_MILLIS {
        return format!("{who}: its {kind} certificate expires within a day ({when})");
    }
    let days = left / DAY_MILLIS;
    let urgency = if days < URGENT_DAYS { "soon, " } else { "" };
    let noun = if days == 1 { "day" } else { "days" };
    format!("{who}: its {kind} certificate expires {urgency}in {days} {noun} ({when})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said_as_urgently_as_it_is_told() {
        for (left, want) in [
            (8 * DAY_MILLIS, "in 8 days"),
            (2 * DAY_MILLIS, "soon, in 2 days"),
            (DAY_MILLIS + 1, "soon, in 1 day"),
            (DAY_MILLIS, "within a day"),
            (1, "within a day"),
        ] {
            let words = summary("Acme", "signing", left, Timestamp::default());
            let want = format!("expires {want} (1970-01-01 00:00:00 UTC)");
            assert!(words.ends_with(&want), "{words}");
        }
    }
}
