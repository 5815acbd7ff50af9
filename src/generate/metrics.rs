//! The metrics reference.

use std::fmt::Write as _;

use crate::signal::catalog::Metric;

const HEAD: &str = "# Metrics

Made by `ssowatch generate metrics`. Prometheus names; in Datadog and OTLP a name is the one in the last column. Datadog is not sent the histograms
of the edge. Totals of `sso_`, `edge_` and `ssowatch_events_` survive a restart; the other counters are of the process, and begin anew with it.

| name | kind | unit | labels | meaning | Datadog, OTLP |
| --- | --- | --- | --- | --- | --- |
";

/// The metrics reference in Markdown.
pub(super) fn reference(catalog: &[Metric]) -> String {
    let mut text = HEAD.to_owned();
    for metric in catalog {
        let Metric { name, kind, unit, labels, help } = metric;
        let (kind, labels, dotted) = (kind.as_str(), labels.join(", "), metric.dotted());
        writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {help} | `{dotted}` |")
            .expect("memory grows");
    }
    text
}
