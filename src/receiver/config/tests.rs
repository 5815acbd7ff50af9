use serde_json::{Value, json};

use super::*;
use crate::receiver::Reason;
use crate::receiver::tests::{configs, incident, notification};
use crate::signal::{Incident, State};

#[test]
fn receivers_have_names_of_their_own_and_members_keys_of_their_own() {
    let list = json!([
        {"slack": {"webhook_url": "https://a"}},
        {"slack": {"webhook_url": "https://b", "name": "slack-2"}},
        {"slack": {"webhook_url": "https://c"}},
        {"alertmanager": {"urls": ["http://a:9093", "http://b:9093/am/"]}},
    ]);
    let targets = targets(&configs(&list), &Inherited::default()).unwrap();
    let names: Vec<_> = targets.iter().map(|target| (&*target.name, &*target.key)).collect();
    assert_eq!(
        names,
        [
            ("slack", "slack"),
            ("slack-2", "slack-2"),
            ("slack-3", "slack-3"),
            ("alertmanager", "alertmanager/a:9093"),
            ("alertmanager", "alertmanager/b:9093/am"),
        ]
    );
}

#[test]
fn each_wants_to_hear_what_its_configuration_says() {
    let list = json!([
        {"alertmanager": {"urls": ["http://a"]}},
        {"pagerduty": {"routing_key": "k"}},
        {"slack": {"webhook_url": "https://a"}},
        {"datadog_event": {"api_key": "k"}},
        {"webhook": {"url": "https://a"}},
        {"slack": {"webhook_url": "https://a", "severity": ["ticket"]}},
        {"slack": {"webhook_url": "https://a", "match": {"connection_id": "conn_01", "scope": "connection"}}},
        {"slack": {"webhook_url": "https://a", "match": {"connection_id": "conn_02"}}},
        {"slack": {"webhook_url": "https://a", "match": {"no_such": "label"}}},
    ]);
    let wanted = [
        (Severity::Page, [true, true, true, true, true, false, true, false, false]),
        (Severity::Ticket, [true, false, true, true, true, true, true, false, false]),
        (Severity::None, [true, false, false, false, false, false, false, false, false]),
    ];
    let targets = targets(&configs(&list), &Inherited::default()).unwrap();
    for (severity, want) in wanted {
        let incident = Incident { severity, ..incident("f", State::Firing) };
        let wants: Vec<_> = targets.iter().map(|target| target.audience.wants(&incident)).collect();
        assert_eq!(wants, want, "{severity:?}");
    }
}

#[test]
fn a_file_that_should_hold_a_url_and_holds_none_is_found_when_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    let list = json!([{"slack": {"webhook_url_file": path}}, {"webhook": {"url_file": path}}]);
    let targets = targets(&configs(&list), &Inherited::default()).unwrap();
    let about = [notification(incident("f", State::Firing), Reason::Opened)];
    for (text, want) in [
        ("https://example.com/s3cret\n", None),
        ("ftp://s3cret", Some("the secret is not a URL of http or https")),
        ("", Some("the secret is empty")),
    ] {
        std::fs::write(&path, text).unwrap();
        for target in &targets {
            let said = [
                target.read_secrets().err().map(|error| error.to_string()),
                target.request(&about).err().map(|error| error.to_string()),
            ];
            for said in said {
                assert_eq!(said.is_some(), want.is_some(), "{text} {said:?}");
                let words = said.unwrap_or_default();
                assert!(words.contains(want.unwrap_or("")) && !words.contains("s3cret"), "{words}");
            }
        }
    }
}

#[test]
fn each_mistake_names_its_key_and_repeats_no_secret() {
    let cases = [
        (json!([{"slack": {}}]), "`receivers[0].slack` needs `webhook_url` or `webhook_url_file`"),
        (
            json!([{"slack": {"webhook_url": "s3cret", "webhook_url_file": "f"}}]),
            "are both set; keep one",
        ),
        (
            json!([{"webhook": {"url": "http://a"}}, {"pagerduty": {}}]),
            "`receivers[1].pagerduty` needs `routing_key`",
        ),
        (
            json!([{"pagerduty": {"routing_key": "k", "url": "events.example"}}]),
            "`receivers[0].pagerduty.url` is not a base URL",
        ),
        (
            json!([{"pagerduty": {"routing_key": "k", "severity": []}}]),
            "`receivers[0].pagerduty.severity` is empty",
        ),
        (
            json!([{"slack": {"webhook_url": "hooks.slack.com/s3cret"}}]),
            "`receivers[0].slack.webhook_url`: the secret is not a URL of http or https",
        ),
        (
            json!([{"webhook": {"url": "file:///s3cret"}}]),
            "`receivers[0].webhook.url`: the secret is not a URL of http or https",
        ),
        (json!([{"datadog_event": {}}]), "the key of `sinks.datadog`"),
        (
            json!([{"datadog_event": {"api_key": "k", "site": "https://x"}}]),
            "`receivers[0].datadog_event.site` is not",
        ),
        (
            json!([{"datadog_event": {"api_key": "k", "site": "datadog.eu"}}]),
            "`receivers[0].datadog_event.site` is not",
        ),
        (json!([{"alertmanager": {"urls": []}}]), "`receivers[0].alertmanager.urls` has 0 members"),
        (json!([{"alertmanager": {"urls": ["http://a/", "http://a"]}}]), "names a member twice"),
        (
            json!([{"alertmanager": {"urls": ["http://u:s3cret@a"]}}]),
            "`receivers[0].alertmanager.urls[0]` has a user",
        ),
        (
            json!([{"webhook": {"url": "http://a", "name": "x y"}}]),
            "`receivers[0].webhook.name` must be 1 to 64",
        ),
        (
            json!([{"webhook": {"url": "http://a", "name": "x"}}, {"webhook": {"url": "http://b", "name": "x"}}]),
            "`receivers[1].webhook.name`: the name `x` is taken",
        ),
    ];
    for (list, want) in cases {
        let error = targets(&configs(&list), &Inherited::default()).unwrap_err();
        assert!(error.contains(want) && !error.contains("s3cret"), "{list}: {error}");
    }
    for unknown in [json!([{"slak": {}}]), json!([{"slack": {"webhok_url": "x"}}])] {
        assert!(serde_json::from_value::<Vec<Config>>(unknown.clone()).is_err(), "{unknown}");
    }
    let many: Vec<Value> = (0..33).map(|_| json!({"webhook": {"url": "http://a"}})).collect();
    let error = targets(&configs(&Value::Array(many)), &Inherited::default()).unwrap_err();
    assert!(error.contains("`receivers` has 33; at most 32"), "{error}");
}

#[test]
fn the_key_and_the_site_of_the_sink_are_inherited() {
    let inherited = Inherited {
        datadog_api_key: Some(Secret::inline("sink-key")),
        datadog_site: Some("us5.datadoghq.com".into()),
        datadog_tags: vec![],
    };
    let list = json!([{"datadog_event": {}}, {"datadog_event": {"api_key": "own", "site": "internal", "url": "http://127.0.0.1:1"}}]);
    let requests: Vec<_> = targets(&configs(&list), &inherited)
        .unwrap()
        .iter()
        .map(|target| {
            target.request(&[notification(incident("f", State::Firing), Reason::Opened)]).unwrap()
        })
        .map(|request| (request.url, request.headers[1].1.clone()))
        .collect();
    assert_eq!(
        requests,
        [
            ("https://api.us5.datadoghq.com/api/v1/events".to_owned(), "sink-key".to_owned()),
            ("http://127.0.0.1:1/api/v1/events".to_owned(), "own".to_owned()),
        ]
    );
}

#[test]
fn links_lead_to_where_the_operator_keeps_things() {
    let links = |external_url: Option<&str>, runbooks: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        LinksConfig { external_url: own(external_url), runbooks: own(runbooks) }
            .links("http://127.0.0.1:9470", ["OwnRule".into()].into())
    };
    let mut incident = incident("f", State::Firing);
    incident.alertname = "Own/Rule".into();
    let cases = [
        (None, None, "http://127.0.0.1:9470/runbooks/Own%2FRule"),
        (Some("https://sso.example/"), None, "https://sso.example/runbooks/Own%2FRule"),
        (None, Some("https://wiki.example/{alertname}.md"), "https://wiki.example/Own%2FRule.md"),
        (None, Some("https://wiki.example/books/"), "https://wiki.example/books/Own%2FRule"),
    ];
    for (external, runbooks, want) in cases {
        assert_eq!(links(external, runbooks).unwrap().runbook(&incident).as_deref(), Some(want));
    }
    // The daemon serves none for the operator's own rules.
    incident.alertname = "OwnRule".into();
    assert_eq!(links(None, None).unwrap().runbook(&incident), None);
    let wiki = links(None, Some("https://wiki.example")).unwrap().runbook(&incident);
    assert_eq!(wiki.as_deref(), Some("https://wiki.example/OwnRule"));
    assert!(links(Some("sso.example"), None).unwrap_err().contains("`links.external_url`"));
    assert!(links(None, Some("wiki")).unwrap_err().contains("`links.runbooks`"));
}
