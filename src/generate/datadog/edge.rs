//! The monitors of the edge, by tier and by declared limit.
//!
//! A share of a few requests says nothing, so each is a composite with `edge-requests`.

use super::monitor::{Kind, Monitor, Severity};
use super::monitors::{metric, part};

/// 499 of nginx, 460 of AWS, and no status at all.
pub(super) const NO_ANSWER: &str = "code IN (none,460,499)";

/// The codes that are left out have monitors of their own.
pub(super) const CLIENT_ERROR: &str = "code:4*,!code:403,!code:414,!code:429,!code:460,!code:499";

pub(super) fn monitors() -> Vec<Monitor> {
    [parts(), tiers(), limits()].into_iter().flatten().collect()
}

/// The share of a tier's requests with `codes`, of five minutes.
fn share(codes: &str, critical: f64) -> Kind {
    let query = format!(
        "sum(last_5m):sum:edge.requests{{{codes}}} by {{tier}}.as_count() / sum:edge.requests{{*}} by {{tier}}.as_count()"
    );
    metric(query, critical)
}

fn parts() -> Vec<Monitor> {
    vec![
        part(
            "edge-requests",
            "EdgeErrors",
            "ssowatch: {{tier.name}} has enough requests to say something",
            metric("sum(last_5m):sum:edge.requests{*} by {tier}.as_count()".to_owned(), 99.0),
            "At least 100 requests of a tier in five minutes, so that a share says something.",
        ),
        part(
            "edge-error-ratio",
            "EdgeErrors",
            "ssowatch: 5 % of the requests of {{tier.name}} get a 5xx",
            share("code:5*", 0.05),
            "Requests with 5xx of all requests of a tier in five minutes.",
        ),
        part(
            "edge-rate-limited-ratio",
            "EdgeRateLimited",
            "ssowatch: 2 % of the requests of {{tier.name}} are refused with 429",
            share("code:429", 0.02),
            "Requests with 429 of all requests of a tier in five minutes.",
        ),
        part(
            "edge-blocked-ratio",
            "EdgeBlocked",
            "ssowatch: 5 % of the requests of {{tier.name}} are refused with 403",
            share("code:403", 0.05),
            "Requests with 403 of all requests of a tier in five minutes.",
        ),
        part(
            "edge-abandoned-ratio",
            "EdgeAbandoned",
            "ssowatch: half of the requests of {{tier.name}} are given up before an answer",
            share(NO_ANSWER, 0.5),
            "Requests with 499, 460 or no status of all requests of a tier in five minutes.",
        ),
        part(
            "edge-client-error-ratio",
            "EdgeClientErrors",
            "ssowatch: half of the requests of {{tier.name}} get a 4xx",
            share(CLIENT_ERROR, 0.5),
            "Requests with 4xx (403, 414, 429, 460 and 499 aside) of all requests of a tier in five minutes.",
        ),
        // The change of each minute is taken before the mean, and a mean wants no counts; points come once a minute.
        part(
            "edge-answers-steady",
            "EdgeClientErrors",
            "ssowatch: {{tier.name}} answers as it did an hour ago",
            metric(
                "pct_change(avg(last_5m),last_1h):sum:edge.requests{!code:4*,!code:5*,!code:none} by {tier}.rollup(sum, 60)".to_owned(),
                -50.0,
            ),
            "Answers other than 4xx and 5xx of a tier are at least half as many as an hour ago: what strangers add (scans), and what always came, takes nobody's place.",
        ),
    ]
}

fn tiers() -> Vec<Monitor> {
    let page = |name: &str, alert, title, parts, what, impact, recovery| Monitor {
        name: name.to_owned(),
        alert,
        title,
        kind: Kind::Composite(parts),
        severity: Severity::Page,
        what,
        impact,
        recovery,
    };
    vec![
        page(
            "edge-errors",
            "EdgeErrors",
            "ssowatch: {{tier.name}} answers with 5xx",
            &["edge-error-ratio", "edge-requests"],
            "More than 5 % of at least 100 requests of {{tier.name}} got a 5xx in five minutes.",
            "Who signs in there sees errors, or the callback does not arrive.",
            "Fewer than 5 % get a 5xx, or fewer than 100 requests came in five minutes.",
        ),
        page(
            "edge-rate-limited",
            "EdgeRateLimited",
            "ssowatch: {{tier.name}} refuses requests with 429",
            &["edge-rate-limited-ratio", "edge-requests"],
            "A rate limit refuses more than 2 % of at least 100 requests of {{tier.name}} in five minutes.",
            "Whoever is refused cannot sign in.",
            "Fewer than 2 % are refused, or fewer than 100 requests came in five minutes.",
        ),
        page(
            "edge-blocked",
            "EdgeBlocked",
            "ssowatch: {{tier.name}} refuses requests with 403",
            &["edge-blocked-ratio", "edge-requests"],
            "A block list or firewall refuses more than 5 % of at least 100 requests of {{tier.name}} in five minutes.",
            "Whoever is blocked cannot sign in.",
            "Fewer than 5 % are refused, or fewer than 100 requests came in five minutes.",
        ),
        page(
            "edge-abandoned",
            "EdgeAbandoned",
            "ssowatch: {{tier.name}} does not answer",
            &["edge-abandoned-ratio", "edge-requests", "!edge-answers-steady"],
            "Clients left before they were answered in more than half of at least 100 requests of {{tier.name}} in five minutes, and answers are fewer than half of those of an hour ago.",
            "Nearly nobody gets through: what is behind the edge takes requests and does not answer.",
            "Fewer than half are given up, fewer than 100 requests came in five minutes, or answers are as many as an hour ago.",
        ),
        page(
            "edge-client-errors",
            "EdgeClientErrors",
            "ssowatch: {{tier.name}} refuses most requests with 4xx",
            &["edge-client-error-ratio", "edge-requests", "!edge-answers-steady"],
            "More than half of at least 100 requests of {{tier.name}} got a 4xx (403, 414 and 429 aside) in five minutes, and answers are fewer than half of those of an hour ago.",
            "Nearly nobody gets through this tier.",
            "Fewer than half get a 4xx, fewer than 100 requests came in five minutes, or answers are as many as an hour ago.",
        ),
    ]
}

fn limits() -> Vec<Monitor> {
    vec![Monitor {
        name: "edge-limit-near".to_owned(),
        alert: "EdgeLimitNear",
        title: "ssowatch: {{limit.name}} is nearly used up",
        kind: metric("max(last_5m):max:edge.limit_utilization_ratio{*} by {limit}".to_owned(), 0.8),
        severity: Severity::Page,
        what: "The busiest key of {{limit.name}} uses more than 80 % of its quota.",
        impact: "None yet; the next step is that requests are refused.",
        recovery: "It uses less than 80 %.",
    }]
}
