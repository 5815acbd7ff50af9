//! `GET /silences`: what receivers are not told of, and what work was planned.

use super::html::{Encoded, Escaped, Html, Moment, Visitor};
use super::words::span;
use crate::event::{Marker, Silence};
use crate::signal::{Incident, Snapshot, Vocabulary};
use crate::web::decision::{known, marker::scope};

/// How long a form silences: value, words, and whether it is proposed.
const LENGTHS: [(&str, &str, bool); 5] = [
    ("1h", "1 hour", false),
    ("4h", "4 hours", true),
    ("1d", "1 day", false),
    ("7d", "7 days", false),
    ("30d", "30 days", false),
];

/// The labels that tell which incident it is.
const NAMING: [&str; 7] =
    ["alertname", "connection_id", "connection_type", "limit", "sink", "source", "tier"];

/// Silences and markers that are over, newest first.
const OVER_MAX: usize = 20;

/// The page; `labels` are those of a silence that somebody is about to make.
pub(super) fn page(
    snapshot: &Snapshot,
    vocabulary: &Vocabulary,
    labels: &str,
    visitor: Visitor,
) -> String {
    let mut page = Html::still("Silences", visitor);
    page.line("<h1>Silences and planned work</h1>");
    page.line(
        "<p>While a silence lasts, receivers are not told of the incidents that have all its labels. They are found, shown and \
         kept all the same.</p>\n<section id=\"silences\" aria-labelledby=\"silences-name\" data-live>",
    );
    page.line("<h2 id=\"silences-name\">Silences</h2>");
    let all = snapshot.silences.iter().rev().map(AsRef::as_ref);
    let (lasting, over): (Vec<_>, Vec<&Silence>) =
        all.partition(|silence| silence.lasts(snapshot.now));
    if lasting.is_empty() {
        page.line("<p>No silence lasts.</p>");
    } else {
        silences(&mut page, &lasting, snapshot, vocabulary);
    }
    if !over.is_empty() {
        page.line("<h3>Ended</h3>");
        silences(&mut page, &over[..over.len().min(OVER_MAX)], snapshot, vocabulary);
    }
    let open = if labels.is_empty() { "" } else { " open" };
    page.line(format_args!("</section>\n<details id=\"new\"{open}><summary>New silence</summary>"));
    form(&mut page, labels);
    page.line("</details>\n<section id=\"work\" aria-labelledby=\"work-name\" data-live>");
    page.line("<h2 id=\"work-name\">Planned work</h2>");
    markers(&mut page, snapshot);
    page.line("</section>\n<details><summary>Mark work</summary>");
    marker_form(&mut page);
    page.line("</details>");
    page.end(snapshot.now, "/api/v1/silences")
}

/// The way to silence an incident, with its labels set.
pub(super) fn link(incident: &Incident) -> String {
    let named = incident.labels.iter().filter(|(label, _)| NAMING.contains(&&***label));
    let pairs: Vec<String> = named.map(|(label, value)| format!("{label}={value}")).collect();
    let pairs = pairs.join(", ");
    format!("<a class=\"act\" href=\"/silences?labels={}#new\">Silence it</a>", Encoded(&pairs))
}

/// One silence in a sentence.
pub(super) fn sentence(silence: &Silence) -> String {
    let (until, by) = (Moment(silence.until), Escaped(&silence.author));
    let reason = Escaped(&silence.reason);
    format!("Silenced until {until} by {by}: {reason}")
}

fn silences(page: &mut Html, silences: &[&Silence], snapshot: &Snapshot, vocabulary: &Vocabulary) {
    let now = snapshot.now;
    page.line("<ul class=\"incidents\">");
    for silence in silences {
        let pairs: Vec<String> = silence
            .matchers
            .iter()
            .map(|(label, value)| format!("<code>{}={}</code>", Escaped(label), Escaped(value)))
            .collect();
        let (pairs, reason, by) =
            (pairs.join(" "), Escaped(&silence.reason), Escaped(&silence.author));
        let (from, until) = (Moment(silence.from), Moment(silence.until));
        let (left, button) = if silence.lasts(now) {
            let (left, id) = (span(silence.until.millis_since(now)), Encoded(&silence.id));
            let button = format!(
                "<form method=\"post\" action=\"/silences/{id}/expire\"><button>End it</button></form>"
            );
            (format!("ends {until}, in {left}"), button)
        } else {
            (format!("ended {until}"), String::new())
        };
        let unknown = known::silence(silence, snapshot, vocabulary);
        let warning = warning(unknown.filter(|_| silence.lasts(now)));
        page.line(format_args!(
            "<li><div class=\"row\"><div>{pairs}<br>{reason}<br><small>by {by} · since {from} · {left}</small>{warning}</div>{button}</div></li>"
        ));
    }
    page.line("</ul>");
}

/// What is named and not there.
fn warning(text: Option<String>) -> String {
    text.map_or_else(String::new, |text| {
        format!("<br><small class=\"bad\">{}</small>", Escaped(text))
    })
}

fn form(page: &mut Html, labels: &str) {
    let labels = Escaped(labels);
    let options: Vec<String> = LENGTHS
        .iter()
        .map(|(value, words, proposed)| {
            let selected = if *proposed { " selected" } else { "" };
            format!("<option value=\"{value}\"{selected}>{words}</option>")
        })
        .collect();
    let options = options.concat();
    page.line(format_args!(
        "<form class=\"fields\" method=\"post\" action=\"/silences\">\n\
         <label>Labels <input name=\"matchers\" value=\"{labels}\" \
         placeholder=\"alertname=SsoConnectionFailing, connection_id=conn_…\" required maxlength=\"1000\"></label>\n\
         <label>Reason <input name=\"reason\" required maxlength=\"200\"></label>\n\
         <label>Your name <input name=\"author\" required maxlength=\"200\" autocomplete=\"name\"></label>\n\
         <label>For <select name=\"duration\">{options}</select></label>\n<button>Silence</button>\n</form>"
    ));
}

fn markers(page: &mut Html, snapshot: &Snapshot) {
    if snapshot.markers.is_empty() {
        return page.line("<p>None is marked. Deploys and migrations that are marked stand in charts and timelines.</p>");
    }
    page.line("<ul class=\"incidents\">");
    for marker in snapshot.markers.iter().rev().take(OVER_MAX) {
        let Marker { work, author, expected } = &**marker;
        let (note, by, from) = (Escaped(&work.note), Escaped(author), Moment(work.from));
        let scope = Escaped(scope(&work.covers));
        let until = if work.until > work.from {
            format!(" to {}", Moment(work.until))
        } else {
            String::new()
        };
        let expects = if *expected {
            "<br><small class=\"bad\">Nobody is paged for trouble there until it ends</small>"
        } else {
            ""
        };
        let lasts = work.until > snapshot.now;
        let warning = warning(known::marker(marker, snapshot).filter(|_| lasts));
        let button = if lasts {
            let id = Encoded(&work.id);
            format!(
                "<form method=\"post\" action=\"/markers/{id}/end\"><button>End it</button></form>"
            )
        } else {
            String::new()
        };
        page.line(format_args!(
            "<li><div class=\"row\"><div>{note}<br><small>by {by} · {from}{until} · {scope}</small>{expects}{warning}</div>{button}</div></li>"
        ));
    }
    page.line("</ul>");
}

fn marker_form(page: &mut Html) {
    page.line(
        "<form class=\"fields\" method=\"post\" action=\"/markers\">\n\
         <label>What <input name=\"note\" required maxlength=\"200\"></label>\n\
         <label>Your name <input name=\"author\" required maxlength=\"200\" autocomplete=\"name\"></label>\n\
         <label>Scope <input name=\"scope\" value=\"fleet\" required maxlength=\"1000\"></label>\n\
         <label>How long, from now; empty: a moment <input name=\"duration\" placeholder=\"2h\" maxlength=\"20\"></label>\n\
         <label class=\"check\"><input type=\"checkbox\" name=\"expects_trouble\" value=\"true\"> \
         Trouble is expected: page nobody for it before the end</label>\n<button>Mark</button>\n</form>",
    );
}
