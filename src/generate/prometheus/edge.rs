//! Plain thresholds at the edge, by tier and by declared limit.

use super::{Alert, Group};

pub(super) fn group() -> Group {
    Group { name: "ssowatch.edge", records: Vec::new(), alerts: [answers(), limits()].concat() }
}

/// Of a tier's requests of five minutes, at least 100, the share with `code`.
fn share(code: &str, least: &str) -> String {
    format!(
        "
  sum by (tier) (rate(edge_requests_total{{code=~\"{code}\"}}[5m])) / sum by (tier) (rate(edge_requests_total[5m])) >= {least}
and
  sum by (tier) (increase(edge_requests_total[5m])) >= 100"
    )
}

fn tier(
    name: &'static str,
    severity: &'static str,
    expr: String,
    summary: &'static str,
    description: &'static str,
) -> Alert {
    Alert { name, severity, scope: "tier", hold: "2m", keep: "5m", expr, summary, description }
}

fn answers() -> Vec<Alert> {
    vec![
        tier(
            "EdgeErrors",
            "page",
            share("5..", "0.05"),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests get a 5xx",
            "At least 5 % of at least 100 requests of the last five minutes were answered with 5xx.",
        ),
        tier(
            "EdgeLatencyHigh",
            "ticket",
            "
  histogram_quantile(0.95, sum by (tier, le) (rate(edge_request_duration_seconds_bucket[15m])))
>
  2 * histogram_quantile(0.95, sum by (tier, le) (rate(edge_request_duration_seconds_bucket[1d] offset 1h)))
and
  sum by (tier) (increase(edge_request_duration_seconds_count[15m])) >= 100"
                .to_owned(),
            "{{ $labels.tier }}: requests take up to {{ $value | humanizeDuration }} (p95), twice as long as in the day before",
            "The 95th percentile of at least 100 requests of the last 15 minutes is over twice that of the day before.",
        ),
        tier(
            "EdgeRateLimited",
            "page",
            share("429", "0.02"),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests are refused with 429",
            "A rate limit refuses at least 2 % of at least 100 requests of the last five minutes.",
        ),
        tier(
            "EdgeBlocked",
            "page",
            share("403", "0.05"),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests are refused with 403",
            "A block list or firewall refuses at least 5 % of at least 100 requests of the last five minutes.",
        ),
        tier(
            "EdgeUriTooLong",
            "ticket",
            "sum by (tier) (increase(edge_requests_total{code=\"414\"}[15m])) >= 5".to_owned(),
            "{{ $labels.tier }}: {{ $value | printf \"%.0f\" }} requests are refused with 414",
            "At least five requests of the last 15 minutes had a longer URI than the edge takes; SAML requests by redirect carry everything in it.",
        ),
        tier(
            "EdgeInternalTraffic",
            "ticket",
            "sum by (tier) (increase(edge_requests_total{traffic=\"internal\"}[15m])) >= 50".to_owned(),
            "{{ $labels.tier }}: {{ $value | printf \"%.0f\" }} internal requests came in through the public edge",
            "Internal callers that go through the public edge share its limits with customers, and fail together with it.",
        ),
    ]
}

fn limits() -> Vec<Alert> {
    vec![Alert {
        name: "EdgeLimitNear",
        severity: "page",
        scope: "limit",
        hold: "2m",
        keep: "5m",
        expr: "max by (limit) (edge_limit_utilization_ratio) >= 0.8".to_owned(),
        summary: "The busiest key of {{ $labels.limit }} uses {{ $value | humanizePercentage }} of its quota",
        description: "The declared rate limit is nearly used up; the next step is that requests are refused.",
    }]
}
