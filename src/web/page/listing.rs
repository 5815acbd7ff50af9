//! The list of connections: searched, sorted by trouble, a page at a time.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Deserialize;

use super::chart::{Hour, SIGN_INS};
use super::html::{Encoded, Escaped, Html};
use super::words::{percent, span};
use crate::event::{ConnectionId, OrganizationId, Timestamp};
use crate::signal::{ConnectionView, Scope, Severity, Snapshot, State};

/// Rows of a page: a screen or two, and 100 KB with all their drawings.
const ROWS: usize = 50;

/// Characters of a search at most; ids have 31.
const QUERY_MAX: usize = 200;

/// A certificate is worth a word this long before it expires.
const CERTIFICATE_MILLIS: i64 = 30 * 86_400_000;

/// What is asked for.
#[derive(Default, Deserialize)]
pub(super) struct Listing {
    /// Part of an id, a name, an organization or a type; upper and lower case are the same.
    #[serde(default)]
    q: String,
    /// From 1.
    #[serde(default)]
    page: usize,
}

/// How bad things are on a connection: worst first.
type Rank = (Reverse<Option<Severity>>, Reverse<u64>, Reverse<u64>);

/// The search and the table.
pub(super) fn section(page: &mut Html, snapshot: &Snapshot, listing: &Listing) {
    let query: String = listing.q.trim().chars().take(QUERY_MAX).collect();
    search(page, &query);
    let mut found = found(snapshot, &query);
    found.sort_unstable();
    let pages = found.len().div_ceil(ROWS).max(1);
    let number = listing.page.clamp(1, pages);
    let first = (number - 1) * ROWS;
    let rows = &found[first.min(found.len())..(first + ROWS).min(found.len())];
    page.line("<div id=\"connections\" data-live>");
    if rows.is_empty() {
        let why = if query.is_empty() { "None is known yet." } else { "None fits the search." };
        page.line(format_args!("<p>{why}</p>"));
    } else {
        let views = rows.iter().map(|(rank, index)| (rank.0.0, &*snapshot.connections[*index]));
        let (from, to, all) = (first + 1, first + rows.len(), found.len());
        page.line(format_args!(
            "<div class=\"wide\"><table><caption>{from} to {to} of {all}, most trouble first; numbers of the last hour</caption>\n\
             <thead><tr><th scope=\"col\">Connection</th><th scope=\"col\" class=\"hide\">Provider</th>\
             <th scope=\"col\" class=\"n\">Ended</th><th scope=\"col\" class=\"n\">Failed</th>\
             <th scope=\"col\" class=\"n hide\">Timed out</th><th scope=\"col\">By the minute</th></tr></thead>\n<tbody>"
        ));
        for (severity, view) in views {
            row(page, view, severity, snapshot.now);
        }
        page.line("</tbody></table></div>");
        turn(page, &query, number, pages);
    }
    page.line("</div>");
}

fn search(page: &mut Html, query: &str) {
    let query = Escaped(query);
    page.line(format_args!(
        "<form class=\"search\" role=\"search\" action=\"/\"><input type=\"search\" name=\"q\" value=\"{query}\" \
         aria-label=\"Search connections\" placeholder=\"Id, name, organization or provider\" maxlength=\"{QUERY_MAX}\">\
         <button>Search</button></form>"
    ));
}

/// The connections that fit, each with its rank and index.
fn found(snapshot: &Snapshot, query: &str) -> Vec<(Rank, usize)> {
    let mut severities: HashMap<Option<&ConnectionId>, Severity> = HashMap::new();
    for incident in snapshot.incidents.iter().filter(|incident| incident.state == State::Firing) {
        if let Scope::Connection(id) = &incident.scope {
            let severity = severities.entry(id.as_ref()).or_insert(Severity::None);
            *severity = incident.severity.max(*severity);
        }
    }
    let wanted = query.to_lowercase();
    let fits = |text: Option<&str>| text.is_some_and(|text| text.to_lowercase().contains(&wanted));
    let views = snapshot.connections.iter().enumerate();
    let chosen = views.filter(|(_, view)| {
        let info = view.info.as_deref();
        wanted.is_empty()
            || fits(Some(view.label()))
            || fits(Some(view.connection_type()))
            || info.is_some_and(|info| {
                let organization = info.organization_id.as_ref().map(OrganizationId::as_str);
                [info.name.as_deref(), info.organization_name.as_deref(), organization]
                    .into_iter()
                    .any(fits)
            })
    });
    chosen
        .map(|(index, view)| {
            let hour = &view.scope.windows[1];
            let severity = severities.get(&view.id.as_ref()).copied();
            let bad = hour.failed + hour.timed_out;
            ((Reverse(severity), Reverse(bad), Reverse(hour.finished())), index)
        })
        .collect()
}

fn row(page: &mut Html, view: &ConnectionView, severity: Option<Severity>, now: Timestamp) {
    let hour = &view.scope.windows[1];
    let info = view.info.as_deref();
    let name = info.and_then(|info| info.organization_name.as_deref().or(info.name.as_deref()));
    let (link, label) = (Encoded(view.label()), Escaped(view.label()));
    let below =
        name.map(|_| format!("<small class=\"clip hide\">{label}</small>")).unwrap_or_default();
    let own = info.and_then(|info| info.name.as_deref()).filter(|own| Some(*own) != name);
    let own = own.map(|own| {
        let own = Escaped(own);
        format!("<small class=\"clip\" title=\"{own}\">{own}</small>")
    });
    let own = own.unwrap_or_default();
    let name = Escaped(name.unwrap_or(view.label()));
    let hit = if severity >= Some(Severity::Ticket) { " class=\"hit\"" } else { "" };
    let kind = Escaped(view.connection_type());
    let ratio = |count: u64, ratio: Option<f64>| match ratio {
        Some(ratio) if count > 0 => format!("{count}<small>{}</small>", percent(ratio)),
        _ => count.to_string(),
    };
    let failed = ratio(hour.failed, hour.failure_ratio());
    let timed_out = ratio(hour.timed_out, hour.timeout_ratio());
    let drawing = Hour::new(&*view.scope.minutes, SIGN_INS, now).drawing();
    let ended = hour.finished();
    let certificate = certificate(view, now).unwrap_or_default();
    page.line(format_args!(
        "<tr{hit}><td class=\"name\"><a class=\"clip\" title=\"{name}\" href=\"/connections/{link}\">{name}</a>{own}{below}{certificate}</td><td class=\"kind hide\">{kind}</td>\
         <td class=\"n\">{ended}</td><td class=\"n\">{failed}</td><td class=\"n hide\">{timed_out}</td><td>{drawing}</td></tr>"
    ));
}

/// A word about the certificate that expires first, when that is soon.
fn certificate(view: &ConnectionView, now: Timestamp) -> Option<String> {
    let first = view.certificates.values().map(|certificate| certificate.expires_at).min()?;
    let left = first.millis_since(now);
    if left > CERTIFICATE_MILLIS {
        return None;
    }
    let words = if left <= 0 {
        "certificate has expired".into()
    } else {
        format!("certificate expires in {}", span(left))
    };
    Some(format!("<small class=\"bad\">{words}</small>"))
}

fn turn(page: &mut Html, query: &str, number: usize, pages: usize) {
    if pages < 2 {
        return;
    }
    let query = Encoded(query);
    page.line("<nav class=\"pages\" aria-label=\"Pages of connections\">");
    if number > 1 {
        let before = number - 1;
        page.line(format_args!(
            "<a rel=\"prev\" href=\"/?q={query}&amp;page={before}#connections-name\">Previous</a>"
        ));
    }
    page.line(format_args!("<span>Page {number} of {pages}</span>"));
    if number < pages {
        let after = number + 1;
        page.line(format_args!(
            "<a rel=\"next\" href=\"/?q={query}&amp;page={after}#connections-name\">Next</a>"
        ));
    }
    page.line("</nav>");
}
