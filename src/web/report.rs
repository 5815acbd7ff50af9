//! `GET /api/v1/incidents/{id}/report`: an incident in Markdown, with the headings that public post-mortems use.

use std::fmt::{self, Display, Write};

use super::page::words::{count, percent, span};
use super::story::story;
use crate::event::Timestamp;
use crate::signal::{Evidence, Happened, Incident, Scope, Snapshot, Stretch};

/// Causes that an incident names at most.
const CAUSES_MAX: usize = 5;

/// What only people can say.
const BLANK: &str = "_To be written._";

/// The report, as of `now`; names of customers are those of `snapshot`.
#[must_use]
pub fn markdown(incident: &Incident, snapshot: &Snapshot) -> String {
    let mut report = Report(String::with_capacity(4096));
    report.head(incident, snapshot);
    report.line(format_args!("\n## Summary\n\n{}.\n", Plain(&incident.summary)));
    report.line(Plain(&incident.description));
    report.under("\n## Impact on customers\n", |report| report.impact(incident, snapshot));
    report.timeline(incident);
    report.detection(incident);
    report.under("\n## Evidence\n", |report| {
        report.evidence(&incident.evidence);
        for part in &incident.parts {
            report.line(format_args!(
                "\n### {}\n\n{}.\n",
                Plain(&part.alertname),
                Plain(&part.summary)
            ));
            report.evidence(&part.evidence);
        }
    });
    report.line(format_args!("\n## Cause\n\n{BLANK}\n\n## Prevention\n\n{BLANK}"));
    report.0
}

/// What people call a connection: its customer, else itself; `None` while only its id is known.
pub(super) fn name<'a>(snapshot: &'a Snapshot, label: &str) -> Option<&'a str> {
    let view = snapshot.connections.iter().find(|view| view.label() == label)?;
    let info = view.info.as_deref()?;
    info.organization_name.as_deref().or(info.name.as_deref())
}

/// When the trouble ended as far as is known; for one that goes on, now.
fn end(incident: &Incident, now: Timestamp) -> Timestamp {
    let known = incident.course.ended_at.filter(|_| incident.course.joined().is_none());
    known.or(incident.resolved_at).unwrap_or(now)
}

struct Report(String);

impl Report {
    fn line(&mut self, text: impl Display) {
        writeln!(self.0, "{text}").expect("memory grows");
    }

    fn head(&mut self, incident: &Incident, snapshot: &Snapshot) {
        let (began, ended) = (incident.started_at, end(incident, snapshot.now));
        let (how, at_most) = match (incident.resolved_at, incident.course.ended_at) {
            (None, _) => (" (goes on)".into(), " (goes on)"),
            (Some(_), _) if let Some(wider) = incident.course.joined() => {
                (format!(" (when it went on as part of {wider}: see that incident)"), " at least")
            }
            (Some(_), Some(_)) => (String::new(), ""),
            (Some(_), None) => {
                let words = " (when it counted as resolved; when the trouble ended is not known)";
                (words.to_owned(), " at most")
            }
        };
        let services = match &incident.scope {
            Scope::Connection(id) => {
                let id = id.as_ref().map_or("unknown", |id| id.as_str());
                let who = name(snapshot, id).map(|name| format!("{name}, "));
                format!("single sign-on of {}connection {id}", who.unwrap_or_default())
            }
            Scope::ConnectionType(kind) => format!("single sign-on by {kind}"),
            Scope::Fleet => "single sign-on".into(),
            Scope::Tier(name) => format!("the tier {name}"),
            Scope::Limit(name) => format!("callers held to the limit {name}"),
            Scope::Source(name) | Scope::Sink(name) => format!("ssowatch: {name}"),
            Scope::None => "none".into(),
        };
        let (alertname, severity) = (Plain(&incident.alertname), incident.severity.as_str());
        self.line(format_args!("# Incident report: {alertname}\n"));
        self.line(format_args!("- **Date:** {}", day(began)));
        self.line(format_args!(
            "- **Time (UTC):** {} to {}{how}",
            moment(began, began),
            moment(ended, began)
        ));
        self.line(format_args!("- **Services affected:** {}", Plain(&services)));
        self.line(format_args!(
            "- **Impact duration:** {}{at_most}",
            span(ended.millis_since(began))
        ));
        self.line(format_args!("- **Severity:** {severity}"));
    }

    /// What `write` writes, under a heading; nothing when it writes nothing.
    fn under(&mut self, heading: &str, write: impl FnOnce(&mut Self)) {
        let before = self.0.len();
        self.line(heading);
        let empty = self.0.len();
        write(self);
        if self.0.len() == empty {
            self.0.truncate(before);
        }
    }

    fn impact(&mut self, incident: &Incident, snapshot: &Snapshot) {
        let Evidence { attempts, connections, .. } = &incident.evidence;
        let (course, day) = (&incident.course, incident.started_at);
        if let Some((from, until, attempts, bad)) = in_all(incident) {
            let all = count(attempts, "sign-in");
            let (from, until) = (moment(from, day), moment(until, day));
            self.line(format_args!("- {bad} of {all} went wrong from {from} to {until}"));
        }
        if *attempts > 0 {
            self.counted(incident);
        }
        if let Some(peak) = course.peak {
            let (from, until) = (moment(peak.from, day), moment(peak.until, day));
            let of = worst(incident, &peak);
            self.line(format_args!("- Peak: {of}, from {from} to {until}"));
        }
        if course.people > 0 {
            let noun = if incident.scope.is_of_edge() { "Clients" } else { "People" };
            self.line(format_args!("- {noun}: {} told apart", course.people));
        }
        if course.reach.connections > 0 {
            let (connections, organizations) =
                (course.reach.connections, course.reach.organizations);
            self.line(format_args!("- Connections: at least {connections}; organizations known by name or id: {organizations}"));
        }
        if connections.is_empty() {
            return;
        }
        self.line("\n| hit most | connection | bad sign-ins |\n| --- | --- | --- |");
        for (id, bad) in connections {
            let name = name(snapshot, id).unwrap_or_default();
            self.line(format_args!("| {} | {} | {bad} |", Plain(name), Plain(id)));
        }
    }

    /// What the alert counted, and what that is not.
    fn counted(&mut self, incident: &Incident) {
        let Evidence { attempts, bad, value, window_seconds, causes, .. } = &incident.evidence;
        let failures = failures(incident);
        let share =
            value.filter(|value| *value <= 1.0).map(|value| format!(" ({})", percent(value)));
        let share = share.unwrap_or_default();
        // A rule counts what is in its window, the detection everything since the beginning.
        if let Some(seconds) = window_seconds {
            let window = span(i64::from(*seconds) * 1000);
            let rest =
                if in_all(incident).is_none() { "; how many in all is not known" } else { "" };
            let (all, what) =
                (count(*attempts, incident.scope.counted()), counted(&incident.alertname));
            let words = format_args!(
                "- {bad} of {all}{share} {what} in the last {window} of the alarm{rest}"
            );
            return self.line(words);
        }
        let when = match incident.resolved_at {
            Some(_) => "between the beginning and the moment when the alarm ended",
            None => "so far",
        };
        if counts_people(incident) {
            self.line(format_args!("- {bad} of {attempts} people{share} could not sign in {when}; whoever tried again is counted once"));
        } else {
            let (all, what) =
                (count(*attempts, incident.scope.counted()), counted(&incident.alertname));
            self.line(format_args!("- {bad} of {all}{share} {what} {when}"));
        }
        if failures > *bad {
            let more = if causes.len() < CAUSES_MAX { "" } else { " or more" };
            self.line(format_args!("- Failed sign-ins in all, those of people who tried again and of other causes too: {failures}{more}"));
        }
    }

    fn timeline(&mut self, incident: &Incident) {
        self.line("\n## Timeline (UTC)\n\n| time | what happened |\n| --- | --- |");
        let day = incident.started_at;
        for (at, words) in story(incident) {
            self.line(format_args!("| {} | {} |", moment(at, day), Plain(&words)));
        }
    }

    fn detection(&mut self, incident: &Incident) {
        self.line("\n## Detection\n");
        let began = incident.started_at;
        self.line(format_args!("- Began, estimated: {}", moment(began, began)));
        let Some(known) = incident.fired_at else {
            return self.line("- Known: only afterwards; nobody was told");
        };
        self.line(format_args!("- Known: {}", moment(known, began)));
        self.line(format_args!("- Delay: {}", span(known.millis_since(began))));
    }

    fn evidence(&mut self, evidence: &Evidence) {
        let share = |value: f64| if value <= 1.0 { percent(value) } else { format!("{value:.0}") };
        for (name, value) in [
            ("Measured", evidence.value),
            ("Usual here", evidence.usual),
            ("Threshold", evidence.threshold),
        ] {
            if let Some(value) = value {
                self.line(format_args!("- {name}: {}", share(value)));
            }
        }
        if let Some(nats) = evidence.nats {
            self.line(format_args!("- Strength against chance: {nats:.1} nats"));
        }
        if let Some(days) = evidence.chance_days {
            self.line(format_args!("- By chance alone: {}", chance(days)));
        }
        for (cause, count) in &evidence.causes {
            self.line(format_args!("- Cause {}: {count}", Plain(cause)));
        }
    }
}

/// The worst stretch in words: `28 % of 305 people (± 5 points)`.
pub(super) fn worst(incident: &Incident, peak: &Stretch) -> String {
    // The detection counts people, and not tries.
    let people = incident.scope.is_of_sign_ins() && incident.evidence.window_seconds.is_none();
    let attempts = if people {
        format!("{} people", peak.attempts)
    } else {
        count(peak.attempts, incident.scope.counted())
    };
    format!("{} of {attempts} (± {:.0} points)", percent(peak.share()), peak.margin() * 100.0)
}

/// How seldom chance alone would do it. Beyond ten thousand years a number says no more.
fn chance(days: f64) -> String {
    let years = days / 365.25;
    if years >= 10_000.0 {
        "less than once in 10,000 years".into()
    } else if years >= 1.0 {
        format!("once in {years:.0} years")
    } else {
        format!("once in {days:.0} days")
    }
}

fn day(at: Timestamp) -> String {
    at.to_rfc3339_seconds().chars().take(10).collect()
}

/// The time of day, with the date where that is not the day of `of`.
pub(super) fn moment(at: Timestamp, of: Timestamp) -> String {
    let exact = at.to_rfc3339_seconds();
    let time: String = exact.chars().skip(11).take(8).collect();
    if day(at) == day(of) { time } else { format!("{} {time}", day(at)) }
}

/// Text that Markdown takes as it is: one line, without markup.
struct Plain<'a>(&'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' | '\r' => f.write_char(' ')?,
                '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' | '!' => {
                    f.write_char('\\')?;
                    f.write_char(c)?;
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Every failed sign-in since the beginning, of the most frequent causes.
fn failures(incident: &Incident) -> u64 {
    incident.evidence.causes.iter().map(|(_, count)| count).sum()
}

/// Whether the alert counted people, each once: then more failed than it says.
pub(super) fn counts_people(incident: &Incident) -> bool {
    let Evidence { bad, users, window_seconds, .. } = &incident.evidence;
    window_seconds.is_none() && *users == Some(*bad) && failures(incident) > *bad
}

/// What a threshold told of, from beginning to end, where the counts showed it when it was over: from, until, all, bad.
fn in_all(incident: &Incident) -> Option<(Timestamp, Timestamp, u64, u64)> {
    let counted = |what: &Happened| match what {
        Happened::Counted { from, until, attempts, bad } => Some((*from, *until, *attempts, *bad)),
        _ => None,
    };
    let over = incident.course.ended_at.is_some();
    over.then(|| incident.course.steps.iter().rev().find_map(|step| counted(&step.what)))?
}

/// What is said of those that an alert counts: not all of them went wrong.
fn counted(alertname: &str) -> &'static str {
    match alertname {
        "EdgeInternalTraffic" => "were internal",
        "EdgeLatencyHigh" | "SsoLatencyHigh" => "took longer than usual",
        "EdgeUriTooLong" => "had a URI that was too long, or nearly",
        "EdgeLimitNear" => "would have been refused",
        _ => "went wrong",
    }
}

#[cfg(test)]
mod tests;
