//! The error budget: of all sign-ins, how many may fail, and how fast that is used up.
//!
//! Each alert looks at two windows: the long one says that it matters, the short one that it goes on. A time-out is mostly
//! somebody who walked away (about 9 % on a good day) and a denied sign-in is somebody's own decision, so neither counts;
//! `SsoFleetTimingOut` looks at time-outs. What is left is about 1 % on a good day, hence an objective of 97 %.

use super::{Alert, Group, Record};

/// Failures that are allowed, of all finished sign-ins: 1 less the objective. It stands in one recording rule, so that
/// another objective is one changed number.
const BUDGET: f64 = 0.03;

/// Sign-ins in the long window below which a ratio says nothing.
const ATTEMPTS_MIN: u32 = 100;

/// How many samples of a long window must be there for each of the short one, of which twelve make a long one: a Prometheus that has
/// just begun would take some minutes for hours.
const HISTORY_MIN: f64 = 10.0;

/// The windows of the ratios, but for the five minutes of which they are averages.
const WINDOWS: [&str; 6] = ["30m", "1h", "2h", "6h", "1d", "3d"];

const BAD: &str = "
clamp_min(
    sum(rate(sso_sessions_finished_total{outcome=\"failed\"}[5m]))
  - (sum(rate(sso_session_failures_total{cause=\"denied\"}[5m])) or vector(0)),
  0
)";

/// Long windows are averages of five-minute rates, weighted by traffic: cheaper than ranges of days over every connection.
fn records() -> Vec<Record> {
    let ratio = |window: &str| {
        Record::new(
            &format!("fleet:sso_sessions_bad:ratio_rate{window}"),
            &format!(
                "
  avg_over_time(fleet:sso_sessions_bad:rate5m[{window}])
/
  (avg_over_time(fleet:sso_sessions_finished:rate5m[{window}]) > 0)"
            ),
        )
    };
    let mut records = vec![
        Record::new("slo:sso_error_budget:ratio", &format!("vector({BUDGET})")),
        Record::new(
            "fleet:sso_sessions_finished:rate5m",
            "sum(rate(sso_sessions_finished_total[5m]))",
        ),
        Record::new("fleet:sso_sessions_bad:rate5m", BAD),
        Record::new(
            "fleet:sso_sessions_bad:ratio_rate5m",
            "fleet:sso_sessions_bad:rate5m / (fleet:sso_sessions_finished:rate5m > 0)",
        ),
    ];
    records.extend(WINDOWS.map(ratio));
    records
}

/// How fast the budget of 30 days is used up, seen over two windows.
struct Burn {
    /// Times the rate at which it would last 30 days.
    factor: f64,
    long: &'static str,
    long_seconds: u32,
    short: &'static str,
}

/// As Google's SRE workbook has them: 2 % of the budget in an hour or 5 % in six is a page …
const FAST: [Burn; 2] = [
    Burn { factor: 14.4, long: "1h", long_seconds: 3600, short: "5m" },
    Burn { factor: 6.0, long: "6h", long_seconds: 21_600, short: "30m" },
];

/// … and 10 % in a day or in three a ticket.
const SLOW: [Burn; 2] = [
    Burn { factor: 3.0, long: "1d", long_seconds: 86_400, short: "2h" },
    Burn { factor: 1.0, long: "3d", long_seconds: 259_200, short: "6h" },
];

pub(super) fn group() -> Group {
    let alerts = vec![
        Alert {
            name: "SsoErrorBudgetBurn",
            severity: "page",
            scope: "fleet",
            hold: "2m",
            keep: "5m",
            expr: either(&FAST),
            summary: SUMMARY,
            description: "The failures of the last hours use up the error budget of 30 days at least six times faster than it should last.",
        },
        Alert {
            name: "SsoErrorBudgetBurn",
            severity: "ticket",
            scope: "fleet",
            hold: "30m",
            keep: "1h",
            expr: either(&SLOW),
            summary: SUMMARY,
            description: "A small but lasting share of failures uses up the error budget of 30 days before the 30 days are over.",
        },
    ];
    Group { name: "ssowatch.budget", records: records(), alerts }
}

const SUMMARY: &str =
    "{{ $value | humanizePercentage }} of all sign-ins fail: the error budget is running out";

fn either(burns: &[Burn; 2]) -> String {
    burns.each_ref().map(burn).join("\nor\n")
}

fn burn(burn: &Burn) -> String {
    let Burn { factor, long, long_seconds, short } = burn;
    format!(
        "(
    fleet:sso_sessions_bad:ratio_rate{long} > {factor} * slo:sso_error_budget:ratio
  and
    fleet:sso_sessions_bad:ratio_rate{short} > {factor} * slo:sso_error_budget:ratio
  and
    avg_over_time(fleet:sso_sessions_finished:rate5m[{long}]) * {long_seconds} >= {ATTEMPTS_MIN}
  and
    count_over_time(fleet:sso_sessions_finished:rate5m[{long}]) >= {HISTORY_MIN} * count_over_time(fleet:sso_sessions_finished:rate5m[{short}])
)"
    )
}
