//! The text itself: heads of families and samples with their labels.

use std::fmt::{Display, Write};

use crate::signal::catalog::Metric;

pub(super) struct Page(pub(super) String);

impl Page {
    pub(super) fn family(&mut self, metric: &Metric) {
        let Metric { name, help, kind, .. } = metric;
        let kind = kind.as_str();
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("memory grows");
    }

    pub(super) fn sample(&mut self, metric: &Metric, values: &[&str], value: impl Display) {
        let labels = metric.labels.iter().copied().zip(values.iter().copied());
        self.line(metric.name, labels, value);
    }

    pub(super) fn line<'a>(
        &mut self,
        name: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        value: impl Display,
    ) {
        self.0.push_str(name);
        let mut open = false;
        for (label, text) in labels {
            self.0.push_str(if open { "," } else { "{" });
            open = true;
            self.0.push_str(label);
            self.0.push_str("=\"");
            escape(&mut self.0, text);
            self.0.push('"');
        }
        self.0.push_str(if open { "} " } else { " " });
        writeln!(self.0, "{value}").expect("memory grows");
    }
}

fn escape(page: &mut String, text: &str) {
    // A label is looked at for each of its series: byte by byte this took half of a scrape.
    if memchr::memchr3(b'\\', b'"', b'\n', text.as_bytes()).is_none() {
        return page.push_str(text);
    }
    for c in text.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            c => page.push(c),
        }
    }
}
