//! An event in the words of a log: what happened, how it ended, how bad that is.

use crate::event::{AuthError, AuthEvent, Body, CertificateNotice, ConnectionInfo, Sso, Step};

/// In the words of the metrics' tag `outcome`.
pub(super) fn outcome(event: &AuthEvent) -> Option<&'static str> {
    match &event.body {
        Body::Sso(sso) => match sso.step {
            Step::Started => None,
            Step::Succeeded => Some("succeeded"),
            Step::Failed => Some("failed"),
            Step::TimedOut => Some("timed_out"),
        },
        Body::Authentication(_) => {
            ["succeeded", "failed"].into_iter().find(|word| event.name.ends_with(word))
        }
        Body::Connection(_) | Body::Certificate(_) | Body::Other => None,
    }
}

/// How bad an event is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    /// As Datadog's `status`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How bad it is: a failure is an error, a time-out and a certificate that is due are warnings.
pub(super) fn level(event: &AuthEvent) -> Level {
    match outcome(event) {
        Some("failed") => Level::Error,
        Some("timed_out") => Level::Warn,
        _ if event.name.ends_with("certificate_renewal_required") => Level::Warn,
        _ => Level::Info,
    }
}

/// What happened, in plain words.
pub(super) fn message(event: &AuthEvent) -> String {
    match &event.body {
        Body::Sso(sso) => sign_in(sso),
        Body::Connection(info) => connection(info, &event.name),
        Body::Certificate(notice) => certificate(notice, &event.name),
        Body::Authentication(other) => {
            let words = words(&event.name);
            other.error.as_ref().map_or(words.clone(), |error| format!("{words}: {}", why(error)))
        }
        Body::Other => words(&event.name),
    }
}

fn sign_in(sso: &Sso) -> String {
    let step = match sso.step {
        Step::Started => "started",
        Step::Succeeded => "succeeded",
        Step::Failed => "failed",
        Step::TimedOut => "timed out",
    };
    let on = sso.connection_id.as_ref().map_or_else(
        || "without a connection".to_owned(),
        |connection| format!("on {}", connection.as_str()),
    );
    let test = if sso.test { "Test sign-in" } else { "Sign-in" };
    let why = sso.error.as_ref().map_or_else(String::new, |error| format!(": {}", why(error)));
    format!("{test} {step} {on}{why}")
}

fn why(error: &AuthError) -> String {
    match (&*error.code, &*error.message) {
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}, {message}"),
    }
}

fn connection(info: &ConnectionInfo, name: &str) -> String {
    let id = info.id.as_str();
    let known = info.name.as_ref().map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"));
    let (_, what) = name.rsplit_once('.').unwrap_or(("", name));
    format!("Connection {known} {}", what.replace('_', " "))
}

fn certificate(notice: &CertificateNotice, name: &str) -> String {
    let CertificateNotice { connection_id, certificate_type, expires_at, .. } = notice;
    let (connection, expires) = (connection_id.as_str(), expires_at.to_rfc3339_seconds());
    let what = if name.ends_with("renewed") { "was renewed and" } else { "must be renewed, it" };
    format!("Certificate {certificate_type} of {connection} {what} expires at {expires}")
}

/// `authentication.password_failed` as `Password failed`.
fn words(name: &str) -> String {
    let (_, what) = name.split_once('.').unwrap_or(("", name));
    let what = if name.starts_with("authentication.") { what } else { name };
    let mut words = what.replace(['_', '.'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

#[cfg(test)]
pub(super) mod tests;
