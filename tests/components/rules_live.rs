//! The Prometheus rules on a real Prometheus that scrapes the daemon through an incident.

use std::fmt::Write as _;

use crate::incident::Running;
use crate::table::{assert_documented, short};
use crate::wait;

/// Expressions that give nothing even without their thresholds, and why.
const SILENT: [(&str, &str); 9] = [
    ("SsowatchDown", "asks for what is not there, and it is"),
    ("SourceStalled", "nobody scraped 15 minutes ago"),
    ("SourceLagging", "nobody scraped ten minutes ago"),
    ("SsoLatencyHigh", "nobody scraped an hour ago"),
    ("EdgeLatencyHigh", "nobody scraped an hour ago"),
    ("EdgeAbandoned", "nobody scraped ten minutes ago"),
    ("EdgeClientErrors", "nobody scraped ten minutes ago"),
    ("JournalFailing", "the journal has taken everything"),
    ("DamageFound", "nothing was broken"),
];

/// With its comparisons made `bool` an expression gives 0 or 1 for what it would compare, so that data shows although nothing
/// is wrong. Prometheus writes comparisons with a blank on each side.
fn without_thresholds(expression: &str) -> String {
    ["==", ">=", "<=", ">", "<"].iter().fold(expression.to_owned(), |text, comparison| {
        text.replace(&format!(" {comparison} "), &format!(" {comparison} bool "))
    })
}

#[test]
fn every_expression_of_the_rules_gives_data_in_an_incident() {
    let running = Running::start();
    let prometheus = &running.prometheus;
    let mut table =
        "| rule | severity | now | series | first value | expression |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for rule in prometheus.rules() {
        let text = |key: &str| rule[key].as_str().unwrap_or_default();
        let (name, query) = (text("name"), text("query"));
        seen += 1;
        if text("health") != "ok" {
            wrong.push(format!("{name}: {}", text("lastError")));
        }
        let silent = SILENT.iter().find(|(known, _)| *known == name);
        let ready = without_thresholds(query);
        let ask = || Some(prometheus.series(&ready)).filter(|series| !series.is_empty());
        let series = if silent.is_some() { ask() } else { wait::briefly(ask) };
        match (&series, silent) {
            (None, None) => wrong.push(format!("{name}: no data: {ready}")),
            (Some(_), Some((_, why))) => wrong.push(format!("{name}: has data, yet «{why}»")),
            _ => {}
        }
        let series = series.unwrap_or_default();
        let first = series.first().map_or("", |series| short(series["value"][1].as_str().unwrap()));
        let severity = rule["labels"]["severity"].as_str().unwrap_or("recorded");
        let shown = query.replace('|', "\\|");
        let state = silent.map_or(text("state"), |(_, why)| why);
        writeln!(
            table,
            "| {name} | {severity} | {state} | {} | {first} | `{shown}` |",
            series.len()
        )
        .unwrap();
    }
    assert!(seen > 40, "{seen} rules");
    assert_eq!(wrong, [] as [String; 0]);
    assert_documented("docs/rules.md", &table, &[0, 1, 5]);
}
