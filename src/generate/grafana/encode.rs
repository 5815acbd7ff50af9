//! A panel as Grafana's JSON.

use serde_json::{Map, Value, json};

use super::panel::{Column, Link, Panel, Target, View};
use crate::generate::Links;

/// The panel `id` at `place`, a column and a row of the grid.
pub(super) fn json(panel: &Panel, id: u32, place: (u32, u32), links: &Links) -> Value {
    let table = matches!(panel.view, View::Table(_));
    let mut value = json!({
        "id": id,
        "title": panel.title,
        "description": panel.description,
        "type": kind(panel.view),
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"h": panel.height, "w": panel.width, "x": place.0, "y": place.1},
        "targets": panel.targets.iter().zip('A'..).map(|(each, id)| target(each, id, panel.view)).collect::<Vec<_>>(),
        "fieldConfig": {"defaults": defaults(panel), "overrides": overrides(panel, links)},
        "options": options(panel),
        "transparent": false,
    });
    if table {
        value["transformations"] = transformations(panel);
    }
    value
}

fn kind(view: View) -> &'static str {
    match view {
        View::Stat => "stat",
        View::Lines | View::Stacked => "timeseries",
        View::Table(_) => "table",
    }
}

fn target(target: &Target, id: char, view: View) -> Value {
    let table = matches!(view, View::Table(_));
    json!({
        "refId": id.to_string(),
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "editorMode": "code",
        "expr": target.expr,
        "legendFormat": if target.legend.is_empty() { "__auto" } else { target.legend },
        "format": if table { "table" } else { "time_series" },
        "instant": table,
        "range": !table,
    })
}

fn defaults(panel: &Panel) -> Value {
    let mut steps = vec![json!({"color": "green", "value": null})];
    steps.extend(panel.steps.iter().map(|(value, color)| json!({"color": color, "value": value})));
    let mut defaults = json!({
        "unit": panel.unit,
        "mappings": [],
        "color": {"mode": if panel.view == View::Stat { "thresholds" } else { "palette-classic" }},
        "thresholds": {"mode": "absolute", "steps": steps},
    });
    if panel.unit == "percentunit" {
        defaults["min"] = json!(0);
    }
    match panel.view {
        View::Stat => {}
        View::Lines | View::Stacked => {
            defaults["min"] = json!(0);
            defaults["custom"] = json!({
                "drawStyle": "line",
                "lineInterpolation": "linear",
                "lineWidth": 1,
                "fillOpacity": if panel.view == View::Stacked { 40 } else { 0 },
                "showPoints": "never",
                "spanNulls": false,
                "stacking": {"mode": if panel.view == View::Stacked { "normal" } else { "none" }, "group": "A"},
                "thresholdsStyle": {"mode": if panel.steps.is_empty() { "off" } else { "line" }},
            });
        }
        View::Table(_) => defaults["custom"] = json!({"align": "auto", "filterable": true}),
    }
    defaults
}

fn options(panel: &Panel) -> Value {
    match panel.view {
        View::Stat => json!({
            "colorMode": if panel.steps.is_empty() { "none" } else { "background" },
            "graphMode": "area",
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": "value",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
        }),
        View::Lines | View::Stacked => json!({
            "legend": {"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": ["lastNotNull", "max"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        View::Table(columns) => json!({
            "showHeader": true,
            "cellHeight": "sm",
            "sortBy": columns.iter().filter_map(|column| {
                column.sort.map(|desc| json!({"displayName": column.title, "desc": desc}))
            }).collect::<Vec<_>>(),
        }),
    }
}

/// Units and links of a table's columns.
fn overrides(panel: &Panel, links: &Links) -> Vec<Value> {
    let View::Table(columns) = panel.view else { return Vec::new() };
    let each = columns.iter().filter_map(|column| {
        let mut properties = Vec::new();
        if !column.unit.is_empty() {
            properties.push(json!({"id": "unit", "value": column.unit}));
        }
        if let Some(link) = link(column, links) {
            properties.push(json!({"id": "links", "value": [link]}));
        }
        (!properties.is_empty()).then(|| {
            json!({"matcher": {"id": "byName", "options": column.title}, "properties": properties})
        })
    });
    each.collect()
}

fn link(column: &Column, links: &Links) -> Option<Value> {
    let (title, url) = match column.link {
        Link::None => return None,
        Link::Connection => (
            "Open the connection",
            "/d/ssowatch-connection?var-connection=${__value.raw}&var-datasource=${datasource}&${__url_time_range}"
                .to_owned(),
        ),
        Link::Runbook => ("Open the runbook", format!("{}/${{__value.raw}}", links.runbooks)),
    };
    Some(json!({"title": title, "url": url, "targetBlank": column.link == Link::Runbook}))
}

/// Several queries become one table, joined by its first column, with the columns that are asked for, in their order.
fn transformations(panel: &Panel) -> Value {
    let View::Table(columns) = panel.view else { return json!([]) };
    let (mut order, mut names) = (Map::new(), Map::new());
    for (place, column) in columns.iter().enumerate() {
        order.insert(column.field.to_owned(), json!(place));
        names.insert(column.field.to_owned(), json!(column.title));
    }
    let kept: Vec<_> = columns.iter().map(|column| column.field).collect();
    let mut steps = Vec::new();
    if panel.targets.len() > 1 {
        let key = columns.first().map_or("", |column| column.field);
        steps.push(json!({"id": "joinByField", "options": {"byField": key, "mode": "outer"}}));
    }
    steps.push(json!({"id": "filterFieldsByName", "options": {"include": {"names": kept}}}));
    steps.push(json!({
        "id": "organize",
        "options": {"excludeByName": {}, "indexByName": order, "renameByName": names},
    }));
    json!(steps)
}
