//! The monitors, those of the edge aside.

use super::monitor::{INCIDENT, Kind, Missing, Monitor, Severity};
use super::{edge, itself};

pub(super) fn all() -> Vec<Monitor> {
    [incidents(), connections(), fleet(), itself::monitors(), edge::monitors()]
        .into_iter()
        .flatten()
        .collect()
}

/// The share of sign-ins with `outcome`.
fn ratio(window: &str, outcome: &str, by: &str) -> String {
    format!(
        "sum({window}):sum:sso.sessions_finished{{outcome:{outcome}}}{by}.as_count() / sum:sso.sessions_finished{{*}}{by}.as_count()"
    )
}

fn attempts(window: &str, by: &str) -> String {
    format!("sum({window}):sum:sso.sessions_finished{{*}}{by}.as_count()")
}

/// A metric that must not be above `critical`.
pub(super) fn metric(query: String, critical: f64) -> Kind {
    Kind::Metric { query, above: true, critical, missing: Missing::Over }
}

/// A part of a composite.
pub(super) fn part(
    name: &str,
    alert: &'static str,
    title: &'static str,
    kind: Kind,
    what: &'static str,
) -> Monitor {
    Monitor {
        name: name.to_owned(),
        alert,
        title,
        kind,
        severity: Severity::Part,
        what,
        impact: "",
        recovery: "",
    }
}

/// What ssowatch's own detection found, passed on. Datadog writes the alert's name in small letters.
fn incidents() -> Vec<Monitor> {
    let monitor = |name: &str, severity, word: &str, title| Monitor {
        name: name.to_owned(),
        alert: INCIDENT,
        title,
        kind: metric(
            format!(
                "max(last_5m):max:ssowatch.incidents{{state:firing,severity:{word}}} by {{alertname}}"
            ),
            0.0,
        ),
        severity,
        what: "ssowatch has found {{alertname.name}}, in {{value}} incidents.",
        impact: "The status page says who is hit, since when, and how many sign-ins or requests.",
        recovery: "None is open any more.",
    };
    vec![
        monitor("incident-page", Severity::Page, "page", "ssowatch: {{alertname.name}} pages"),
        monitor(
            "incident-ticket",
            Severity::Ticket,
            "ticket",
            "ssowatch: {{alertname.name}} has a ticket",
        ),
    ]
}

const CONNECTION: &str = " by {connection_id}";

fn connections() -> Vec<Monitor> {
    vec![
        part(
            "connection-failure-ratio",
            "SsoConnectionFailing",
            "ssowatch: a third of the sign-ins of {{connection_id.name}} fail",
            metric(ratio("last_15m", "failed", CONNECTION), 0.3),
            "Failed of all sign-ins of a connection that ended in 15 minutes.",
        ),
        part(
            "connection-timeout-ratio",
            "SsoConnectionTimingOut",
            "ssowatch: most sign-ins of {{connection_id.name}} time out",
            metric(ratio("last_15m", "timed_out", CONNECTION), 0.7),
            "Timed-out of all sign-ins of a connection that ended in 15 minutes.",
        ),
        part(
            "connection-attempts",
            "SsoConnectionFailing",
            "ssowatch: {{connection_id.name}} has enough sign-ins to say something",
            metric(attempts("last_15m", CONNECTION), 39.0),
            "At least 40 sign-ins of a connection ended in 15 minutes, so that a ratio says something.",
        ),
        Monitor {
            name: "connection-failing".to_owned(),
            alert: "SsoConnectionFailing",
            title: "ssowatch: sign-ins of {{connection_id.name}} fail",
            kind: Kind::Composite(&["connection-failure-ratio", "connection-attempts"]),
            severity: Severity::Page,
            what: "At least 30 % of at least 40 sign-ins of {{connection_id.name}} failed in 15 minutes.",
            impact: "Employees of this customer cannot sign in, or a part of them.",
            recovery: "Fewer than 30 % of its sign-ins fail, or fewer than 40 ended in 15 minutes.",
        },
        Monitor {
            name: "connection-timing-out".to_owned(),
            alert: "SsoConnectionTimingOut",
            title: "ssowatch: sign-ins of {{connection_id.name}} time out",
            kind: Kind::Composite(&["connection-timeout-ratio", "connection-attempts"]),
            severity: Severity::Page,
            what: "At least 70 % of at least 40 sign-ins of {{connection_id.name}} were begun and never came back in 15 minutes.",
            impact: "The identity provider of this customer hangs; nobody there gets in.",
            recovery: "Fewer than 70 % of its sign-ins time out, or fewer than 40 ended in 15 minutes.",
        },
        Monitor {
            name: "connection-refused-people".to_owned(),
            alert: "SsoConnectionFailing",
            title: "ssowatch: many people fail on {{@sso.connection_id.name}}",
            kind: Kind::Logs {
                query: "logs(\"source:workos service:ssowatch @evt.name:authentication.sso_failed -@error.code:access_denied\").index(\"*\").rollup(\"cardinality\", \"@usr.id\").by(\"@sso.connection_id\").last(\"15m\")".to_owned(),
                critical: 20.0,
            },
            severity: Severity::Ticket,
            what: "More than 20 different people failed to sign in on one connection in 15 minutes. The logs name the errors.",
            impact: "A customer is hit broadly, whatever the share of its sign-ins is.",
            recovery: "Fewer people fail.",
        },
    ]
}

fn fleet() -> Vec<Monitor> {
    vec![
        part(
            "fleet-failure-ratio",
            "SsoFleetFailing",
            "ssowatch: 15 % of all sign-ins fail",
            metric(ratio("last_5m", "failed", ""), 0.15),
            "Failed of all sign-ins that ended in five minutes.",
        ),
        part(
            "fleet-timeout-ratio",
            "SsoFleetTimingOut",
            "ssowatch: 30 % of all sign-ins time out",
            metric(ratio("last_5m", "timed_out", ""), 0.3),
            "Timed-out of all sign-ins that ended in five minutes.",
        ),
        part(
            "fleet-attempts",
            "SsoFleetFailing",
            "ssowatch: there are enough sign-ins to say something",
            metric(attempts("last_5m", ""), 99.0),
            "At least 100 sign-ins ended in five minutes, so that a ratio says something.",
        ),
        Monitor {
            name: "fleet-failing".to_owned(),
            alert: "SsoFleetFailing",
            title: "ssowatch: sign-ins fail over all connections",
            kind: Kind::Composite(&["fleet-failure-ratio", "fleet-attempts"]),
            severity: Severity::Page,
            what: "At least 15 % of at least 100 sign-ins failed in five minutes.",
            impact: "A share of all employees of all customers cannot sign in.",
            recovery: "Fewer than 15 % of all sign-ins fail.",
        },
        Monitor {
            name: "fleet-timing-out".to_owned(),
            alert: "SsoFleetTimingOut",
            title: "ssowatch: sign-ins time out over all connections",
            kind: Kind::Composite(&["fleet-timeout-ratio", "fleet-attempts"]),
            severity: Severity::Page,
            what: "At least 30 % of at least 100 sign-ins were begun and never came back in five minutes.",
            impact: "A share of all people sees a page that does not load; it is usually the application's own callback.",
            recovery: "Fewer than 30 % of all sign-ins time out.",
        },
        Monitor {
            name: "budget-burn-fast".to_owned(),
            alert: "SsoErrorBudgetBurn",
            title: "ssowatch: the error budget of sign-ins is used up in days",
            kind: Kind::Burn { long: "1h", short: "5m", critical: 14.4 },
            severity: Severity::Page,
            what: "The error budget of 30 days is used up more than 14.4 times too fast, over an hour and over the last five minutes.",
            impact: "Nearly every second sign-in has failed for an hour.",
            recovery: "The last five minutes are good.",
        },
        Monitor {
            name: "budget-burn-steady".to_owned(),
            alert: "SsoErrorBudgetBurn",
            title: "ssowatch: the error budget of sign-ins is used up in a week",
            kind: Kind::Burn { long: "6h", short: "30m", critical: 6.0 },
            severity: Severity::Page,
            what: "The error budget of 30 days is used up more than 6 times too fast, over six hours and over the last half hour.",
            impact: "Every fifth sign-in has failed for hours.",
            recovery: "The last half hour is good.",
        },
        Monitor {
            name: "budget-burn-slow".to_owned(),
            alert: "SsoErrorBudgetBurn",
            title: "ssowatch: the error budget of sign-ins is used up too fast",
            kind: Kind::Burn { long: "24h", short: "2h", critical: 3.0 },
            severity: Severity::Ticket,
            what: "The error budget of 30 days is used up more than 3 times too fast, over a day and over the last two hours.",
            impact: "A small but lasting share of sign-ins fails.",
            recovery: "The last two hours are good.",
        },
    ]
}
