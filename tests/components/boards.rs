//! The Grafana boards: every query on a real Prometheus that scraped the daemon through an incident, and every key before
//! Grafana's own schema.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::incident::{BROKEN, Running};
use crate::payloads::compile;
use crate::prometheus::Prometheus;
use crate::table::{assert_documented, short};
use crate::wait;

/// Queries that give nothing here, and why.
const SILENT: [(&str, &str); 1] = [("offset 1w", "nobody scraped a week ago")];

/// What Grafana puts in for its variables; the intervals are longer than the test lasts on the slowest machine.
const VARIABLES: [(&str, &str); 6] = [
    ("$__rate_interval", "15m"),
    ("$__range", "15m"),
    ("=~\"$organization\"", "=~\".*\""),
    ("=~\"$connection\"", "=~\".*\""),
    ("=~\"$tier\"", "=~\".*\""),
    ("$connection", BROKEN),
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn boards() -> Vec<(String, Value)> {
    let names = ["ssowatch-overview", "ssowatch-connection"];
    let read = |name: &str| {
        let text =
            fs::read_to_string(repository("dashboards/grafana").join(format!("{name}.json")));
        (name.to_owned(), serde_json::from_str(&text.unwrap()).unwrap())
    };
    names.map(read).into()
}

/// A thing on a board that asks something.
struct Asked {
    what: String,
    unit: String,
    query: String,
}

/// The queries of a board: of its panels, those in rows included, and of its annotations.
fn queries(name: &str, board: &Value) -> Vec<Asked> {
    let rows = board["panels"].as_array().unwrap().iter();
    let panels = rows.flat_map(|panel| {
        let inner = panel["panels"].as_array().cloned().unwrap_or_default();
        std::iter::once(panel.clone()).chain(inner)
    });
    let mut asked = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().cloned().unwrap_or_default() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            asked.push(Asked {
                what: format!("{name}: {}", text(&panel["title"])),
                unit: text(&panel["fieldConfig"]["defaults"]["unit"]),
                query: text(&target["expr"]),
            });
        }
    }
    for annotation in board["annotations"]["list"].as_array().unwrap() {
        let query = annotation["expr"].as_str().unwrap_or_default().to_owned();
        let what = format!("{name}: annotation {}", annotation["name"]);
        asked.push(Asked { what, unit: String::new(), query });
    }
    asked
}

#[test]
fn every_query_of_the_boards_gives_data_in_an_incident() {
    let running = Running::start();
    let prometheus = &running.prometheus;
    let mut table =
        "| panel | series | first value | unit | query |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    let mut empty = Vec::new();
    for (name, board) in boards() {
        for Asked { what, unit, query } in queries(&name, &board) {
            let ready = VARIABLES
                .iter()
                .fold(query.clone(), |query, (name, value)| query.replace(name, value));
            assert!(!ready.contains('$'), "{what}: {ready}");
            let silent = SILENT.iter().any(|(part, _)| query.contains(part));
            // Rates need a second sample, rules a second look: what has data has it soon.
            let series = if silent { Vec::new() } else { found(prometheus, &ready) };
            if series.is_empty() && !silent {
                empty.push(format!("{what}: {ready}"));
            }
            let first =
                series.first().map_or("", |series| short(series["value"][1].as_str().unwrap()));
            let query = query.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
            writeln!(table, "| {what} | {} | {first} | {unit} | `{query}` |", series.len())
                .unwrap();
        }
    }
    assert!(empty.is_empty(), "no data:\n{}", empty.join("\n"));
    assert_documented("docs/dashboards.md", &table, &[0, 3, 4]);
}

/// What a query gives, once it gives something; nothing after a while.
fn found(prometheus: &Prometheus, query: &str) -> Vec<Value> {
    wait::briefly(|| Some(prometheus.series(query)).filter(|series| !series.is_empty()))
        .unwrap_or_default()
}

/// A word of an enum may stand for it; annotations have what Prometheus's data source adds.
const TYPES: &str = r#"
import type { AnnotationQuery, Dashboard } from "@grafana/schema";
type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[]
    : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Annotation = Plain<AnnotationQuery>
    & { expr: string, step?: string, tagKeys?: string, textFormat?: string, titleFormat?: string };
type Board = Omit<Plain<Dashboard>, "annotations"> & { annotations: { list: Annotation[] } };
"#;

#[test]
fn grafanas_own_schema_knows_every_key_and_word_of_the_boards() {
    let boards = boards();
    let values: Vec<_> = boards.iter().map(|(_, board)| ("Board", board)).collect();
    assert_eq!(compile(TYPES, &values), "");
    let mut wrong = boards[0].1.clone();
    wrong["refrsh"] = json!("30s");
    wrong["panels"][1]["fieldConfig"]["defaults"]["color"]["mode"] = json!("treshold");
    let words = compile(TYPES, &[("Board", &wrong)]);
    assert!(words.contains("refrsh") || words.contains("treshold"), "{words}");
}
