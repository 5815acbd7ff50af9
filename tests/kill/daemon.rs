//! The daemon as a process that can be killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::load::Totals;
use crate::until;

/// A running `ssowatch run`.
pub(crate) struct Daemon {
    pub(crate) admin: String,
    pub(crate) intake: String,
    child: Child,
    http: reqwest::Client,
}

impl Daemon {
    /// Starts it in `folder`, with the data that is there, and waits until it is ready.
    pub(crate) async fn start(folder: &Path, config: &str) -> Self {
        let mut child = spawn(folder, config);
        let log = folder.join("log");
        let (admin, intake) = until("it is ready", async || {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("it ended with {status}: {log}");
            }
            log.lines().find_map(listeners)
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { admin, intake, child, http }
    }

    /// Ends it in a way that no program can prepare for.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        // It is dead within milliseconds; the thread may wait for it.
        tokio::task::block_in_place(|| self.child.wait()).unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        until("it ends", async || self.child.try_wait().unwrap()).await;
    }

    async fn get(&self, path: &str) -> String {
        let response = self.http.get(format!("{}{path}", self.admin)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    /// The series of the exposition and their values.
    pub(crate) async fn metrics(&self) -> BTreeMap<String, f64> {
        let text = self.get("/metrics").await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.rsplit_once(' '));
        pairs.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
    }

    /// Events that were taken, from all sources.
    pub(crate) async fn received(&self) -> u64 {
        let metrics = self.metrics().await;
        let ours =
            metrics.iter().filter(|(name, _)| name.starts_with("ssowatch_events_received_total"));
        count(ours.map(|(_, value)| *value).sum())
    }

    /// Waits until it has taken so many events; the exposition follows within a second.
    pub(crate) async fn has_received(&self, count: u64) {
        until(&format!("{count} events are counted"), async || {
            let received = self.received().await;
            assert!(received <= count, "{received} events are counted, {count} were sent");
            (received == count).then_some(())
        })
        .await;
    }

    /// What it counted, by connection.
    pub(crate) async fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (series, value) in self.metrics().await {
            let label = |name: &str| {
                let rest = series.split_once(&format!("{name}=\""))?.1;
                rest.split('"').next().map(str::to_owned)
            };
            let kind = match series.split('{').next().unwrap_or_default() {
                "sso_sessions_started_total" => "started".to_owned(),
                "sso_sessions_finished_total" => label("outcome").unwrap(),
                _ => continue,
            };
            totals.add(&label("connection_id").unwrap(), &kind, count(value));
        }
        totals
    }

    /// How often each page has fired and whether it still does, by fingerprint, once the rule's own are over. A built-in
    /// alert needs sign-ins that work before it is over, and may fire for ever when nobody signs in any more.
    pub(crate) async fn pages_if_over(&self) -> Option<BTreeMap<String, (u32, bool)>> {
        let answer: Value = serde_json::from_str(&self.get("/api/v1/incidents").await).unwrap();
        let mut fired: BTreeMap<String, (u32, bool)> = BTreeMap::new();
        for incident in answer["incidents"].as_array().unwrap_or_else(|| panic!("{answer}")) {
            if incident["severity"] != "page" || incident["fired_at"].is_null() {
                continue;
            }
            let firing = incident["state"] == "firing";
            if firing && incident["labels"]["alertname"] == "ManyFailures" {
                return None;
            }
            let fingerprint = incident["fingerprint"].as_str().unwrap().to_owned();
            let (count, still) = fired.entry(fingerprint).or_default();
            *count += 1;
            *still |= firing;
        }
        Some(fired)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already dead after a kill.
        drop(self.child.kill());
    }
}

/// Starts the process; what it says goes into `folder/log`, which begins anew.
pub(crate) fn spawn(folder: &Path, config: &str) -> Child {
    let head = "data_dir: ./data\nhttp: { admin: { listen: \"127.0.0.1:0\" }, intake: { listen: \"127.0.0.1:0\" } }\n";
    std::fs::write(folder.join("ssowatch.yaml"), format!("{head}{config}")).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssowatch"));
    command.args(["--log-format", "json", "run", "--config", "ssowatch.yaml"]).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// The two addresses, from the line that says that it is ready.
fn listeners(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").filter(|fields| fields["message"] == "Ready.")?;
    let url = |name: &str| Some(format!("http://{}", fields[name].as_str()?));
    Some((url("admin")?, url("intake")?))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are small")]
fn count(value: f64) -> u64 {
    value as u64
}
