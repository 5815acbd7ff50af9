//! `GET /`: how things stand, in one sentence, and what to look at.

use std::sync::Arc;

use super::chart::{Hour, SIGN_INS};
use super::health::Health;
use super::html::{Escaped, Html, Visitor};
use super::listing::{self, Listing};
use super::words::{count, percent};
use super::{edge, incident};
use crate::clock::Standing;
use crate::event::Timestamp;
use crate::signal::{Counts, Incident, ScopeView, Severity, Snapshot, State};

/// Incidents on the page, newest first, and how many of them may be over.
const OPEN_MAX: usize = 50;
const OVER_MAX: usize = 5;

/// Sign-ins that must have ended before anything is called usual: with fewer no connection is judged by default.
const KNOWN_MIN: u64 = 30;

/// The page.
pub(super) fn page(
    snapshot: &Snapshot,
    listing: &Listing,
    health: &Health<'_>,
    visitor: Visitor,
) -> String {
    let mut page = Html::begin("Status", visitor);
    page.line("<div id=\"state\" data-live>");
    let shown = shown(snapshot);
    health.warn(&mut page);
    state(&mut page, snapshot, &shown, health.standing);
    page.line("</div>\n<section id=\"incidents\" aria-labelledby=\"incidents-name\" data-live>");
    incidents(&mut page, snapshot, &shown);
    page.line("</section>");
    edge::section(&mut page, snapshot);
    page.line("<section aria-labelledby=\"connections-name\">");
    page.line("<h2 id=\"connections-name\">Connections</h2>");
    listing::section(&mut page, snapshot, listing);
    page.line("</section>\n<section id=\"health\" aria-labelledby=\"health-name\" data-live>");
    page.line("<h2 id=\"health-name\">Health of ssowatch</h2>");
    health.section(&mut page, snapshot);
    page.line("</section>");
    page.end(snapshot.now, "/api/v1/status")
}

/// Incidents that people should see, newest first: all but the one that always fires. Parts are seen with their whole.
pub(super) fn shown(snapshot: &Snapshot) -> Vec<Arc<Incident>> {
    let newest = snapshot.joined().into_iter().rev();
    newest.filter(|one| one.severity != Severity::None && one.part_of.is_none()).collect()
}

fn state(page: &mut Html, snapshot: &Snapshot, shown: &[Arc<Incident>], standing: Standing) {
    let open = shown.iter().filter(|incident| incident.state == State::Firing);
    let (told, silenced): (Vec<_>, Vec<_>) =
        open.partition(|incident| snapshot.silence_of(incident).is_none());
    let firing =
        |severity| told.iter().filter(|incident| incident.severity == severity).count() as u64;
    let (pages, tickets) = (firing(Severity::Page), firing(Severity::Ticket));
    let (class, words) = match (pages, tickets) {
        (0, 0) if !silenced.is_empty() => {
            let open = count(silenced.len() as u64, "open incident");
            ("ticket", format!("{open}, silenced"))
        }
        (0, 0) if standing != Standing::Even => {
            ("page", "No incident is known, and nothing is judged now".to_owned())
        }
        (0, 0) if snapshot.connections.is_empty() => ("none", unheard(snapshot).to_owned()),
        (0, 0) => calm(snapshot),
        (0, tickets) => {
            ("ticket", format!("{} to look at in working hours", count(tickets, "ticket")))
        }
        (1, _) => ("page", "1 incident needs somebody now".to_owned()),
        (pages, _) => ("page", format!("{pages} incidents need somebody now")),
    };
    page.line(format_args!(
        "<h1 class=\"state\"><span class=\"dot {class}\" aria-hidden=\"true\"></span>{words}</h1>"
    ));
    if !silenced.is_empty() && !told.is_empty() {
        let silenced = count(silenced.len() as u64, "open incident");
        page.line(format_args!("<p>Silenced besides: {silenced}.</p>"));
    }
    page.line(format_args!("<p>{}</p>", Escaped(fleet(snapshot))));
    let hour = Hour::new(&*snapshot.fleet.minutes, SIGN_INS, snapshot.now);
    hour.figure(page, "Sign-ins of all connections", &marks(snapshot));
}

/// What can be said before the first sign-in: access logs may be all there is.
fn unheard(snapshot: &Snapshot) -> &'static str {
    if snapshot.tiers.is_empty() {
        "Nothing has been heard yet"
    } else {
        "No incident at the edge; no sign-in has been heard of"
    }
}

/// What can be said when there is no incident: not that all is well before anybody can know.
fn calm(snapshot: &Snapshot) -> (&'static str, String) {
    let ScopeView { totals, windows: [_, hour], .. } = &snapshot.fleet;
    if totals.finished() < KNOWN_MIN {
        return ("none", "No incident; too few sign-ins yet to say what is usual".to_owned());
    }
    if hour.finished() == 0 {
        return ("none", "No incident; no sign-in has ended in the last hour".to_owned());
    }
    ("ok", "Sign-ins work as usual".to_owned())
}

/// When marked work began.
fn marks(snapshot: &Snapshot) -> Vec<Timestamp> {
    snapshot.markers.iter().map(|marker| marker.work.from).collect()
}

/// The fleet in one sentence.
fn fleet(snapshot: &Snapshot) -> String {
    let [_, hour]: &[Counts; 2] = &snapshot.fleet.windows;
    let connections = count(snapshot.connections.len() as u64, "connection");
    let (Some(failed), Some(timed_out)) = (hour.failure_ratio(), hour.timeout_ratio()) else {
        return format!("No sign-in has ended in the last hour; {connections} known.");
    };
    format!(
        "In the last hour {} ended on {connections}: {} failed ({}), {} timed out ({}).",
        count(hour.finished(), "sign-in"),
        hour.failed,
        percent(failed),
        hour.timed_out,
        percent(timed_out)
    )
}

fn incidents(page: &mut Html, snapshot: &Snapshot, shown: &[Arc<Incident>]) {
    let all = || shown.iter().map(AsRef::as_ref);
    page.line("<h2 id=\"incidents-name\">Open incidents</h2>");
    let open: Vec<_> = all().filter(|incident| incident.state != State::Resolved).collect();
    if open.is_empty() {
        page.line("<p>None.</p>");
    } else {
        incident::cards(page, open.iter().copied().take(OPEN_MAX), snapshot);
    }
    if open.len() > OPEN_MAX {
        let more = open.len() - OPEN_MAX;
        page.line(format_args!("<p><a href=\"/incidents\">{more} more</a></p>"));
    }
    let mut over: Vec<_> = all().filter(|incident| incident.resolved_at.is_some()).collect();
    if over.is_empty() {
        return;
    }
    over.sort_by_key(|incident| std::cmp::Reverse(incident.resolved_at));
    page.line("<h2>Resolved lately</h2>");
    incident::cards(page, over.into_iter().take(OVER_MAX), snapshot);
    page.line("<p><a href=\"/incidents\">All incidents</a></p>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Buckets, TierView};

    #[test]
    fn access_logs_without_sign_ins_are_not_nothing() {
        let mut snapshot = Snapshot::default();
        assert_eq!(unheard(&snapshot), "Nothing has been heard yet");
        let tier = TierView {
            tier: "web".into(),
            requests: Vec::new(),
            durations: Buckets::default(),
            uri_bytes: Buckets::default(),
            windows: Default::default(),
            minutes: Vec::new(),
            last_at: None,
        };
        snapshot.tiers.push(Arc::new(tier));
        assert!(unheard(&snapshot).starts_with("No incident at the edge"));
    }

    #[test]
    fn calm_is_said_when_it_is_known() {
        let ended = |succeeded| Counts { succeeded, ..Counts::default() };
        for (total, hour, want) in [
            (29, 29, "No incident; too few sign-ins yet"),
            (30, 0, "No incident; no sign-in has ended"),
            (30, 1, "Sign-ins work as usual"),
        ] {
            let mut snapshot = Snapshot::default();
            snapshot.fleet.totals = ended(total);
            snapshot.fleet.windows[1] = ended(hour);
            let (class, words) = calm(&snapshot);
            assert!(words.starts_with(want), "{words}");
            assert_eq!(class == "ok", want.contains("as usual"));
        }
    }
}
