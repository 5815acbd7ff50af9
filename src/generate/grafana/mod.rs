//! Grafana boards: an overview and a drill-down into one connection.
//!
//! A board is rows of panels, a panel is its queries and how they are shown. Panels whose metrics the catalogue does not have
//! are left out, and a row without panels with them.

mod connection;
mod edge;
mod encode;
mod itself;
mod overview;
mod panel;
mod variable;

use serde_json::{Value, json};

use self::panel::Panel;
use self::variable::Variable;
use super::{Artefact, Inputs, Links, need, pretty};

/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;

/// A board.
#[derive(Debug)]
struct Board {
    uid: &'static str,
    title: &'static str,
    description: &'static str,
    variables: Vec<Variable>,
    rows: Vec<Row>,
}

/// Panels under one heading, laid from left to right.
#[derive(Debug)]
struct Row {
    title: &'static str,
    panels: Vec<Panel>,
}

/// A query of a panel, for whoever wants to try it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// Title of the board.
    pub board: &'static str,
    /// Title of the panel.
    pub panel: &'static str,
    /// Grafana's name of the unit.
    pub unit: &'static str,
    /// PromQL, with the board's variables in it.
    pub expr: String,
}

/// The files of the boards.
pub(super) fn files(inputs: &Inputs<'_>) -> Vec<Artefact> {
    boards(inputs)
        .into_iter()
        .map(|board| Artefact {
            path: format!("dashboards/grafana/{}.json", board.uid),
            content: pretty(&board.json(inputs.links)),
        })
        .collect()
}

/// Every query of every panel.
#[must_use]
pub fn queries(inputs: &Inputs<'_>) -> Vec<Query> {
    let mut queries = Vec::new();
    for board in boards(inputs) {
        for panel in board.rows.iter().flat_map(|row| &row.panels) {
            queries.extend(panel.targets.iter().map(|target| Query {
                board: board.title,
                panel: panel.title,
                unit: panel.unit,
                expr: target.expr.clone(),
            }));
        }
    }
    queries
}

fn boards(inputs: &Inputs<'_>) -> [Board; 2] {
    [overview::board(), connection::board()].map(|board| board.kept(inputs))
}

impl Board {
    /// Without what needs metrics that are not there.
    fn kept(mut self, inputs: &Inputs<'_>) -> Self {
        let met = |expr: &str| need::met(expr, inputs.catalog);
        for row in &mut self.rows {
            row.panels.retain(|panel| panel.targets.iter().all(|target| met(&target.expr)));
        }
        self.rows.retain(|row| !row.panels.is_empty());
        self.variables.retain(|variable| met(&variable.query));
        self
    }

    fn json(&self, links: &Links) -> Value {
        let datasource = Variable::datasource_json();
        let variables: Vec<_> =
            std::iter::once(datasource).chain(self.variables.iter().map(Variable::json)).collect();
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["ssowatch"],
            "schemaVersion": 39,
            "version": 1,
            "editable": true,
            // The crosshair is shared: one moment on all panels.
            "graphTooltip": 1,
            "time": {"from": "now-3h", "to": "now"},
            "timezone": "",
            "refresh": "30s",
            "links": [
                {
                    "type": "dashboards", "title": "ssowatch", "tags": ["ssowatch"], "asDropdown": false,
                    "includeVars": true, "keepTime": true, "targetBlank": false, "icon": "dashboard", "tooltip": "", "url": "",
                },
                link("Status page", &format!("{}/", links.external_url)),
                link("Runbooks", &links.runbooks),
            ],
            "templating": {"list": variables},
            "annotations": {"list": [incidents()]},
            "panels": self.panels(links),
        })
    }

    fn panels(&self, links: &Links) -> Vec<Value> {
        let (mut panels, mut y, mut id) = (Vec::new(), 0, 0);
        for row in &self.rows {
            id += 1;
            let place = json!({"h": 1, "w": COLUMNS, "x": 0, "y": y});
            panels.push(json!({
                "id": id, "type": "row", "title": row.title, "collapsed": false, "gridPos": place, "panels": [],
            }));
            y += 1;
            let (mut x, mut tallest) = (0, 0);
            for panel in &row.panels {
                if x + panel.width > COLUMNS {
                    (x, y, tallest) = (0, y + tallest, 0);
                }
                id += 1;
                panels.push(encode::json(panel, id, (x, y), links));
                x += panel.width;
                tallest = tallest.max(panel.height);
            }
            y += tallest;
        }
        panels
    }
}

fn link(title: &str, url: &str) -> Value {
    json!({
        "type": "link", "title": title, "url": url, "targetBlank": true, "icon": "external link", "tooltip": "",
        "asDropdown": false, "includeVars": false, "keepTime": false, "tags": [],
    })
}

/// Firing incidents, drawn into every panel.
fn incidents() -> Value {
    json!({
        "name": "Incidents",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "enable": true,
        "hide": false,
        "iconColor": "red",
        "expr": "sum by (alertname, severity) (ssowatch_incidents{state=\"firing\", severity=~\"page|ticket\"}) > 0",
        "step": "30s",
        "tagKeys": "severity",
        "titleFormat": "{{alertname}}",
        "textFormat": "{{severity}}",
    })
}

#[cfg(test)]
mod tests;
