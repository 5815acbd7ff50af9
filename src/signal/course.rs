//! What became of an incident: how far it went, and what happened when.

use serde::{Deserialize, Serialize};

use super::{Severity, Stretch};
use crate::event::Timestamp;

/// Steps that are kept of one incident: the ones in the middle of a long story are left out.
const STEPS_MAX: usize = 64;

/// The story of an incident.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
pub struct Course {
    /// When the trouble is believed to have ended, where the numbers show it; known once it is resolved.
    pub ended_at: Option<Timestamp>,
    /// Its worst stretch.
    pub peak: Option<Stretch>,
    /// Connections and organizations that were hit, at most at one time.
    pub reach: Reach,
    /// The most people that were hit.
    pub people: u64,
    /// What happened, in order of time.
    pub steps: Vec<Step>,
}

/// How far trouble reaches.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Reach {
    /// Connections with bad sign-ins.
    pub connections: u64,
    /// Their organizations, where they are known.
    pub organizations: u64,
}

/// One moment of an incident.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: Happened,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It was known, with this severity.
    Known(Severity),
    /// It became more, or less, urgent.
    Became(Severity),
    /// Its scope widened; it goes on under this alert's name.
    Grew(Box<str>),
    /// A receiver, by its key, accepted that it is open.
    ToldOpen(Box<str>),
    /// A receiver, by its key, accepted that it is over.
    ToldOver(Box<str>),
    /// It is over.
    Resolved,
    /// Somebody does not want receivers to be told of it.
    Silenced {
        /// Who.
        by: Box<str>,
        /// Why.
        reason: Box<str>,
        /// Until when.
        until: Timestamp,
    },
    /// A silence was ended by hand.
    Unsilenced,
    /// Planned work began: what is done, and who said so.
    Marked {
        /// What.
        note: Box<str>,
        /// Who.
        by: Box<str>,
    },
    /// The configuration does not watch for it any more, so that it counts as over; whether the trouble is, is not known.
    Unwatched(Unwatched),
    /// What a threshold told of was over: whole minutes from its beginning to its end, and what ended and went wrong in them.
    Counted {
        /// Where the first minute begins.
        from: Timestamp,
        /// Where the last one ends.
        until: Timestamp,
        /// Sign-ins that ended.
        attempts: u64,
        /// Those that went wrong.
        bad: u64,
    },
    /// It goes on as part of what this alert says.
    Joined(Box<str>),
}

/// Why something is not watched any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unwatched {
    /// What raised it was taken out.
    Removed,
    /// Its rule was changed, and did not hold since.
    Changed,
}

impl Unwatched {
    /// Behind a summary.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Removed => "what raised it was taken out of the configuration",
            Self::Changed => {
                "its rule was changed in the configuration and does not hold as it is now"
            }
        }
    }
}

impl Happened {
    /// Whether it says as which alert, and how urgent, the incident goes on.
    fn is_of_its_form(&self) -> bool {
        use Happened::{Became, Grew, Joined, Known, Resolved, Unwatched};
        matches!(self, Known(_) | Became(_) | Grew(_) | Joined(_) | Unwatched(_) | Resolved)
    }
}

impl Course {
    /// Adds a step.
    pub fn add(&mut self, at: Timestamp, what: Happened) {
        if self.steps.len() >= STEPS_MAX {
            self.steps.remove(self.least());
        }
        self.steps.push(Step { at, what });
    }

    /// The place of what is missed least, nearest to the middle: not what it was and became, by which a receiver that was down is told.
    fn least(&self) -> usize {
        let idle = self.steps.iter().enumerate().filter(|(_, step)| !step.what.is_of_its_form());
        let from_middle = |place: &usize| place.abs_diff(STEPS_MAX / 2);
        idle.map(|(place, _)| place).min_by_key(from_middle).unwrap_or(STEPS_MAX / 2)
    }

    /// Whether it is over because the configuration does not watch for it any more.
    #[must_use]
    pub fn is_unwatched(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.what, Happened::Unwatched(_)))
    }

    /// Whether its end says nothing of the trouble.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.is_unwatched() || self.joined().is_some()
    }

    /// The wider alert that it goes on as part of.
    #[must_use]
    pub fn joined(&self) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| match &step.what {
            Happened::Joined(alertname) => Some(&**alertname),
            _ => None,
        })
    }

    /// Whether it goes by another name since some moment after `at`.
    #[must_use]
    pub fn renamed_since(&self, at: Timestamp) -> bool {
        self.steps.iter().any(|step| step.at > at && matches!(step.what, Happened::Grew(_)))
    }

    /// How urgent it was at that moment, where that is known.
    #[must_use]
    pub fn severity_at(&self, at: Timestamp) -> Option<Severity> {
        let before = self.steps.iter().rev().filter(|step| step.at <= at);
        before.into_iter().find_map(|step| match step.what {
            Happened::Known(severity) | Happened::Became(severity) => Some(severity),
            _ => None,
        })
    }

    /// Takes over how far it reaches now.
    pub fn reaches(&mut self, reach: Reach, people: u64, peak: Option<Stretch>) {
        self.reach.connections = self.reach.connections.max(reach.connections);
        self.reach.organizations = self.reach.organizations.max(reach.organizations);
        self.people = self.people.max(people);
        if let Some(found) =
            peak.filter(|found| self.peak.is_none_or(|known| found.is_worse(&known)))
        {
            self.peak = Some(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let mut course = Course::default();
        for n in 0..200 {
            course.add(Timestamp::from_millis(n), Happened::Resolved);
        }
        assert_eq!(course.steps.len(), STEPS_MAX);
        assert_eq!(course.steps[0].at.millis(), 0);
        assert_eq!(course.steps[STEPS_MAX - 1].at.millis(), 199);
    }

    #[test]
    fn a_long_story_keeps_what_the_incident_became() {
        let mut course = Course::default();
        let at = Timestamp::from_millis;
        course.add(at(0), Happened::Known(Severity::Ticket));
        for n in 0..30 {
            course.add(at(n), Happened::ToldOpen("slack".into()));
        }
        course.add(at(30), Happened::Grew("SsoFleetFailing".into()));
        course.add(at(31), Happened::Became(Severity::Page));
        for n in 32..300 {
            course.add(at(n), Happened::ToldOpen("slack".into()));
        }
        assert_eq!(course.steps.len(), STEPS_MAX);
        assert!(course.renamed_since(at(29)) && !course.renamed_since(at(30)));
        assert_eq!(course.severity_at(at(30)), Some(Severity::Ticket));
        assert_eq!(course.severity_at(at(31)), Some(Severity::Page));
        assert_eq!(course.steps[STEPS_MAX - 1].at, at(299));
    }

    #[test]
    fn what_it_reached_once_stays() {
        let mut course = Course::default();
        let (from, until) = (Timestamp::from_millis(0), Timestamp::from_millis(300_000));
        let peak = Stretch { from, until, attempts: 200, bad: 100 };
        course.reaches(Reach { connections: 9, organizations: 1 }, 5, Some(peak));
        let less = Stretch { bad: 50, ..peak };
        course.reaches(Reach { connections: 2, organizations: 2 }, 7, Some(less));
        assert_eq!(course.reach, Reach { connections: 9, organizations: 2 });
        assert_eq!((course.people, course.peak), (7, Some(peak)));
    }
}
