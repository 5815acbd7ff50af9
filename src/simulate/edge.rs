//! The streams of `edge:` as what access logs add up to: one tier for each, day and night alike, bad by chance and by faults.

use super::random::{Stream, poisson};
use super::recording::Simulation;
use crate::event::Timestamp;
use crate::event::edge::{EdgeTally, Kind, Method};

impl Simulation {
    /// What ended in the second that begins at `at`, by tier.
    pub(crate) fn edge_second(&self, at: Timestamp) -> Vec<EdgeTally> {
        let second = at.seconds();
        let index = [second.unsigned_abs()];
        let streams = self.scenario().edge.streams.iter();
        let tally = |stream: &super::scenario::EdgeStream| {
            let draw = |what: &str| Stream::new(self.seed(), &format!("{what}{}", stream.name));
            let all = poisson(stream.rate_per_min / 60.0, draw("edge").uniform(&index));
            let odds = self.odds(&stream.name, stream.p0, second);
            let bad = poisson(f64::from(all) * odds, draw("edgebad").uniform(&index)).min(all);
            let kind =
                |code| Kind { route: "/".into(), method: Method::Get, code, internal: false };
            let cells = [(200, all - bad), (code(&stream.name), bad)];
            let cells = cells.into_iter().filter(|(_, count)| *count > 0);
            EdgeTally {
                second,
                tier: stream.name.as_str().into(),
                cells: cells.map(|(code, count)| (kind(code), u64::from(count))).collect(),
                ..EdgeTally::default()
            }
        };
        streams.map(tally).filter(|tally| !tally.cells.is_empty()).collect()
    }

    /// The share of a stream that is bad at that second.
    fn odds(&self, name: &str, usual: f64, second: i64) -> f64 {
        let scenario = self.scenario();
        let faults = scenario.edge.faults.iter().filter(|fault| fault.stream == name);
        faults.fold(usual, |odds, fault| {
            #[expect(clippy::cast_precision_loss, reason = "a scenario lasts some weeks")]
            let now = (second - self.start().seconds()) as f64;
            let age = now - fault.at.seconds_after(self.start());
            if !(0.0..fault.duration.0).contains(&age) {
                return odds;
            }
            let grown = if fault.ramp.0 > 0.0 { (age / fault.ramp.0).min(1.0) } else { 1.0 };
            1.0 - (1.0 - odds) * (1.0 - fault.add * grown)
        })
    }
}

/// The code that a stream is about, by the end of its name.
fn code(name: &str) -> u16 {
    match name.rsplit('_').next() {
        Some("429") => 429,
        Some("403") => 403,
        _ => 503,
    }
}
