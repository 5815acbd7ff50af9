//! `GET /connections/{id}`: one connection.

use super::chart::{Hour, SIGN_INS};
use super::html::{Encoded, Escaped, Html, Moment, Visitor};
use super::words::{percent, span};
use super::{incident, session};
use crate::archive::{Found, Status};
use crate::event::{Covers, OrganizationId, Timestamp};
use crate::signal::{ConnectionView, Counts, Incident, Scope, Snapshot, WINDOWS};

/// Incidents on the page, newest first.
const INCIDENTS_MAX: usize = 20;

/// Sign-ins on the page.
const RECENT_MAX: usize = 10;

/// The page; `None` when nothing is known of it. `recent` are its newest sign-ins.
pub(super) fn page(
    snapshot: &Snapshot,
    id: &str,
    recent: &[Found],
    visitor: Visitor,
) -> Option<String> {
    let view = snapshot.connections.iter().find(|view| view.label() == id)?;
    let info = view.info.as_deref();
    let name = info.and_then(|info| info.organization_name.as_deref().or(info.name.as_deref()));
    let name = name.unwrap_or(view.label());
    let mut page = Html::begin(name, visitor);
    page.line(format_args!("<h1>{}</h1>\n<dl>", Escaped(name)));
    facts(&mut page, view, snapshot.now);
    page.line("</dl>\n<div id=\"numbers\" data-live>");
    let hour = Hour::new(&*view.scope.minutes, SIGN_INS, snapshot.now);
    hour.figure(&mut page, "Sign-ins", &marks(snapshot, view));
    rates(&mut page, view);
    causes(&mut page, view);
    page.line("</div>\n<section id=\"incidents\" aria-labelledby=\"incidents-name\" data-live>");
    page.line("<h2 id=\"incidents-name\">Incidents</h2>");
    // Parts, too: what the fleet suffers may be part of what the edge does.
    let newest = snapshot.incidents.iter().rev().map(AsRef::as_ref);
    let mut about = newest.filter(|incident| concerns(incident, view)).peekable();
    if about.peek().is_none() {
        page.line("<p>None is remembered.</p>");
    } else {
        incident::cards(&mut page, about.take(INCIDENTS_MAX), snapshot);
    }
    page.line("</section>");
    sign_ins(&mut page, view, recent);
    let json = format!("/api/v1/connections/{}", Encoded(view.label()));
    Some(page.end(snapshot.now, &json))
}

/// Whether the incident is this connection's own, or names it.
fn concerns(incident: &Incident, view: &ConnectionView) -> bool {
    let named = || incident.evidence.connections.iter().any(|(id, _)| **id == *view.label());
    match &incident.scope {
        Scope::Connection(id) => *id == view.id || named(),
        Scope::ConnectionType(_) | Scope::Fleet => named(),
        Scope::Tier(_) | Scope::Limit(_) | Scope::Source(_) | Scope::Sink(_) | Scope::None => false,
    }
}

/// The newest sign-ins, and how long those took that succeeded.
fn sign_ins(page: &mut Html, view: &ConnectionView, recent: &[Found]) {
    page.line("<section id=\"recent\" aria-labelledby=\"recent-name\" data-live>\n<h2 id=\"recent-name\">Recent sign-ins</h2>");
    let succeeded = recent.iter().filter(|one| one.status == Status::Succeeded);
    let mut took: Vec<i64> = succeeded.filter_map(Found::millis).collect();
    took.sort_unstable();
    if let (Some(middle), Some(most)) = (took.get(took.len() / 2), took.last()) {
        let (all, middle, most) = (took.len(), span(*middle), span(*most));
        page.line(format_args!(
            "<p>The last {all} that succeeded took {middle} in the median, {most} at most.</p>"
        ));
    }
    if recent.is_empty() {
        page.line("<p>None is kept.</p>");
    } else {
        let shown = &recent[..recent.len().min(RECENT_MAX)];
        session::table(page, "Newest first", shown, session::Column::None);
        let link = Encoded(view.label());
        page.line(format_args!(
            "<p><a href=\"/sessions?connection={link}\">Search its sign-ins</a></p>"
        ));
    }
    page.line("</section>");
}

/// When marked work began that covers the connection.
fn marks(snapshot: &Snapshot, view: &ConnectionView) -> Vec<Timestamp> {
    let covers = |covers: &Covers| match covers {
        Covers::All => true,
        Covers::ConnectionType(name) => **name == *view.connection_type(),
        Covers::Connections(ids) => view.id.as_ref().is_some_and(|id| ids.contains(id)),
        Covers::Tier(_) => false,
    };
    let works = snapshot.markers.iter().map(|marker| &marker.work);
    works.filter(|work| covers(&work.covers)).map(|work| work.from).collect()
}

fn facts(page: &mut Html, view: &ConnectionView, now: Timestamp) {
    let info = view.info.as_deref();
    let mut fact = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            page.line(format_args!("<dt>{name}</dt><dd>{}</dd>", Escaped(value)));
        }
    };
    fact("Connection", Some(view.label()));
    fact("Name", info.and_then(|info| info.name.as_deref()));
    fact("Provider", Some(view.connection_type()));
    fact(
        "Organization",
        info.and_then(|info| info.organization_id.as_ref()).map(OrganizationId::as_str),
    );
    fact("State", info.and_then(|info| info.state.as_deref()));
    for (kind, certificate) in &view.certificates {
        let left = certificate.expires_at.millis_since(now);
        let when =
            if left > 0 { format!("in {}", span(left)) } else { format!("{} ago", span(-left)) };
        let (kind, at) = (Escaped(kind), Moment(certificate.expires_at));
        page.line(format_args!("<dt>Certificate ({kind})</dt><dd>expires {at}, {when}</dd>"));
    }
    if let Some(at) = view.last_event_at {
        let ago = span(now.millis_since(at));
        page.line(format_args!("<dt>Last event</dt><dd>{}, {ago} ago</dd>", Moment(at)));
    }
}

fn rates(page: &mut Html, view: &ConnectionView) {
    page.line(
        "<h2>Sign-ins</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Period</th><th scope=\"col\" class=\"n hide\">Started</th>\
         <th scope=\"col\" class=\"n\">Succeeded</th><th scope=\"col\" class=\"n\">Failed</th>\
         <th scope=\"col\" class=\"n\">Timed out</th></tr></thead>\n<tbody>",
    );
    let names = ["Last 5 minutes", "Last hour"];
    let windows = names.into_iter().zip(&view.scope.windows).take(WINDOWS.len());
    for (name, counts) in windows.chain([("Since the beginning", &view.scope.totals)]) {
        let Counts { started, succeeded, failed, timed_out, .. } = counts;
        let share = |ratio: Option<f64>| {
            ratio.map(|ratio| format!("<small>{}</small>", percent(ratio))).unwrap_or_default()
        };
        let (fails, times_out) = (share(counts.failure_ratio()), share(counts.timeout_ratio()));
        page.line(format_args!(
            "<tr><th scope=\"row\">{name}</th><td class=\"n hide\">{started}</td><td class=\"n\">{succeeded}</td>\
             <td class=\"n\">{failed}{fails}</td><td class=\"n\">{timed_out}{times_out}</td></tr>"
        ));
    }
    let in_progress = view.scope.in_progress;
    page.line(format_args!(
        "</tbody></table></div>\n<p class=\"soft\">In progress: {in_progress}.</p>"
    ));
}

fn causes(page: &mut Html, view: &ConnectionView) {
    if view.causes.is_empty() {
        return;
    }
    let mut causes: Vec<_> = view.causes.iter().collect();
    causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    page.line(
        "<h2>Causes of failures</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Cause</th>\
         <th scope=\"col\" class=\"n\">Since the beginning</th></tr></thead>\n<tbody>",
    );
    for (cause, count) in causes {
        page.line(format_args!("<tr><td>{}</td><td class=\"n\">{count}</td></tr>", Escaped(cause)));
    }
    page.line("</tbody></table></div>");
}
