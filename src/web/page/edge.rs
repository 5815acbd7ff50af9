//! Tiers of the edge and declared limits: in short on the front, and `GET /edge`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::chart::{Hour, REQUESTS};
use super::html::{Escaped, Html, Moment, Visitor};
use super::words::{count, percent};
use crate::event::{Covers, Timestamp};
use crate::signal::{
    KeyView, LimitView, Scope, Severity, Snapshot, State, Talker, TierView, TierWindow,
};

/// Tiers and limits on the front.
const SHORT_MAX: usize = 8;

/// Tiers on the page; each has a drawing and two tables.
const TIERS_MAX: usize = 50;

/// Callers of a tier.
const TALKERS_MAX: usize = 5;

/// The worst severity of what is open, by the name of the tier or limit.
type Open<'a> = BTreeMap<&'a str, Severity>;

/// In short, for the front; nothing where there is no edge.
pub(super) fn section(page: &mut Html, snapshot: &Snapshot) {
    if snapshot.tiers.is_empty() && snapshot.limits.is_empty() {
        return;
    }
    page.line("<section id=\"edge\" aria-labelledby=\"edge-name\" data-live>");
    page.line("<h2 id=\"edge-name\">Edge</h2>");
    let open = open(snapshot);
    if !snapshot.tiers.is_empty() {
        tiers(page, snapshot, &open);
    }
    if !snapshot.limits.is_empty() {
        limits(page, &snapshot.limits, &open);
    }
    page.line("<p><a href=\"/edge\">Tiers and limits with their callers</a></p>\n</section>");
}

/// The page.
pub(super) fn page(snapshot: &Snapshot, visitor: Visitor) -> String {
    let mut page = Html::begin("Edge", visitor);
    page.line("<h1>Edge: tiers and limits</h1>\n<div id=\"tiers\" data-live>");
    let open = open(snapshot);
    if snapshot.tiers.is_empty() {
        page.line(
            "<p>No access log has been read yet. <code>sources.edge</code> names files and syslog, and \
             <code>POST /v1/edge</code> of the intake listener takes lines.</p>",
        );
    } else {
        tiers(&mut page, snapshot, &open);
        for view in sorted(snapshot, &open).into_iter().take(TIERS_MAX) {
            tier(&mut page, view, snapshot);
        }
    }
    page.line("</div>\n<section id=\"limits\" aria-labelledby=\"limits-name\" data-live>");
    page.line("<h2 id=\"limits-name\">Declared limits</h2>");
    if snapshot.limits.is_empty() {
        page.line("<p>None is declared. <code>edge.limits</code> declares some: ssowatch then says who comes near, before the first refusal.</p>");
    } else {
        page.line("<p>ssowatch refuses nothing: it runs each limit in shadow and says what it would refuse.</p>");
        limits(&mut page, &snapshot.limits, &open);
        for view in &snapshot.limits {
            keys(&mut page, view);
        }
    }
    page.line("</section>");
    page.end(snapshot.now, "/api/v1/tiers")
}

fn open(snapshot: &Snapshot) -> Open<'_> {
    let mut open = Open::new();
    for incident in snapshot.incidents.iter().filter(|one| one.state == State::Firing) {
        if let Scope::Tier(name) | Scope::Limit(name) = &incident.scope {
            let severity = open.entry(name).or_insert(Severity::None);
            *severity = incident.severity.max(*severity);
        }
    }
    open
}

/// Worst first: what is open, then what went wrong in the last hour.
fn sorted<'a>(snapshot: &'a Snapshot, open: &Open<'_>) -> Vec<&'a TierView> {
    let mut views: Vec<_> = snapshot.tiers.iter().map(AsRef::as_ref).collect();
    views.sort_by_key(|view| {
        let bad = view.windows[1].counts.bad();
        (Reverse(open.get(&*view.tier).copied()), Reverse(bad))
    });
    views
}

fn hit(open: &Open<'_>, name: &str) -> &'static str {
    if open.get(name) >= Some(&Severity::Ticket) { " class=\"hit\"" } else { "" }
}

fn tiers(page: &mut Html, snapshot: &Snapshot, open: &Open<'_>) {
    page.line(
        "<div class=\"wide\"><table><caption>Tiers, most trouble first; requests of the last hour</caption>\n\
         <thead><tr><th scope=\"col\">Tier</th><th scope=\"col\" class=\"n\">Requests</th>\
         <th scope=\"col\" class=\"n\">5xx</th><th scope=\"col\" class=\"n\">429</th><th scope=\"col\" class=\"n\">403</th>\
         <th scope=\"col\" class=\"n hide\">Internal</th><th scope=\"col\" class=\"hide\">By the minute</th></tr></thead>\n<tbody>",
    );
    for view in sorted(snapshot, open).into_iter().take(SHORT_MAX) {
        let (name, hit) = (Escaped(&view.tier), hit(open, &view.tier));
        let TierWindow { counts, limited_clients, blocked_clients, .. } = &view.windows[1];
        let all = counts.requests;
        let (errors, limited, blocked) = (
            share(counts.errors, all, None),
            share(counts.limited, all, Some(*limited_clients)),
            share(counts.blocked, all, Some(*blocked_clients)),
        );
        let internal = counts.internal_share().map(percent).unwrap_or_default();
        let drawing = Hour::new(&view.minutes, REQUESTS, snapshot.now).drawing();
        page.line(format_args!(
            "<tr{hit}><th scope=\"row\">{name}</th><td class=\"n\">{all}</td><td class=\"n\">{errors}</td>\
             <td class=\"n\">{limited}</td><td class=\"n\">{blocked}</td><td class=\"n hide\">{internal}</td>\
             <td class=\"hide\">{drawing}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
    if snapshot.tiers.len() > SHORT_MAX {
        let (shown, all) = (SHORT_MAX, snapshot.tiers.len());
        page.line(format_args!("<p class=\"soft\">{shown} of {all} tiers.</p>"));
    }
}

/// How many of how many, and how many clients they hit.
fn share(part: u64, all: u64, clients: Option<u64>) -> String {
    if part == 0 || all == 0 {
        return part.to_string();
    }
    #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than 52 bits")]
    let ratio = percent(part as f64 / all as f64);
    let clients = clients.map(|clients| format!(", {}", count(clients, "client")));
    format!("{part}<small>{ratio}{}</small>", clients.unwrap_or_default())
}

fn limits(page: &mut Html, limits: &[LimitView], open: &Open<'_>) {
    page.line(
        "<div class=\"wide\"><table><caption>Declared limits, run in shadow; the busiest caller's use in the last minute</caption><thead><tr><th scope=\"col\">Limit</th>\
         <th scope=\"col\" class=\"n\">Use</th><th scope=\"col\" class=\"n\">Would refuse</th>\
         <th scope=\"col\" class=\"hide\">First</th></tr></thead>\n<tbody>",
    );
    for view in limits {
        let (name, quota, hit) =
            (Escaped(&view.limit), Escaped(&view.quota), hit(open, &view.limit));
        let used = view.utilization.map_or_else(|| "–".to_owned(), percent);
        let callers = count(view.refused_keys, "caller");
        let refused = match view.exceeded {
            0 => "0".to_owned(),
            many => format!("{many}<small>of {callers}</small>"),
        };
        let first = moment(view.first_refused_at);
        page.line(format_args!(
            "<tr{hit}><th scope=\"row\">{name}<small>{quota}</small></th><td class=\"n\">{used}</td>\
             <td class=\"n\">{refused}</td><td class=\"hide\">{first}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}

fn moment(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "–".to_owned(), |at| Moment(at).to_string())
}

/// One tier in detail.
fn tier(page: &mut Html, view: &TierView, snapshot: &Snapshot) {
    let name = Escaped(&view.tier);
    page.line(format_args!("<h2>Tier {name}</h2>"));
    let works = snapshot.markers.iter().map(|marker| &marker.work);
    let works = works.filter(|work| match &work.covers {
        Covers::All => true,
        Covers::Tier(name) => **name == *view.tier,
        Covers::ConnectionType(_) | Covers::Connections(_) => false,
    });
    let marks: Vec<_> = works.map(|work| work.from).collect();
    Hour::new(&view.minutes, REQUESTS, snapshot.now).figure(page, "Requests", &marks);
    page.line(
        "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Period</th><th scope=\"col\" class=\"n\">Requests</th>\
         <th scope=\"col\" class=\"n\">5xx</th><th scope=\"col\" class=\"n\">429</th><th scope=\"col\" class=\"n\">403</th>\
         <th scope=\"col\" class=\"n hide\">414</th><th scope=\"col\" class=\"n hide\">Long URIs</th>\
         <th scope=\"col\" class=\"n hide\">Internal</th></tr></thead>\n<tbody>",
    );
    for (name, window) in ["Last 5 minutes", "Last hour"].into_iter().zip(&view.windows) {
        let TierWindow { counts, limited_clients, blocked_clients, .. } = window;
        let all = counts.requests;
        let cells = [
            (share(counts.errors, all, None), ""),
            (share(counts.limited, all, Some(*limited_clients)), ""),
            (share(counts.blocked, all, Some(*blocked_clients)), ""),
            (share(counts.too_long, all, None), " hide"),
            (share(counts.long_uris, all, None), " hide"),
            (share(counts.internal, all, None), " hide"),
        ];
        let cells = cells.map(|(cell, class)| format!("<td class=\"n{class}\">{cell}</td>"));
        let cells = cells.concat();
        page.line(format_args!(
            "<tr><th scope=\"row\">{name}</th><td class=\"n\">{all}</td>{cells}</tr>"
        ));
    }
    page.line("</tbody></table></div>");
    talkers(page, &view.windows[1].talkers);
}

fn talkers(page: &mut Html, talkers: &[Talker]) {
    if talkers.is_empty() {
        return;
    }
    page.line(
        "<div class=\"wide\"><table><caption>Busiest callers of the last hour</caption><thead><tr><th scope=\"col\">Caller</th>\
         <th scope=\"col\" class=\"n\">Requests</th></tr></thead>\n<tbody>",
    );
    for Talker { name, internal, requests, over } in talkers.iter().take(TALKERS_MAX) {
        let name = Escaped(name.as_str());
        let internal = if *internal { " <span class=\"tag none\">internal</span>" } else { "" };
        let over =
            if *over > 0 { format!("<small>{over} fewer at worst</small>") } else { String::new() };
        page.line(format_args!(
            "<tr><td><code>{name}</code>{internal}</td><td class=\"n\">{requests}{over}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}

/// Whom a limit would refuse, and who comes near.
fn keys(page: &mut Html, view: &LimitView) {
    if view.keys.is_empty() {
        return;
    }
    let (name, requests) = (Escaped(&view.limit), count(view.requests, "request"));
    page.line(format_args!(
        "<div class=\"wide\"><table><caption>Callers held to {name}, {requests} in all</caption><thead><tr><th scope=\"col\">Caller</th>\
         <th scope=\"col\" class=\"n hide\">Use now</th><th scope=\"col\" class=\"n\">Highest use</th>\
         <th scope=\"col\" class=\"n\">Would refuse</th><th scope=\"col\" class=\"hide\">Last</th></tr></thead>\n<tbody>"
    ));
    for key in &view.keys {
        let KeyView { key, utilization, peak, requests, refused, last_refused_at, .. } = key;
        let (key, now, peak) = (Escaped(key.as_str()), percent(*utilization), percent(*peak));
        let last = moment(*last_refused_at);
        page.line(format_args!(
            "<tr><td><code>{key}</code></td><td class=\"n hide\">{now}</td><td class=\"n\">{peak}</td>\
             <td class=\"n\">{refused} of {requests}</td><td class=\"hide\">{last}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}
