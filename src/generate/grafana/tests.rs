use std::collections::BTreeSet;

use super::*;
use crate::signal::catalog;

fn boards_json() -> Vec<Value> {
    let links = Links::default();
    let inputs = Inputs { catalog: &catalog::ALL, schema: &Value::Null, links: &links };
    files(&inputs).iter().map(|file| serde_json::from_str(&file.content).unwrap()).collect()
}

#[test]
fn panels_do_not_overlap_and_stay_within_the_grid() {
    for board in boards_json() {
        let mut taken = BTreeSet::new();
        for panel in board["panels"].as_array().unwrap() {
            let of = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(of("x") + of("w") <= u64::from(COLUMNS), "{}", panel["title"]);
            for x in of("x")..of("x") + of("w") {
                for y in of("y")..of("y") + of("h") {
                    assert!(taken.insert((x, y)), "{} overlaps another panel", panel["title"]);
                }
            }
        }
    }
}

#[test]
fn every_panel_says_what_it_shows() {
    let (mut titles, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for board in boards_json() {
        for panel in board["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert((board["uid"].to_string(), panel["id"].as_u64())), "{title}: id");
            if panel["type"] == "row" {
                continue;
            }
            assert!(titles.insert((board["uid"].to_string(), title.to_owned())), "{title}: twice");
            assert!(panel["description"].as_str().unwrap().ends_with('.'), "{title}: description");
            let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap();
            assert!(!unit.is_empty() || panel["type"] == "table", "{title}: unit");
        }
    }
}

#[test]
fn a_table_shows_every_value_that_it_asks_for() {
    let links = Links::default();
    let inputs = Inputs { catalog: &catalog::ALL, schema: &Value::Null, links: &links };
    for panel in boards(&inputs).iter().flat_map(|board| &board.rows).flat_map(|row| &row.panels) {
        let panel::View::Table(columns) = panel.view else { continue };
        for (_, id) in panel.targets.iter().zip('A'..) {
            let value =
                if panel.targets.len() == 1 { "Value".to_owned() } else { format!("Value #{id}") };
            let shown = columns.iter().any(|column| column.field == value);
            // The names of a connection are the result; its value is always 1.
            assert!(shown || panel.title == "Connection", "{}: {value}", panel.title);
        }
    }
}
