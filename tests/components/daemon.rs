//! The daemon itself, as the binary that is shipped.

use serde_json::Value;

use crate::component::Component;
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
        let (component, (), (admin, intake)) = Component::start(
            "ssowatch",
            |place| {
                let file = place.write("ssowatch.yaml", configuration(config));
                let mut command = installed::bound_to_this_thread(env!("CARGO_BIN_EXE_ssowatch"));
                command.args(["--log-format", "json", "run", "--config"]).arg(file);
                (command, ())
            },
            |place, ()| {
                let log = std::fs::read_to_string(place.path().join("log")).unwrap_or_default();
                log.lines().find_map(listeners)
            },
        );
        Self { admin, intake, component }
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.component.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
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
            format!("ssowatch_events_rejected_total{{source=\"{source}\",reason=\"{reason}\"}} ");
        let text = self.metrics();
        let value = text.lines().find_map(|line| line.strip_prefix(&series));
        value.map_or(0, |value| value.parse().unwrap())
    }
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
