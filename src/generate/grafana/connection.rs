//! The drill-down into one connection: is it this connection, its identity provider, or everybody?

use super::overview::{provider_ratio, quantile};
use super::panel::{Column, Panel, Target};
use super::{Board, Row, variable};

/// The selector of the chosen connection.
const ONE: &str = "connection_id=\"$connection\"";

pub(super) fn board() -> Board {
    Board {
        uid: "ssowatch-connection",
        title: "ssowatch: one connection",
        description: "One connection: its sign-ins, failures and their causes, beside its identity provider, everybody, and a week ago.",
        variables: vec![variable::organization(), variable::connection(false)],
        rows: vec![now(), outcomes(), compared(), certificates()],
    }
}

fn finished(outcome: &str, window: &str) -> String {
    format!("sum(increase(sso_sessions_finished_total{{{ONE}{outcome}}}[{window}]))")
}

fn ratio(name: &str, window: &str) -> String {
    format!("max(sso_{name}_ratio{{{ONE}, window=\"{window}\"}})")
}

fn now() -> Row {
    const WHO: &[Column] = &[
        Column::text("connection_id", "Connection"),
        Column::text("connection_name", "Name"),
        Column::text("organization_name", "Organization"),
        Column::text("organization_id", "Organization id"),
        Column::text("connection_type", "Identity provider"),
        Column::text("state", "State"),
    ];
    let who = format!(
        "max by (connection_id, connection_name, organization_id, organization_name, connection_type, state) (sso_connection_info{{{ONE}}})"
    );
    let mut who = Panel::table("Connection", WHO, vec![who])
        .about("As its source names it; empty when no source has told.");
    who.height = 4;
    let panels = vec![
        who,
        Panel::stat("Failures, 5m", "percentunit", ratio("failure", "5m"))
            .about("Failed of all that ended in the last five minutes; nothing when none ended.")
            .steps(&[(0.1, "yellow"), (0.3, "red")]),
        Panel::stat("Failures, 1h", "percentunit", ratio("failure", "1h"))
            .about("Failed of all that ended in the last hour.")
            .steps(&[(0.1, "yellow"), (0.3, "red")]),
        Panel::stat("Time-outs, 1h", "percentunit", ratio("timeout", "1h"))
            .about("Timed-out of all that ended in the last hour. About 10 % is usual: people walk away.")
            .steps(&[(0.25, "yellow"), (0.5, "red")]),
        Panel::stat("Sign-ins, 1h", "short", finished("", "1h")).about("That ended, whatever the outcome."),
        Panel::stat("Succeeded, chosen time", "short", finished(", outcome=\"succeeded\"", "$__range"))
            .about("In the time that the board shows."),
        Panel::stat("Failed, chosen time", "short", finished(", outcome=\"failed\"", "$__range"))
            .about("In the time that the board shows."),
        Panel::stat("In progress", "short", format!("sum(sso_sessions_in_progress{{{ONE}}})"))
            .about("Begun and not ended; many at once is an identity provider that hangs."),
        Panel::stat("Without an end, 1h", "short", format!("sum(increase(sso_sessions_stalled_total{{{ONE}}}[1h]))"))
            .about("Sign-ins of which no end was ever heard: events that do not arrive.")
            .steps(&[(10.0, "yellow")]),
    ];
    Row { title: "Now", panels }
}

fn outcomes() -> Row {
    const CAUSES: &[Column] = &[
        Column::text("cause", "Cause"),
        Column::value("Value", "Failures", "short").largest_first(),
    ];
    let rate = |series: &str, by: &str| {
        format!("60 * sum by ({by}) (rate({series}{{{ONE}}}[$__rate_interval]))")
    };
    let panels = vec![
        Panel::stacked(
            "Sign-ins by outcome, a minute",
            "short",
            vec![Target::new(rate("sso_sessions_finished_total", "outcome"), "{{outcome}}")],
        )
        .about("Sign-ins that ended."),
        Panel::lines(
            "Begun and ended, a minute",
            "short",
            vec![
                Target::new(format!("60 * sum(rate(sso_sessions_started_total{{{ONE}}}[$__rate_interval]))"), "begun"),
                Target::new(format!("60 * sum(rate(sso_sessions_finished_total{{{ONE}}}[$__rate_interval]))"), "ended"),
            ],
        )
        .about("A gap that lasts is sign-ins that hang, or ends that are not heard of."),
        Panel::stacked(
            "Failures by cause, a minute",
            "short",
            vec![Target::new(rate("sso_session_failures_total", "cause"), "{{cause}}")],
        )
        .about("Classes of error.code. `certificate`, `signature` and `assertion` are the set-up's, `provider_error` and `server_error` the provider's, `denied` the person's."),
        Panel::table(
            "Causes, chosen time",
            CAUSES,
            vec![format!("sum by (cause) (increase(sso_session_failures_total{{{ONE}}}[$__range])) > 0")],
        )
        .about("In the time that the board shows.")
        .wide(12),
    ];
    Row { title: "Outcomes and causes", panels }
}

/// The identity providers of the connection, to keep only their series of `expr`.
fn own_provider(expr: &str) -> String {
    format!(
        "{expr}\nand on (connection_type) max by (connection_type) (sso_connection_info{{{ONE}}})"
    )
}

fn compared() -> Row {
    // The other connections of the provider, whatever is chosen.
    let of_provider = provider_ratio("failed", "5m").replace(
        "organization_id=~\"$organization\", connection_id=~\"$connection\"",
        "connection_id!=\"$connection\"",
    );
    let panels = vec![
        Panel::lines(
            "Failures: this connection, its provider, everybody",
            "percentunit",
            vec![
                Target::new(ratio("failure", "5m"), "this connection"),
                Target::new(own_provider(&of_provider), "other {{connection_type}} connections"),
                Target::new("max(sso_fleet_failure_ratio{window=\"5m\"})", "everybody"),
            ],
        )
        .about("The line that rises says whose trouble it is. Of five minutes; the provider's of at least ten sign-ins."),
        Panel::lines(
            "Sign-ins a minute, and a week ago",
            "short",
            vec![
                Target::new(format!("60 * sum(rate(sso_sessions_started_total{{{ONE}}}[15m]))"), "now"),
                Target::new(format!("60 * sum(rate(sso_sessions_started_total{{{ONE}}}[15m] offset 1w))"), "a week ago"),
            ],
        )
        .about("Sign-ins that were begun. Fewer than a week ago at this hour: people cannot even begin, or events do not arrive."),
        Panel::lines(
            "Sign-in takes, its identity provider",
            "s",
            vec![
                Target::new(own_provider(&quantile("0.5", "$__rate_interval", "connection_type, ")), "{{connection_type}}: p50"),
                Target::new(own_provider(&quantile("0.95", "$__rate_interval", "connection_type, ")), "{{connection_type}}: p95"),
            ],
        )
        .about("All connections of this identity provider; durations are not kept by connection."),
        Panel::lines(
            "Time-outs: this connection, everybody",
            "percentunit",
            vec![
                Target::new(ratio("timeout", "5m"), "this connection"),
                Target::new("max(sso_fleet_timeout_ratio{window=\"5m\"})", "everybody"),
            ],
        )
        .about("Of five minutes."),
    ];
    Row { title: "Compared", panels }
}

fn certificates() -> Row {
    const COLUMNS: &[Column] = &[
        Column::text("certificate_type", "Certificate"),
        Column::value("Value", "Expires in", "dtdurations").smallest_first(),
    ];
    let expiry = format!(
        "min by (certificate_type) (sso_connection_certificate_expiry_timestamp_seconds{{{ONE}}}) - time()"
    );
    let panels = vec![
        Panel::table("Certificates", COLUMNS, vec![expiry])
            .about("Negative: it has expired, and every sign-in fails.")
            .wide(12),
    ];
    Row { title: "Certificates", panels }
}
