//! The overview: how the fleet is, who is worst, why, and whether ssowatch itself is well.

use super::panel::{Column, Link, Panel, Target};
use super::{Board, Row, edge, itself, variable};

/// The chosen connections with their names, each once; those that no source has named are among `All`, for a label that is
/// not there matches `.*`.
pub(super) const NAMED: &str = "topk by (connection_id) (1,
    max by (connection_id, connection_name, connection_type, organization_id, organization_name) (
      sso_connection_info{organization_id=~\"$organization\", connection_id=~\"$connection\"}
    )
  or on (connection_id)
    max by (connection_id) (0 * sso_sessions_started_total{organization_id=~\"$organization\", connection_id=~\"$connection\"} + 1)
)";

/// The series of `expr`, one for each chosen connection, with the connection's names.
fn named(expr: &str) -> String {
    format!(
        "(
  {expr}
)
* on (connection_id) group_left (connection_name, connection_type, organization_name) {NAMED}"
    )
}

/// The connections with the most failures and time-outs of the last hour.
fn worst(count: u32) -> String {
    format!(
        "topk({count}, sum by (connection_id) (increase(sso_sessions_finished_total{{outcome!=\"succeeded\"}}[1h])) > 0 and on (connection_id) {NAMED})"
    )
}

pub(super) fn board() -> Board {
    let mut rows = vec![now(), fleet(), providers(), connections(), incidents()];
    rows.extend(edge::rows());
    rows.push(itself::row());
    Board {
        uid: "ssowatch-overview",
        title: "ssowatch: single sign-on",
        description: "Enterprise single sign-on: the fleet, identity providers, the worst connections, incidents, certificates, and ssowatch itself.",
        variables: vec![variable::organization(), variable::connection(true), variable::tier()],
        rows,
    }
}

/// Failing connections: half of at least ten sign-ins of five minutes.
const FAILING: &str = "count(
    max by (connection_id) (sso_failure_ratio{window=\"5m\", connection_id!=\"other\"}) >= 0.5
  and
    sum by (connection_id) (increase(sso_sessions_finished_total[5m])) >= 10
) or vector(0)";

fn now() -> Row {
    let open = |severity: &str| {
        format!("sum(ssowatch_incidents{{severity=\"{severity}\", state=\"firing\"}}) or vector(0)")
    };
    let panels = vec![
        Panel::stat("Failures", "percentunit", "max(sso_fleet_failure_ratio{window=\"5m\"})")
            .about("Failed of all sign-ins that ended in the last five minutes, all connections. 2 % is usual.")
            .steps(&[(0.05, "yellow"), (0.15, "red")]),
        Panel::stat("Time-outs", "percentunit", "max(sso_fleet_timeout_ratio{window=\"5m\"})")
            .about("Timed-out of all sign-ins that ended in the last five minutes. About 10 % is usual: people walk away.")
            .steps(&[(0.2, "yellow"), (0.3, "red")]),
        Panel::stat(
            "Sign-ins a minute",
            "short",
            "60 * sum(rate(sso_sessions_finished_total[$__rate_interval]))",
        )
        .about("Sign-ins that ended, whatever the outcome."),
        Panel::stat("Sign-in takes (p95)", "s", quantile("0.95", "5m", ""))
            .about("95 % of the sign-ins of the last five minutes took less, the person's typing included."),
        Panel::stat("Open pages", "short", open("page"))
            .about("Firing incidents that somebody should get up for.")
            .steps(&[(1.0, "red")]),
        Panel::stat("Open tickets", "short", open("ticket"))
            .about("Firing incidents for working hours.")
            .steps(&[(1.0, "yellow")]),
        Panel::stat("Failing connections", "short", FAILING)
            .about("Connections on which half of at least ten sign-ins of the last five minutes failed.")
            .steps(&[(1.0, "yellow"), (3.0, "red")]),
        Panel::stat(
            "Watching",
            "short",
            "count(ssowatch_incidents{alertname=\"Watchdog\", state=\"firing\"}) or vector(0)",
        )
        .about("Instances of ssowatch that watch. 0: nothing on this board can be trusted."),
    ];
    Row { title: "Now", panels }
}

/// A quantile of the sign-in durations of `window`, by what `by` says (`connection_type, ` or nothing).
pub(super) fn quantile(quantile: &str, window: &str, by: &str) -> String {
    format!(
        "histogram_quantile({quantile}, sum by ({by}le) (rate(sso_session_duration_seconds_bucket[{window}])))"
    )
}

fn fleet() -> Row {
    let ratio = |name: &str| format!("max by (window) (sso_fleet_{name}_ratio)");
    let panels = vec![
        Panel::stacked(
            "Sign-ins by outcome, a minute",
            "short",
            vec![Target::new(
                "60 * sum by (outcome) (rate(sso_sessions_finished_total[$__rate_interval]))",
                "{{outcome}}",
            )],
        )
        .about("Sign-ins that ended, all connections."),
        Panel::lines(
            "Failures and time-outs",
            "percentunit",
            vec![
                Target::new(ratio("failure"), "failed, {{window}}"),
                Target::new(ratio("timeout"), "timed out, {{window}}"),
            ],
        )
        .about("Of all sign-ins that ended in the last five minutes and the last hour."),
        Panel::stacked(
            "Failures by cause, a minute",
            "short",
            vec![Target::new(
                "60 * sum by (cause) (rate(sso_session_failures_total[$__rate_interval]) and on (connection_id) (NAMED))"
                    .replace("NAMED", NAMED),
                "{{cause}}",
            )],
        )
        .about("Classes of error.code, on the chosen connections. `denied` is the person's own decision."),
        Panel::lines(
            "Sign-in takes",
            "s",
            vec![
                Target::new(quantile("0.5", "$__rate_interval", ""), "p50"),
                Target::new(quantile("0.95", "$__rate_interval", ""), "p95"),
                Target::new(quantile("0.99", "$__rate_interval", ""), "p99"),
            ],
        )
        .about("From the start to the success or failure of a sign-in."),
        Panel::lines(
            "In progress, and without an end",
            "short",
            vec![
                Target::new("sum(sso_sessions_in_progress)", "in progress"),
                Target::new(
                    "60 * sum(rate(sso_sessions_stalled_total[$__rate_interval]))",
                    "without an end, a minute",
                ),
            ],
        )
        .about("A rise of the first is an identity provider that hangs, minutes before time-outs show; the second is events that do not arrive."),
        Panel::lines(
            "Error budget: burn rate",
            "short",
            vec![
                Target::new(burn("5m"), "5m"),
                Target::new(burn("1h"), "1h"),
                Target::new(burn("6h"), "6h"),
                Target::new(burn("3d"), "3d"),
            ],
        )
        .about("How many times faster than it should last the error budget of 30 days is used up. From the recording rules of ssowatch.rules.yaml.")
        .steps(&[(1.0, "yellow"), (6.0, "orange"), (14.4, "red")]),
    ];
    Row { title: "The fleet", panels }
}

fn burn(window: &str) -> String {
    format!("fleet:sso_sessions_bad:ratio_rate{window} / slo:sso_error_budget:ratio")
}

/// Sign-ins of `window` with a label for the identity provider.
fn by_provider(outcome: &str, window: &str) -> String {
    format!(
        "sum by (connection_type) (
  sum by (connection_id) (increase(sso_sessions_finished_total{{{outcome}}}[{window}]))
  * on (connection_id) group_left (connection_type) {NAMED}
)"
    )
}

/// The share with `outcome` of at least ten sign-ins by identity provider.
pub(super) fn provider_ratio(outcome: &str, window: &str) -> String {
    let (part, whole) =
        (by_provider(&format!("outcome=\"{outcome}\""), window), by_provider("", window));
    format!("{part}\n/\n({whole} >= 10)")
}

fn providers() -> Row {
    const COLUMNS: &[Column] = &[
        Column::text("connection_type", "Identity provider"),
        Column::value("Value #A", "Connections", "short"),
        Column::value("Value #B", "Sign-ins, 1h", "short").largest_first(),
        Column::value("Value #C", "Failed, 1h", "percentunit"),
        Column::value("Value #D", "Timed out, 1h", "percentunit"),
        Column::value("Value #E", "Takes (p95), 1h", "s"),
    ];
    let exprs = vec![
        format!("count by (connection_type) ({NAMED})"),
        by_provider("", "1h"),
        provider_ratio("failed", "1h"),
        provider_ratio("timed_out", "1h"),
        quantile("0.95", "1h", "connection_type, "),
    ];
    let panels = vec![
        Panel::lines(
            "Failures by identity provider",
            "percentunit",
            vec![Target::new(provider_ratio("failed", "5m"), "{{connection_type}}")],
        )
        .about("Failed of at least ten sign-ins of five minutes, on the chosen connections. One line that rises alone is that provider's trouble."),
        Panel::lines(
            "Sign-in takes (p95) by identity provider",
            "s",
            vec![Target::new(quantile("0.95", "$__rate_interval", "connection_type, "), "{{connection_type}}")],
        )
        .about("All connections of the provider."),
        Panel::table("Identity providers", COLUMNS, exprs)
            .about("The last hour; ratios of at least ten sign-ins."),
    ];
    Row { title: "Identity providers", panels }
}

fn connections() -> Row {
    const WORST: &[Column] = &[
        Column::text("connection_id", "Connection").to(Link::Connection),
        Column::text("connection_name", "Name"),
        Column::text("organization_name", "Organization"),
        Column::text("connection_type", "Identity provider"),
        Column::value("Value #A", "Failed or timed out, 1h", "short").largest_first(),
        Column::value("Value #B", "Sign-ins, 1h", "short"),
        Column::value("Value #C", "Failed, 1h", "percentunit"),
        Column::value("Value #D", "Timed out, 1h", "percentunit"),
    ];
    const CERTIFICATES: &[Column] = &[
        Column::text("connection_id", "Connection").to(Link::Connection),
        Column::text("connection_name", "Name"),
        Column::text("organization_name", "Organization"),
        Column::text("certificate_type", "Certificate"),
        Column::value("Value", "Expires in", "dtdurations").smallest_first(),
    ];
    let of_worst = |expr: &str| format!("{expr}\nand on (connection_id) {}", worst(20));
    let exprs = vec![
        named(&worst(20)),
        of_worst("sum by (connection_id) (increase(sso_sessions_finished_total[1h]))"),
        of_worst("max by (connection_id) (sso_failure_ratio{window=\"1h\"})"),
        of_worst("max by (connection_id) (sso_timeout_ratio{window=\"1h\"})"),
    ];
    let expiring = "min by (connection_id, certificate_type) (sso_connection_certificate_expiry_timestamp_seconds) - time() < 90 * 86400";
    let panels = vec![
        Panel::table("Worst connections", WORST, exprs)
            .about("Those with the most failures and time-outs of the last hour, of the chosen ones. A click on the connection opens its board."),
        Panel::lines(
            "Failures of the worst connections",
            "percentunit",
            vec![Target::new(
                named(&format!(
                    "max by (connection_id) (sso_failure_ratio{{window=\"5m\"}})
  and
    sum by (connection_id) (increase(sso_sessions_finished_total[5m])) >= 10
  and on (connection_id)
    {}",
                    worst(5)
                )),
                "{{organization_name}} {{connection_id}}",
            )],
        )
        .about("Failed of at least ten sign-ins of five minutes."),
        Panel::table("Certificates", CERTIFICATES, vec![named(expiring)])
            .about("Certificates that expire within 90 days; negative: it has. Once a signing certificate has expired, every sign-in fails.")
            .wide(12),
    ];
    Row { title: "Connections", panels }
}

fn incidents() -> Row {
    const OPEN: &[Column] = &[
        Column::text("alertname", "Alert").to(Link::Runbook),
        Column::text("severity", "Severity"),
        Column::text("state", "State"),
        Column::value("Value", "Incidents", "short").largest_first(),
    ];
    let open =
        "sum by (alertname, severity, state) (ssowatch_incidents{severity=~\"page|ticket\"})";
    let panels = vec![
        Panel::table("Open incidents", OPEN, vec![open.to_owned()])
            .about("What ssowatch has found and not seen end. A click on the alert opens its runbook; the status page says who is hit.")
            .wide(12),
        Panel::stacked(
            "Firing incidents",
            "short",
            vec![Target::new(
                "sum by (alertname, severity) (ssowatch_incidents{severity=~\"page|ticket\", state=\"firing\"})",
                "{{alertname}} ({{severity}})",
            )],
        )
        .about("How many, over time."),
    ];
    Row { title: "Incidents", panels }
}
