//! An alert that turns out to be part of something wider.

use std::sync::Arc;

use super::{Alert, Alerts, Finding, Key};
use crate::engine::causes::Causes;
use crate::engine::worst::Progress;
use crate::event::Timestamp;
use crate::signal::{Happened, Transition};

impl Alerts {
    /// The alert `from` is part of something wider that `to` says: the incident goes on under that name.
    pub(in crate::engine) fn grow(
        &mut self,
        from: &Key,
        to: Key,
        finding: Finding,
        now: Timestamp,
    ) {
        if *from != to && self.open.contains_key(from) {
            // Under that name nothing else is open any more: what nobody was told of stays in the record.
            self.settle(&to, now);
            self.join(&to, &to.alertname, now);
        }
        let Some(alert) = self.open.remove(from) else { return };
        let mut progress = Progress::default();
        self.plan(from.clone(), alert.deadline, None);
        if let Some(incident) = self.incidents.get_mut(&alert.incident) {
            let incident = Arc::make_mut(incident);
            incident.alertname = to.alertname.clone();
            incident.scope = to.scope.clone();
            incident.labels = finding.labels;
            incident.severity = finding.severity;
            incident.started_at = incident.started_at.min(finding.started_at);
            incident.course.add(now, Happened::Grew(to.alertname.clone()));
            let people = finding.evidence.users.unwrap_or(0);
            // How bad a part of it was says nothing of the whole.
            incident.course.peak = None;
            let worst = progress.take(finding.worst, incident.started_at, now);
            incident.course.reaches(finding.reach, people, worst);
            incident.summary = finding.summary;
            incident.description = finding.description;
            incident.evidence = finding.evidence;
            self.markers.explain(incident);
            let incident = Arc::new(incident.clone());
            self.transitions.push(Transition { at: now, incident });
        }
        let causes = Causes::default();
        self.open.insert(to, Alert { deadline: None, progress, causes, ..alert });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Phase;
    use super::*;
    use crate::engine::worst::Worst;
    use crate::signal::{Evidence, Reach, Scope, Severity, State};

    fn finding() -> Finding {
        Finding {
            severity: Severity::Page,
            labels: BTreeMap::new(),
            started_at: Timestamp::from_millis(0),
            summary: "it fails".into(),
            description: String::new(),
            evidence: Evidence::default(),
            reach: Reach::default(),
            worst: Worst::Unknown,
        }
    }

    #[test]
    fn the_next_one_of_a_name_that_an_open_one_had_has_a_fingerprint_of_its_own() {
        let key = |name: &str| Key { alertname: name.into(), scope: Scope::Fleet };
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let firing = Phase::Firing { clear_since: None };
        let mut alerts = Alerts::default();
        let mut begin = |name: &str, grows: bool, second: i64| {
            alerts.move_to(key(name), firing, None, Some(finding()), at(second));
            let begun = alerts.incident(&key(name)).unwrap().fingerprint.clone();
            if grows {
                alerts.grow(&key(name), key("wide"), finding(), at(second + 1));
            } else {
                alerts.end(&key(name), at(second + 1));
            }
            begun
        };
        let first = begin("narrow", false, 1);
        assert_eq!(begin("narrow", true, 3), first, "what is over takes no name away");
        let [second, third] = [5, 7].map(|second| begin("narrow", false, second));
        assert!(second != first && third != first && second != third);
        assert_eq!(begin("other", false, 9), begin("other", false, 11));
        alerts.end(&key("wide"), at(13));
        alerts.move_to(key("narrow"), firing, None, Some(finding()), at(14));
        assert_eq!(alerts.incident(&key("narrow")).unwrap().fingerprint, first);
    }

    #[test]
    fn what_was_open_under_the_wider_name_is_closed() {
        let key = |name: &str| Key { alertname: name.into(), scope: Scope::Fleet };
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let pending = Phase::Pending { since: at(1) };
        let firing = Phase::Firing { clear_since: None };
        for phase in [pending, firing] {
            let mut alerts = Alerts::default();
            alerts.move_to(key("wide"), phase, None, Some(finding()), at(1));
            alerts.move_to(key("narrow"), firing, None, Some(finding()), at(2));
            alerts.grow(&key("narrow"), key("wide"), finding(), at(3));
            let states: Vec<_> =
                alerts.incidents().iter().map(|one| (one.alertname.clone(), one.state)).collect();
            let wide = |state| ("wide".into(), state);
            assert_eq!(states.len(), 2, "{states:?}");
            assert!(states.contains(&wide(State::Resolved)), "{phase:?} {states:?}");
            assert!(states.contains(&wide(State::Firing)), "{phase:?} {states:?}");
            let before = alerts.incidents().into_iter().find(|one| one.fired_at == Some(at(1)));
            let joined = before.map(|one| one.course.joined().map(str::to_owned));
            let fires = matches!(phase, Phase::Firing { .. });
            assert_eq!(joined, fires.then(|| Some("wide".to_owned())), "{phase:?}");
            // What is not open takes no name away.
            alerts.grow(&key("narrow"), key("wide"), finding(), at(4));
            assert!(matches!(alerts.phase(&key("wide")), Phase::Firing { .. }));
            alerts.end(&key("wide"), at(4));
            assert!(alerts.incidents().iter().all(|one| one.state == State::Resolved));
        }
    }
}
