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
    /// Of the admin listener.
    token: Option<String>,
}

/// What a daemon has of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// Bytes of memory.
    pub(crate) resident: u64,
    /// The most that it ever had.
    pub(crate) peak: u64,
    /// Open files and connections.
    pub(crate) files: usize,
    /// Seconds of processor time, user and system, since its start.
    pub(crate) cpu: f64,
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { resident, peak, files, cpu } = self;
        write!(
            f,
            "{} MiB (at most {} MiB), {files} open files, {cpu:.2} CPU s",
            resident >> 20,
            peak >> 20
        )
    }
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

    /// With `token` for the admin listener, and more keys of `http.intake`.
    pub(crate) fn start_guarded(token: &str, intake: &str, config: &str) -> Self {
        let listen = "listen: \"127.0.0.1:0\"";
        let [before, admin, after] =
            &*configuration(config).splitn(3, listen).map(str::to_owned).collect::<Vec<_>>()
        else {
            panic!("two listeners")
        };
        let config = format!("{before}{listen}, token: \"{token}\"{admin}{listen}{intake}{after}");
        let mut daemon = Self::start_by(&config);
        daemon.token = Some(token.to_owned());
        daemon
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
        Self { admin, intake, component, token: None }
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
        self.use_of_machine().peak
    }

    /// What it has of the machine now.
    pub(crate) fn use_of_machine(&self) -> Use {
        let of = |file: &str| format!("/proc/{}/{file}", self.component.id());
        let status = std::fs::read_to_string(of("status")).unwrap();
        let bytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
        };
        let stat = std::fs::read_to_string(of("stat")).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        let ticks: f64 = fields.map(|field| field.parse::<f64>().unwrap()).sum();
        let files = std::fs::read_dir(of("fd")).unwrap().count();
        Use { resident: bytes("VmRSS:"), peak: bytes("VmHWM:"), files, cpu: ticks / 100.0 }
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
        self.try_metrics().expect("it answers")
    }

    /// The same, or none while it changes its role or its configuration: a connection that is not served yet is reset then.
    pub(crate) fn try_metrics(&self) -> Option<String> {
        let mut request = http::client().get(format!("{}/metrics", self.admin));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        http::try_send(request).map(|answer| answer.body)
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
