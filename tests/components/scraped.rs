//! Scrapes as promtool takes them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What Prometheus would have scraped: each series with its values, one a minute.
#[derive(Default)]
pub(crate) struct Scraped {
    series: BTreeMap<String, Vec<Option<String>>>,
    minutes: usize,
    /// Seconds since 1970.
    begin: f64,
}

impl Scraped {
    /// Nothing yet; the first scrape is that of `begin`, in seconds since 1970.
    pub(crate) fn since(begin: i64) -> Self {
        Self { begin: f64::from(u32::try_from(begin).unwrap()), ..Self::default() }
    }

    /// The scrape of another minute; an empty one is none.
    pub(crate) fn add(&mut self, exposition: &str) {
        // Prometheus's own series: a target that does not answer has it, too.
        let up = if exposition.is_empty() { "0" } else { "1" };
        self.series.entry("up".to_owned()).or_default().push(Some(up.to_owned()));
        for line in exposition.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let value = self.value(series, value);
            let values = self.series.entry(series.to_owned()).or_default();
            values.resize(self.minutes, None);
            values.push(Some(value));
        }
        self.minutes += 1;
    }

    /// The clock of promtool begins at 0, so moments are told from the beginning, too.
    fn value(&self, series: &str, value: &str) -> String {
        let moment =
            series.split('{').next().is_some_and(|name| name.ends_with("timestamp_seconds"));
        if moment {
            (value.parse::<f64>().unwrap() - self.begin).to_string()
        } else {
            value.to_owned()
        }
    }

    pub(crate) fn minutes(&self) -> usize {
        self.minutes
    }

    /// As the input of a test of promtool. What was there and is not scraped any more is stale, as in Prometheus.
    pub(crate) fn input(&self) -> String {
        let mut text = String::new();
        for (series, values) in &self.series {
            let series = series.replace('\'', "''");
            let mut there = false;
            let values: Vec<&str> = (0..self.minutes)
                .map(|minute| match values.get(minute).and_then(Option::as_deref) {
                    Some(value) => {
                        there = true;
                        value
                    }
                    None if std::mem::take(&mut there) => "stale",
                    None => "_",
                })
                .collect();
            writeln!(text, "      - series: '{series}'\n        values: '{}'", values.join(" "))
                .unwrap();
        }
        text
    }
}
