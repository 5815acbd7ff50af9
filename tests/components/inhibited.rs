//! The inhibition that `alerts/prometheus/README.md` gives, in a real Alertmanager.

use serde_json::{Value, json};

use crate::alertmanager::Member;
use crate::http;
use crate::wait;

/// The rules as the page has them.
fn rules() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/alerts/prometheus/README.md");
    let page = std::fs::read_to_string(page).unwrap();
    let from = page.find("inhibit_rules:").expect("the page has them");
    let rules = &page[from..];
    rules[..rules.find("```").unwrap()].to_owned()
}

fn alert(alertname: &str, scope: &str, id: &str) -> Value {
    let mut labels = json!({"alertname": alertname, "scope": scope, "severity": "page"});
    if scope != "fleet" {
        labels["connection_type"] =
            if id == "other" { "GoogleSAML".into() } else { "OktaSAML".into() };
    }
    if scope == "connection" {
        labels["connection_id"] = id.into();
    }
    json!({ "labels": labels })
}

/// What is told of, of all that fires.
fn told(alerts: &[Value]) -> Vec<String> {
    let config =
        format!("route: {{ receiver: nobody }}\nreceivers: [ {{ name: nobody }} ]\n{}", rules());
    let member = Member::with(&config, None);
    let url = format!("{}/api/v2/alerts", member.url());
    let post = http::client()
        .post(&url)
        .header("content-type", "application/json")
        .body(Value::from(alerts).to_string());
    assert_eq!(http::try_send(post).unwrap().status, 200);
    let all = wait::until("all alerts are known", || {
        let all = http::get(&url).json().as_array().unwrap().clone();
        let known = all.iter().all(|alert| alert["status"]["state"] != "unprocessed");
        (all.len() == alerts.len() && known).then_some(all)
    });
    let active = all.iter().filter(|alert| alert["status"]["state"] == "active");
    let mut names: Vec<_> = active
        .map(|alert| {
            let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", label("alertname"), label("connection_id")).trim().to_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn of_an_outage_of_everything_one_page_is_left() {
    let mut alerts = vec![
        alert("SsoFleetFailing", "fleet", ""),
        alert("SsoSuccessDrought", "fleet", ""),
        alert("SsoErrorBudgetBurn", "fleet", ""),
        alert("SsoProviderFailing", "connection_type", ""),
    ];
    for id in ["one", "two", "other"] {
        alerts.push(alert("SsoConnectionFailing", "connection", id));
        alerts.push(alert("SsoConnectionTimingOut", "connection", id));
        alerts.push(alert("SsoSuccessDrought", "connection", id));
    }
    assert_eq!(told(&alerts), ["SsoFleetFailing"]);
}

#[test]
fn what_a_provider_or_the_error_budget_does_hides_no_other_customer() {
    let alerts = [
        alert("SsoErrorBudgetBurn", "fleet", ""),
        alert("SsoProviderFailing", "connection_type", ""),
        alert("SsoConnectionFailing", "connection", "one"),
        alert("SsoConnectionFailing", "connection", "other"),
        alert("SsoSuccessDrought", "connection", "other"),
    ];
    let left = ["SsoConnectionFailing other", "SsoErrorBudgetBurn", "SsoProviderFailing"];
    assert_eq!(told(&alerts), left);
}
