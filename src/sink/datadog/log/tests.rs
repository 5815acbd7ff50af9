use serde_json::{Value, json};

use super::*;
use crate::event::{Sso, Step, Treatment};
use crate::sink::datadog::stage::config;
use crate::sink::event_log::tests::{event, events, person, sso};

fn identity(keys: &Value) -> Identity {
    config(keys).logs().unwrap().unwrap().identity
}

#[test]
fn every_kind_of_event_is_a_log_as_agreed() {
    let identity = identity(&json!({"tags": ["env:prod", "team:sso"], "host": "ssowatch-eu"}));
    let tags = identity.tags.joined();
    let logs: Vec<_> = events().iter().map(|event| log(event, &identity, &tags)).collect();
    insta::assert_snapshot!("logs", logs.join("\n"));
}

#[test]
fn of_people_only_what_privacy_left_is_there() {
    let identity = identity(&json!({}));
    let of = |treatment| {
        let sso = Sso { person: person(treatment), ..sso(Step::Started, None, None) };
        let log = log(&event("authentication.sso_started", Body::Sso(sso)), &identity, "");
        serde_json::from_str::<Value>(&log).unwrap()
    };
    let dropped = of(Treatment::Drop);
    for attribute in ["usr", "network", "http", "ddtags", "hostname"] {
        assert_eq!(dropped[attribute], Value::Null, "{attribute}");
    }
    let hashed = of(Treatment::Hash);
    for value in [&hashed["usr"]["id"], &hashed["usr"]["email"], &hashed["network"]["client"]["ip"]]
    {
        assert!(value.as_str().unwrap().starts_with("h:"), "{hashed}");
    }
}
