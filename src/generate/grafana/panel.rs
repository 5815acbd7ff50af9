//! What a panel is.

/// A panel.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// What it shows and what to make of it.
    pub(super) description: &'static str,
    pub(super) view: View,
    /// In columns of 24.
    pub(super) width: u32,
    /// In rows of 30 pixels.
    pub(super) height: u32,
    /// Grafana's name of the unit of all values; a table's columns have their own.
    pub(super) unit: &'static str,
    /// From which value on which colour; below the first, green.
    pub(super) steps: &'static [(f64, &'static str)],
    pub(super) targets: Vec<Target>,
}

/// How it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum View {
    /// The newest value, large.
    Stat,
    /// Lines over time.
    Lines,
    /// Areas on top of each other over time.
    Stacked,
    /// One row for each series, its values and labels as columns; several queries are joined by the first column.
    Table(&'static [Column]),
}

/// A column of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Column {
    /// The label, or `Value #A` for the value of the first query; of a single query `Value`.
    pub(super) field: &'static str,
    pub(super) title: &'static str,
    /// Grafana's name of the unit; empty for text.
    pub(super) unit: &'static str,
    pub(super) link: Link,
    /// Whether rows are in the order of this column: `Some(true)` is largest first.
    pub(super) sort: Option<bool>,
}

/// Where a cell leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// Nowhere.
    None,
    /// To the board of the connection in it.
    Connection,
    /// To the runbook of the alert in it.
    Runbook,
}

/// A query.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Target {
    pub(super) expr: String,
    /// With labels as `{{label}}`.
    pub(super) legend: &'static str,
}

impl Target {
    pub(super) fn new(expr: impl Into<String>, legend: &'static str) -> Self {
        Self { expr: expr.into(), legend }
    }
}

impl Panel {
    /// One number.
    pub(super) fn stat(title: &'static str, unit: &'static str, expr: impl Into<String>) -> Self {
        Self {
            title,
            description: "",
            view: View::Stat,
            width: 3,
            height: 4,
            unit,
            steps: &[],
            targets: vec![Target::new(expr, "")],
        }
    }

    /// Lines over time.
    pub(super) fn lines(title: &'static str, unit: &'static str, targets: Vec<Target>) -> Self {
        Self { view: View::Lines, width: 12, height: 8, targets, ..Self::stat(title, unit, "") }
    }

    /// Areas over time.
    pub(super) fn stacked(title: &'static str, unit: &'static str, targets: Vec<Target>) -> Self {
        Self { view: View::Stacked, ..Self::lines(title, unit, targets) }
    }

    /// A table.
    pub(super) fn table(
        title: &'static str,
        columns: &'static [Column],
        exprs: Vec<String>,
    ) -> Self {
        let targets = exprs.into_iter().map(|expr| Target::new(expr, "")).collect();
        Self { view: View::Table(columns), width: 24, ..Self::lines(title, "", targets) }
    }

    pub(super) fn about(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    pub(super) fn steps(mut self, steps: &'static [(f64, &'static str)]) -> Self {
        self.steps = steps;
        self
    }

    pub(super) fn wide(mut self, width: u32) -> Self {
        self.width = width;
        self
    }
}

impl Column {
    /// A label as text.
    pub(super) const fn text(field: &'static str, title: &'static str) -> Self {
        Self { field, title, unit: "", link: Link::None, sort: None }
    }

    /// A value.
    pub(super) const fn value(
        field: &'static str,
        title: &'static str,
        unit: &'static str,
    ) -> Self {
        Self { field, title, unit, link: Link::None, sort: None }
    }

    pub(super) const fn to(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    pub(super) const fn largest_first(mut self) -> Self {
        self.sort = Some(true);
        self
    }

    pub(super) const fn smallest_first(mut self) -> Self {
        self.sort = Some(false);
        self
    }
}
