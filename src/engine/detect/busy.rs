//! How the odds of busy connections wander by themselves. A single one is seen too little to tell; all of them together are not.

use serde::{Deserialize, Serialize};

use super::config::Kind;
use super::wander::{Gauge, Sums};
use super::watch::Watch;

/// Attempts a day from which on a connection is busy: one a minute. With fewer, no wandering of some minutes gathers evidence.
const BUSY_A_DAY: f64 = 1_440.0;

/// Busy connections that are measured at most, 250 bytes each; more would say the same.
const CONNECTIONS_MAX: u32 = 256;

/// The measure, by kind.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Busy {
    sums: [Sums; Kind::ALL.len()],
    connections: u32,
}

impl Busy {
    /// An attempt on a connection that is known well enough, of which `expected` is the probability of bad.
    pub(super) fn measure(
        &mut self,
        watch: &mut Watch,
        kind: Kind,
        bad: bool,
        expected: f64,
        second: u32,
    ) {
        let stream = &watch.streams[kind as usize];
        let (busy, alarmed) = (stream.per_day() >= BUSY_A_DAY, stream.alarm.is_some());
        if watch.gauges.is_none() {
            if !busy || self.connections >= CONNECTIONS_MAX {
                return;
            }
            self.connections += 1;
        }
        let gauges: &mut [Gauge; Kind::ALL.len()] = watch.gauges.get_or_insert_default();
        let (gauge, sums) = (&mut gauges[kind as usize], &mut self.sums[kind as usize]);
        if alarmed {
            gauge.pause();
        } else if let Some(neighbours) = gauge.measure(bad, expected, second, sums) {
            sums.add(neighbours);
        }
    }

    /// Decays with the baseline, once a day.
    pub(super) fn decay(&mut self, left: f64) {
        for sums in &mut self.sums {
            sums.decay(left);
        }
    }

    /// Variance of the log-odds of a bad attempt on this connection, from some minutes to the next.
    pub(super) fn wander(&self, watch: &Watch, kind: Kind) -> f64 {
        if watch.gauges.is_some() { self.sums[kind as usize].variance() } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u32 = 20_000;

    fn watch(a_day: f64) -> Watch {
        let mut watch = Watch::default();
        for stream in &mut watch.streams {
            stream.at_pace(DAY, a_day);
        }
        watch
    }

    /// What is found on some connections with two attempts a minute of which an eighth hang, while the log-odds of each wander by
    /// `deviation` from ten minutes to ten minutes.
    fn found(deviation: f64) -> f64 {
        let mut random = fastrand::Rng::with_seed(4);
        let (mut busy, mut watches) = (Busy::default(), vec![watch(2_880.0); 10]);
        let mut p = [0.125; 10];
        for minute in 0..14 * 1_440 {
            for (watch, p) in watches.iter_mut().zip(&mut p) {
                if minute % 10 == 0 {
                    // Twelve uniform numbers make a normal one.
                    let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
                    let odds = (deviation * normal).exp() / 7.0;
                    *p = odds / (1.0 + odds);
                }
                for second in [0, 30] {
                    let (bad, second) = (random.f64() < *p, DAY * 86_400 + minute * 60 + second);
                    busy.measure(watch, Kind::Hanging, bad, 0.125, second);
                }
            }
        }
        busy.wander(&watches[0], Kind::Hanging).sqrt()
    }

    #[test]
    fn many_connections_together_show_how_each_wanders() {
        let (still, wandering) = (found(0.0), found(0.4));
        assert!(still < 0.15, "{still}");
        assert!((0.3..0.5).contains(&wandering), "{wandering}");
    }

    #[test]
    fn quiet_connections_and_more_than_are_needed_are_not_measured() {
        let (mut busy, mut quiet) = (Busy::default(), watch(1_000.0));
        busy.measure(&mut quiet, Kind::Failing, true, 0.01, DAY * 86_400);
        assert!(quiet.gauges.is_none() && busy.wander(&quiet, Kind::Failing) == 0.0);
        let mut last = None;
        for _ in 0..=CONNECTIONS_MAX {
            let mut watch = watch(2_000.0);
            busy.measure(&mut watch, Kind::Failing, true, 0.01, DAY * 86_400);
            last = Some(watch.gauges.is_some());
        }
        assert_eq!((busy.connections, last), (CONNECTIONS_MAX, Some(false)));
    }
}
