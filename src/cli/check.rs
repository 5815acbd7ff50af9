//! `check`: what would run, without secrets, and with `--online` whether it could.

use std::fmt::{self, Display, Write as _};
use std::fs;
use std::path::Path;

use super::knock;
use crate::app::{vacant, weak_key};
use crate::config::{Config, Door};
use crate::journal::nats;
use crate::listener::{Tls, unbound};
use crate::receiver::Target;
use crate::setting::{Secret, SecretError};
use crate::sink::{datadog, otlp};
use crate::source::workos_api;
use crate::source::{self, file::Pattern};

/// One thing that was tried.
pub(super) struct Finding {
    key: String,
    /// What was found, or what is wrong and what to do.
    outcome: Result<String, String>,
}

impl Finding {
    pub(super) fn failed(&self) -> bool {
        self.outcome.is_err()
    }

    /// Its key, and what is wrong and what to do.
    pub(super) fn problem(&self) -> Option<(&str, &str)> {
        Some((&self.key, self.outcome.as_ref().err()?))
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(found) => write!(f, "ok      {}: {found}", self.key),
            Err(problem) => write!(f, "failed  {}: {problem}", self.key),
        }
    }
}

/// What would run. Says of secrets only whether they are there.
pub(super) fn summary(config: &Config) -> Result<String, String> {
    let weak_key = weak_key(config)?;
    let there =
        |secret: &Option<Secret>| if secret.is_some() { "with a token" } else { "without a token" };
    let rules: Vec<_> = config.rules.iter().map(|rule| rule.name.to_string()).collect();
    let secrets = config.webhook_secrets()?.len();
    let webhook = match &config.sources.workos_webhook {
        Some(webhook) => format!("on, {secrets} secret(s), tolerance {}", webhook.tolerance),
        None => off(),
    };
    let lines = [
        ("data_dir", config.data_dir.0.display().to_string()),
        (
            "http.admin",
            format!(
                "{}://{}, {}",
                scheme(config.http.admin.tls.as_ref()),
                config.http.admin.listen,
                there(&config.admin_token()?)
            ),
        ),
        (
            "http.intake",
            format!(
                "{}://{}, pushed events {}",
                scheme(config.http.intake.tls.as_ref()),
                config.http.intake.listen,
                there(&config.push_token()?)
            ),
        ),
        ("privacy.personal", format!("{:?}", config.privacy.personal).to_lowercase()),
        ("sources.workos_webhook", webhook),
        (
            "sources.workos_api",
            config.workos_api()?.map_or_else(|| "off".to_owned(), |settings| settings.summary()),
        ),
        ("sources.nats", config.nats()?.map_or_else(off, |settings| settings.summary())),
        ("sources.files", files(config)?),
        ("sources.edge", access_logs(config)?),
        ("journal", journal(config)),
        ("sessions.timeout", config.sessions.timeout.to_string()),
        (
            "sinks.prometheus",
            format!("at most {} connections", config.sinks.prometheus.max_connections),
        ),
        ("sinks.otlp", config.sinks.otlp.as_ref().map_or_else(off, otlp::Config::summary)),
        ("sinks.datadog", config.sinks.datadog.as_ref().map_or_else(off, datadog::Config::summary)),
        ("receivers", receivers(&config.targets()?)),
        ("built_in_alerts", if config.built_in_alerts.0 { "on".to_owned() } else { off() }),
        ("rules", if rules.is_empty() { "none".to_owned() } else { rules.join(", ") }),
    ];
    let mut text = "The configuration is valid.\n".to_owned();
    for (key, value) in lines {
        writeln!(text, "{key:<24}{value}").expect("memory grows");
    }
    let nobody = config.nobody_is_paged().map(str::to_owned);
    for warning in nobody.into_iter().chain(weak_key).chain(config.warnings()) {
        writeln!(text, "warning: {warning}").expect("memory grows");
    }
    Ok(text)
}

fn scheme(tls: Option<&Tls>) -> &'static str {
    match tls {
        None => "http",
        Some(Tls { client_ca_file: None, .. }) => "https",
        Some(Tls { client_ca_file: Some(_), .. }) => "https (callers need a certificate)",
    }
}

fn off() -> String {
    "off".to_owned()
}

fn journal(config: &Config) -> String {
    config.journal.nats.as_ref().map_or_else(|| "embedded".to_owned(), nats::Config::summary)
}

/// What each entry stands for now.
fn files(config: &Config) -> Result<String, String> {
    let patterns = config.files()?.into_iter();
    let words: Vec<_> = patterns.map(|(pattern, follow)| stands_for(&pattern, follow)).collect();
    Ok(list(&words))
}

/// The same for access logs.
fn access_logs(config: &Config) -> Result<String, String> {
    let settings = config.access_logs()?;
    let files = settings.files.iter();
    let files = files.map(|(pattern, follow, log)| (stands_for(pattern, *follow), &log.format));
    let listeners = settings.listeners.iter();
    let listeners = listeners.map(|(listen, log)| (format!("syslog on {listen}"), &log.format));
    let all = files.chain(listeners);
    let words: Vec<_> = all.map(|(place, format)| format!("{place} as {format}")).collect();
    Ok(list(&words))
}

fn stands_for(pattern: &Pattern, follow: bool) -> String {
    let found = match pattern.files() {
        Ok(files) if files.is_empty() => "no file yet".to_owned(),
        Ok(files) if files.len() == 1 => "1 file".to_owned(),
        Ok(files) => format!("{} files", files.len()),
        Err(error) => error.to_string(),
    };
    let how = if follow { "followed" } else { "read once" };
    format!("{} ({found}, {how})", pattern.as_str())
}

fn list(words: &[String]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// By name; an Alertmanager cluster once, with the number of its members.
fn receivers(targets: &[Target]) -> String {
    let mut members: Vec<(&str, usize)> = Vec::new();
    for target in targets {
        match members.last_mut() {
            Some((name, count)) if **name == *target.name => *count += 1,
            _ => members.push((&target.name, 1)),
        }
    }
    let words: Vec<_> = members
        .into_iter()
        .map(|(name, count)| match count {
            1 => name.to_owned(),
            count => format!("{name} ({count} members)"),
        })
        .collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Reads every secret that is read when it is needed.
pub(super) fn secrets(config: &Config) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    let secrets = [
        ("http.admin.token", config.admin_token()?),
        ("sources.push.token", config.push_token()?),
        ("privacy.key", config.privacy_secret()?),
        ("privacy.previous_key", config.previous_privacy_secret()?),
    ];
    let webhook =
        config.webhook_secrets()?.into_iter().map(|secret| ("sources.workos_webhook", secret));
    let single = secrets.into_iter().filter_map(|(key, secret)| Some((key, secret?)));
    for (key, secret) in single.chain(webhook) {
        findings.push(Finding { key: key.to_owned(), outcome: readable(&secret) });
    }
    for target in config.targets()? {
        let outcome = match target.read_secrets() {
            Ok(0) => continue,
            Ok(_) => Ok("the secrets can be read".to_owned()),
            Err(error) => Err(unreadable(&error)),
        };
        findings.push(Finding { key: format!("receivers: {}", target.key), outcome });
    }
    Ok(findings)
}

/// Tries what a start needs: secrets, the data directory, every listener, the keys of WorkOS and Datadog, and whether those who
/// are told are there.
pub(super) async fn online(config: &Config) -> Result<Vec<Finding>, String> {
    let mut findings = secrets(config)?;
    for (index, (pattern, _)) in config.files()?.into_iter().enumerate() {
        let key = format!("sources.files[{index}].path");
        findings.push(Finding { key, outcome: openable(&pattern) });
    }
    for (pattern, _, _) in config.access_logs()?.files {
        let key = format!("sources.edge: {}", pattern.as_str());
        findings.push(Finding { key, outcome: openable(&pattern) });
    }
    for (key, outcome) in [
        ("http.*.tls", config.acceptors().map(|all| all.iter().flatten().count())),
        ("outbound", config.outbound.route().map(|route| route.authorities())),
    ] {
        // Nothing was asked for: nothing was tried.
        let outcome = match outcome {
            Ok(0) => continue,
            Ok(_) => Ok("the certificates can be read".to_owned()),
            Err(problem) => Err(problem),
        };
        findings.push(Finding { key: key.to_owned(), outcome });
    }
    if let Some(nats) = config.journal.nats.clone() {
        // It waits for the servers: not on a thread that others need.
        let tried =
            tokio::task::spawn_blocking(move || nats::Cluster::open(&nats)?.may_write()).await;
        let outcome = match tried.map_err(|error| error.to_string())? {
            Ok(()) => Ok("the streams are there and as they should be".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        findings.push(Finding { key: "journal.nats".to_owned(), outcome });
    }
    let outcome = writable(&config.data_dir.0).and_then(|found| {
        let free = vacant(config).map_err(|error| error.to_string());
        free.map(|()| found)
    });
    findings.push(Finding { key: "data_dir".to_owned(), outcome });
    for door in config.doors()? {
        let outcome = bindable(&door);
        findings.push(Finding { key: door.key, outcome });
    }
    let route = config.outbound.route().unwrap_or_default();
    if let Some(settings) = config.workos_api()? {
        let found = workos_api::probe(&settings, &route).await;
        findings.extend(found.into_iter().map(|(key, outcome)| Finding { key, outcome }));
    }
    if let Some(settings) = config.nats()? {
        let outcome = source::nats::probe(&settings).await;
        findings.push(Finding { key: "sources.nats".to_owned(), outcome });
    }
    let knocked = knock::everywhere(config, &route).await?;
    findings.extend(knocked.into_iter().map(|(key, outcome)| Finding { key, outcome }));
    Ok(findings)
}

fn readable(secret: &Secret) -> Result<String, String> {
    let revealed = secret.reveal().map(drop);
    revealed.map(|()| "the secret can be read".to_owned()).map_err(|error| unreadable(&error))
}

fn unreadable(error: &SecretError) -> String {
    match error {
        SecretError::Unreadable { .. } => format!("{error}; check the path and its permissions"),
        SecretError::Empty(_) => format!("{error}; write the secret into it"),
        SecretError::Both(_) | SecretError::NoUrl => error.to_string(),
    }
}

/// Writes and removes a file in `folder`, or where it would be created.
pub(super) fn writable(folder: &Path) -> Result<String, String> {
    let existing = folder.ancestors().find(|part| part.exists());
    // The parent of a relative path of one part is the empty path.
    let existing = existing.unwrap_or(Path::new("."));
    if !existing.is_dir() {
        return Err(format!("{} is not a folder; choose another `data_dir`", existing.display()));
    }
    let probe = existing.join(".ssowatch-check");
    let tried = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) if existing == folder => Ok(format!("{} can be written", folder.display())),
        Ok(()) => Ok(format!("{} can be created", folder.display())),
        Err(error) => Err(format!(
            "{} cannot be written: {error}; check its owner and permissions, or choose another `data_dir`",
            existing.display()
        )),
    }
}

/// Opens every file that `pattern` stands for.
fn openable(pattern: &Pattern) -> Result<String, String> {
    let files = pattern.files().map_err(|error| format!("{error}; check owner and permissions"))?;
    for file in &files {
        if let Err(error) = fs::File::open(file) {
            let path = file.display();
            return Err(format!("{path} cannot be read: {error}; check owner and permissions"));
        }
    }
    Ok(match files.len() {
        0 => format!("{} matches no file yet; it is waited for", pattern.as_str()),
        1 => "the file can be read".to_owned(),
        count => format!("all {count} files can be read"),
    })
}

/// Opens and closes it.
pub(super) fn bindable(door: &Door) -> Result<String, String> {
    let listen = door.address;
    match door.try_open() {
        Ok(()) => Ok(format!("{listen} is free")),
        Err(error) => Err(unbound(listen, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_secret_that_cannot_be_read_is_named() {
        let text = "sources: { push: { token_file: /nonexistent/token } }\n\
            receivers: [{ pagerduty: { routing_key_file: /nonexistent/key } }]\n";
        let config = Config::parse("c.yaml", text, |_| None).unwrap();
        let found = secrets(&config).unwrap();
        let problems: Vec<_> = found.iter().filter_map(Finding::problem).collect();
        let keys: Vec<_> = problems.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, ["sources.push.token", "receivers: pagerduty"]);
        assert!(
            problems.iter().all(|(_, problem)| problem.contains(" /nonexistent/")),
            "{problems:?}"
        );
    }
}
