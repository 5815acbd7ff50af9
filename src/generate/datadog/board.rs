//! A board: groups of widgets, in twelve columns.

use serde_json::{Value, json};

use super::widget::Widget;
use crate::generate::{Inputs, need};

/// Columns of Datadog's grid.
const COLUMNS: u32 = 12;

/// A board.
#[derive(Debug)]
pub(super) struct Board {
    /// Of the file.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Tags by which it can be narrowed down.
    pub(super) variables: &'static [&'static str],
    pub(super) groups: Vec<Group>,
}

/// Widgets under one heading.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) color: &'static str,
    pub(super) widgets: Vec<Widget>,
}

impl Board {
    pub(super) fn json(&self, inputs: &Inputs<'_>) -> Value {
        let (mut widgets, mut y) = (vec![self.note(inputs)], 2);
        for group in &self.groups {
            let Some((value, height)) = group.json(inputs, y) else { continue };
            widgets.push(value);
            y += height;
        }
        let variables = self.variables.iter().map(
            |tag| json!({"name": tag, "prefix": tag, "available_values": [], "defaults": ["*"]}),
        );
        json!({
            "title": self.title,
            "description": self.description,
            "layout_type": "ordered",
            "reflow_type": "fixed",
            "tags": [],
            "notify_list": [],
            "template_variables": variables.collect::<Vec<_>>(),
            "widgets": widgets,
        })
    }

    /// Where to read more.
    fn note(&self, inputs: &Inputs<'_>) -> Value {
        let links = inputs.links;
        let content = format!(
            "{} [Status page]({}/) · [Runbooks]({})",
            self.description, links.external_url, links.runbooks
        );
        json!({
            "definition": {
                "type": "note", "content": content, "background_color": "transparent", "font_size": "14",
                "text_align": "left", "vertical_align": "center", "show_tick": false, "has_padding": true,
            },
            "layout": {"x": 0, "y": 0, "width": COLUMNS, "height": 2},
        })
    }
}

impl Group {
    /// The group at row `top`, and how many rows it takes; nothing when none of its metrics is there.
    fn json(&self, inputs: &Inputs<'_>, top: u32) -> Option<(Value, u32)> {
        let (mut x, mut y, mut tallest) = (0, 0, 0);
        let mut widgets = Vec::new();
        for widget in &self.widgets {
            let mut queries = widget.formulas.iter().flat_map(|formula| &formula.queries);
            if !queries.all(|query| need::met(query, inputs.catalog)) {
                continue;
            }
            if x + widget.width > COLUMNS {
                (x, y, tallest) = (0, y + tallest, 0);
            }
            widgets.push(widget.json(x, y));
            x += widget.width;
            tallest = tallest.max(widget.height());
        }
        // The heading takes a row.
        let height = y + tallest + 1;
        (!widgets.is_empty()).then(|| {
            let value = json!({
                "definition": {
                    "type": "group", "layout_type": "ordered", "title": self.title, "background_color": self.color,
                    "show_title": true, "widgets": widgets,
                },
                "layout": {"x": 0, "y": top, "width": COLUMNS, "height": height},
            });
            (value, height)
        })
    }
}
