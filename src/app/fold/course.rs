//! How the engine's time stands to the clock, said when that changes.

use crate::clock::AHEAD_MILLIS;
use crate::event::Timestamp;
use crate::telemetry;

/// What was said last.
#[derive(Debug, Default)]
pub(in crate::app) struct Course {
    /// The engine's time is ahead of the clock: nothing is judged before the clock has come there.
    ahead: bool,
    /// The clock has stepped ahead, and is not believed yet.
    doubted: bool,
}

/// What is to be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    /// Nothing is judged until then, so many milliseconds from now.
    Ahead(Timestamp, i64),
    /// The clock has caught up.
    Even,
    /// The clock has stepped ahead by so many milliseconds.
    Doubted(i64),
}

impl Course {
    /// Looks at the time of the clock, at that of the engine, and how far the clock is ahead of what is believed of it.
    pub(super) fn look(&mut self, clock: Timestamp, engine: Timestamp, doubted: Option<i64>) {
        telemetry::time_ahead(engine.millis_since(clock).max(0));
        for news in self.news(clock, engine, doubted).into_iter().flatten() {
            match news {
                News::Ahead(until, millis) => telemetry::time_stands(until, millis),
                News::Even => telemetry::time_goes_on(),
                News::Doubted(millis) => telemetry::clock_doubted(millis),
            }
        }
    }

    fn news(
        &mut self,
        clock: Timestamp,
        engine: Timestamp,
        doubted: Option<i64>,
    ) -> [Option<News>; 2] {
        let ahead_millis = engine.millis_since(clock);
        let ahead = ahead_millis > if self.ahead { 0 } else { AHEAD_MILLIS };
        let stands = match (std::mem::replace(&mut self.ahead, ahead), ahead) {
            (false, true) => Some(News::Ahead(engine, ahead_millis)),
            (true, false) => Some(News::Even),
            _ => None,
        };
        let doubts = !std::mem::replace(&mut self.doubted, doubted.is_some());
        [stands, doubted.filter(|_| doubts).map(News::Doubted)]
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn how_far_time_is_ahead_is_shown_at_each_look() {
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let mut course = Course::default();
            for (clock, engine, want) in [(100, 3700, 3600.0), (3698, 3700, 2.0), (3701, 3700, 0.0)]
            {
                course.look(at(clock), at(engine), None);
                let samples = telemetry::samples(&recorder.handle().render());
                let shown = samples.iter().map(|sample| (sample.metric.name, sample.value));
                assert_eq!(shown.collect::<Vec<_>>(), [("ssowatch_time_ahead_seconds", want)]);
            }
        });
    }

    #[test]
    fn what_changes_is_said_once() {
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let mut course = Course::default();
        let said = [
            (0, 0, None, [None, None]),
            (1, 0, Some(3_600_000), [None, Some(News::Doubted(3_600_000))]),
            (2, 1, Some(3_600_000), [None, None]),
            // It lasted, and was taken back.
            (3700, 3700, None, [None, None]),
            (101, 3700, None, [Some(News::Ahead(at(3700), 3_599_000)), None]),
            (102, 3700, None, [None, None]),
            (3698, 3700, None, [None, None]),
            (3700, 3700, None, [Some(News::Even), None]),
            // So little is not worth a word.
            (3700, 3705, None, [None, None]),
        ];
        for (clock, engine, doubted, want) in said {
            assert_eq!(course.news(at(clock), at(engine), doubted), want, "{clock} {engine}");
        }
    }
}
