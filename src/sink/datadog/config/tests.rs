use serde_json::{Value, json};

use super::*;

fn read(keys: &Value) -> Result<Config, String> {
    let config: Config = serde_json::from_value(keys.clone()).map_err(|e| e.to_string())?;
    config.check().map(|()| config)
}

#[test]
fn urls_follow_the_site_unless_they_are_given() {
    let urls = |keys: Value| {
        let config = read(&keys).unwrap();
        let metrics = config.metrics().unwrap().unwrap().url;
        let logs = config.logs().unwrap().unwrap().url;
        [metrics, logs, config.key_check().unwrap().url, config.no_logs().unwrap().unwrap().url]
    };
    let of_site = urls(json!({"api_key": "k", "site": "us5.datadoghq.com"}));
    let want = [
        "https://api.us5.datadoghq.com/api/v2/series",
        "https://http-intake.logs.us5.datadoghq.com/api/v2/logs",
        "https://api.us5.datadoghq.com/api/v1/validate",
        "https://http-intake.logs.us5.datadoghq.com/api/v2/logs",
    ];
    assert_eq!(of_site, want);
    let own = urls(json!({
        "api_key": "k", "site": "internal", "metrics_url": "http://127.0.0.1:1/dd/",
        "logs_url": "http://127.0.0.1:2",
    }));
    let want = [
        "http://127.0.0.1:1/dd/api/v2/series",
        "http://127.0.0.1:2/api/v2/logs",
        "http://127.0.0.1:1/dd/api/v1/validate",
        "http://127.0.0.1:2/api/v2/logs",
    ];
    assert_eq!(own, want);
}

#[test]
fn the_listing_has_the_hosts_that_stand_in_place_of_the_sites() {
    let listed = |rest: &Value| {
        let mut keys = json!({"api_key": "k"});
        keys.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        read(&keys).unwrap().summary()
    };
    let own = json!({"metrics_url": "http://a:1/s3cret", "logs_url": "http://b:2"});
    let listed_own = listed(&own);
    assert!(listed_own.starts_with("datadoghq.com, metrics on to http://a:1 (by "), "{listed_own}");
    assert!(listed_own.ends_with(", logs on to http://b:2"), "{listed_own}");
    let off = listed(&json!({"logs_url": "http://b:2", "logs": false}));
    assert!(off.contains("metrics on (by ") && off.ends_with(", logs off"), "{off}");
}

#[test]
fn what_is_wrong_is_named_with_its_key_and_never_repeated() {
    let cases = [
        (json!({}), "`sinks.datadog` needs `api_key` or `api_key_file`"),
        (json!({"api_key": "k", "api_key_file": "f"}), "are both set"),
        (json!({"api_key": "k", "site": "datadoghq.eu/x"}), "`sinks.datadog.site` is not"),
        (json!({"api_key": "k", "site": ""}), "`sinks.datadog.site` is not"),
        (json!({"api_key": "k", "site": "datadog.eu"}), "`sinks.datadog.site` is not"),
        (
            json!({"api_key": "k", "site": "datadog.eu", "metrics_url": "http://a"}),
            "`sinks.datadog.site` is not",
        ),
        (json!({"api_key": "k", "metrics_url": "s3cret"}), "`sinks.datadog.metrics_url` is not"),
        (json!({"api_key": "k", "tags": ["a:b", "1s3cret"]}), "`sinks.datadog.tags[1]` does"),
        (json!({"api_key": "k", "tags": vec!["a:b"; 33]}), "`sinks.datadog.tags` has 33"),
        (json!({"api_key": "k", "host": ""}), "`sinks.datadog.host` must be"),
        (json!({"api_key": "k", "metrics_interval": "15s"}), "`sinks.datadog.metrics_interval`"),
        (json!({"api_key": "k", "metrics_interval": "0s"}), "`sinks.datadog.metrics_interval`"),
        (json!({"api_key": "k", "metrics_interval": "310s"}), "`sinks.datadog.metrics_interval`"),
        (json!({"api_key": "k", "gauges_interval": "9s"}), "`sinks.datadog.gauges_interval`"),
        (json!({"api_key": "k", "gauges_interval": "11m"}), "`sinks.datadog.gauges_interval`"),
        (json!({"api_key": "k", "logs_interval": "0s"}), "`sinks.datadog.logs_interval` must"),
        (json!({"api_key": "k", "logs_interval": "2m"}), "`sinks.datadog.logs_interval` must"),
        (json!({"api_key": "k", "logs_url": "s3cret"}), "`sinks.datadog.logs_url` is not"),
        (json!({"api_key": "k", "connection_tags": ["name"]}), "unknown variant `name`"),
    ];
    for (keys, want) in cases {
        let error = read(&keys).unwrap_err();
        assert!(error.contains(want) && !error.contains("s3cret"), "{keys}: {error}");
    }
}

#[test]
fn a_sink_that_is_off_takes_no_windows() {
    let windows = |metrics: bool| {
        let config = read(&json!({"api_key": "k", "metrics": metrics, "logs": !metrics})).unwrap();
        let on = (config.metrics().unwrap().is_some(), config.logs().unwrap().is_some());
        (on, config.window_sinks().len())
    };
    assert_eq!((windows(true), windows(false)), (((true, false), 1), ((false, true), 0)));
}
