//! The daemon's own telemetry read back, for sinks that push it: the recorder shows its values only as an exposition.

use crate::signal::catalog::{self, Metric};

/// The value of one series.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Of the catalogue.
    pub metric: Metric,
    /// The labels' values, in the order of the metric's labels; a label that is not there is empty.
    pub values: Vec<String>,
    /// A total or a gauge.
    pub value: f64,
}

/// The samples of a rendered exposition that are of the catalogue, in order of name and labels.
#[must_use]
pub fn samples(rendered: &str) -> Vec<Sample> {
    let mut samples: Vec<Sample> = rendered.lines().filter_map(sample).collect();
    samples.sort_by(|a, b| (a.metric.name, &a.values).cmp(&(b.metric.name, &b.values)));
    samples
}

/// Reads `name{label="value",…} 1.5` or `name 1.5`.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let metric = *catalog::ALL.iter().find(|metric| metric.name == name)?;
    let mut values = vec![String::new(); metric.labels.len()];
    let mut rest = labels.strip_suffix('}')?;
    while let Some((label, after)) = rest.split_once("=\"") {
        let (text, after) = quoted(after)?;
        if let Some(place) = metric.labels.iter().position(|known| *known == label) {
            values[place] = text;
        }
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(Sample { metric, values, value: value.parse().ok()? })
}

/// What stands before the closing quotation mark, and what after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[place + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn what_the_recorder_shows_is_read_back() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            super::super::describe();
            super::super::journal_bytes(1_234);
            super::super::sink_dropped("a", "too_old", 3);
            super::super::notified("odd \"name\", {x=\"y\"}\\", 2, false, &"");
            metrics::counter!("somebody_elses_total").increment(1);
        });
        let samples = samples(&recorder.handle().render());
        let read: Vec<_> =
            samples.iter().map(|s| (s.metric.name, s.values.join("|"), s.value)).collect();
        let want = [
            ("ssowatch_journal_bytes", "", 1_234.0),
            ("ssowatch_notifications_total", "odd \"name\", {x=\"y\"}\\|accepted", 2.0),
            ("ssowatch_sink_dropped_total", "a|too_old", 3.0),
        ];
        assert_eq!(read, want.map(|(name, values, value)| (name, values.to_owned(), value)));
    }

    #[test]
    fn lines_that_are_no_samples_are_passed_over() {
        for line in
            ["", "# HELP x", "ssowatch_journal_bytes", "ssowatch_sink_dropped_total{a=\"b 1"]
        {
            assert_eq!(samples(line), [], "{line}");
        }
    }
}
