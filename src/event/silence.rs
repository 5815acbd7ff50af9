//! What people do not want to be told for a while.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Receivers are not told of incidents that have all these labels, until it ends. Everything else goes on: the incident is
/// found, shown and kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Silence {
    /// Unique; a later one of the same id replaces it.
    pub id: Box<str>,
    /// Label and value; never empty.
    pub matchers: BTreeMap<Box<str>, Box<str>>,
    /// Who wants it.
    pub author: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Silence {
    /// Whether it lasts at `now`.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it is about something that has `labels`.
    #[must_use]
    pub fn covers(&self, labels: &BTreeMap<Box<str>, Box<str>>) -> bool {
        let mut matchers = self.matchers.iter();
        matchers.len() > 0 && matchers.all(|(name, value)| labels.get(name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[(&str, &str)]) -> BTreeMap<Box<str>, Box<str>> {
        of.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn every_matcher_must_fit_and_none_fits_nothing() {
        let incident = labels(&[("alertname", "A"), ("connection_id", "conn_1")]);
        let cases: [(&[(&str, &str)], bool); 5] = [
            (&[("alertname", "A")], true),
            (&[("alertname", "A"), ("connection_id", "conn_1")], true),
            (&[("alertname", "A"), ("connection_id", "conn_2")], false),
            (&[("tier", "web")], false),
            (&[], false),
        ];
        for (matchers, want) in cases {
            let silence = Silence {
                id: "s".into(),
                matchers: labels(matchers),
                author: "ada".into(),
                reason: "known".into(),
                from: Timestamp::from_millis(1_000),
                until: Timestamp::from_millis(2_000),
            };
            assert_eq!(silence.covers(&incident), want, "{matchers:?}");
            let lasts = [999, 1_000, 1_999, 2_000]
                .map(|millis| silence.lasts(Timestamp::from_millis(millis)));
            assert_eq!(lasts, [false, true, true, false]);
        }
    }
}
