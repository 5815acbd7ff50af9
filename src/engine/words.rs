//! What an alert says, in words that help at three in the morning: who, how many of how many, since when, what is usual.

use std::fmt::{self, Write};

use super::rule::{Metric, Rule};
use crate::event::Timestamp;
use crate::signal::Evidence;

/// The first line: who, what, how many of how many, of how many people, since when.
pub(super) fn summary(
    rule: &Rule,
    who: &str,
    evidence: &Evidence,
    started_at: Timestamp,
) -> String {
    let mut text = rule.summary.as_ref().map_or_else(String::new, |words| sentence(words));
    let window = length(rule.window_seconds);
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
        None => add(&mut text, format_args!("{who}: {value} {} in {window}", noun(rule.metric))),
    }
    match evidence.users {
        Some(1) => text.push_str(", of 1 person"),
        Some(users) => add(&mut text, format_args!(", of {users} people")),
        None => {}
    }
    add(&mut text, format_args!(", since about {}", clock(started_at)));
    text
}

/// The operator's words, set apart from the numbers after them.
fn sentence(words: &str) -> String {
    let stop = if words.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{words}{stop} ")
}

/// The rest: threshold, causes, connections.
pub(super) fn description(rule: &Rule, evidence: &Evidence) -> String {
    let threshold =
        if rule.metric.is_ratio() { percent(rule.value) } else { rule.value.to_string() };
    let mut text = format!("Threshold: {threshold} in {}.", length(rule.window_seconds));
    list(&mut text, "Causes", &evidence.causes);
    list(&mut text, "Connections", &evidence.connections);
    text
}

fn list(text: &mut String, title: &str, counts: &[(Box<str>, u64)]) {
    if counts.is_empty() {
        return;
    }
    let words: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    add(text, format_args!(" {title}: {}.", words.join(", ")));
}

fn add(text: &mut String, words: fmt::Arguments<'_>) {
    text.write_fmt(words).expect("writing to a String cannot fail");
}

fn noun(metric: Metric) -> &'static str {
    match metric {
        Metric::FailureRatio | Metric::Failures => "failures",
        Metric::TimeoutRatio | Metric::Timeouts => "time-outs",
        Metric::StalledRatio => "stalled sign-ins",
        Metric::Attempts => "finished sign-ins",
        Metric::Starts => "started sign-ins",
        Metric::Successes => "successful sign-ins",
    }
}

fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn length(seconds: u32) -> String {
    crate::setting::Period::from_secs(u64::from(seconds)).to_string()
}

fn clock(at: Timestamp) -> String {
    let text = at.to_rfc3339_seconds();
    text.get(11..19).map_or_else(|| text.clone(), |time| format!("{time} UTC"))
}
