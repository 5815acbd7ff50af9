//! Plain thresholds at the edge, by tier and by declared limit.
//!
//! `EdgeOutageWorse` has none: what fires shows the share as it is now, and is told anew as often as Alertmanager repeats it.

use super::{Alert, Group, Record, grown};

/// Requests of each tier with each code: the day before is read from it, since all routes of a day are too many samples.
const BY_CODE: &str = "tier_code:edge_requests:rate5m";

/// 499 of nginx, 460 of AWS, and no status at all.
pub(in crate::generate) const NO_ANSWER: &str = "code=~\"none|460|499\"";

/// The codes that are left out have alerts of their own.
pub(in crate::generate) const CLIENT_ERROR: &str = "code=~\"4..\", code!~\"403|414|429|460|499\"";

/// What clients get when all is well.
const ANSWERED: &str = "code!~\"[45]..|none\"";

pub(super) fn group() -> Group {
    let record = Record::new(BY_CODE, "sum by (tier, code) (rate(edge_requests_total[5m]))");
    let alerts = [errors(), refusals(), gross(), rest(), limits()].concat();
    Group { name: "ssowatch.edge", records: vec![record], alerts }
}

/// The share of a tier's requests with `codes`.
fn share(codes: &str, window: &str) -> String {
    format!(
        "sum by (tier) (rate(edge_requests_total{{{codes}}}[{window}])) / sum by (tier) (rate(edge_requests_total[{window}]))"
    )
}

/// Whether a tier has had so many requests that a share says something.
fn at_least(requests: u32, window: &str) -> String {
    format!("sum by (tier) (increase(edge_requests_total[{window}])) >= {requests}")
}

/// An alert about a tier.
fn tier(
    name: &'static str,
    severity: &'static str,
    expr: String,
    summary: &'static str,
    description: &'static str,
) -> Alert {
    Alert { name, severity, scope: "tier", hold: "2m", keep: "5m", expr, summary, description }
}

fn errors() -> Vec<Alert> {
    let codes = "code=~\"5..\"";
    // A quiet tier that is down has few requests in five minutes, or fewer than when it is up.
    let expr = format!(
        "
  {} >= 0.05
and
  {}
or
  {} >= 0.5
and
  {}",
        share(codes, "5m"),
        at_least(100, "5m"),
        share(codes, "15m"),
        at_least(20, "15m"),
    );
    vec![tier(
        "EdgeErrors",
        "page",
        expr,
        "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests get a 5xx",
        "At least 5 % of at least 100 requests of the last five minutes were answered with 5xx, or half of at least 20 of the last 15.",
    )]
}

/// Some tiers refuse bots or busy callers at all times; that is no news. What was never refused before is.
fn refused(code: &str, least: &str) -> String {
    let codes = format!("code=~\"{code}\"");
    let day = |matchers: &str| {
        format!("sum by (tier) (sum_over_time({BY_CODE}{matchers}[1d] offset 1h))")
    };
    format!(
        "
  {share} >= {least}
and
  {}
unless
  {share} < 2 * {} / {}",
        at_least(100, "5m"),
        day(&format!("{{{codes}}}")),
        day(""),
        share = share(&codes, "5m"),
    )
}

fn refusals() -> Vec<Alert> {
    vec![
        tier(
            "EdgeRateLimited",
            "page",
            refused("429", "0.02"),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests are refused with 429",
            "A rate limit refuses at least 2 % of at least 100 requests of the last five minutes, and twice the share of the day before.",
        ),
        tier(
            "EdgeBlocked",
            "page",
            refused("403", "0.05"),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests are refused with 403",
            "A block list or firewall refuses at least 5 % of at least 100 requests of the last five minutes, and twice the share of the day before.",
        ),
    ]
}

/// Most requests have `codes`, and took the place of answers that came in the hour before: a scan adds requests and takes none
/// away, and what does not sleep at night is not more than before. Of fewer than 50 answers half may be missing by chance.
/// After an hour the trouble itself is the hour before, so what fires goes on while most requests are such.
fn most(name: &str, codes: &str) -> String {
    let now = |codes: &str| format!("sum by (tier) (rate(edge_requests_total{{{codes}}}[5m]))");
    let before = |codes: &str| {
        format!("sum by (tier) (rate(edge_requests_total{{{codes}}}[1h] offset 10m))")
    };
    format!(
        "
  {} >= 0.5
and
  {}
and on (tier)
  (
      {} < 0.5 * ({} >= 50 / 300)
    unless
      {} < 1.5 * {}
    or
      ALERTS{{alertname=\"{name}\", alertstate=\"firing\"}}
  )",
        share(codes, "5m"),
        at_least(100, "5m"),
        now(ANSWERED),
        before(ANSWERED),
        now(codes),
        before(codes),
    )
}

fn gross() -> Vec<Alert> {
    vec![
        tier(
            "EdgeAbandoned",
            "page",
            most("EdgeAbandoned", NO_ANSWER),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests are given up before an answer",
            "Clients leave before they are answered in at least half of at least 100 requests of the last five minutes, and of the answers of the hour before less than half are left.",
        ),
        tier(
            "EdgeClientErrors",
            "page",
            most("EdgeClientErrors", CLIENT_ERROR),
            "{{ $labels.tier }}: {{ $value | humanizePercentage }} of the requests get a 4xx (403, 414 and 429 aside)",
            "At least half of at least 100 requests of the last five minutes are refused with 400, 401, 404 or the like, and of the answers of the hour before less than half are left.",
        ),
    ]
}

fn rest() -> Vec<Alert> {
    vec![
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
            "EdgeUriTooLong",
            "ticket",
            format!("sum by (tier) {} >= 5", grown("edge_requests_total{code=\"414\"}", "15m")),
            "{{ $labels.tier }}: {{ $value | printf \"%.0f\" }} requests are refused with 414",
            "At least five requests of the last 15 minutes had a longer URI than the edge takes; SAML requests by redirect carry everything in it.",
        ),
        tier(
            "EdgeInternalTraffic",
            "ticket",
            format!(
                "sum by (tier) {} >= 50",
                grown("edge_requests_total{traffic=\"internal\"}", "15m")
            ),
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
