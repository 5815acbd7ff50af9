//! Which metrics an expression needs, and whether the catalogue has them.

use crate::signal::catalog::{Kind, Metric};

/// Metrics that expressions may name before the catalogue has them. A name that is neither here nor there is a misprint.
pub(super) const AWAITED: [&str; 5] = [
    "edge_requests_total",
    "edge_request_duration_seconds",
    "edge_request_uri_bytes",
    "edge_limit_utilization_ratio",
    "edge_limit_exceeded_total",
];

/// How the names of our metrics begin, in Prometheus and in Datadog.
const PREFIXES: [&str; 6] = ["sso_", "ssowatch_", "edge_", "sso.", "ssowatch.", "edge."];

/// Series of a histogram, in Prometheus and in Datadog.
const HISTOGRAM_SUFFIXES: [&str; 6] = ["_bucket", "_sum", "_count", ".bucket", ".sum", ".count"];

/// The metrics that a PromQL expression or a Datadog query names, as it names them.
pub(super) fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    let part_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    expression
        .split(move |c| !part_of_name(c))
        // In Datadog the aggregation stands before the name: `sum:sso.sessions_finished{…}`. What PromQL records is not ours.
        .filter_map(|word| match word.split_once(':') {
            None => Some(word),
            Some((_, name)) if name.contains('.') => Some(name),
            Some(_) => None,
        })
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
}

/// Whether `name` is a series of `metric`.
fn belongs(name: &str, metric: &Metric) -> bool {
    if name == metric.name || name == metric.dotted() {
        return true;
    }
    let base = HISTOGRAM_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
    let base = base.filter(|_| metric.kind == Kind::Histogram);
    base.is_some_and(|base| base == metric.name || base == metric.dotted())
}

/// Whether the catalogue has every metric that `expression` names.
pub(super) fn met(expression: &str, catalog: &[Metric]) -> bool {
    metrics(expression).all(|name| {
        let known = catalog.iter().any(|metric| belongs(name, metric));
        debug_assert!(known || awaited(name), "`{name}` is not in the catalogue: {expression}");
        known
    })
}

fn awaited(name: &str) -> bool {
    AWAITED.iter().any(|awaited| {
        let dotted = awaited.strip_suffix("_total").unwrap_or(awaited).replacen('_', ".", 1);
        let base = HISTOGRAM_SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix));
        name == *awaited || name == dotted || base == Some(*awaited)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::catalog;

    #[test]
    fn an_expression_needs_the_metrics_that_it_names() {
        let cases = [
            (
                "sum by (connection_id) (rate(sso_sessions_finished_total{a=~\"x.*\"}[5m]))",
                vec!["sso_sessions_finished_total"],
            ),
            ("connection:sso_sessions:x > 1 and vector(1)", vec![]),
            (
                "sum:sso.sessions_finished{*}.as_count() / avg:edge.requests{*}",
                vec!["sso.sessions_finished", "edge.requests"],
            ),
        ];
        for (expression, want) in cases {
            assert_eq!(metrics(expression).collect::<Vec<_>>(), want, "{expression}");
        }
    }

    #[test]
    fn what_the_catalogue_lacks_is_not_met() {
        let cases = [
            ("rate(sso_session_duration_seconds_bucket[5m])", true),
            ("sum:ssowatch.events_received{*}", true),
            ("sum:sso.session_duration_seconds.bucket{*}", true),
            ("1", true),
        ];
        for (expression, want) in cases {
            assert_eq!(met(expression, &catalog::ALL), want, "{expression}");
        }
        assert!(!met("rate(edge_requests_total[5m])", &[]), "nothing is known");
    }

    #[test]
    #[should_panic(expected = "`sso_sesions_started_total` is not in the catalogue")]
    fn a_misprint_is_not_left_out_in_silence() {
        met("rate(sso_sesions_started_total[5m])", &catalog::ALL);
    }
}
