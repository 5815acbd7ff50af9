use serde_json::Value;

use super::*;
use crate::generate::Links;
use crate::signal::catalog;

fn monitors_json() -> Vec<(String, Value)> {
    let links = Links::default();
    let inputs = Inputs { catalog: &catalog::ALL, schema: &Value::Null, links: &links };
    let files = monitors(&inputs).into_iter().filter(|file| !file.path.contains("/terraform/"));
    files.map(|file| (file.path, serde_json::from_str(&file.content).unwrap())).collect()
}

#[test]
fn the_threshold_is_the_number_of_the_query() {
    let mut seen = 0;
    for (path, monitor) in monitors_json() {
        let Some(critical) = monitor["options"]["thresholds"]["critical"].as_f64() else {
            continue;
        };
        let query = monitor["query"].as_str().unwrap();
        let number: f64 = query.rsplit(' ').next().unwrap().parse().unwrap();
        assert!((number - critical).abs() < f64::EPSILON, "{path}: {query}, {critical}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn a_composite_names_monitors_that_there_are() {
    let all = monitors_json();
    let known: Vec<_> = all
        .iter()
        .map(|(path, _)| {
            path.rsplit('/').next().unwrap().trim_end_matches(".json").replace('-', "_")
        })
        .collect();
    for (path, monitor) in all {
        if monitor["type"] != "composite" {
            continue;
        }
        for name in monitor["query"].as_str().unwrap().split(" && ") {
            let name = name.trim_start_matches('!').trim_start_matches("${").trim_end_matches('}');
            assert!(known.iter().any(|known| known == name), "{path}: {name}");
        }
    }
}

#[test]
fn whoever_is_paged_reads_what_happens_whom_it_hits_and_what_to_do() {
    for (path, monitor) in monitors_json() {
        let tags = monitor["tags"].to_string();
        if !tags.contains("severity:page") && !tags.contains("severity:ticket") {
            continue;
        }
        let message = monitor["message"].as_str().unwrap();
        for part in ["**What happens**: ", "**Impact**: ", "**Runbook**: http", "{{#is_recovery}}"]
        {
            assert!(message.contains(part), "{path}: {part}");
        }
    }
}

/// The group of a query: what stands behind ` by `.
fn group(monitor: &Value) -> String {
    let query = monitor["query"].as_str().unwrap();
    let (_, group) = query.split_once(" by {").unwrap_or_default();
    group.split('}').next().unwrap().to_owned()
}

#[test]
fn the_parts_of_a_composite_have_one_group_and_are_never_without_data() {
    let all = monitors_json();
    let mut seen = 0;
    for (path, monitor) in all.iter().filter(|(_, monitor)| monitor["type"] == "composite") {
        let query = monitor["query"].as_str().unwrap();
        let parts: Vec<_> = all
            .iter()
            .filter(|(path, _)| {
                let name = path.rsplit('/').next().unwrap().trim_end_matches(".json");
                query.contains(&format!("${{{}}}", name.replace('-', "_")))
            })
            .map(|(_, part)| part)
            .collect();
        assert!(parts.iter().all(|part| group(part) == group(parts[0])), "{path}");
        for part in parts {
            assert_eq!(part["options"]["on_missing_data"], "resolve", "{path}: {part}");
            assert_eq!(part["options"]["new_group_delay"], 60, "{path}: {part}");
        }
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn no_share_pages_without_a_minimum_of_traffic() {
    for (path, monitor) in monitors_json() {
        let share = monitor["query"].as_str().is_some_and(|query| query.contains(" / "));
        assert!(!share || monitor["tags"].to_string().contains("severity:part"), "{path}");
    }
}
