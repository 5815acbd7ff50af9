//! The edge: access logs and declared limits.

use super::{Kind, Metric};

/// Requests at the edge; traffic is internal or external.
pub const EDGE_REQUESTS: Metric = Metric {
    name: "edge_requests_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests at the edge; traffic is internal or external.",
    labels: &["tier", "route", "method", "code", "traffic"],
};

/// How long requests at the edge took, as their log says.
pub const EDGE_DURATION: Metric = Metric {
    name: "edge_request_duration_seconds",
    kind: Kind::Histogram,
    unit: "second",
    help: "How long requests at the edge took, as their log says.",
    labels: &["tier"],
};

/// How long the URIs of requests at the edge were.
pub const EDGE_URI_BYTES: Metric = Metric {
    name: "edge_request_uri_bytes",
    kind: Kind::Histogram,
    unit: "byte",
    help: "How long the URIs of requests at the edge were.",
    labels: &["tier"],
};

/// The busiest key's highest use of a declared rate limit in the last minute, 0 to 1 and above.
pub const EDGE_LIMIT_UTILIZATION: Metric = Metric {
    name: "edge_limit_utilization_ratio",
    kind: Kind::Gauge,
    unit: "ratio",
    help: "The busiest key's highest use of a declared rate limit in the last minute, 0 to 1 and above.",
    labels: &["limit"],
};

/// Requests that the declared limit would have refused.
pub const EDGE_LIMIT_EXCEEDED: Metric = Metric {
    name: "edge_limit_exceeded_total",
    kind: Kind::Counter,
    unit: "request",
    help: "Requests that the declared limit would have refused.",
    labels: &["limit"],
};
