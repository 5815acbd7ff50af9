//! Alerts of one cause as one incident: trouble of tiers, or of the edge and of sign-ins, that begins together.
//!
//! Each alert goes on by itself; what is joined here is what people are told. The alert that fired first is the incident, those
//! that fire later while it lasts are its parts, and it lasts for as long as one of them does. It follows from the incidents
//! alone, so that a restart, another receiver and the page come to the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{EDGE_ERRORS, Incident, Severity, State, TOGETHER_SECONDS};
use crate::event::Timestamp;

/// `incidents` in their order: with its parts in each that has some, and its name in each part. Those that do not `count`
/// (because nobody is told of them) join nothing.
///
/// Only pages join: a ticket can wait, and nobody looks for it in a page. A single connection does not, either: with so many
/// of them some trouble always begins together with something.
pub fn joined(
    incidents: &[Arc<Incident>],
    counts: impl Fn(&Incident) -> bool,
) -> Vec<Arc<Incident>> {
    let mut all = incidents.to_vec();
    let pages = all.iter().enumerate().filter(|(_, one)| joins(one) && counts(one));
    let mut pages: Vec<usize> = pages.map(|(index, _)| index).collect();
    pages.sort_by(|a, b| {
        // Of what is known in the same second, that comes first which says whom it hits.
        let order = |index: usize| {
            let one = &incidents[index];
            (one.fired_at, &*one.alertname == EDGE_ERRORS, &one.id)
        };
        order(*a).cmp(&order(*b))
    });
    // Those that are no parts, by the time of their beginning.
    let mut firsts: BTreeMap<(Timestamp, usize), Vec<usize>> = BTreeMap::new();
    for index in pages {
        let one = &incidents[index];
        let lies = |seconds| one.started_at.plus_millis(seconds * 1000);
        let near = (lies(-TOGETHER_SECONDS), 0)..=(lies(TOGETHER_SECONDS), usize::MAX);
        let found = firsts.range_mut(near).find(|((_, first), parts)| {
            let mut members = parts.iter().chain([first]).map(|member| &incidents[*member]);
            let lasts = |of: &Incident| of.resolved_at.is_none_or(|end| Some(end) >= one.fired_at);
            members.clone().any(|member| lasts(member))
                && members.any(|member| member.began_with(one))
        });
        match found {
            Some((_, parts)) => parts.push(index),
            None => drop(firsts.insert((one.started_at, index), Vec::new())),
        }
    }
    for ((_, first), parts) in firsts.into_iter().filter(|(_, parts)| !parts.is_empty()) {
        for part in &parts {
            Arc::make_mut(&mut all[*part]).part_of = Some(incidents[first].id.clone());
        }
        let parts = parts.into_iter().map(|part| Arc::clone(&incidents[part])).collect();
        all[first] = Arc::new(whole(&incidents[first], parts));
    }
    all
}

/// Whether it is of the edge, or of more than one connection's sign-ins, and wakes somebody.
fn joins(incident: &Incident) -> bool {
    let wide = incident.scope.is_of_edge() || incident.scope.is_of_many_sign_ins();
    wide && incident.severity == Severity::Page && incident.fired_at.is_some()
}

/// `first` with what its parts say, open for as long as one of them is.
fn whole(first: &Incident, parts: Vec<Arc<Incident>>) -> Incident {
    let mut whole = first.clone();
    for part in &parts {
        whole.summary.push_str(". Together with it, ");
        whole.summary.push_str(&part.summary);
        whole.description.push_str("\n\nPart of it, ");
        whole.description.push_str(&part.alertname);
        whole.description.push_str(": ");
        whole.description.push_str(&part.summary);
        whole.description.push_str(". ");
        whole.description.push_str(&part.description);
    }
    let open = whole.state == State::Firing || parts.iter().any(|part| part.state == State::Firing);
    if open {
        whole.state = State::Firing;
        whole.resolved_at = None;
    } else {
        let ends = parts.iter().map(|part| part.resolved_at);
        whole.resolved_at = ends.fold(whole.resolved_at, Option::max);
    }
    whole.parts = parts;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Course, EDGE_RATE_LIMITED, Evidence, Scope};

    const MINUTE: i64 = 60_000;

    /// What began, was known and was over at these minutes.
    fn incident(scope: Scope, began: i64, known: i64, over: Option<i64>) -> Arc<Incident> {
        let at = |minutes: i64| Timestamp::from_millis(1_768_478_400_000 + minutes * MINUTE);
        let name = format!("{}-{known}", scope.as_str());
        Arc::new(Incident {
            id: name.as_str().into(),
            fingerprint: name.as_str().into(),
            alertname: scope.as_str().into(),
            severity: Severity::Page,
            scope,
            labels: BTreeMap::new(),
            state: if over.is_some() { State::Resolved } else { State::Firing },
            started_at: at(began),
            fired_at: Some(at(known)),
            resolved_at: over.map(at),
            summary: format!("{name} fails"),
            description: "Much.".into(),
            evidence: Evidence::default(),
            course: Course::default(),
            parts: Vec::new(),
            part_of: None,
        })
    }

    fn tier(began: i64, known: i64, over: Option<i64>) -> Arc<Incident> {
        incident(Scope::Tier("web".into()), began, known, over)
    }

    fn fleet(began: i64, known: i64, over: Option<i64>) -> Arc<Incident> {
        incident(Scope::Fleet, began, known, over)
    }

    /// The name of each incident's whole, or `-`.
    fn wholes(incidents: &[Arc<Incident>]) -> Vec<String> {
        let all = joined(incidents, |_| true);
        all.iter().map(|one| one.part_of.as_deref().unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn what_began_together_is_part_of_what_was_known_first() {
        let (edge, sign_ins) = (tier(0, 1, None), fleet(1, 3, None));
        assert_eq!(wholes(&[edge.clone(), sign_ins.clone()]), ["-", "tier-1"]);
        let provider = incident(Scope::ConnectionType("OktaSAML".into()), -2, 0, None);
        assert_eq!(
            wholes(&[edge.clone(), sign_ins, provider]),
            ["connection_type-0", "connection_type-0", "-"]
        );
        // One customer's trouble is its own, as is what began long before, or is of sign-ins, too.
        let one = incident(Scope::Connection(None), 0, 2, None);
        assert_eq!(wholes(&[edge.clone(), one, fleet(-16, 2, None)]), ["-"; 3]);
        let provider = incident(Scope::ConnectionType("OktaSAML".into()), 0, 1, None);
        assert_eq!(wholes(&[fleet(0, 1, None), provider]), ["-"; 2]);
        // What is silenced takes nothing with it.
        let (silenced, told) = (edge.clone(), fleet(0, 3, None));
        let all = joined(&[silenced, told], |one| one.id != edge.id);
        assert!(all.iter().all(|one| one.part_of.is_none() && one.parts.is_empty()));
    }

    #[test]
    fn alerts_of_the_edge_have_one_cause_when_they_began_at_once() {
        let named = |name: &str, id: &str, tier: &str, began, known, over| {
            let one = incident(Scope::Tier(tier.into()), began, known, over);
            let mut one = Incident::clone(&one);
            (one.alertname, one.id) = (name.into(), id.into());
            Arc::new(one)
        };
        let limited = |id, began, known| named(EDGE_RATE_LIMITED, id, "api", began, known, None);
        assert_eq!(wholes(&[tier(0, 1, None), limited("b", 2, 3)]), ["-", "tier-1"]);
        assert_eq!(wholes(&[tier(0, 1, None), limited("b", 3, 4)]), ["-", "-"]);
        assert_eq!(wholes(&[tier(0, 1, Some(5)), limited("b", 2, 6)]), ["-", "-"], "it was over");
        // At one tier all is one trouble; two tiers have two, unless one refuses the other.
        let errors = |id, tier| named(EDGE_ERRORS, id, tier, 1, 2, None);
        assert_eq!(wholes(&[tier(0, 1, None), errors("b", "web")]), ["-", "tier-1"]);
        assert_eq!(wholes(&[tier(0, 1, None), errors("b", "api")]), ["-", "-"]);
        // Of two that were known at once, the one that says whom it hits gives its name.
        let (errors, limited) = (named(EDGE_ERRORS, "a", "web", 0, 1, None), limited("b", 0, 1));
        assert_eq!(wholes(&[errors, limited]), ["b", "-"]);
    }

    #[test]
    fn a_ticket_is_not_hidden_in_a_page() {
        let mut ticket = Incident::clone(&tier(0, 2, None));
        ticket.severity = Severity::Ticket;
        assert_eq!(wholes(&[fleet(0, 1, None), Arc::new(ticket)]), ["-", "-"]);
    }

    #[test]
    fn it_lasts_as_long_as_one_of_its_parts_and_a_later_alert_is_news() {
        let all = joined(&[tier(0, 1, Some(20)), fleet(1, 3, None)], |_| true);
        assert_eq!((all[0].state, all[0].resolved_at), (State::Firing, None));
        assert_eq!(all[0].summary, "tier-1 fails. Together with it, fleet-3 fails");
        assert_eq!(all[0].description, "Much.\n\nPart of it, fleet: fleet-3 fails. Much.");
        let all = joined(&[tier(0, 1, Some(20)), fleet(1, 3, Some(30))], |_| true);
        assert_eq!((all[0].state, all[0].resolved_at), (State::Resolved, all[1].resolved_at));
        // The edge was well again before the sign-ins failed.
        assert_eq!(wholes(&[tier(0, 1, Some(5)), fleet(1, 6, None)]), ["-", "-"]);
        // While a part lasts, another may join.
        let limit = incident(Scope::Limit("api".into()), 0, 1, Some(5));
        let late = tier(2, 6, None);
        assert_eq!(wholes(&[limit, fleet(0, 2, None), late]), ["-", "limit-1", "limit-1"]);
    }
}
