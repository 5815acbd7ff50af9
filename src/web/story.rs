//! The course of an incident in words, as its page, the API and its report tell it.

use super::page::words::count;
use super::report::moment;
use crate::event::Timestamp;
use crate::signal::{Happened, Incident};

/// What happened, in words and in order of time, with the estimated beginning and end.
pub(super) fn story(incident: &Incident) -> Vec<(Timestamp, String)> {
    let mut story = vec![(incident.started_at, "The trouble began (estimated)".to_owned())];
    story.extend(incident.course.steps.iter().map(|step| (step.at, words(&step.what))));
    if let Some(at) = incident.course.ended_at {
        story.push((at, "The trouble ended (estimated)".to_owned()));
    }
    for part in &incident.parts {
        let known = part.fired_at.unwrap_or(part.started_at);
        story.push((known, format!("{} became part of it: {}", part.alertname, part.summary)));
        if let Some(at) = part.resolved_at {
            story.push((at, format!("{} counted as resolved", part.alertname)));
        }
    }
    // What falls together stays in the order in which it happened.
    story.sort_by_key(|(at, _)| *at);
    story
}

fn words(what: &Happened) -> String {
    match what {
        Happened::Known(severity) => format!("It was known: {}", severity.as_str()),
        Happened::Became(severity) => format!("It became a {}", severity.as_str()),
        Happened::Grew(alertname) => format!("Its scope changed; it goes on as {alertname}"),
        Happened::ToldOpen(receiver) => format!("{receiver} was told"),
        Happened::ToldOver(receiver) => format!("{receiver} was told that it is over"),
        Happened::Resolved => "It counted as resolved".into(),
        Happened::Joined(alertname) => format!("It went on as part of {alertname}"),
        Happened::Unwatched(why) => format!("It was no longer watched: {}", why.words()),
        Happened::Silenced { by, reason, until } => {
            let until = until.to_rfc3339_seconds().replace('T', " ").replace('Z', "");
            format!("{by} silenced it until {until}: {reason}")
        }
        Happened::Unsilenced => "The silence was ended".into(),
        Happened::Counted { from, until, attempts, bad } => {
            let (all, from, until) =
                (count(*attempts, "sign-in"), moment(*from, *from), moment(*until, *from));
            format!(
                "The threshold was no longer met: {bad} of {all} went wrong from {from} to {until}"
            )
        }
        Happened::Marked { note, by } => format!("Work was marked by {by}: {note}"),
    }
}
