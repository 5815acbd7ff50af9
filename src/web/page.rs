//! `GET /`: one plain page for people. No scripts, everything escaped.

use std::fmt::{Display, Write};

use crate::signal::{ConnectionView, Counts, Incident, Snapshot, State};

/// Connections on the page, worst first.
const CONNECTIONS_MAX: usize = 20;
/// Incidents on the page, newest first.
const INCIDENTS_MAX: usize = 50;
/// The window of the page: the long one, so that a quiet hour still shows something.
const WINDOW: usize = 1;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta http-equiv=\"refresh\" content=\"30\">\n<title>ssowatch</title>\n<style>\n\
    body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }\n\
    table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #ccc }\n\
    td.n, th.n { text-align: right }\n</style>\n</head>\n<body>\n<h1>ssowatch</h1>\n";

const FOOT: &str = "<p><a href=\"/metrics\">Metrics</a> · <a href=\"/api/v1/status\">Status</a> · \
    <a href=\"/api/v1/connections\">Connections</a> · <a href=\"/api/v1/incidents\">Incidents</a> (JSON)</p>\n\
    </body>\n</html>\n";

/// The page.
pub(super) fn page(snapshot: &Snapshot) -> String {
    let mut page = HEAD.to_owned();
    line(&mut page, format_args!("<p>{}</p>", Escaped(&fleet(snapshot))));
    incidents(&mut page, snapshot);
    connections(&mut page, snapshot);
    let as_of = snapshot.now.to_rfc3339_seconds();
    line(
        &mut page,
        format_args!("<p>As of {as_of}; this page loads itself anew every 30 seconds.</p>"),
    );
    page + FOOT
}

fn line(page: &mut String, text: impl Display) {
    writeln!(page, "{text}").expect("memory grows");
}

/// The fleet in one sentence.
fn fleet(snapshot: &Snapshot) -> String {
    let hour = &snapshot.fleet.windows[WINDOW];
    let connections = snapshot.connections.len();
    let (Some(failed), Some(timed_out)) = (hour.failure_ratio(), hour.timeout_ratio()) else {
        return format!(
            "No sign-in has ended in the last hour; {connections} connections are known."
        );
    };
    format!(
        "In the last hour {} sign-ins ended on {connections} connections: {} failed ({}), {} timed out ({}).",
        hour.finished(),
        hour.failed,
        percent(failed),
        hour.timed_out,
        percent(timed_out)
    )
}

fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

fn incidents(page: &mut String, snapshot: &Snapshot) {
    let shown = |incident: &&Incident| {
        incident.state != State::Resolved && incident.severity != crate::signal::Severity::None
    };
    let open: Vec<&Incident> =
        snapshot.incidents.iter().rev().map(AsRef::as_ref).filter(shown).collect();
    line(page, "<h2>Open incidents</h2>");
    if open.is_empty() {
        line(page, "<p>None.</p>");
        return;
    }
    line(
        page,
        "<table>\n<tr><th>State</th><th>Severity</th><th>Alert</th><th>Since</th><th>What</th></tr>",
    );
    for incident in open.iter().take(INCIDENTS_MAX) {
        let Incident { state, severity, alertname, started_at, summary, id, .. } = incident;
        let (state, severity, since) =
            (state.as_str(), severity.as_str(), started_at.to_rfc3339_seconds());
        let (id, alertname, summary) = (Escaped(id), Escaped(alertname), Escaped(summary));
        line(
            page,
            format_args!(
                "<tr id=\"incident-{id}\"><td>{state}</td><td>{severity}</td><td><a href=\"/api/v1/incidents/{id}\">{alertname}</a></td><td>{since}</td><td>{summary}</td></tr>"
            ),
        );
    }
    line(page, "</table>");
    more(page, open.len(), INCIDENTS_MAX, "/api/v1/incidents?state=open");
}

fn connections(page: &mut String, snapshot: &Snapshot) {
    let bad = |view: &ConnectionView| {
        let hour: &Counts = &view.scope.windows[WINDOW];
        hour.failed + hour.timed_out
    };
    let mut worst: Vec<&ConnectionView> =
        snapshot.connections.iter().map(AsRef::as_ref).filter(|view| bad(view) > 0).collect();
    worst.sort_by_key(|view| std::cmp::Reverse(bad(view)));
    line(page, "<h2>Worst connections, last hour</h2>");
    if worst.is_empty() {
        line(page, "<p>No sign-in has failed or timed out.</p>");
        return;
    }
    line(
        page,
        "<table>\n<tr><th>Connection</th><th>Customer</th><th>Type</th><th class=\"n\">Ended</th><th class=\"n\">Failed</th><th class=\"n\">Timed out</th></tr>",
    );
    for view in worst.iter().take(CONNECTIONS_MAX) {
        let hour = &view.scope.windows[WINDOW];
        let customer =
            view.info.as_ref().and_then(|info| info.organization_name.as_deref()).unwrap_or("");
        let (id, customer, kind) =
            (Escaped(view.label()), Escaped(customer), Escaped(view.connection_type()));
        let (ended, failed, timed_out) = (hour.finished(), hour.failed, hour.timed_out);
        line(
            page,
            format_args!(
                "<tr><td>{id}</td><td>{customer}</td><td>{kind}</td><td class=\"n\">{ended}</td><td class=\"n\">{failed}</td><td class=\"n\">{timed_out}</td></tr>"
            ),
        );
    }
    line(page, "</table>");
    more(page, worst.len(), CONNECTIONS_MAX, "/api/v1/connections");
}

fn more(page: &mut String, all: usize, shown: usize, link: &str) {
    if all > shown {
        line(page, format_args!("<p><a href=\"{link}\">{} more</a></p>", all - shown));
    }
}

/// Text that can stand in HTML, in attributes too.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
