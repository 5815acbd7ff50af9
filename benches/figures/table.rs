//! Figures of several runs, as a table: median, spread, and the ratio to a baseline of the same run.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What a figure must reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    None,
}

/// One figure of one run.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) work: String,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) goal: Goal,
    /// What the machine does without ssowatch, in the same unit.
    pub(crate) baseline: Option<(&'static str, f64)>,
}

impl Figure {
    pub(crate) fn new(work: impl Into<String>, value: f64, unit: &'static str, goal: Goal) -> Self {
        Self { work: work.into(), unit, value, goal, baseline: None }
    }

    /// The same, beside what the machine can do.
    pub(crate) fn beside(self, name: &'static str, value: f64) -> Self {
        Self { baseline: Some((name, value)), ..self }
    }
}

/// The figures of all runs, in order of their first.
#[derive(Debug, Default)]
pub(crate) struct Table {
    order: Vec<String>,
    figures: BTreeMap<String, Vec<Figure>>,
}

impl Table {
    pub(crate) fn add(&mut self, figures: Vec<Figure>) {
        for figure in figures {
            if !self.figures.contains_key(&figure.work) {
                self.order.push(figure.work.clone());
            }
            self.figures.entry(figure.work.clone()).or_default().push(figure);
        }
    }

    /// Markdown.
    pub(crate) fn text(&self) -> String {
        let mut text =
            "| work | median | spread | goal | | baseline | ratio |\n| --- | --: | --- | --: | --- | --- | --: |\n"
                .to_owned();
        for figures in self.order.iter().map(|work| &self.figures[work]) {
            let Figure { work, unit, goal, .. } = &figures[0];
            let (low, value, high) = middle(figures.iter().map(|figure| figure.value));
            let (goal, reached) = match goal {
                Goal::AtLeast(goal) => (format!("≥ {}", number(*goal)), value >= *goal),
                Goal::AtMost(goal) => (format!("≤ {}", number(*goal)), value <= *goal),
                Goal::None => (String::new(), true),
            };
            let mark = if goal.is_empty() { "" } else { ["no", "yes"][usize::from(reached)] };
            let beside = figures[0].baseline.map_or(String::from(" | "), |(name, _)| {
                let all = figures.iter().filter_map(|figure| figure.baseline);
                let (_, base, _) = middle(all.map(|(_, base)| base));
                format!("{name}: {} | {:.2}", number(base), value / base)
            });
            let (low, middle, high) = (number(low), number(value), number(high));
            let _ = writeln!(
                text,
                "| {work} | {middle} {unit} | {low} – {high} | {goal} | {mark} | {beside} |"
            );
        }
        text
    }
}

/// The least, the median and the most.
fn middle(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

/// Three digits that matter; thousands apart.
fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 1000.0 {
        return format!("{value:.0}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
