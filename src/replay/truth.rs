//! `--truth`: holds what a replay found to what a simulation says was there.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::event::{ConnectionId, Covers, Planned, Record, Timestamp};
use crate::signal::{Scope, Severity, State, Transition};

/// The format that `simulate --truth` writes.
const FORMAT: &str = "sso-truth/v1";

/// What a simulation says about its recording, as far as a score needs it.
#[derive(Debug, Deserialize)]
pub(super) struct Truth {
    format: String,
    scenario: String,
    seed: u64,
    start: String,
    end: String,
    counts: Counts,
    alerts: Alerts,
    maintenance: Vec<Window>,
}

/// Of the whole recording.
#[derive(Debug, Deserialize)]
struct Counts {
    events: u64,
}

/// The truth is of another recording: every word of a score would be wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}; give the truth that `simulate` wrote with this recording")]
pub struct OtherRecording(String);

/// What is replayed: when its first and its last entry are, and how many events there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recorded {
    pub(super) span: Option<(Timestamp, Timestamp)>,
    pub(super) events: u64,
}

#[derive(Debug, Deserialize)]
struct Alerts {
    /// `None`: nothing is due.
    right: Option<Right>,
    /// `None`: nothing broke.
    optional: Option<Optional>,
}

#[derive(Debug, Deserialize)]
struct Right {
    #[serde(flatten)]
    about: Optional,
    alertnames: BTreeSet<String>,
    within_seconds: Option<f64>,
    at_most: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Optional {
    severity: BTreeSet<String>,
    scopes: BTreeSet<Place>,
    from: String,
    until: String,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Place {
    scope: String,
    connection_id: Option<String>,
    connection_type: Option<String>,
}

/// Work that had been announced.
#[derive(Debug, Deserialize)]
struct Window {
    from: String,
    until: String,
    connections: Vec<String>,
}

/// What the alerts of a replay are worth.
#[derive(Debug)]
pub(super) struct Score {
    truth: Truth,
    recorded: Recorded,
    seen: BTreeSet<(Box<str>, Severity)>,
    /// Incidents that were right.
    found: BTreeSet<Box<str>>,
    right: Vec<Timestamp>,
    optional: u64,
    false_pages: Vec<Value>,
    false_tickets: u64,
}

/// Reads the truth.
pub(super) fn read(path: &Path) -> anyhow::Result<Truth> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    let expected = || format!("{place}: expected what `ssowatch simulate --truth` writes");
    let truth: Truth = serde_json::from_str(&text).with_context(expected)?;
    ensure!(truth.format == FORMAT, "{place}: the format is {}, not {FORMAT}", truth.format);
    let right = truth.alerts.right.iter().map(|right| &right.about);
    let about = right.chain(&truth.alerts.optional).flat_map(|about| [&about.from, &about.until]);
    let windows = truth.maintenance.iter().flat_map(|window| [&window.from, &window.until]);
    let whole = [&truth.start, &truth.end];
    for text in about.chain(windows).chain(whole) {
        ensure!(Timestamp::parse(text).is_some(), "{place}: {text:?} is no time");
    }
    Ok(truth)
}

impl Truth {
    fn check(&self, recorded: Recorded) -> Result<(), OtherRecording> {
        let of = format!("the truth of {}, seed {},", self.scenario, self.seed);
        let Some((first, last)) = recorded.span else {
            return Err(OtherRecording(format!(
                "{of} cannot be held to nothing: no event was read"
            )));
        };
        let due = self.alerts.right.as_ref().map(|right| &right.about);
        let due = due.map(|about| ("what is due lies", &about.from, &about.until));
        for (what, from, until) in [("is", &self.start, &self.end)].into_iter().chain(due) {
            if time(from) > last || time(until) < first {
                return Err(OtherRecording(format!(
                    "{of} is not of these events: {what} from {from} to {until}, they are from {} to {}",
                    first.to_rfc3339_seconds(),
                    last.to_rfc3339_seconds()
                )));
            }
        }
        Ok(())
    }

    /// The work that people had announced.
    pub(super) fn announced(&self) -> impl Iterator<Item = Record> {
        let record = |(index, window): (usize, &Window)| {
            let ids = window.connections.iter().map(|id| ConnectionId::new(id));
            Record::Planned(Planned {
                id: format!("maintenance-{index}").into(),
                from: time(&window.from),
                until: time(&window.until),
                covers: Covers::Connections(ids.collect()),
                note: "planned work".into(),
            })
        };
        self.maintenance.iter().enumerate().map(record)
    }
}

impl Score {
    /// A score of what is `recorded`; refused when that can never hold what is due.
    pub(super) fn new(truth: Truth, recorded: Recorded) -> Result<Self, OtherRecording> {
        truth.check(recorded)?;
        Ok(Self::of(truth, recorded))
    }

    fn of(truth: Truth, recorded: Recorded) -> Self {
        Self {
            truth,
            recorded,
            seen: BTreeSet::new(),
            found: BTreeSet::new(),
            right: Vec::new(),
            optional: 0,
            false_pages: Vec::new(),
            false_tickets: 0,
        }
    }

    /// Takes an incident when it first fires, again when a ticket becomes a page, and when it has become what is due: a customer's that
    /// turns out to be the provider's is found when it is told as that.
    pub(super) fn take(&mut self, transition: &Transition) {
        let incident = &transition.incident;
        if incident.state != State::Firing {
            return;
        }
        let fires = self.seen.insert((incident.id.clone(), incident.severity));
        let Alerts { right, optional } = &self.truth.alerts;
        let is_about = |about: &Optional| about.holds(transition);
        let names = |right: &Right| right.alertnames.contains(&*incident.alertname);
        if right.as_ref().is_some_and(|right| names(right) && is_about(&right.about)) {
            if self.found.insert(incident.id.clone()) || fires {
                self.right.push(transition.at);
            }
        } else if !fires {
            // It goes on, as something else that is not due.
        } else if optional.as_ref().is_some_and(is_about) {
            self.optional += 1;
        } else if incident.severity == Severity::Page {
            self.false_pages.push(json!({
                "at": transition.at.to_rfc3339_seconds(), "alertname": incident.alertname,
                "scope": incident.scope.as_str(), "summary": incident.summary,
            }));
        } else {
            self.false_tickets += 1;
        }
    }

    /// From the onset to the first right alert.
    fn delay_seconds(&self) -> Option<f64> {
        let from = time(&self.truth.alerts.right.as_ref()?.about.from);
        let first = self.right.iter().min()?;
        #[expect(clippy::cast_precision_loss, reason = "a recording lasts some months")]
        let seconds = first.millis_since(from) as f64 / 1000.0;
        Some(seconds)
    }

    fn is_missed(&self) -> bool {
        self.truth.alerts.right.is_some() && self.right.is_empty()
    }

    fn is_late(&self) -> bool {
        let within = self.truth.alerts.right.as_ref().and_then(|right| right.within_seconds);
        within.zip(self.delay_seconds()).is_some_and(|(within, delay)| delay > within)
    }

    fn is_too_many(&self) -> bool {
        let at_most = self.truth.alerts.right.as_ref().and_then(|right| right.at_most);
        at_most.is_some_and(|at_most| self.right.len() as u64 > at_most)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "type": "score", "scenario": self.truth.scenario, "seed": self.truth.seed,
            "due": self.truth.alerts.right.is_some(), "delay_seconds": self.delay_seconds(),
            "missed": self.is_missed(), "late": self.is_late(), "too_many": self.is_too_many(),
            "right": self.right.len(), "optional": self.optional,
            "false_pages": self.false_pages, "false_tickets": self.false_tickets,
            "events": self.recorded.events, "events_of_truth": self.truth.counts.events,
        })
    }

    /// What makes the score doubtful.
    fn doubt(&self) -> String {
        let (events, told) = (self.recorded.events, self.truth.counts.events);
        if events == told {
            return String::new();
        }
        format!(
            "\nwarning: the truth is of a recording of {told} events, {events} were read: of another scenario or seed, or of a part"
        )
    }

    pub(super) fn text(&self) -> String {
        let found = match (&self.truth.alerts.right, self.delay_seconds()) {
            (None, _) => "nothing was due".to_owned(),
            (Some(_), None) => "MISSED what was due".to_owned(),
            (Some(right), Some(delay)) => {
                let within = right.within_seconds.map(|within| format!(" (due in {within:.0} s)"));
                let late = if self.is_late() { ", LATE" } else { "" };
                let many = if self.is_too_many() { ", TOO MANY" } else { "" };
                let (within, count) = (within.unwrap_or_default(), self.right.len());
                format!("found after {delay:.0} s{within}{late}, {count} right{many}")
            }
        };
        format!(
            "score of {}, seed {}: {found}, {} optional, {} false pages, {} false tickets{}",
            self.truth.scenario,
            self.truth.seed,
            self.optional,
            self.false_pages.len(),
            self.false_tickets,
            self.doubt()
        )
    }
}

impl Optional {
    fn holds(&self, transition: &Transition) -> bool {
        let incident = &transition.incident;
        self.severity.contains(incident.severity.as_str())
            && self.scopes.contains(&Place::of(&incident.scope))
            && (time(&self.from)..=time(&self.until)).contains(&transition.at)
    }
}

impl Place {
    fn of(scope: &Scope) -> Self {
        let mut place =
            Self { scope: scope.as_str().into(), connection_id: None, connection_type: None };
        match scope {
            Scope::Connection(id) => {
                place.connection_id = id.as_ref().map(|id| id.as_str().into());
            }
            Scope::ConnectionType(name) => place.connection_type = Some((**name).into()),
            _ => {}
        }
        place
    }
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("checked when it was read")
}

#[cfg(test)]
mod tests;
