use std::fmt::Write;

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse("c.yaml", text, |name| (name == "SECRET").then(|| "whsec_1".into()))
        .map_err(|error| error.to_string())
}

#[test]
fn nothing_and_comments_are_the_default() {
    for text in ["", "# nothing\n", "# ${NOT_SET}\n"] {
        let config = parse(text).unwrap();
        assert_eq!(config.http.admin.listen.port(), 9470);
    }
}

#[test]
fn variables_are_taken_and_secrets_are_not_shown() {
    let config =
        parse("sources: { workos_webhook: { secret: \"${SECRET}\", tolerance: 1m } }").unwrap();
    assert_eq!(config.webhook_secrets().unwrap()[0].reveal().unwrap(), "whsec_1");
    assert!(!format!("{config:?}").contains("whsec_1"));
}

#[test]
fn a_signature_may_be_a_second_old_at_least() {
    let with = |tolerance: &str| {
        parse(&format!(
            "sources: {{ workos_webhook: {{ secret: whsec_1, tolerance: {tolerance} }} }}"
        ))
    };
    assert!(with("1s").is_ok());
    let problem = with("900ms").unwrap_err();
    assert!(problem.contains("`sources.workos_webhook.tolerance` must be 1s or more"), "{problem}");
}

#[test]
fn each_mistake_is_named_with_its_place_its_key_and_a_remedy() {
    let cases = [
        "data_dir: x\nhtp: {}\n",
        "http:\n  admin:\n    listne: \"127.0.0.1:1\"\n",
        "colour: red\n",
        "http: [1, 2]\n",
        "http: { admin: { listen: 9470 } }\n",
        "http: { admin: { listen: localhost } }\n",
        "data_dir: a\ndata_dir: b\n",
        "data_dir: [a\n",
        "data_dir:\n",
        "sessions:\n  timeout:\n",
        "http: { admin: { listen: } }\n",
        "http: { admin: { listen: \"127.0.0.1:9471\" } }\n",
        "sources:\n  edge:\n    - { path: a, format: nginx_json }\n    - { syslog: \"udp://127.0.0.1:514\", format: nginx_json }\n    - { syslog: \"udp://0.0.0.0:514\", format: nginx_json, from: [10.0.0.0/8] }\n",
        "data_dir: a\n---\ndata_dir: b\n",
        "sinks:\n  datadog:\n",
        "sinks: { otlp: ~ }\n",
        "sinks:\n",
        "journal:\n  embedded:\n",
        "http:\n  admin:\n    tls: null\n",
        "sources:\n  push:\n    token: #abc\n",
        "receivers:\n  - datadog_event:\n",
        "receivers:\n  - webhook:\n      url: \"http://a\"\n      name:\n",
        "rules: [ ~ ]\n",
        "rules:\n  - name: A\n    metric: failures\n    op: >\n    value: 1\n",
        "data_dir:/x\n",
        "sessions:\n  timeout: soon\n",
        "sessions: { timeout: 2h }\n",
        "privacy:\n  personal: hsah\n",
        "sinks: { prometheus: { max_connections: many } }\n",
        "sources:\n  push:\n    token: \"${NOT_SET}\"\n",
        "sources: { push: { token: \"${not a name}\" } }\n",
        "sources: { push: { token: \"${TOKEN\" } }\n",
        "sources: { push: { token: $TOKEN } }\n",
        "sinks:\n  otlp: { endpoint: \"http://a:4318\", headers: { authorization: Bearer $TOKEN } }\n",
        "sinks: { otlp: { endpoint: \"${NOT_SET}\" } }\n",
        "sinks: { otlp: { endpoint: \"http://a\", headers: { authorization: \"Bearer ${NOT_SET}\" } } }\n",
        "sinks: { otlp: { endpoint: \"http://a\", headers: { Authorization: a, authorization_file: b } } }\n",
        "sinks: { otlp: { endpoint: \"http://a\", headers: { authorization: } } }\n",
        "http: { admin: { listen: \"0.0.0.0:9470\" } }\n",
        "http:\n  intake:\n    listen: \"0.0.0.0:9471\"\n",
        "sources: { workos_webhook: {} }\n",
        "sources: { push: { token: a, token_file: b } }\n",
        "sources: { workos_api: {} }\n",
        "sources:\n  workos_api:\n    api_key: a\n    pol_interval: 5s\n",
        "sources:\n  workos_api:\n    api_key: a\n    start: 100d\n",
        "sources:\n  workos_api:\n    api_key: a\n    base_url: api.workos.com\n",
        "sources: { workos_api: { api_key: a, requests_per_minute: 10000 } }\n",
        "rules:\n  - { name: A, metric: failures, op: \">\", value: 1, window: 1s }\n",
        "rules:\n  - { name: A, metric: failures, op: \">\", value: 1, window: 5m }\n  - { nmae: B }\n",
        "rules: [ { name: A, metric: failures, op: \">\", window: 5m } ]\n",
        "rules: [ { kind: slo, name: A, objective: 99 } ]\n",
        "sinks:\n  datadog: { site: datadoghq.eu }\n",
        "sinks: { datadog: { api_key: a, metrics_interval: 15s } }\n",
        "sinks: { datadog: { api_key: a, connection_tags: [conection_id] } }\n",
        "sources: { files: [ { follow: true } ] }\n",
        "sources: { nats: { urls: [\"nats://a:4222\"] } }\n",
        "sources: { nats: { urls: [\"a:4222\"], stream: S } }\n",
        "sources: { nats: { urls: [\"nats://a:4222\"], stream: a.b } }\n",
        "sources: { nats: { urls: [\"nats://a:4222\"], stream: S, subject: a..b } }\n",
        "sources: { nats: { urls: [\"nats://a:4222\"], stream: S, start: 91d } }\n",
        "journal: { embedded: { retention: 59s } }\n",
        "journal: { embedded: { max_bytes: 1023KiB } }\n",
        "journal: { nats: { urls: [] } }\n",
        "journal: { nats: { urls: [\"nats://me:secret@a:4222\"] } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], stream: a.b } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], replicas: 2 } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], retention: 1m } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], max_bytes: 1MiB } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], user: a } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], token: a, token_file: b } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"], tls: { cert_file: a } } }\n",
        "journal: { nats: { urls: [\"nats://a:4222\"] } }\n",
        "privacy: { key: a }\njournal: { embedded: {}, nats: { urls: [\"nats://a:4222\"] } }\n",
        "privacy: { key: a }\njournal: { nats: { urls: [\"nats://a:4222\"] } }\nsources: { files: [ { path: a } ] }\n",
        "sources: { files: [ { path: \"\" } ] }\n",
        "sources:\n  files:\n    - path: a\n    - path: \"events/[a.ndjson\"\n",
        "receivers:\n  - slack: {}\n",
        "receivers:\n  - slack: { webhook_url: \"http://a\" }\n    webhook: { url: \"http://a\" }\n",
        "rules: [ { name: A, metric: failure_ratio, op: \">\", value: 20%, window: 5m } ]\n",
        "http: { intake: { access: { per_address: 0 } } }\n",
        "receivers:\n  - slack: { webhook_url: a, webhook_url_file: b }\n",
        "receivers:\n  - alertmanager: { urls: [\"http://127.0.0.1:9093\"] }\n  - alertmanager:\n      urls: [\"127.0.0.1:9093\"]\n",
        "receivers:\n  - pagerdooty: { routing_key: a }\n",
        "receivers:\n  - pagerduty: { routing_key: a, severty: [page] }\n",
        "receivers:\n  - pagerduty: { routing_key: a, severity: [warning] }\n",
        "receivers:\n  - webhook: { url: \"http://a\", name: x }\n  - slack: { webhook_url: \"http://a\", name: x }\n",
        "links: { external_url: sso.example }\n",
        "causes: { Bad Name: [x] }\n",
        "edge:\n  tiers: [ { name: web } ]\n  limits:\n    - { name: a, key: client, quota: 1/s, tier: web }\n    - { name: b, key: client, quota: 1/s, tier: wbe }\n",
        "built_in_alerts: true\nrules:\n  - { name: SsoFleetFailing, metric: failures, op: \">\", value: 1, window: 5m }\n",
    ];
    let mut all = String::new();
    for text in cases {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with("c.yaml:"), "{text}: {error}");
        writeln!(all, "{}\n=> {error}\n", text.trim_end()).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn yaml_that_cannot_be_read_is_named_with_its_place_and_a_remedy() {
    let cases = [
        "sinks:\n  datadog:\n    api_key: a\n   site: b\n",
        "sinks:\n  datadog:\n    api_key: a\n     site: b\n",
        "sinks:\n  datadog:\n    api_key: a\n site: b\n",
        "receivers:\n- slack: {}\n  - webhook: {}\n",
        "sinks:\n\tdatadog: {}\n",
        "sinks:\n  datadog:\n\t\tapi_key: a\n",
        "sinks:\n  datadog:\n    api_key: a\n\tsite: b\n",
        "sinks: { datadog: { api_key: ${SECRET} } }\n",
        "sinks: { datadog: { tags: [${SECRET}] } }\n",
        "sinks: { datadog: { api_key: a }\nhttp: {}\n",
        "receivers: [ { slack: {} }\n",
        "http: }\n",
        "http: { admin: { listen: \"127.0.0.1:1\" ]\n",
        "rules: [ { name: A, op: >, value: 1 } ]\n",
        "rules:\n  - name: A\n    op: >=\n",
        "sources: { push: { token: @abc } }\n",
        "sources:\n  push:\n    token: `abc`\n",
        "edge: { tiers: [ { name: a, hosts: [*.example.com] } ] }\n",
        "data_dir: a: b\n",
        "data_dir: \"a\nhttp: {}\n",
        "data_dir: \"a\" b\n",
        "data_dir: \"C:\\path\"\n",
        "data_dir: a\nb\n",
    ];
    let mut all = String::new();
    for text in cases {
        let error = parse(text).unwrap_err();
        let place = error.strip_prefix("c.yaml:").unwrap().split(": ").next().unwrap();
        let (line, column) = place.split_once(':').unwrap();
        assert!(line.parse::<u32>().is_ok() && column.parse::<u32>().is_ok(), "{text}: {error}");
        writeln!(all, "{}\n=> {error}\n", text.trim_end()).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn links_lead_to_a_place_that_somebody_can_reach() {
    let yaml = "http: { admin: { listen: \"0.0.0.0:9470\", token: a } }\n\
        rules: [ { name: Own, metric: failures, op: \">\", value: 1, window: 5m } ]";
    let config = parse(yaml).unwrap();
    let url = |listen: &str| config.links(listen.parse().unwrap()).unwrap().external_url;
    let machine = machine().unwrap();
    assert_eq!(url("0.0.0.0:9470"), format!("http://{machine}:9470"));
    assert_eq!(url("[::]:1"), format!("http://{machine}:1"));
    assert_eq!(url("192.0.2.1:9470"), "http://192.0.2.1:9470");
    let links = config.links("[::1]:9470".parse().unwrap()).unwrap();
    assert_eq!((&*links.external_url, links.unwritten.len()), ("http://[::1]:9470", 1));
}

#[test]
fn a_file_that_is_absent_or_too_large_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.yaml");
    let error = Config::load(Some(&path)).unwrap_err().to_string();
    assert!(error.contains("c.yaml: cannot be read"), "{error}");
    std::fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let error = Config::load(Some(&path)).unwrap_err().to_string();
    assert!(error.contains("at most 1048576"), "{error}");
}

#[test]
fn a_variable_cannot_change_the_structure() {
    let hostile = "a\" }, http: { admin: { listen: \"0.0.0.0:1\" } } # \n- x: y\n";
    for text in ["sources: { push: { token: \"${X}\" } }", "sources:\n  push:\n    token: ${X}\n"] {
        let config = Config::parse("c.yaml", text, |_| Some(hostile.into())).unwrap();
        let token = config.push_token().unwrap().unwrap().reveal().unwrap();
        assert_eq!(token, hostile.trim_end(), "{text}");
        assert!(config.http.admin.listen.ip().is_loopback());
    }
}

#[test]
fn no_secret_is_in_an_error_wherever_it_was_put() {
    let cases = [
        "http: { admin: { listen: \"${SECRET}\" } }",
        "sessions: { timeout: \"${SECRET}\" }",
        "privacy: { personal: \"${SECRET}\" }",
        "sources: { workos_webhook: whsec_1 }",
        "sources: whsec_1",
        "receivers: [ whsec_1/x ]",
        "receivers: [ { slack: { webhook_url: [whsec_1] } } ]",
        "receivers: [ { alertmanager: { urls: [\"http://a:whsec_1@b\"] } } ]",
        "receivers: [ { webhook: { url: \"http://whsec_1\", nmae: x } } ]",
        "sources: { push: { token: [whsec_1] } }",
        "sources:\n  push:\n    token: \"whsec_1\"\n  workos_webook: {}\n",
        "sources:\n  push: { token: \"whsec_1\n",
    ];
    for text in cases {
        let error = parse(text).unwrap_err();
        assert!(!error.contains("whsec_1"), "{text}: {error}");
        assert!(error.starts_with("c.yaml:"), "{text}: {error}");
    }
}

#[test]
fn a_check_repeats_no_variable() {
    // Two of a name are found after the reading, when it is no longer known which words were variables.
    let slack = r#"{ slack: { name: "${SECRET}", webhook_url: "https://a.example/b" } }"#;
    let tier = r#"{ name: "${SECRET}" }"#;
    for text in
        [format!("receivers: [{slack}, {slack}]"), format!("edge: {{ tiers: [{tier}, {tier}] }}")]
    {
        let error = parse(&text).unwrap_err();
        assert!(error.contains("`${SECRET}`") && !error.contains("whsec_1"), "{text}: {error}");
    }
}

#[test]
fn a_receiver_that_could_hear_nothing_is_refused() {
    let with = |label: &str| {
        format!(
            "receivers: [ {{ webhook: {{ url: \"http://127.0.0.1:1\", match: {{ {label}: conn_1 }} }} }} ]\n\
             rules: [ {{ name: Own, metric: failures, op: \">\", value: 4, window: 1m, labels: {{ team: sso }} }} ]\n"
        )
    };
    for label in ["connection_id", "tier", "team"] {
        parse(&with(label)).unwrap();
    }
    let error = parse(&with("connectionid")).unwrap_err();
    assert!(error.contains("c.yaml:1:"), "{error}");
    assert!(
        error.contains("no alert has the label `connectionid`; alerts have alertname,"),
        "{error}"
    );
    assert!(error.contains("limit, team"), "{error}");
}
