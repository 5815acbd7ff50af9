//! Whether events come in and words go out: sources, receivers, sinks.

use std::collections::BTreeMap;

use super::html::{Escaped, Html, Moment};
use super::words::span;
use crate::clock::Standing;
use crate::signal::catalog::{Metric, NOTIFICATIONS, SINK_REQUESTS};
use crate::signal::{Scope, Snapshot, SourceView, State};
use crate::telemetry::{self, Sample};

/// What became of what was sent to one place, by result.
type Results = BTreeMap<String, f64>;

/// What is known of it.
pub(super) struct Health<'a> {
    /// The daemon's telemetry, rendered.
    pub(super) own: &'a str,
    /// How the engine's time stands to the clock.
    pub(super) standing: Standing,
    /// How many receivers there are.
    pub(super) receivers: usize,
}

impl Health<'_> {
    /// What whoever looks must know first.
    pub(super) fn warn(&self, page: &mut Html) {
        match self.standing {
            Standing::Even => {}
            Standing::Held(since) => page.line(format_args!(
                "<div class=\"note page\" role=\"alert\"><p><strong>Nothing is accepted since {}.</strong> The journal cannot be written: what comes \
                 is refused, and nothing is judged. Incidents that are open stay. Look at the disk of <code>data_dir</code>, or at \
                 NATS: <a href=\"/runbooks/JournalFailing\">what to do</a>.</p></div>",
                Moment(since)
            )),
            Standing::Ahead(until) => page.line(format_args!(
                "<div class=\"note page\" role=\"alert\"><p><strong>Nothing is judged until {}.</strong> The clock of this machine was set back, and time \
                 stands until it has caught up. What comes is counted. <a href=\"/runbooks/SsowatchNotWatching\">What to do</a>.</p></div>",
                Moment(until)
            )),
        }
        if self.receivers == 0 {
            page.line(
                "<p class=\"soft\">Nobody is paged: no receiver is configured. Prometheus rules and Datadog monitors may page.</p>",
            );
        }
    }

    /// The section's content.
    pub(super) fn section(&self, page: &mut Html, snapshot: &Snapshot) {
        section(page, snapshot, self.own, self.receivers);
    }
}

fn section(page: &mut Html, snapshot: &Snapshot, own: &str, configured: usize) {
    if snapshot.sources.is_empty() {
        page.line("<p>No source has delivered anything yet.</p>");
    } else {
        sources(page, snapshot);
    }
    let own = telemetry::samples(own);
    let receivers = results(&own, NOTIFICATIONS);
    if configured == 0 {
        page.line("<p>No receiver is configured: ssowatch pages nobody.</p>");
    } else if receivers.is_empty() {
        page.line("<p class=\"soft\">No receiver has been told anything since the start.</p>");
    }
    sent(page, "Receivers: notifications", &receivers, |_| false);
    let fails = |name: &str| {
        troubled(snapshot, |scope| matches!(scope, Scope::Sink(sink) if **sink == *name))
    };
    sent(page, "Sinks: requests", &results(&own, SINK_REQUESTS), fails);
}

/// Whether an open incident is about it.
fn troubled(snapshot: &Snapshot, about: impl Fn(&Scope) -> bool) -> bool {
    let open = snapshot.incidents.iter().filter(|incident| incident.state == State::Firing);
    open.into_iter().any(|incident| about(&incident.scope))
}

/// A word beside the name of what does not do its work.
fn mark(troubled: bool, word: &str) -> String {
    if troubled { format!(" <span class=\"tag page\">{word}</span>") } else { String::new() }
}

fn sources(page: &mut Html, snapshot: &Snapshot) {
    page.line(
        "<div class=\"wide\"><table><caption>Sources</caption><thead><tr><th scope=\"col\">Source</th>\
         <th scope=\"col\" class=\"n\">Events</th><th scope=\"col\" class=\"n hide\">Seen before</th>\
         <th scope=\"col\" class=\"n\">Rejected</th><th scope=\"col\" class=\"n\">Delay</th>\
         <th scope=\"col\" class=\"hide\">Newest event</th></tr></thead>\n<tbody>",
    );
    for source in &snapshot.sources {
        let SourceView { received, duplicates, .. } = source;
        let rejected = rejected(source);
        let delay = source.lag_millis.map(|lag| span(i64::try_from(lag).unwrap_or(i64::MAX)));
        let newest = source.last_event_at.map(|at| Moment(at).to_string());
        let (delay, newest) = (delay.unwrap_or_default(), newest.unwrap_or_else(|| "none".into()));
        let name = source.source.as_str();
        let stalled =
            troubled(snapshot, |scope| matches!(scope, Scope::Source(one) if **one == *name));
        let stalled = mark(stalled, "stalled");
        page.line(format_args!(
            "<tr><th scope=\"row\">{name}{stalled}</th><td class=\"n\">{received}</td><td class=\"n hide\">{duplicates}</td>\
             <td class=\"n\">{rejected}</td><td class=\"n\">{delay}</td><td class=\"hide\">{newest}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}

/// How many were rejected, and why.
fn rejected(source: &SourceView) -> String {
    let all: u64 = source.rejected.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return "0".into();
    }
    let reasons = source.rejected.iter().filter(|(_, count)| *count > 0);
    let reasons: Vec<String> =
        reasons.map(|(reason, count)| format!("{count} {}", reason.as_str())).collect();
    format!("{all}<small>{}</small>", reasons.join(", "))
}

fn sent(
    page: &mut Html,
    title: &str,
    places: &BTreeMap<String, Results>,
    fails: impl Fn(&str) -> bool,
) {
    if places.is_empty() {
        return;
    }
    page.line(format_args!(
        "<div class=\"wide\"><table><caption>{title} since the start</caption><thead><tr><th scope=\"col\">Name</th>\
         <th scope=\"col\" class=\"n\">Accepted</th><th scope=\"col\">Otherwise</th></tr></thead>\n<tbody>"
    ));
    for (name, results) in places {
        let accepted = results.get("accepted").unwrap_or(&0.0);
        let others =
            results.iter().filter(|(result, count)| *result != "accepted" && **count > 0.0);
        let others: Vec<String> =
            others.map(|(result, count)| format!("{count} {result}")).collect();
        let fails = mark(is_unreached(results) || fails(name), "failing");
        let others = if others.is_empty() { "–".to_owned() } else { others.join(", ") };
        let (name, others) = (Escaped(name), Escaped(others));
        page.line(format_args!(
            "<tr><th scope=\"row\">{name}{fails}</th><td class=\"n\">{accepted}</td><td>{others}</td></tr>"
        ));
    }
    page.line("</tbody></table></div>");
}

/// Whether it was tried, and nobody was ever reached: a wrong address or key.
fn is_unreached(results: &Results) -> bool {
    results.get("accepted").is_none_or(|count| *count <= 0.0)
        && results.values().any(|count| *count > 0.0)
}

/// The counters of `family`, whose labels are a place and a result.
fn results(own: &[Sample], family: Metric) -> BTreeMap<String, Results> {
    let mut all: BTreeMap<String, Results> = BTreeMap::new();
    for Sample { values, value, .. } in own.iter().filter(|one| one.metric.name == family.name) {
        let [place, result] = &values[..] else { continue };
        all.entry(place.clone()).or_default().insert(result.clone(), *value);
    }
    all
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// What the page has of what `count` counts.
    fn counted(count: impl FnOnce(), family: Metric) -> BTreeMap<String, Results> {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, count);
        results(&telemetry::samples(&recorder.handle().render()), family)
    }

    #[test]
    fn counters_are_read_by_place_and_result_whatever_the_name_of_the_place() {
        let odd = "a\"},result=\"\n\\";
        let count = || {
            telemetry::notified(odd, 7, false, &"");
            telemetry::notification_failed("b", "retried", 2, &"");
            telemetry::sink_request("c", "accepted", &"");
        };
        let read = counted(count, NOTIFICATIONS);
        assert_eq!(read.keys().collect::<Vec<_>>(), [odd, "b"]);
        assert_eq!(format!("{:?}", read[odd]), "{\"accepted\": 7.0}");
        assert_eq!(format!("{:?}", read["b"]), "{\"retried\": 2.0}");
    }

    #[test]
    fn what_has_sent_nothing_does_not_fail() {
        let unreached = |results: &[&'static str]| {
            let count = || {
                telemetry::sink_begins("a");
                for &result in results {
                    telemetry::sink_request("a", result, &"");
                }
            };
            is_unreached(&counted(count, SINK_REQUESTS)["a"])
        };
        assert!(!unreached(&[]) && unreached(&["retried"]));
        assert!(!unreached(&["accepted", "retried"]));
    }
}
