//! A real Prometheus scrapes the daemon.

use serde_json::Value;

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::{http, installed, wait};

/// A running Prometheus.
#[derive(Debug)]
struct Prometheus {
    url: String,
    #[expect(dead_code, reason = "runs as long as it is held")]
    component: Component,
}

impl Prometheus {
    /// Starts it; it scrapes `target`, an address with port, every 200 ms.
    fn scraping(target: &str) -> Self {
        let config = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\nscrape_configs:\n  - job_name: ssowatch\n    static_configs: [ {{ targets: [ \"{target}\" ] }} ]\n"
        );
        let (component, url, ()) = Component::start(
            "prometheus",
            |place| {
                let file = place.write("prometheus.yml", &config);
                let listen = format!("127.0.0.1:{}", free_port());
                let mut command = installed::server("prometheus");
                command.arg(format!("--config.file={}", file.display()));
                command.arg(format!("--storage.tsdb.path={}/data", place.path().display()));
                command.arg(format!("--web.listen-address={listen}"));
                (command, format!("http://{listen}"))
            },
            |_, url| {
                let answer = http::try_get(&format!("{url}/-/ready"))?;
                (answer.status == 200).then_some(())
            },
        );
        Self { url, component }
    }

    /// What an instant query gives: labels and value of each series.
    fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let url = reqwest::Url::parse_with_params(
            &format!("{}/api/v1/query", self.url),
            [("query", expression)],
        );
        let answer = http::get(url.unwrap().as_str()).json();
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        let series = answer["data"]["result"].as_array().unwrap().iter();
        let value = |series: &Value| series["value"][1].as_str().unwrap().parse().unwrap();
        series.map(|series| (series["metric"].clone(), value(series))).collect()
    }
}

#[test]
fn prometheus_scrapes_the_daemon() {
    let daemon = Daemon::start("");
    let prometheus = Prometheus::scraping(daemon.admin.strip_prefix("http://").unwrap());
    wait::until("a scrape", || prometheus.query("up == 1").pop());
}
