//! The daemon itself, as the binary that is shipped.

use std::process::Command;

use serde_json::Value;

use crate::component::{Component, Place};
use crate::{http, installed};

/// A running `ssowatch run` with both listeners on ports that the system chose.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// `http://127.0.0.1:PORT` of metrics and API.
    pub(crate) admin: String,
    /// `http://127.0.0.1:PORT` of webhooks and pushed events.
    pub(crate) intake: String,
    component: Component,
}

impl Daemon {
    /// Starts it with `config`, which says everything but `data_dir` and `http`.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_by(&configuration(config))
    }

    /// The same, with more keys of `http.admin`.
    pub(crate) fn start_with_admin(admin: &str, config: &str) -> Self {
        let listen = "listen: \"127.0.0.1:0\"";
        let with = configuration(config).replacen(listen, &format!("{listen}, {admin}"), 1);
        Self::start_by(&with)
    }

    fn start_by(config: &str) -> Self {
        let (component, (), (admin, intake)) = Component::start(
            "ssowatch",
            |place| {
                place.write("ssowatch.yaml", config);
                (command(place), ())
            },
            |place, ()| ready(place),
        );
        Self { admin, intake, component }
    }

    /// `127.0.0.1:PORT` where it takes access logs by syslog.
    pub(crate) fn syslog(&self) -> String {
        let log = self.component.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let listening = lines.find_map(|line| {
            let fields = &line["fields"];
            let listens = fields["message"] == "Listening for access logs by syslog.";
            listens.then(|| fields["address"].as_str().unwrap().to_owned())
        });
        listening.expect("it listens for syslog")
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.component.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Ends it in a way that no program can prepare for.
    pub(crate) fn kill(&mut self) {
        self.component.kill();
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.component.id()
    }

    /// What it says, by words that a line of its log holds.
    pub(crate) fn said(&self, words: &str) -> usize {
        let log = std::fs::read_to_string(self.component.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains(words)).count()
    }

    /// The folder with its data and its log.
    pub(crate) fn path(&self) -> &std::path::Path {
        self.component.path()
    }

    /// Writes another configuration, which it has not read yet.
    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.component.path().join("ssowatch.yaml"), configuration(config)).unwrap();
    }

    /// Starts it again after [`Daemon::kill`], on other ports and with the data that it left.
    pub(crate) fn start_again(&mut self) {
        (self.admin, self.intake) = self.component.start_again(command, ready);
    }

    /// The exposition text.
    pub(crate) fn metrics(&self) -> String {
        http::get(&format!("{}/metrics", self.admin)).body
    }

    /// What `POST /v1/events` answers to `lines`.
    pub(crate) fn push(&self, lines: &str) -> Value {
        let answer = http::post(&format!("{}/v1/events", self.intake), lines.to_owned());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// `ssowatch_events_rejected_total` of one source and reason; 0 as long as there is none.
    pub(crate) fn rejected(&self, source: &str, reason: &str) -> u64 {
        let series =
            format!("ssowatch_events_rejected_total{{source=\"{source}\",reason=\"{reason}\"}}");
        self.count(&series)
    }

    /// The value of one series of the exposition; 0 as long as there is none.
    pub(crate) fn count(&self, series: &str) -> u64 {
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map_or(0, |value| value.parse().unwrap())
    }
}

/// Runs it with the configuration in `place`.
fn command(place: &Place) -> Command {
    let mut command = installed::bound_to_this_thread(env!("CARGO_BIN_EXE_ssowatch"));
    command.args(["--log-format", "json", "run", "--config", "ssowatch.yaml"]);
    command.current_dir(place.path());
    command
}

/// Where it listens, once it does.
fn ready(place: &Place) -> Option<(String, String)> {
    let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
    log.lines().find_map(listeners)
}

fn configuration(rest: &str) -> String {
    format!(
        "data_dir: ./data\nhttp: {{ admin: {{ listen: \"127.0.0.1:0\" }}, intake: {{ listen: \"127.0.0.1:0\" }} }}\n{rest}"
    )
}

/// The two addresses, from the line that says that it is ready.
fn listeners(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").filter(|fields| fields["message"] == "Ready.")?;
    let url = |name: &str| Some(format!("http://{}", fields[name].as_str()?));
    Some((url("admin")?, url("intake")?))
}
