//! What is told of the edge: its counters since the beginning and its gauges, as the daemon's own are.
//!
//! They are counted as they come, not in windows, so they are told with the gauges. The histograms are not told: each has as
//! many series as it has buckets.

use crate::signal::catalog::{self, Metric};
use crate::signal::{LimitView, Snapshot, TierView};
use crate::telemetry::Sample;

/// The counters and gauges of the edge.
pub(super) fn samples(snapshot: &Snapshot) -> Vec<Sample> {
    let tiers = snapshot.tiers.iter().flat_map(|tier| requests(tier));
    tiers.chain(snapshot.limits.iter().flat_map(limit)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn requests(tier: &TierView) -> impl Iterator<Item = Sample> {
    tier.requests.iter().map(|(kind, count)| {
        let code = kind.code_text();
        let values = [&*tier.tier, &kind.route, kind.method.as_str(), &code, kind.traffic()];
        sample(&catalog::EDGE_REQUESTS, &values, *count as f64)
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn limit(limit: &LimitView) -> impl Iterator<Item = Sample> {
    let name = [&*limit.limit];
    let exceeded = sample(&catalog::EDGE_LIMIT_EXCEEDED, &name, limit.exceeded as f64);
    let used = limit.utilization.map(|used| sample(&catalog::EDGE_LIMIT_UTILIZATION, &name, used));
    [Some(exceeded), used].into_iter().flatten()
}

fn sample(metric: &Metric, values: &[&str], value: f64) -> Sample {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Sample { metric: *metric, values, value }
}
