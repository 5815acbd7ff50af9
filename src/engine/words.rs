//! What an alert says, in words that help at three in the morning: who, how many of how many, since when, what is usual.

use std::fmt::{self, Write};

use super::detect::{Arrival, Kind, Signal};
use super::rule::{Condition, Metric, Rule};
use crate::event::Timestamp;
use crate::signal::Evidence;

/// How many of each.
pub(super) type Counted = [(Box<str>, u64)];

/// The first line: who, what, how many of how many, of how many people, since when.
pub(super) fn summary(
    rule: &Rule,
    at: &Condition,
    who: &str,
    evidence: &Evidence,
    (started_at, now): (Timestamp, Timestamp),
) -> String {
    let mut text = rule.summary.as_ref().map_or_else(String::new, |words| sentence(words));
    let window = length(at.window_seconds);
    let what = match rule.metric {
        Metric::FailureRatio => Some("failed"),
        Metric::TimeoutRatio => Some("timed out"),
        Metric::StalledRatio => Some("have no end"),
        Metric::Failures
        | Metric::Timeouts
        | Metric::Attempts
        | Metric::Starts
        | Metric::Successes => None,
    };
    let value = evidence.value.unwrap_or_default();
    let Evidence { bad, attempts, .. } = evidence;
    match what {
        Some(what) => {
            let ratio = percent(value);
            add(
                &mut text,
                format_args!("{who}: {bad} of {attempts} sign-ins {what} in {window} ({ratio})"),
            );
        }
        None => {
            add(&mut text, format_args!("{who}: {value} {} in {window}", noun(rule.metric, value)));
        }
    }
    match evidence.users {
        Some(1) => text.push_str(", of 1 person"),
        Some(users) => add(&mut text, format_args!(", of {users} people")),
        None => {}
    }
    add(&mut text, format_args!(", since about {}", clock(started_at, now)));
    text
}

/// The operator's words, set apart from the numbers after them.
fn sentence(words: &str) -> String {
    let stop = if words.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{words}{stop} ")
}

/// The rest: threshold, causes, connections by their names.
pub(super) fn description(
    rule: &Rule,
    at: &Condition,
    evidence: &Evidence,
    named: &Counted,
) -> String {
    let threshold = if rule.metric.is_ratio() { percent(at.value) } else { at.value.to_string() };
    let mut text = format!("Threshold: {threshold} in {}", length(at.window_seconds));
    if let Some(short) = at.short_seconds {
        add(&mut text, format_args!(" and in {}", length(short)));
    }
    text.push('.');
    list(&mut text, "Causes", &evidence.causes);
    list(&mut text, "Connections", named);
    text
}

/// The first line of what the detection found: who, what, how many of how many by how many people, since when, what is usual.
pub(super) fn found(
    signal: Signal,
    who: &str,
    evidence: &Evidence,
    // An error code, and of whose sign-ins it is counted: "the fleet's ", also where one provider has it.
    (code, of): (Option<&str>, &str),
    (started_at, now): (Timestamp, Timestamp),
) -> String {
    if let Signal::Drought(arrival) = signal {
        return drought(arrival, who, evidence, &clock(started_at, now));
    }
    let what = doing(signal);
    let Evidence { bad, attempts, .. } = evidence;
    // Failures of a code are counted by person: whoever failed lately is left out.
    let people = code.is_some() && evidence.users == Some(*bad);
    let noun = if people { "people" } else { "sign-ins" };
    let mut text = format!("{who}: {bad} of {of}{attempts} {noun}");
    match evidence.users.filter(|_| !people) {
        Some(1) => text.push_str(" by 1 person"),
        Some(users) => add(&mut text, format_args!(" by {users} people")),
        None => {}
    }
    add(&mut text, format_args!(" {what}"));
    add(&mut text, format_args!(" since about {}", clock(started_at, now)));
    match code {
        Some("") => text.push_str(" without an error code"),
        Some(code) => add(&mut text, format_args!(" with {code}")),
        None => {}
    }
    if let Some(usual) = evidence.usual {
        let of = if code.is_some() { "of this code" } else { "here" };
        add(&mut text, format_args!("; {} is usual {of}", percent(usual)));
    }
    text
}

/// What goes wrong.
fn doing(signal: Signal) -> &'static str {
    match signal {
        Signal::Code(_) | Signal::Stream(Kind::Failing) => "failed",
        Signal::Stream(Kind::Hanging) => "have no end in time",
        Signal::Stream(Kind::Denied) => "were denied",
        Signal::Stream(Kind::Slow) => "were slow",
        Signal::Drought(_) => "did not come",
    }
}

fn drought(arrival: Arrival, who: &str, evidence: &Evidence, since: &str) -> String {
    let what = match arrival {
        Arrival::Start => "started",
        Arrival::Success => "succeeded",
    };
    let due = evidence.usual.unwrap_or_default();
    let came = evidence.attempts;
    let noun = if came == 1 { "sign-in" } else { "sign-ins" };
    format!("{who}: {came} {noun} {what} since about {since}; {due:.0} were due")
}

/// Says on how many connections a provider or the fleet is hit: "all" may be few.
pub(super) fn hit(summary: &mut String, connections: u64) {
    let are = if connections == 1 { "connection is" } else { "connections are" };
    add(summary, format_args!("; {connections} {are} hit"));
}

/// Says how often it came back, and when last.
pub(super) fn again(summary: &mut String, times: u32, since: &str) {
    if times == 1 {
        add(summary, format_args!("; it came back at about {since}"));
    } else {
        add(summary, format_args!("; it came back {times} times, last at about {since}"));
    }
}

/// The first line of what got much worse: what fails since when, and how much did before.
pub(super) fn worse(signal: Signal, who: &str, evidence: &Evidence, since: &str) -> String {
    let Evidence { bad, attempts, .. } = evidence;
    let what = doing(signal);
    let before = percent(evidence.usual.unwrap_or_default());
    format!(
        "{who}: {bad} of {attempts} people {what} since about {since}, in an incident that had {before}"
    )
}

/// Connections that a summary names beside the one that it is about: a pager shows few words.
pub(super) const OTHERS_MAX: usize = 3;

/// Says which other connections have the same trouble: the first ones by name, of `all`.
pub(super) fn others(summary: &mut String, named: &[String], all: usize) {
    if named.is_empty() {
        return;
    }
    let more = all - named.len();
    add(summary, format_args!("; the same on {}", named.join(", ")));
    if more > 0 {
        add(summary, format_args!(" and {more} more"));
    }
}

/// The rest: how unlikely, causes, connections by their names.
pub(super) fn proof(evidence: &Evidence, named: &Counted, code: Option<&str>) -> String {
    let mut text = String::new();
    if let Some(code) = code {
        add(
            &mut text,
            format_args!("The error code {code} was rare and now comes from many connections. "),
        );
    }
    if let Some(days) = evidence.chance_days {
        add(&mut text, format_args!("Chance alone would do this {}.", rarity(days)));
    }
    list(&mut text, "Causes", &evidence.causes);
    list(&mut text, "Connections", named);
    text
}

/// How rarely something happens once in `days`.
fn rarity(days: f64) -> String {
    let years = days / 365.0;
    if years >= 10_000.0 {
        "less than once in 10,000 years".into()
    } else if years >= 2.0 {
        format!("about once in {years:.0} years")
    } else if days >= 2.0 {
        format!("about once in {days:.0} days")
    } else {
        "about once a day".into()
    }
}

/// Names alerts that began at about the same time.
pub(super) fn together(text: &mut String, others: &[(Box<str>, Timestamp)], now: Timestamp) {
    if others.is_empty() {
        return;
    }
    let named: Vec<_> = others
        .iter()
        .map(|(name, since)| format!("{name} (since about {})", clock(*since, now)))
        .collect();
    add(text, format_args!(" Began together with {}.", named.join(", ")));
}

fn list(text: &mut String, title: &str, counts: &Counted) {
    if counts.is_empty() {
        return;
    }
    let words: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    add(text, format_args!(" {title}: {}.", words.join(", ")));
}

pub(super) fn add(text: &mut String, words: fmt::Arguments<'_>) {
    text.write_fmt(words).expect("writing to a String cannot fail");
}

fn noun(metric: Metric, count: f64) -> &'static str {
    let (one, many) = match metric {
        Metric::FailureRatio | Metric::Failures => ("failure", "failures"),
        Metric::TimeoutRatio | Metric::Timeouts => ("time-out", "time-outs"),
        Metric::StalledRatio => ("stalled sign-in", "stalled sign-ins"),
        Metric::Attempts => ("finished sign-in", "finished sign-ins"),
        Metric::Starts => ("started sign-in", "started sign-ins"),
        Metric::Successes => ("successful sign-in", "successful sign-ins"),
    };
    // Counts are whole.
    if (count - 1.0).abs() < 0.5 { one } else { many }
}

pub(super) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn length(seconds: u32) -> String {
    crate::setting::Period::from_secs(u64::from(seconds)).to_string()
}

/// The time of day, after its date where that is not the date of `now`: what began yesterday afternoon did not begin today.
pub(super) fn clock(at: Timestamp, now: Timestamp) -> String {
    let day = at.to_rfc3339_seconds().replace('T', " ").replace('Z', " UTC");
    let today = now.to_rfc3339_seconds();
    match (day.get(..10), day.get(11..)) {
        (Some(date), Some(time)) if today.get(..10) == Some(date) => time.to_owned(),
        _ => day,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        for (value, want) in [(0.0, "failures"), (1.0, "failure"), (2.0, "failures")] {
            assert_eq!(noun(Metric::Failures, value), want);
        }
        assert_eq!(noun(Metric::Starts, 1.0), "started sign-in");
    }

    const START: Timestamp = Timestamp::from_millis(1_759_848_983_000);

    #[test]
    fn what_began_on_another_day_has_its_date() {
        let clock_after = |hours: i64| clock(START, START.plus_millis(hours * 3_600_000));
        assert_eq!(clock_after(9), "14:56:23 UTC");
        assert_eq!(clock_after(10), "2025-10-07 14:56:23 UTC");
        assert_eq!(clock_after(24), "2025-10-07 14:56:23 UTC", "the same time of the next day");
        // Clocks differ: what is ahead of ours is told as what it is.
        assert_eq!(clock_after(-15), "2025-10-07 14:56:23 UTC");
        let mut text = String::new();
        together(&mut text, &[("A".into(), START)], START.plus_millis(86_400_000));
        assert_eq!(text, " Began together with A (since about 2025-10-07 14:56:23 UTC).");
    }

    #[test]
    fn a_code_is_told_as_what_it_is_counted_among() {
        let (usual, value) = (Some(0.0004), Some(0.36));
        let evidence = Evidence { attempts: 377, bad: 136, usual, value, ..Evidence::default() };
        let words = |code: Option<&str>| {
            let signal = code.map_or(Signal::Stream(Kind::Failing), |_| Signal::Code(1));
            let code = (code, code.map_or("", |_| "the fleet's "));
            found(signal, "All OktaSAML connections", &evidence, code, (START, START))
        };
        assert_eq!(
            words(Some("idp_error")),
            "All OktaSAML connections: 136 of the fleet's 377 sign-ins failed since about 14:56:23 UTC with idp_error; 0.0 % is usual of this code"
        );
        assert_eq!(
            words(None),
            "All OktaSAML connections: 136 of 377 sign-ins failed since about 14:56:23 UTC; 0.0 % is usual here"
        );
        assert!(words(Some("")).contains(" UTC without an error code; "));
        // Whoever fails again with a code is one: what is counted are people.
        let evidence = Evidence { users: Some(136), ..evidence.clone() };
        let code = (Some("idp_error"), "");
        let signal = Signal::Code(1);
        let words = found(signal, "All connections", &evidence, code, (START, START));
        assert!(words.starts_with("All connections: 136 of 377 people failed since"), "{words}");
    }
}
