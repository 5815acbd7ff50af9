//! `sources.edge`: where access logs come from.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;

use super::syslog::{Listen, Transport};
use crate::event::edge::{Internal, Scheme, label};
use crate::source::file::{PATTERNS_MAX, Pattern};

/// One item of `sources.edge`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "AccessLog")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A file, a glob or a folder, plain, gzip or zstd, as in `sources.files`. This or `syslog`.
    pub path: Option<String>,
    /// Where to listen for syslog: `udp://127.0.0.1:5140` or `tcp://127.0.0.1:5140`. This or `path`.
    pub syslog: Option<Box<str>>,
    /// The format of the lines: `nginx_json`, another built-in one, or one of `edge.formats`. Required.
    pub format: Box<str>,
    /// The tier of all requests. Default: what `edge.tiers` say.
    pub tier: Option<Box<str>>,
    /// Whether new files and new lines are read as they come; otherwise what is there at the start is read once. Default true.
    #[serde(default = "follow")]
    pub follow: bool,
    /// Networks that may send syslog, e.g. `10.0.0.0/8`. Required when `syslog` is not on loopback.
    #[serde(default)]
    pub from: Vec<Box<str>>,
}

fn follow() -> bool {
    true
}

/// How the lines of a log are read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Log {
    /// The name of their format, which there is.
    pub format: Box<str>,
    /// The tier of all of them.
    pub tier: Option<Box<str>>,
}

/// What `sources.edge` means.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Files, and whether they are followed.
    pub files: Vec<(Pattern, bool, Log)>,
    /// Listeners.
    pub listeners: Vec<(Listen, Log)>,
}

/// What `configs` mean, where `scheme` says which formats there are. An error names its key in backquotes.
pub fn settings(configs: &[Config], scheme: &Scheme) -> Result<Settings, String> {
    if configs.len() > PATTERNS_MAX {
        let count = configs.len();
        return Err(format!(
            "`sources.edge` has {count} entries; at most {PATTERNS_MAX}, use globs"
        ));
    }
    let mut settings = Settings::default();
    for (index, config) in configs.iter().enumerate() {
        let key = format!("sources.edge[{index}]");
        let at = |field: &str, problem: String| format!("`{key}.{field}`: {problem}");
        let log = Log { format: config.format.clone(), tier: config.tier.clone() };
        scheme.format(&log.format).map_err(|problem| at("format", problem))?;
        if let Some(tier) = &log.tier {
            label(tier).map_err(|problem| at("tier", problem))?;
        }
        match (&config.path, &config.syslog) {
            (Some(path), None) => {
                let pattern =
                    Pattern::parse(path).map_err(|error| at("path", error.to_string()))?;
                if !config.from.is_empty() {
                    return Err(at("from", "stands with `syslog` only; take it out".into()));
                }
                settings.files.push((pattern, config.follow, log));
            }
            (None, Some(syslog)) => {
                let listen = listen(syslog).map_err(|problem| at("syslog", problem))?;
                let listen =
                    senders(listen, &config.from).map_err(|problem| at("from", problem))?;
                settings.listeners.push((listen, log));
            }
            (Some(_), Some(_)) => {
                return Err(format!("`{key}` has `path` and `syslog`; make two entries of it"));
            }
            (None, None) => return Err(format!("`{key}` needs `path` or `syslog`")),
        }
    }
    Ok(settings)
}

/// Reads `udp://127.0.0.1:5140`.
fn listen(text: &str) -> Result<Listen, String> {
    let problem = || format!("`{text}` is no address; write e.g. udp://127.0.0.1:5140 or tcp://…");
    let (transport, address) = text.split_once("://").ok_or_else(problem)?;
    let transport = match transport {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        _ => return Err(problem()),
    };
    let address: SocketAddr = address.parse().map_err(|_| problem())?;
    Ok(Listen { transport, address, from: None })
}

/// Who may send: anybody on this machine, and beyond it those who are named.
fn senders(listen: Listen, from: &[Box<str>]) -> Result<Listen, String> {
    if from.is_empty() {
        if listen.address.ip().is_loopback() {
            return Ok(listen);
        }
        return Err("the listener is reachable from outside; name the networks that may send, e.g. [10.0.0.0/8]".into());
    }
    if let Some(header) = from.iter().find(|item| item.starts_with("header:")) {
        return Err(format!("`{header}` is no network; write e.g. 10.0.0.0/8"));
    }
    Ok(Listen { from: Some(Internal::new(from.iter().map(|item| &**item))?), ..listen })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Settings, String> {
        let configs: Vec<Config> = serde_saphyr::from_str(yaml).map_err(|e| e.to_string())?;
        settings(&configs, &Scheme::default())
    }

    #[test]
    fn files_and_listeners_are_told_apart_and_files_are_followed() {
        let found = read(
            "[{path: a.log, format: nginx_json, tier: web}, {path: b.log, format: caddy_json, follow: false}, \
             {syslog: \"udp://127.0.0.1:5140\", format: haproxy_http}, {syslog: \"tcp://[::]:1\", format: haproxy_http, from: [\"10.0.0.0/8\"]}]",
        )
        .unwrap();
        let files: Vec<_> = found
            .files
            .iter()
            .map(|(path, follow, log)| (path.as_str(), *follow, &*log.format))
            .collect();
        assert_eq!(files, [("a.log", true, "nginx_json"), ("b.log", false, "caddy_json")]);
        assert_eq!(found.files[0].2.tier.as_deref(), Some("web"));
        let transports: Vec<_> = found
            .listeners
            .iter()
            .map(|(listen, _)| (listen.transport, listen.from.is_some()))
            .collect();
        assert_eq!(transports, [(Transport::Udp, false), (Transport::Tcp, true)]);
    }

    #[test]
    fn what_cannot_work_is_refused_with_its_key() {
        let cases = [
            ("[{format: nginx_json}]", "`sources.edge[0]` needs `path` or `syslog`"),
            ("[{path: a, syslog: b, format: nginx_json}]", "make two entries"),
            ("[{path: a, format: nginx}]", "`sources.edge[0].format`: there is no format"),
            ("[{path: a, format: nginx_json, tier: a b}]", "`sources.edge[0].tier`: a name has"),
            ("[{path: \"\", format: nginx_json}]", "`sources.edge[0].path`: the path is empty"),
            ("[{path: a, format: nginx_json, from: [\"::1\"]}]", "stands with `syslog` only"),
            ("[{syslog: \"tls://127.0.0.1:1\", format: nginx_json}]", "udp://127.0.0.1:5140"),
            ("[{syslog: \"udp://localhost:1\", format: nginx_json}]", "is no address"),
            (
                "[{syslog: \"udp://0.0.0.0:1\", format: nginx_json}]",
                "`sources.edge[0].from`: the listener is reachable",
            ),
            (
                "[{syslog: \"udp://0.0.0.0:1\", format: nginx_json, from: [\"header:X\"]}]",
                "no network",
            ),
        ];
        for (yaml, want) in cases {
            let problem = read(yaml).unwrap_err();
            assert!(problem.contains(want), "{yaml}: {problem}");
        }
    }
}
