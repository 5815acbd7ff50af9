//! The families of the edge.

use super::Page;
use crate::event::edge::{DURATION_BOUNDS_MICROS, URI_BOUNDS_BYTES};
use crate::signal::catalog::{self, Metric};
use crate::signal::{Buckets, Snapshot};

impl Page {
    pub(super) fn edge(&mut self, snapshot: &Snapshot) {
        self.family(&catalog::EDGE_REQUESTS);
        for tier in &snapshot.tiers {
            for (kind, count) in &tier.requests {
                let code = kind.code_text();
                let values =
                    [&*tier.tier, &kind.route, kind.method.as_str(), &code, kind.traffic()];
                self.sample(&catalog::EDGE_REQUESTS, &values, count);
            }
        }
        self.family(&catalog::EDGE_DURATION);
        for tier in &snapshot.tiers {
            let bounds = DURATION_BOUNDS_MICROS.iter().map(|micros| seconds(*micros));
            let sum = seconds(tier.durations.sum);
            self.buckets(&catalog::EDGE_DURATION, &tier.tier, &tier.durations, bounds, &sum);
        }
        self.family(&catalog::EDGE_URI_BYTES);
        for tier in &snapshot.tiers {
            let bounds = URI_BOUNDS_BYTES.iter().map(u64::to_string);
            let sum = tier.uri_bytes.sum.to_string();
            self.buckets(&catalog::EDGE_URI_BYTES, &tier.tier, &tier.uri_bytes, bounds, &sum);
        }
        self.family(&catalog::EDGE_LIMIT_UTILIZATION);
        for limit in &snapshot.limits {
            if let Some(utilization) = limit.utilization {
                self.sample(&catalog::EDGE_LIMIT_UTILIZATION, &[&limit.limit], utilization);
            }
        }
        self.family(&catalog::EDGE_LIMIT_EXCEEDED);
        for limit in &snapshot.limits {
            self.sample(&catalog::EDGE_LIMIT_EXCEEDED, &[&limit.limit], limit.exceeded);
        }
    }

    /// A histogram of a tier; none where nothing was observed.
    fn buckets(
        &mut self,
        metric: &Metric,
        tier: &str,
        buckets: &Buckets,
        bounds: impl Iterator<Item = String>,
        sum: &str,
    ) {
        if buckets.count() == 0 {
            return;
        }
        let mut total = 0;
        for (bound, count) in bounds.chain(["+Inf".to_owned()]).zip(&buckets.counts) {
            total += count;
            let labels = [("tier", tier), ("le", &bound)];
            self.line(&format!("{}_bucket", metric.name), labels.into_iter(), total);
        }
        self.line(&format!("{}_sum", metric.name), [("tier", tier)].into_iter(), sum);
        self.line(&format!("{}_count", metric.name), [("tier", tier)].into_iter(), total);
    }
}

/// Microseconds as decimal seconds, exactly.
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_written_as_seconds() {
        let cases =
            [(0, "0"), (1_000, "0.001"), (7_500, "0.0075"), (1_500_000, "1.5"), (60_000_000, "60")];
        for (micros, want) in cases {
            assert_eq!(seconds(micros), want);
        }
    }
}
