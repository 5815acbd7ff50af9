//! Panels about the edge: tiers and declared limits.

use super::Row;
use super::panel::{Column, Panel, Target};
use crate::generate::prometheus::{CLIENT_ERROR, NO_ANSWER};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row { title: "Edge tiers", panels: tiers() },
        Row { title: "Rate limits", panels: limits() },
    ]
}

/// The share of a tier's requests with `codes`, of at least 100 in five minutes.
fn share(codes: &str) -> String {
    format!(
        "sum by (tier) (rate(edge_requests_total{{tier=~\"$tier\", {codes}}}[5m]))
/
(sum by (tier) (rate(edge_requests_total{{tier=~\"$tier\"}}[5m])) > 100 / 300)"
    )
}

fn quantile(series: &str, quantile: &str) -> String {
    format!(
        "histogram_quantile({quantile}, sum by (tier, le) (rate({series}_bucket{{tier=~\"$tier\"}}[$__rate_interval])))"
    )
}

fn tiers() -> Vec<Panel> {
    vec![
        Panel::stacked(
            "Requests by code, a second",
            "reqps",
            vec![Target::new(
                "sum by (tier, code) (rate(edge_requests_total{tier=~\"$tier\"}[$__rate_interval]))",
                "{{tier}}: {{code}}",
            )],
        )
        .about("Requests that the edge answered."),
        Panel::lines(
            "Refused and failed",
            "percentunit",
            vec![
                Target::new(share("code=~\"5..\""), "{{tier}}: 5xx"),
                Target::new(share("code=\"429\""), "{{tier}}: 429, rate limited"),
                Target::new(share("code=\"403\""), "{{tier}}: 403, blocked"),
                Target::new(share("code=\"414\""), "{{tier}}: 414, URI too long"),
                Target::new(share(NO_ANSWER), "{{tier}}: no answer (499, 460, none)"),
                Target::new(share(CLIENT_ERROR), "{{tier}}: other 4xx"),
            ],
        )
        .about("Of at least 100 requests of five minutes."),
        Panel::lines(
            "Request takes",
            "s",
            vec![
                Target::new(quantile("edge_request_duration_seconds", "0.5"), "{{tier}}: p50"),
                Target::new(quantile("edge_request_duration_seconds", "0.95"), "{{tier}}: p95"),
            ],
        )
        .about("From the first byte of the request to the last of the answer."),
        Panel::lines(
            "URI length",
            "bytes",
            vec![Target::new(quantile("edge_request_uri_bytes", "0.99"), "{{tier}}: p99")],
        )
        .about("SAML requests by redirect carry everything in the URI; close to the edge's limit they fail with 414."),
        Panel::lines(
            "Internal callers at the public edge, a second",
            "reqps",
            vec![Target::new(
                "sum by (tier) (rate(edge_requests_total{tier=~\"$tier\", traffic=\"internal\"}[$__rate_interval]))",
                "{{tier}}",
            )],
        )
        .about("They share its limits with customers."),
    ]
}

fn limits() -> Vec<Panel> {
    const COLUMNS: &[Column] = &[
        Column::text("limit", "Limit"),
        Column::value("Value #A", "Busiest key uses", "percentunit").largest_first(),
        Column::value("Value #B", "Would have been refused, 1h", "short"),
    ];
    vec![
        Panel::lines(
            "Use of declared limits",
            "percentunit",
            vec![Target::new("max by (limit) (edge_limit_utilization_ratio)", "{{limit}}")],
        )
        .about("How much of its quota the busiest key uses.")
        .steps(&[(0.8, "yellow"), (1.0, "red")]),
        Panel::table(
            "Declared limits",
            COLUMNS,
            vec![
                "max by (limit) (edge_limit_utilization_ratio)".to_owned(),
                "sum by (limit) (increase(edge_limit_exceeded_total[1h]))".to_owned(),
            ],
        )
        .about("The declared limits, whoever enforces them.")
        .wide(12),
    ]
}
