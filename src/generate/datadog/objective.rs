//! The service level objective of sign-ins.

use serde_json::{Value, json};

/// As in the Prometheus rules: 97 % of the sign-ins do not fail. Neither time-outs, which are mostly people who walk away,
/// nor what people denied themselves counts as a failure.
const TARGET: f64 = 97.0;

pub(super) fn json() -> Value {
    json!({
        "name": "Single sign-on: sign-ins do not fail",
        "description": "97 % of all sign-ins of 30 days do not fail. Time-outs and sign-ins that people denied themselves are no failures.",
        "type": "metric",
        "query": {
            "numerator": "sum:sso.sessions_finished{*}.as_count() - sum:sso.session_failures{!cause:denied}.as_count()",
            "denominator": "sum:sso.sessions_finished{*}.as_count()",
        },
        "thresholds": [{"timeframe": "30d", "target": TARGET, "warning": 98.0}],
        "tags": ["service:ssowatch"],
    })
}
