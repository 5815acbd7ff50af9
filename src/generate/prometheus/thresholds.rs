//! Plain thresholds, each with a minimum of traffic. They know neither what is usual on a connection nor how many people are
//! behind the failures, which ssowatch's own detection does.
//!
//! They count what came, in ratios and minimum alike: `sso_failure_ratio` goes by the time of the events, so that a few of a
//! source that lags would be taken together with the many that came late.

use super::{Alert, Group};

/// Gives each series of `expr`, which has a label `connection_id`, the connection's names.
fn named(expr: &str) -> String {
    format!(
        "
(
{expr}
)
* on (connection_id) group_left (connection_name, connection_type, organization_id, organization_name)
connection:sso_connection_info:names"
    )
}

/// Whether at least three connections carry the trouble, and none more than half of it: else it is that one's trouble.
/// `by` is a clause or nothing, `bad` the bad sign-ins by connection.
fn broad(by: &str, bad: &str) -> String {
    format!(
        "and
  count{by} ({bad} > 0) >= 3
and
  max{by} ({bad}) <= 0.5 * sum{by} ({bad})"
    )
}

const FAILED: &str = "connection:sso_sessions_failed:increase5m";

const TIMED_OUT: &str = "connection:sso_sessions_timed_out:increase5m";

const FAILED_WITH_TYPE: &str = "connection:sso_sessions_failed:increase5m * on (connection_id) group_left (connection_type) connection:sso_connection_info:names";

pub(super) fn group() -> Group {
    let mut alerts = connection();
    alerts.extend(above());
    alerts.extend(drought());
    alerts.extend(certificates());
    Group { name: "ssowatch.thresholds", records: Vec::new(), alerts }
}

fn connection() -> Vec<Alert> {
    let page = |name, expr: &str, summary, description| Alert {
        name,
        severity: "page",
        scope: "connection",
        hold: "1m",
        keep: "5m",
        expr: named(expr),
        summary,
        description,
    };
    vec![
        page(
            "SsoConnectionFailing",
            // A few people who try again and again make 35 % of 26 in five minutes on a good day, and 20 % of 69 in 15.
            "    (
        connection:sso_sessions_failed:increase5m{connection_id!=\"other\"} / connection:sso_sessions_finished:increase5m >= 0.5
      and
        connection:sso_sessions_finished:increase5m >= 20
    )
  or
    (
        sum by (connection_id) (increase(sso_sessions_finished_total{outcome=\"failed\", connection_id!=\"other\"}[15m]))
      /
        sum by (connection_id) (increase(sso_sessions_finished_total[15m]))
      >= 0.3
      and
        sum by (connection_id) (increase(sso_sessions_finished_total[15m])) >= 40
    )",
            "{{ or $labels.organization_name $labels.connection_id }}: {{ $value | humanizePercentage }} of the sign-ins fail",
            "On {{ $labels.connection_id }} ({{ $labels.connection_type }}) half of at least 20 sign-ins of the last five minutes failed, or 30 % of at least 40 of the last 15. sso_session_failures_total says why.",
        ),
        page(
            "SsoConnectionTimingOut",
            "    sum by (connection_id) (increase(sso_sessions_finished_total{outcome=\"timed_out\", connection_id!=\"other\"}[15m]))
  /
    sum by (connection_id) (increase(sso_sessions_finished_total[15m]))
  >= 0.7
  and
    sum by (connection_id) (increase(sso_sessions_finished_total[15m])) >= 20",
            "{{ or $labels.organization_name $labels.connection_id }}: {{ $value | humanizePercentage }} of the sign-ins time out",
            "At least 70 % of at least 20 sign-ins of the last 15 minutes on {{ $labels.connection_id }} ({{ $labels.connection_type }}) were begun and never came back from the identity provider.",
        ),
    ]
}

fn above() -> Vec<Alert> {
    let page = |name, scope, expr, summary, description| Alert {
        name,
        severity: "page",
        scope,
        hold: "1m",
        keep: "5m",
        expr,
        summary,
        description,
    };
    vec![
        page(
            "SsoProviderFailing",
            "connection_type",
            format!(
                "
  connection_type:sso_sessions_failed:increase5m{{connection_type!=\"\"}} / connection_type:sso_sessions_finished:increase5m >= 0.25
and
  connection_type:sso_sessions_finished:increase5m >= 30
{}",
                broad(" by (connection_type)", FAILED_WITH_TYPE)
            ),
            "{{ $labels.connection_type }}: {{ $value | humanizePercentage }} of the sign-ins fail on several connections",
            "At least 25 % of at least 30 sign-ins of the last five minutes failed over all connections of this identity provider, and no single connection makes up for it.",
        ),
        page(
            "SsoFleetFailing",
            "fleet",
            format!(
                "
  sum({FAILED}) / sum(connection:sso_sessions_finished:increase5m) >= 0.15
and
  sum(connection:sso_sessions_finished:increase5m) >= 100
{}",
                broad("", FAILED)
            ),
            "{{ $value | humanizePercentage }} of all sign-ins fail",
            "At least 15 % of at least 100 sign-ins of the last five minutes failed, and no single connection makes up for it.",
        ),
        page(
            "SsoFleetTimingOut",
            "fleet",
            format!(
                "
  sum({TIMED_OUT}) / sum(connection:sso_sessions_finished:increase5m) >= 0.3
and
  sum(connection:sso_sessions_finished:increase5m) >= 100
{}",
                broad("", TIMED_OUT)
            ),
            "{{ $value | humanizePercentage }} of all sign-ins time out",
            "At least 30 % of at least 100 sign-ins that ended in the last five minutes were begun and never came back, and no single connection makes up for it.",
        ),
        page(
            "SsoLatencyHigh",
            "fleet",
            "
  histogram_quantile(0.95, sum by (le) (rate(sso_session_duration_seconds_bucket[15m])))
>
  2 * histogram_quantile(0.95, sum by (le) (rate(sso_session_duration_seconds_bucket[1d] offset 1h)))
and
  sum(increase(sso_session_duration_seconds_count[15m])) >= 100"
                .to_owned(),
            "Sign-ins take up to {{ $value | humanizeDuration }} (p95), twice as long as in the day before",
            "The 95th percentile of at least 100 sign-ins of the last 15 minutes is over twice that of the day before.",
        ),
    ]
}

fn drought() -> Vec<Alert> {
    let page = |scope, expr, summary, description| Alert {
        name: "SsoSuccessDrought",
        severity: "page",
        scope,
        hold: "1m",
        keep: "5m",
        expr,
        summary,
        description,
    };
    vec![
        page(
            "connection",
            // One that never had a success is being set up.
            named(
                "    sum by (connection_id) (increase(sso_sessions_started_total{connection_id!=\"other\"}[30m])) >= 20
  and
    sum by (connection_id) (increase(sso_sessions_finished_total{outcome=\"succeeded\"}[30m])) == 0
  and
    sum by (connection_id) (sso_sessions_finished_total{outcome=\"succeeded\"}) > 0",
            ),
            "{{ or $labels.organization_name $labels.connection_id }}: {{ $value | printf \"%.0f\" }} sign-ins begun, none succeeded",
            "At least 20 sign-ins were begun on {{ $labels.connection_id }} ({{ $labels.connection_type }}) in 30 minutes, and none of that time succeeded.",
        ),
        page(
            "fleet",
            "
  sum(increase(sso_sessions_started_total[10m])) >= 30
and
  sum(increase(sso_sessions_finished_total{outcome=\"succeeded\"}[10m])) == 0"
                .to_owned(),
            "{{ $value | printf \"%.0f\" }} sign-ins begun, none succeeded",
            "At least 30 sign-ins were begun in ten minutes over all connections, and none of that time succeeded.",
        ),
    ]
}

fn certificates() -> Vec<Alert> {
    let left = "min by (connection_id, certificate_type) (sso_connection_certificate_expiry_timestamp_seconds) - time()";
    vec![
        Alert {
            name: "SsoCertificateExpiring",
            severity: "ticket",
            scope: "connection",
            hold: "10m",
            keep: "10m",
            expr: named(&format!("    ({left}) < 30 * 86400\n  and\n    ({left}) >= 86400")),
            summary: "{{ or $labels.organization_name $labels.connection_id }}: a certificate expires in {{ $value | humanizeDuration }}",
            description: "The {{ $labels.certificate_type }} certificate of {{ $labels.connection_id }} ({{ $labels.connection_type }}) has to be renewed with the customer before it expires.",
        },
        Alert {
            name: "SsoCertificateExpiring",
            severity: "page",
            scope: "connection",
            hold: "10m",
            keep: "10m",
            // Where nobody signs in nobody is hit.
            expr: named(&format!(
                "    ({left}) < 86400\n  and on (connection_id)\n    sum by (connection_id) (increase(sso_sessions_started_total[1d])) > 0"
            )),
            summary: "{{ or $labels.organization_name $labels.connection_id }}: a certificate expires within a day, or has",
            description: "The {{ $labels.certificate_type }} certificate of {{ $labels.connection_id }} ({{ $labels.connection_type }}) has {{ $value | humanizeDuration }} left. Once it has expired every sign-in of this connection fails.",
        },
    ]
}
