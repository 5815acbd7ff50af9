//! `GET /incidents` and `GET /incidents/{id}`: what happened, since when, to whom.

use super::html::{Encoded, Escaped, Html, Moment, Visitor};
use super::words::{count, percent, span};
use super::{front, silence};
use crate::event::Timestamp;
use crate::signal::{Evidence, Incident, Scope, Snapshot, State};
use crate::web::report::{counts_people, name, worst};
use crate::web::story::story;

/// Incidents in the list, newest first.
const LISTED_MAX: usize = 200;

/// Incidents on a page that began together with its own.
const TOGETHER_MAX: usize = 10;

/// The list.
pub(super) fn list(snapshot: &Snapshot, visitor: Visitor) -> String {
    let mut page = Html::begin("Incidents", visitor);
    page.line("<h1>Incidents</h1>\n<div id=\"list\" data-live>");
    let shown = front::shown(snapshot);
    let all = shown.len();
    if all == 0 {
        page.line("<p>None is remembered.</p>");
    } else {
        cards(&mut page, shown.iter().map(AsRef::as_ref).take(LISTED_MAX), snapshot);
    }
    if all > LISTED_MAX {
        let more = all - LISTED_MAX;
        page.line(format_args!(
            "<p><a href=\"/api/v1/incidents\">{more} older ones as JSON</a></p>"
        ));
    }
    page.line("</div>");
    page.end(snapshot.now, "/api/v1/incidents")
}

/// Incidents as a list, each with a link to its page.
pub(super) fn cards<'a>(
    page: &mut Html,
    incidents: impl Iterator<Item = &'a Incident>,
    snapshot: &Snapshot,
) {
    page.line("<ul class=\"incidents\">");
    for incident in incidents {
        let open = incident.state != State::Resolved;
        let class = if open { incident.severity.as_str() } else { "" };
        let (link, id) = (Encoded(&incident.id), Escaped(&incident.id));
        let silenced = is_silenced(snapshot, incident);
        let (tag, summary) = (tag(incident, silenced), Escaped(&incident.summary));
        let alertname = Escaped(&incident.alertname);
        let end = incident.resolved_at.unwrap_or(snapshot.now);
        let lasted = span(end.millis_since(incident.started_at));
        let (verb, began) = (if open { "for" } else { "lasted" }, Moment(incident.started_at));
        page.line(format_args!(
            "<li class=\"{class}\" id=\"incident-{id}\">{tag} <a href=\"/incidents/{link}\">{summary}</a>\
             <br><small>{alertname} · since {began} · {verb} {lasted}</small></li>"
        ));
    }
    page.line("</ul>");
}

fn is_silenced(snapshot: &Snapshot, incident: &Incident) -> bool {
    incident.state == State::Firing && snapshot.silence_of(incident).is_some()
}

/// How it stands and how urgent it is.
fn tag(incident: &Incident, silenced: bool) -> String {
    let severity = incident.severity.as_str();
    match incident.state {
        State::Firing if silenced => {
            format!("<span class=\"tag none\">{severity}, silenced</span>")
        }
        State::Pending => "<span class=\"tag none\">pending</span>".into(),
        State::Firing => format!("<span class=\"tag {severity}\">{severity}</span>"),
        State::Resolved if incident.course.is_unwatched() => {
            "<span class=\"tag none\">no longer watched</span>".into()
        }
        State::Resolved if incident.course.joined().is_some() => {
            "<span class=\"tag none\">part of a wider one</span>".into()
        }
        State::Resolved => "<span class=\"tag ok\">resolved</span>".into(),
    }
}

/// The page; `None` when it is not remembered.
pub(super) fn page(snapshot: &Snapshot, id: &str, visitor: Visitor) -> Option<String> {
    let incident = &*snapshot.incident(id)?;
    let mut page = Html::begin(&incident.alertname, visitor);
    page.line("<article id=\"incident\" data-live>");
    page.line(format_args!("<h1>{}</h1>", Escaped(&incident.summary)));
    let silence = snapshot.silence_of(incident).filter(|_| incident.state != State::Resolved);
    let tag = tag(incident, silence.is_some());
    for (place, words) in incident.description.split("\n\n").enumerate() {
        let tag = if place == 0 { format!("{tag} ") } else { String::new() };
        page.line(format_args!("<p>{tag}{}</p>", Escaped(words)));
    }
    if let Some(whole) = &incident.part_of {
        page.line(format_args!(
            "<p class=\"note\">Part of <a href=\"/incidents/{}\">the incident that began it</a>, with which people were told of it.</p>",
            Encoded(whole)
        ));
    }
    if let Some(silence) = silence {
        let (words, id) = (silence::sentence(silence), Encoded(&silence.id));
        page.line(format_args!(
            "<div class=\"row note\"><p>{words}</p><form method=\"post\" action=\"/silences/{id}/expire\"><button>End it</button></form></div>"
        ));
    }
    page.line("<dl>");
    subject(&mut page, incident, snapshot);
    facts(&mut page, incident, snapshot.now);
    page.line("</dl>");
    who(&mut page, snapshot, &incident.evidence);
    callers(&mut page, &incident.evidence);
    timeline(&mut page, incident);
    together(&mut page, incident, snapshot);
    let link = Encoded(id);
    let silent = if incident.state == State::Resolved || silence.is_some() {
        String::new()
    } else {
        silence::link(incident)
    };
    page.line(format_args!(
        "<p class=\"acts\"><a class=\"act\" href=\"/api/v1/incidents/{link}/report\">Report, ready to edit (Markdown)</a>{}{silent}</p>",
        sign_ins(incident)
    ));
    page.line("</article>");
    Some(page.end(snapshot.now, &format!("/api/v1/incidents/{}", Encoded(id))))
}

/// What it is about, with the way there.
fn subject(page: &mut Html, incident: &Incident, snapshot: &Snapshot) {
    let (name, link, words) = match &incident.scope {
        Scope::Connection(id) => {
            let label = id.as_ref().map_or("unknown", |id| id.as_str());
            let link = format!("/connections/{}", Encoded(label));
            ("Connection", link, called(snapshot, label))
        }
        Scope::Tier(name) => ("Tier", "/edge".into(), name.to_string()),
        Scope::Limit(name) => ("Limit", "/edge#limits".into(), name.to_string()),
        Scope::ConnectionType(kind) => {
            ("Provider", format!("/?q={}", Encoded(kind)), kind.to_string())
        }
        Scope::Fleet | Scope::Source(_) | Scope::Sink(_) | Scope::None => return,
    };
    let words = Escaped(words);
    page.line(format_args!("<dt>{name}</dt><dd><a href=\"{link}\">{words}</a></dd>"));
}

/// How people know a connection.
fn called(snapshot: &Snapshot, label: &str) -> String {
    name(snapshot, label).unwrap_or(label).to_owned()
}

/// The way to the sign-ins that it is about; none for what is not about sign-ins.
fn sign_ins(incident: &Incident) -> String {
    let connection = match &incident.scope {
        Scope::Connection(id) => {
            let label = id.as_ref().map_or("unknown", |id| id.as_str());
            format!("&amp;connection={}", Encoded(label))
        }
        Scope::ConnectionType(_) | Scope::Fleet => String::new(),
        Scope::Tier(_) | Scope::Limit(_) | Scope::Source(_) | Scope::Sink(_) | Scope::None => {
            return String::new();
        }
    };
    // What has causes is about failures; time-outs and silence are not.
    let status = if incident.evidence.causes.is_empty() { "" } else { "&amp;status=failed" };
    let from = incident.started_at.to_rfc3339_seconds();
    let to =
        incident.resolved_at.map(|at| format!("&amp;to={}", Encoded(&at.to_rfc3339_seconds())));
    format!(
        "<a class=\"act\" href=\"/sessions?from={}{}{connection}{status}\">Its sign-ins</a>",
        Encoded(&from),
        to.unwrap_or_default()
    )
}

fn facts(page: &mut Html, incident: &Incident, now: Timestamp) {
    let mut fact = |name: &str, value: &str| {
        page.line(format_args!("<dt>{name}</dt><dd>{value}</dd>"));
    };
    let (alertname, severity) = (Escaped(&incident.alertname), incident.severity.as_str());
    fact("Alert", &format!("{alertname} ({severity})"));
    fact("Began, estimated", &Moment(incident.started_at).to_string());
    if let Some(at) = incident.fired_at {
        let delay = span(at.millis_since(incident.started_at));
        fact("Known", &format!("{}, {delay} later", Moment(at)));
    }
    let end = incident.resolved_at.unwrap_or(now);
    let lasted = span(end.millis_since(incident.started_at));
    let over = if incident.course.joined().is_some() { "Part of a wider one" } else { "Resolved" };
    match incident.resolved_at {
        Some(at) => fact(over, &format!("{}, after {lasted}", Moment(at))),
        None => fact("Goes on", &format!("for {lasted}")),
    }
    let course = &incident.course;
    if let Some(at) = course.ended_at {
        let impact = span(at.millis_since(incident.started_at));
        fact("Ended, estimated", &format!("{}, after {impact}", Moment(at)));
    }
    let Evidence { attempts, bad, usual, value, causes, window_seconds, .. } = &incident.evidence;
    if *attempts > 0 {
        let all = if counts_people(incident) {
            format!("{attempts} people")
        } else {
            count(*attempts, incident.scope.counted())
        };
        let mut words = format!("{bad} of {all}");
        if let Some(value) = value.filter(|value| *value <= 1.0) {
            words = format!("{words} ({})", percent(value));
        }
        // A rule counts what is in its window; who was hit before that has left it.
        if let Some(seconds) = window_seconds {
            words = format!("{words} in its last {}", span(i64::from(*seconds) * 1000));
        }
        fact("Hit", &words);
    }
    if let Some(usual) = usual.filter(|usual| *usual <= 1.0) {
        fact("Usual here", &percent(usual));
    }
    if let Some(peak) = course.peak {
        let (from, until) = (Moment(peak.from), Moment(peak.until));
        fact("Peak", &format!("{}, {from} to {until}", worst(incident, &peak)));
    }
    if course.people > 0 {
        let people = if incident.scope.is_of_edge() { "Clients" } else { "People" };
        fact(people, &course.people.to_string());
    }
    if course.reach.connections > 0 {
        let organizations = count(course.reach.organizations, "organization");
        fact(
            "Reach",
            &format!("{}, {organizations}", count(course.reach.connections, "connection")),
        );
    }
    if !causes.is_empty() {
        let words: Vec<String> =
            causes.iter().map(|(cause, count)| format!("{}: {count}", Escaped(cause))).collect();
        fact("Causes", &words.join(", "));
    }
}

/// What happened, in order of time.
fn timeline(page: &mut Html, incident: &Incident) {
    page.line("<h2>Timeline</h2>\n<ol class=\"timeline\">");
    for (at, words) in story(incident) {
        page.line(format_args!("<li>{}<span>{}</span></li>", Moment(at), Escaped(words)));
    }
    page.line("</ol>");
}

/// What is part of it, and what else began at about the same time.
fn together(page: &mut Html, incident: &Incident, snapshot: &Snapshot) {
    if !incident.parts.is_empty() {
        page.line("<h2>Parts of it</h2>");
        cards(page, incident.parts.iter().map(AsRef::as_ref), snapshot);
    }
    let shown = front::shown(snapshot);
    let others = shown.iter().map(AsRef::as_ref).filter(|other| incident.began_with(other));
    let mut others = others.take(TOGETHER_MAX).peekable();
    if others.peek().is_some() {
        page.line("<h2>Began together with</h2>");
        cards(page, others, snapshot);
    }
}

/// The connections that carry it.
fn who(page: &mut Html, snapshot: &Snapshot, evidence: &Evidence) {
    if evidence.connections.is_empty() {
        return;
    }
    page.line(
        "<h2>Who is hit most</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Connection</th>\
         <th scope=\"col\" class=\"n\">Bad sign-ins</th></tr></thead>\n<tbody>",
    );
    for (id, bad) in &evidence.connections {
        let (link, name) = (Encoded(id), Escaped(called(snapshot, id)));
        page.line(format_args!(
            "<tr><td><a href=\"/connections/{link}\">{name}</a></td><td class=\"n\">{bad}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}

/// The callers behind what happens at the edge.
fn callers(page: &mut Html, evidence: &Evidence) {
    if evidence.callers.is_empty() {
        return;
    }
    page.line(
        "<h2>Callers hit most</h2>\n<div class=\"wide\"><table><thead><tr><th scope=\"col\">Caller</th>\
         <th scope=\"col\" class=\"n\">Requests</th></tr></thead>\n<tbody>",
    );
    for (caller, requests) in &evidence.callers {
        let caller = Escaped(caller);
        page.line(format_args!(
            "<tr><td><code>{caller}</code></td><td class=\"n\">{requests}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}
