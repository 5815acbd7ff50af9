//! Boards and monitors, before the official models of Datadog.

use serde_json::{Value, json};
use ssowatch::generate::{Inputs, Links, What};
use ssowatch::signal::catalog;

use crate::script::Script;

/// The JSON files that `what` makes, below `folder`.
fn files(what: What, folder: &str) -> Vec<(String, Value)> {
    let links = Links::default();
    let inputs = Inputs { catalog: &catalog::ALL, schema: &Value::Null, links: &links };
    let files = what.artefacts(&inputs).into_iter();
    files
        .filter(|file| file.path.starts_with(folder) && !file.path.contains("/terraform/"))
        .map(|file| (file.path, serde_json::from_str(&file.content).unwrap()))
        .collect()
}

/// What Datadog's own models say against `body`.
fn problems(models: &mut Script, model: &str, body: &Value) -> Vec<Value> {
    let answer = models.ask(&json!({"version": "v1", "model": model, "body": body}));
    answer.as_array().unwrap().clone()
}

#[test]
fn datadogs_models_know_every_key_and_word_of_monitors_and_boards() {
    let mut models = Script::start("datadog_model.py");
    let monitors = files(What::Monitors, "alerts/datadog/");
    let boards = files(What::Dashboards, "dashboards/datadog/");
    assert!(monitors.len() > 20 && boards.len() == 2);
    for (path, body) in monitors.iter().chain(&boards) {
        let model = match body.get("widgets") {
            Some(_) => "Dashboard",
            None if path.contains("slo-") => "ServiceLevelObjectiveRequest",
            None => "Monitor",
        };
        assert_eq!(problems(&mut models, model, body), [] as [Value; 0], "{path}");
    }
    // The models do say something: a word that they do not know, a key that is misspelt.
    let mut wrong = monitors[0].1.clone();
    wrong["type"] = json!("qwery alert");
    assert_ne!(problems(&mut models, "Monitor", &wrong), [] as [Value; 0]);
    let mut wrong = boards[0].1.clone();
    wrong["widgets"][1]["definition"]["widgets"][0]["definition"]["requests"][0]["formulas"][0]["alais"] =
        json!("x");
    assert_ne!(problems(&mut models, "Dashboard", &wrong), [] as [Value; 0]);
}
