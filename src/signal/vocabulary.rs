//! The labels that alerts have, and their values where it is known beforehand which there are: who matches another hears or
//! silences nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scope, Severity};

/// The labels that alerts have, by their scope. An alert of an operator's rule may have labels of its own besides.
const LABELS: [&str; 10] = [
    "alertname",
    "severity",
    "scope",
    "connection_id",
    "organization_id",
    "connection_type",
    "source",
    "sink",
    "tier",
    "limit",
];

/// Labels and their values; the values of some are not known beforehand.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    values: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
}

impl Default for Vocabulary {
    /// What holds whatever is configured.
    fn default() -> Self {
        let severities = [Severity::None, Severity::Ticket, Severity::Page];
        Self { values: BTreeMap::new() }
            .with("severity", severities.map(Severity::as_str))
            .with("scope", Scope::NAMES)
    }
}

impl Vocabulary {
    /// The same, where `label` has these values, too, and no others but those that are named so.
    #[must_use]
    pub fn with<'a>(mut self, label: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.values.entry(label.into()).or_default().extend(values.into_iter().map(Into::into));
        self
    }

    /// The same, where alerts of an operator's rule have this label of their own.
    #[must_use]
    pub fn with_own(self, label: &str, value: &str) -> Self {
        let any = LABELS.contains(&label) && !self.values.contains_key(label);
        if any { self } else { self.with(label, [value]) }
    }

    /// Says of the first of `labels` that no alert has, which there are.
    #[must_use]
    pub fn foreign<'a>(&self, labels: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let own = || self.values.keys().map(|label| &**label).filter(|own| !LABELS.contains(own));
        let known = || LABELS.into_iter().chain(own());
        let label = labels.into_iter().find(|label| known().all(|known| known != *label))?;
        let known = known().collect::<Vec<_>>().join(", ");
        Some(format!("no alert has the label `{label}`; alerts have {known}"))
    }

    /// The values that the label may have, when it is known that `value` is none of them.
    #[must_use]
    pub fn instead_of(&self, label: &str, value: &str) -> Option<&BTreeSet<Box<str>>> {
        self.values.get(label).filter(|values| !values.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ConnectionId;

    #[test]
    fn a_label_has_the_values_that_are_named_and_any_where_none_is() {
        let words = Vocabulary::default().with("alertname", ["A"]).with("alertname", ["B"]);
        let words = words.with_own("tier", "gold").with_own("team", "sso");
        for (label, value, known) in [
            ("alertname", "A", true),
            ("alertname", "B", true),
            ("alertname", "a", false),
            ("severity", "page", true),
            ("severity", "critical", false),
            ("scope", "fleet", true),
            ("scope", "everything", false),
            ("connection_id", "conn_1", true),
            ("team", "sso", true),
            ("team", "soo", false),
            // A tier of the edge may have any name, whatever a rule calls its own.
            ("tier", "web", true),
        ] {
            assert_eq!(words.instead_of(label, value).is_none(), known, "{label}={value}");
        }
        assert_eq!(words.foreign(["tier", "alertname"]), None);
        let problem = words.foreign(["team", "teem"]).unwrap();
        assert!(problem.ends_with("no alert has the label `teem`; alerts have alertname, severity, scope, connection_id, \
            organization_id, connection_type, source, sink, tier, limit, team"), "{problem}");
    }

    #[test]
    fn every_scope_has_its_name_in_the_vocabulary() {
        let scopes = [
            Scope::Connection(Some(ConnectionId::new("conn_1"))),
            Scope::ConnectionType("x".into()),
            Scope::Fleet,
            Scope::Source("x".into()),
            Scope::Sink("x".into()),
            Scope::Tier("x".into()),
            Scope::Limit("x".into()),
            Scope::None,
        ];
        assert_eq!(scopes.map(|scope| scope.as_str()), Scope::NAMES);
    }
}
