//! Widgets of a board.

use serde_json::{Value, json};

/// A widget.
#[derive(Debug)]
pub(super) struct Widget {
    pub(super) title: &'static str,
    pub(super) view: View,
    /// In columns of 12.
    pub(super) width: u32,
    pub(super) formulas: Vec<Formula>,
}

/// How it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    /// The value of the chosen time, large.
    Value,
    /// Lines over time.
    Lines,
    /// Bars on top of each other over time.
    Bars,
    /// The groups with the largest values of the chosen time.
    Top,
}

/// A formula over named queries.
#[derive(Debug)]
pub(super) struct Formula {
    pub(super) alias: &'static str,
    /// With the queries as `a`, `b` and so on.
    pub(super) expression: &'static str,
    pub(super) queries: Vec<String>,
    /// Datadog's name of the unit; empty for counts.
    pub(super) unit: &'static str,
}

impl Formula {
    /// One query as it is.
    pub(super) fn of(alias: &'static str, query: impl Into<String>) -> Self {
        Self { alias, expression: "a", queries: vec![query.into()], unit: "" }
    }

    /// `part` of `whole` in per cent.
    pub(super) fn percent(
        alias: &'static str,
        part: impl Into<String>,
        whole: impl Into<String>,
    ) -> Self {
        Self {
            alias,
            expression: "100 * a / b",
            queries: vec![part.into(), whole.into()],
            unit: "percent",
        }
    }

    pub(super) fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }
}

impl Widget {
    pub(super) fn new(title: &'static str, view: View, formulas: Vec<Formula>) -> Self {
        let width = match view {
            View::Value => 2,
            View::Lines | View::Bars | View::Top => 6,
        };
        Self { title, view, width, formulas }
    }

    pub(super) fn height(&self) -> u32 {
        if self.view == View::Value { 2 } else { 3 }
    }

    pub(super) fn json(&self, x: u32, y: u32) -> Value {
        let mut definition = json!({
            "title": self.title,
            "type": self.view.api_type(),
            "requests": self.requests(),
        });
        match self.view {
            View::Value => {
                definition["autoscale"] = json!(true);
                definition["precision"] = json!(2);
            }
            View::Lines | View::Bars => {
                definition["show_legend"] = json!(true);
                definition["legend_layout"] = json!("auto");
            }
            View::Top => {}
        }
        json!({
            "definition": definition,
            "layout": {"x": x, "y": y, "width": self.width, "height": self.height()},
        })
    }

    fn requests(&self) -> Vec<Value> {
        let scalar = matches!(self.view, View::Value | View::Top);
        let each = self.formulas.iter().enumerate().map(|(place, formula)| {
            // Names are per widget: the queries of the second formula are a1, b1 and so on.
            let suffix = if place == 0 { String::new() } else { place.to_string() };
            let mut request = json!({
                "response_format": if scalar { "scalar" } else { "timeseries" },
                "queries": formula.queries(&suffix, scalar),
                "formulas": [formula.json(&suffix, self.view)],
            });
            match self.view {
                View::Lines => request["display_type"] = json!("line"),
                View::Bars => request["display_type"] = json!("bars"),
                View::Top => {
                    request["sort"] = json!({"count": 20, "order_by": [{"type": "formula", "index": 0, "order": "desc"}]});
                }
                View::Value => {}
            }
            request
        });
        each.collect()
    }
}

impl View {
    fn api_type(self) -> &'static str {
        match self {
            Self::Value => "query_value",
            Self::Lines | Self::Bars => "timeseries",
            Self::Top => "toplist",
        }
    }
}

impl Formula {
    fn json(&self, suffix: &str, view: View) -> Value {
        let letter = |word: &str| word.len() == 1 && word.chars().all(|c| c.is_ascii_lowercase());
        let words: Vec<_> = self
            .expression
            .split(' ')
            .map(|word| if letter(word) { format!("{word}{suffix}") } else { word.to_owned() })
            .collect();
        let mut formula = json!({"formula": words.join(" ")});
        if view != View::Value && !self.alias.is_empty() {
            formula["alias"] = json!(self.alias);
        }
        if !self.unit.is_empty() {
            formula["number_format"] =
                json!({"unit": {"type": "canonical_unit", "unit_name": self.unit}});
        }
        formula
    }

    fn queries(&self, suffix: &str, scalar: bool) -> Vec<Value> {
        let each = self.queries.iter().zip('a'..).map(|(query, name)| {
            let mut value = json!({
                "data_source": "metrics", "name": format!("{name}{suffix}"), "query": query,
            });
            if scalar {
                // Counts are added up over the chosen time, gauges are as they are last.
                let count = query.ends_with(".as_count()");
                value["aggregator"] = json!(if count { "sum" } else { "last" });
            }
            value
        });
        each.collect()
    }
}
