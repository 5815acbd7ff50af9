//! The overview.

use super::board::{Board, Group};
use super::edge::{CLIENT_ERROR, NO_ANSWER};
use super::widget::{Formula, View, Widget};

const SCOPE: &str = "$organization_id,$connection_type,$connection_id";

/// Finished sign-ins in the chosen scope, `with` an outcome and `by` tags.
pub(super) fn finished(with: &str, by: &str) -> String {
    format!("sum:sso.sessions_finished{{{SCOPE}{with}}}{by}.as_count()")
}

const FAILED: &str = ",outcome:failed";
const TIMED_OUT: &str = ",outcome:timed_out";

pub(super) fn board() -> Board {
    Board {
        name: "ssowatch-overview",
        title: "ssowatch: single sign-on",
        description: "Enterprise single sign-on: the fleet, identity providers, the worst connections, incidents, and ssowatch itself.",
        variables: &["organization_id", "connection_type", "connection_id", "tier"],
        groups: vec![now(), fleet(), worst(), incidents(), edge(), itself()],
    }
}

fn now() -> Group {
    let value = |title, formula| Widget::new(title, View::Value, vec![formula]);
    let incidents =
        |severity: &str| format!("sum:ssowatch.incidents{{state:firing,severity:{severity}}}");
    Group {
        title: "The chosen time",
        color: "vivid_blue",
        widgets: vec![
            value("Failures", Formula::percent("", finished(FAILED, ""), finished("", ""))),
            value("Time-outs", Formula::percent("", finished(TIMED_OUT, ""), finished("", ""))),
            value("Sign-ins", Formula::of("", finished("", ""))),
            value("Sign-in takes (mean)", mean()),
            value("Open pages", Formula::of("", incidents("page"))),
            value("Open tickets", Formula::of("", incidents("ticket"))),
        ],
    }
}

fn mean() -> Formula {
    Formula {
        alias: "mean",
        expression: "a / b",
        queries: vec![
            "sum:sso.session_duration_seconds.sum{$connection_type}.as_count()".to_owned(),
            "sum:sso.session_duration_seconds.count{$connection_type}.as_count()".to_owned(),
        ],
        unit: "second",
    }
}

fn fleet() -> Group {
    Group {
        title: "The fleet",
        color: "vivid_green",
        widgets: vec![
            Widget::new(
                "Sign-ins by outcome",
                View::Bars,
                vec![Formula::of("", finished("", " by {outcome}"))],
            ),
            Widget::new(
                "Failures and time-outs",
                View::Lines,
                vec![
                    Formula::percent("failed", finished(FAILED, ""), finished("", "")),
                    Formula::percent("timed out", finished(TIMED_OUT, ""), finished("", "")),
                ],
            ),
            Widget::new(
                "Failures by cause",
                View::Bars,
                vec![Formula::of(
                    "",
                    format!("sum:sso.session_failures{{{SCOPE}}} by {{cause}}.as_count()"),
                )],
            ),
            Widget::new(
                "Sign-in takes",
                View::Lines,
                vec![
                    mean(),
                    Formula::percent(
                        "took at most 30 s",
                        "sum:sso.session_duration_seconds.bucket{$connection_type,upper_bound:30}.as_count()",
                        "sum:sso.session_duration_seconds.count{$connection_type}.as_count()",
                    ),
                ],
            ),
            Widget::new(
                "In progress",
                View::Lines,
                vec![Formula::of(
                    "",
                    "sum:sso.sessions_in_progress{$connection_type} by {connection_type}",
                )],
            ),
            Widget::new(
                "Failures by identity provider",
                View::Lines,
                vec![Formula::percent(
                    "",
                    finished(FAILED, " by {connection_type}"),
                    finished("", " by {connection_type}"),
                )],
            ),
        ],
    }
}

fn worst() -> Group {
    let by = " by {connection_id}";
    Group {
        title: "Connections",
        color: "vivid_orange",
        widgets: vec![
            Widget::new(
                "Most failures",
                View::Top,
                vec![Formula::of("failed", finished(FAILED, by))],
            ),
            Widget::new(
                "Most time-outs",
                View::Top,
                vec![Formula::of("timed out", finished(TIMED_OUT, by))],
            ),
            Widget::new(
                "Largest share of failures",
                View::Top,
                vec![Formula::percent("failed", finished(FAILED, by), finished("", by))],
            ),
            Widget::new(
                "Certificates: expiry, seconds since the epoch (largest last)",
                View::Top,
                vec![Formula::of(
                    "expires",
                    "min:sso.connection_certificate_expiry_timestamp_seconds{$connection_id} by {connection_id,certificate_type}",
                )],
            ),
        ],
    }
}

fn incidents() -> Group {
    Group {
        title: "Incidents",
        color: "vivid_pink",
        widgets: vec![Widget::new(
            "Firing incidents",
            View::Bars,
            vec![Formula::of(
                "",
                "sum:ssowatch.incidents{state:firing,!severity:none} by {alertname,severity}",
            )],
        )],
    }
}

fn edge() -> Group {
    let share = |alias, scope: &str| {
        Formula::percent(
            alias,
            format!("sum:edge.requests{{{scope}}} by {{tier}}.as_count()"),
            "sum:edge.requests{$tier} by {tier}.as_count()",
        )
    };
    Group {
        title: "Edge tiers and limits",
        color: "vivid_purple",
        widgets: vec![
            Widget::new(
                "Requests by code",
                View::Bars,
                vec![Formula::of("", "sum:edge.requests{$tier} by {code}.as_count()")],
            ),
            Widget::new(
                "Refused and failed",
                View::Lines,
                vec![
                    share("5xx", "$tier,code:5*"),
                    share("429, rate limited", "$tier,code:429"),
                    share("403, blocked", "$tier,code:403"),
                    // A query has either commas or words between its filters.
                    share("no answer", &format!("$tier AND {NO_ANSWER}")),
                    share("other 4xx", &format!("$tier,{CLIENT_ERROR}")),
                ],
            ),
            Widget::new(
                "Use of declared limits, of 1",
                View::Lines,
                vec![Formula::of("", "max:edge.limit_utilization_ratio{*} by {limit}")],
            ),
        ],
    }
}

fn itself() -> Group {
    let bars = |title, query: &str| Widget::new(title, View::Bars, vec![Formula::of("", query)]);
    Group {
        title: "ssowatch itself",
        color: "gray",
        widgets: vec![
            bars("Events received", "sum:ssowatch.events_received{*} by {source}.as_count()"),
            bars("Rejected", "sum:ssowatch.events_rejected{*} by {source,reason}.as_count()"),
            Widget::new(
                "Delivery lag",
                View::Lines,
                vec![
                    Formula::of("", "max:ssowatch.source_lag_seconds{*} by {source}")
                        .unit("second"),
                ],
            ),
            Widget::new(
                "Sink backlog",
                View::Lines,
                vec![
                    Formula::of("", "max:ssowatch.sink_backlog_seconds{*} by {sink}")
                        .unit("second"),
                ],
            ),
            bars("Notifications", "sum:ssowatch.notifications{*} by {receiver,result}.as_count()"),
            bars("Given up", "sum:ssowatch.sink_dropped{*} by {sink,reason}.as_count()"),
        ],
    }
}
