//! One connection, beside its identity provider and everybody.

use super::board::{Board, Group};
use super::widget::{Formula, View, Widget};

/// Finished sign-ins of the connection, `with` an outcome.
fn own(with: &str) -> String {
    format!("sum:sso.sessions_finished{{$connection_id{with}}}.as_count()")
}

pub(super) fn board() -> Board {
    Board {
        name: "ssowatch-connection",
        title: "ssowatch: one connection",
        description: "One connection: its sign-ins, failures and their causes, beside its identity provider and everybody. Choose connection_id and connection_type above.",
        variables: &["connection_id", "connection_type"],
        groups: vec![now(), outcomes(), compared()],
    }
}

fn now() -> Group {
    let value = |title, formula| Widget::new(title, View::Value, vec![formula]);
    Group {
        title: "The chosen time",
        color: "vivid_blue",
        widgets: vec![
            value("Failures", Formula::percent("", own(",outcome:failed"), own(""))),
            value("Time-outs", Formula::percent("", own(",outcome:timed_out"), own(""))),
            value("Succeeded", Formula::of("", own(",outcome:succeeded"))),
            value("Failed", Formula::of("", own(",outcome:failed"))),
            value("Begun", Formula::of("", "sum:sso.sessions_started{$connection_id}.as_count()")),
            value(
                "Without an end",
                Formula::of("", "sum:sso.sessions_stalled{$connection_id}.as_count()"),
            ),
        ],
    }
}

fn outcomes() -> Group {
    Group {
        title: "Outcomes and causes",
        color: "vivid_green",
        widgets: vec![
            Widget::new(
                "Sign-ins by outcome",
                View::Bars,
                vec![Formula::of(
                    "",
                    "sum:sso.sessions_finished{$connection_id} by {outcome}.as_count()",
                )],
            ),
            Widget::new(
                "Begun and ended",
                View::Lines,
                vec![
                    Formula::of("begun", "sum:sso.sessions_started{$connection_id}.as_count()"),
                    Formula::of("ended", own("")),
                ],
            ),
            Widget::new(
                "Failures by cause",
                View::Bars,
                vec![Formula::of(
                    "",
                    "sum:sso.session_failures{$connection_id} by {cause}.as_count()",
                )],
            ),
            Widget::new(
                "Causes",
                View::Top,
                vec![Formula::of(
                    "failures",
                    "sum:sso.session_failures{$connection_id} by {cause}.as_count()",
                )],
            ),
        ],
    }
}

fn compared() -> Group {
    let share = |alias, scope: &str| {
        Formula::percent(
            alias,
            format!("sum:sso.sessions_finished{{{scope},outcome:failed}}.as_count()"),
            format!("sum:sso.sessions_finished{{{scope}}}.as_count()"),
        )
    };
    let everybody = Formula::percent(
        "everybody",
        "sum:sso.sessions_finished{outcome:failed}.as_count()",
        "sum:sso.sessions_finished{*}.as_count()",
    );
    Group {
        title: "Compared",
        color: "vivid_orange",
        widgets: vec![Widget::new(
            "Failures: this connection, its provider, everybody",
            View::Lines,
            vec![
                share("this connection", "$connection_id"),
                share("its provider", "$connection_type"),
                everybody,
            ],
        )],
    }
}
