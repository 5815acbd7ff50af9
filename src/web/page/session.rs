//! `GET /sessions` and `GET /sessions/{id}`: sign-ins, one by one.

use std::num::NonZeroU32;

use super::html::{Encoded, Escaped, Html, Moment, Visitor};
use super::words::{count, span};
use crate::archive::{Found, Status};
use crate::event::Timestamp;
use crate::web::limit::Limit;
use crate::web::sessions::Asked;

/// What cannot be known, said where somebody may look for it.
const ORIGIN: &str =
    "not in WorkOS's events: whether the provider or the application began it is not known";

/// Sign-ins of a page.
pub(super) const ROWS: Limit = Limit(NonZeroU32::new(50).expect("it is not 0"));

/// The search and what it found, or why it found nothing out.
pub(super) fn list(
    now: Timestamp,
    asked: &Asked,
    found: &Result<(Vec<Found>, bool), String>,
    visitor: Visitor,
) -> String {
    let mut page = Html::still("Sign-ins", visitor);
    page.line("<h1>Sign-ins</h1>");
    form(&mut page, asked);
    match found {
        Err(words) => {
            page.line(format_args!("<p class=\"bad\" role=\"alert\">{}</p>", Escaped(words)));
        }
        Ok((found, _)) if found.is_empty() => page.line("<p>None fits.</p>"),
        Ok((found, more)) => {
            let shown = count(found.len() as u64, "sign-in");
            table(&mut page, &format!("{shown}, newest first"), found, Column::Connection);
            if let (true, Some(last)) = (*more, found.last()) {
                let (to, after) = (last.first_at.to_string(), last.id.clone());
                let older = Asked { to, after, ..asked.clone() };
                let link = Escaped(address(&older));
                page.line(format_args!(
                    "<nav class=\"pages\"><a rel=\"next\" href=\"{link}\">Older</a></nav>"
                ));
            }
        }
    }
    page.end(now, &address(asked).replacen("/sessions", "/api/v1/sessions", 1))
}

/// Whether a table says of each sign-in on which connection it was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Connection,
    /// All are on one, which the page is about.
    None,
}

/// A table of sign-ins.
pub(super) fn table(page: &mut Html, caption: &str, found: &[Found], column: Column) {
    let caption = Escaped(caption);
    let head = match column {
        Column::Connection => "<th scope=\"col\" class=\"hide\">Connection</th>",
        Column::None => "",
    };
    page.line(format_args!(
        "<div class=\"wide\"><table><caption>{caption}</caption><thead><tr><th scope=\"col\">Began</th><th scope=\"col\">Sign-in</th>\
         <th scope=\"col\">Outcome</th><th scope=\"col\" class=\"n\">Took</th>{head}</tr></thead>\n<tbody>"
    ));
    for one in found {
        let (began, link, id) = (Moment(one.first_at), Encoded(&one.id), Escaped(&one.id));
        let code = one.steps.iter().rev().find_map(|step| step.code.as_deref());
        let code = code.map(|code| format!("<small>{}</small>", Escaped(code))).unwrap_or_default();
        let (outcome, took) = (outcome(one.status), took(one));
        let connection = match column {
            Column::Connection => {
                format!("<td class=\"hide\">{}</td>", connection(one.connection.as_deref()))
            }
            Column::None => String::new(),
        };
        page.line(format_args!(
            "<tr><td>{began}</td><td><a href=\"/sessions/{link}\">{id}</a></td><td>{outcome}{code}</td>\
             <td class=\"n\">{took}</td>{connection}</tr>"
        ));
    }
    page.line("</tbody></table></div>");
}

/// One sign-in.
pub(super) fn page(now: Timestamp, found: &Found, visitor: Visitor) -> String {
    let mut page = Html::still("Sign-in", visitor);
    page.line(format_args!("<h1>Sign-in {}</h1>\n<dl>", Escaped(&found.id)));
    let mut fact = |name: &str, value: &str| {
        page.line(format_args!("<dt>{name}</dt><dd>{value}</dd>"));
    };
    fact("Outcome", &outcome(found.status));
    let not_heard = || "not heard of".to_owned();
    let moment = |at: Option<Timestamp>| at.map_or_else(not_heard, |at| Moment(at).to_string());
    fact("Started", &moment(found.started_at));
    fact("Ended", &moment(found.ended_at));
    fact("Took", &took(found));
    fact("Connection", &connection(found.connection.as_deref()));
    let own = |value: Option<&str>| value.map(|value| Escaped(value).to_string());
    let absent = || "not in its events, or not kept".to_owned();
    fact("Organization", &own(found.organization.as_deref()).unwrap_or_else(absent));
    fact("E-mail", &own(found.email.as_deref()).unwrap_or_else(absent));
    fact("User", &own(found.user.as_deref()).unwrap_or_else(absent));
    if found.test {
        fact("Test", "from the Admin Portal: it counts in no rate");
    }
    fact("Origin", ORIGIN);
    page.line("</dl>\n<h2>Events</h2>\n<ol class=\"timeline\">");
    for step in &found.steps {
        let (at, name, id) = (Moment(step.at), Escaped(&step.name), Escaped(&step.event));
        let late = span(step.received_at.millis_since(step.at));
        let why = match (&step.code, &step.message) {
            (None, _) => String::new(),
            (Some(code), message) => {
                let message = message.as_deref().unwrap_or_default();
                format!("<br>{}: {}", Escaped(code), Escaped(message))
            }
        };
        let source = step.source;
        page.line(format_args!(
            "<li>{at}<span>{name}{why}<br><small>{id} · by {source}, {late} later</small></span></li>"
        ));
    }
    page.line("</ol>");
    page.end(now, &format!("/api/v1/sessions?id={}", Encoded(&found.id)))
}

fn form(page: &mut Html, asked: &Asked) {
    let words = [
        ("", "any"),
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("timed_out", "timed out"),
        ("stalled", "no end heard"),
        ("in_progress", "in progress"),
    ];
    let options = words.map(|(value, words)| {
        let selected = if value == asked.status { " selected" } else { "" };
        format!("<option value=\"{value}\"{selected}>{words}</option>")
    });
    let options = options.concat();
    let (id, email, connection) =
        (Escaped(&asked.id), Escaped(&asked.email), Escaped(&asked.connection));
    let (from, to) = (Escaped(&asked.from), Escaped(&asked.to));
    page.line(format_args!(
        "<form class=\"fields grid\" role=\"search\" action=\"/sessions\">\n\
         <label>Session <input name=\"id\" value=\"{id}\" maxlength=\"200\"></label>\n\
         <label>E-mail <input name=\"email\" type=\"search\" value=\"{email}\" maxlength=\"254\"></label>\n\
         <label>Connection <input name=\"connection\" value=\"{connection}\" maxlength=\"200\"></label>\n\
         <label>Outcome <select name=\"status\">{options}</select></label>\n\
         <label>From, UTC <input name=\"from\" value=\"{from}\" placeholder=\"2026-01-15 12:00\" maxlength=\"40\"></label>\n\
         <label>Before, UTC <input name=\"to\" value=\"{to}\" placeholder=\"2026-01-15 13:00\" maxlength=\"40\"></label>\n\
         <button>Search</button>\n</form>"
    ));
}

/// The address of a search.
fn address(asked: &Asked) -> String {
    let parts = [
        ("id", &asked.id),
        ("email", &asked.email),
        ("connection", &asked.connection),
        ("status", &asked.status),
        ("from", &asked.from),
        ("to", &asked.to),
        ("after", &asked.after),
    ];
    let set = parts.iter().filter(|(_, value)| !value.is_empty());
    let set: Vec<_> = set.map(|(name, value)| format!("{name}={}", Encoded(value))).collect();
    if set.is_empty() { "/sessions".into() } else { format!("/sessions?{}", set.join("&")) }
}

fn outcome(status: Status) -> String {
    match status {
        Status::Succeeded => "<span class=\"tag ok\">succeeded</span>",
        Status::Failed => "<span class=\"tag page\">failed</span>",
        Status::TimedOut => "<span class=\"tag ticket\">timed out</span>",
        Status::Stalled => "<span class=\"tag ticket\">no end heard</span>",
        Status::InProgress => "<span class=\"tag none\">in progress</span>",
    }
    .into()
}

fn took(found: &Found) -> String {
    found.millis().map_or_else(|| "not known".into(), span)
}

fn connection(id: Option<&str>) -> String {
    let Some(id) = id else { return "none is named".into() };
    format!("<a href=\"/connections/{}\">{}</a>", Encoded(id), Escaped(id))
}
