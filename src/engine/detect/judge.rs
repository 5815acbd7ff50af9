//! Judges an attempt at each scope, and says who explains the trouble: a connection, a provider or the fleet.

use super::alarm::Found;
use super::bar::Bar;
use super::change::{Change, Signal, Telling, Trial, What};
use super::config::{Config, Kind, Level, SHARE_TAKEOVER};
use super::found::share_of_day;
use super::grid::Strongest;
use super::group::{GroupStream, Hit};
use super::owner::is_shared;
use super::spreading::{Around, News};
use super::stream::{Attempt, Verdict};
use super::watch::Expectation;
use super::{DAY, Detection, table, takeover};
use crate::engine::calendar::Place;
use crate::engine::fnv::fnv;

/// Below this share of the threshold the rest without the worst connection is no evidence against a group.
const REST_SHARE: f64 = 0.4;

impl Detection {
    /// Follows the error codes of the fleet and of the connection.
    pub(super) fn code(
        &mut self,
        trial: &Trial<'_>,
        fresh: bool,
        established: bool,
        expectation: Expectation,
        config: &Config,
    ) -> Option<Found> {
        if !fresh {
            return None;
        }
        let second = trial.second;
        let name = trial.code.filter(|_| trial.bad);
        let code = name.map(code_id);
        // What is told by itself says nothing of the others.
        let speaks = established && trial.telling == Telling::Fleet;
        if speaks && !self.is_apart(trial.connection, Kind::Failing, second) {
            let has_own = self.has_own(trial, Kind::Failing);
            let failure = name.zip(code);
            let whose = (trial.connection, has_own);
            let mut spreading = std::mem::take(&mut self.spreading);
            let fleet = Around {
                stream: self.fleet.stream(Kind::Failing),
                is_told: &|connection| self.is_apart(connection, Kind::Failing, second),
            };
            let news = spreading.attempt(failure, whose, second, &fleet, config);
            self.spreading = spreading;
            for news in news {
                let (code, place, what) = match news {
                    News::Spreads(code) => {
                        let carriers = self.spreading.carriers(code);
                        let place = self.narrow(&carriers, Kind::Failing, self.spreading.due(code));
                        self.spread.insert(code, place);
                        (code, place, What::Raised)
                    }
                    News::Over(code) => {
                        (code, self.spread.remove(&code).unwrap_or(Place::Fleet), What::Over)
                    }
                };
                self.changes.push(Change { second, place, signal: Signal::Code(code), what });
            }
        }
        let watch = &mut self.connections[trial.connection as usize];
        watch.attempts = watch.attempts.saturating_add(1);
        let code = code?;
        let usual = (expectation.usual * self.spreading.share(code) * 2.0).min(1.0);
        let learned = watch.streams[Kind::Failing as usize].learned.attempts;
        let takeover = watch.takeover.get_or_insert_default();
        let days = (second / DAY).saturating_sub(watch.takeover_day);
        if days > 0 {
            let bar = config.bar(Level::Connection, Kind::Failing);
            takeover.decay(bar.left_after(f64::from(days)));
            watch.takeover_day = second / DAY;
        }
        takeover.failure(code, watch.attempts, learned, usual, second)
    }

    pub(super) fn on_connection(
        &mut self,
        trial: &Trial<'_>,
        attempt: &Attempt,
        takeover: Option<Found>,
        established: bool,
        config: &Config,
    ) {
        let (kind, second) = (trial.kind, trial.second);
        let scopes = f64::from(self.known.max(1));
        let watch = &mut self.connections[trial.connection as usize];
        let wander = self.busy.wander(watch, kind);
        let own = watch.streams[kind as usize].daily();
        let share = share_of_day(own, self.fleet.stream(kind).stream.daily());
        let bar = Bar { scopes, wander, established, ..config.bar_of(share, kind) };
        let stream = &mut watch.streams[kind as usize];
        let (verdict, _) = stream.attempt(attempt, &bar);
        let mut tell = |what| {
            let place = Place::Connection(trial.connection);
            self.changes.push(Change { second, place, signal: Signal::Stream(kind), what });
        };
        match verdict {
            Verdict::Nothing => {}
            Verdict::Ticket => tell(What::Ticket),
            Verdict::TicketOver => tell(What::TicketOver),
            Verdict::Over => tell(What::Over),
            Verdict::Page(strongest) => {
                let enough = config.min_users + u32::from(kind == Kind::Denied);
                if stream.run(strongest).people >= enough {
                    stream.raise(strongest, stream.run(strongest), second, &bar);
                    return tell(What::Raised);
                }
            }
        }
        let Some(found) = takeover.filter(|_| established && stream.alarm.is_none()) else {
            return;
        };
        let days = config.false_alarm_days(SHARE_TAKEOVER);
        let threshold = libm::log(days * stream.per_day() * scopes * takeover::STREAMS);
        if found.nats >= threshold && found.shift >= bar.shift_min && found.bad >= config.min_users
        {
            stream.raise_on(found, second, &bar);
            tell(What::Raised);
        }
    }

    pub(super) fn on_group(
        &mut self,
        place: Place,
        trial: &Trial<'_>,
        attempt: &Attempt,
        mean: f64,
        config: &Config,
    ) {
        let (kind, second) = (trial.kind, trial.second);
        let explained = self.is_explained(place, trial.connection, kind, second);
        let told = self.is_told(place, trial.connection, kind);
        let has_own = self.has_own(trial, kind);
        let (group, level, scopes) = match place {
            Place::Provider(index) => {
                let scopes = self.providers.len().max(1);
                (&mut self.providers[index as usize], Level::Provider, scopes)
            }
            Place::Fleet | Place::Connection(_) => (&mut self.fleet, Level::Fleet, 1),
        };
        let group = group.stream_mut(kind);
        // What is told by itself says nothing of the others: neither that they are in trouble, nor that it goes on.
        if explained && (group.stream.alarm.is_none() || told) {
            return;
        }
        let (expected, usual) = group.expect(mean, second);
        if attempt.fresh {
            group.measure(attempt.bad, expected, second);
        }
        if attempt.bad {
            let first = attempt.first;
            group.hit(Hit { at: second, connection: trial.connection, first });
        }
        let bar = Bar {
            scopes: count(scopes),
            tempering: group.tempering(),
            wander: group.wander(),
            established: group.is_established(),
            ..config.bar(level, kind)
        };
        let usual = usual.max(kind.usual_min());
        let explained = has_own && group.is_mostly(trial.connection);
        let attempt = Attempt { usual, weight: mean, explained, ..*attempt };
        let (verdict, entered) = group.stream.attempt(&attempt, &bar);
        group.entered(entered, second);
        let what = match verdict {
            Verdict::Nothing => return,
            Verdict::Ticket => What::Ticket,
            Verdict::TicketOver => What::TicketOver,
            Verdict::Over => What::Over,
            Verdict::Page(strongest) => {
                if !self.is_broad(place, kind, strongest, &bar, config) {
                    // One connection, or a provider that is told, explains it: the evidence is theirs.
                    return self.group_mut(place).stream_mut(kind).stream.hand_over();
                }
                return self.raise(place, kind, strongest, second, &bar);
            }
        };
        self.changes.push(Change { second, place, signal: Signal::Stream(kind), what });
    }

    /// Whether there is new evidence of the same trouble at `place`, too little for an alarm.
    pub(in crate::engine) fn is_uneasy(
        &self,
        (place, signal): (Place, Signal),
        config: &Config,
    ) -> bool {
        let kind = match signal {
            Signal::Stream(kind) => kind,
            Signal::Code(_) => Kind::Failing,
            // Rain does not come by and by.
            Signal::Drought(_) => return false,
        };
        let group = self.group(place).map(|group| group.stream(kind));
        let (level, scopes, wander) = match place {
            Place::Connection(index) => {
                let watch = self.connections.get(index as usize);
                let wander = watch.map_or(0.0, |watch| self.busy.wander(watch, kind));
                (Level::Connection, f64::from(self.known.max(1)), wander)
            }
            Place::Provider(_) => {
                let scopes = libm::fmax(1.0, count(self.providers.len()));
                (Level::Provider, scopes, group.map_or(0.0, GroupStream::wander))
            }
            Place::Fleet => (Level::Fleet, 1.0, group.map_or(0.0, GroupStream::wander)),
        };
        if group.is_some() && kind == Kind::Failing {
            let per_day = self.fleet.stream(kind).stream.per_day();
            if self.spreading.is_uneasy(per_day, config) {
                return true;
            }
        }
        let bar = Bar {
            scopes,
            tempering: group.map_or(1.0, GroupStream::tempering),
            wander,
            ..config.bar(level, kind)
        };
        self.stream(place, kind).is_some_and(|stream| stream.is_uneasy(&bar))
    }

    /// Whether enough connections carry the evidence, none too much of it, without those of providers that are told.
    fn is_broad(
        &self,
        place: Place,
        kind: Kind,
        strongest: Strongest,
        bar: &Bar,
        config: &Config,
    ) -> bool {
        let group = self.group(place).expect("a group").stream(kind);
        let mut carriers = group.carriers(group.stream.run(strongest).since);
        let all: u32 = carriers.iter().map(|(_, count)| count).sum();
        if place == Place::Fleet {
            carriers.retain(|(connection, _)| !self.is_of_told_provider(*connection, kind));
        }
        let left: u32 = carriers.iter().map(|(_, count)| count).sum();
        let largest = carriers.first().map_or(0, |(_, count)| *count);
        let gain = table::row(group.stream.usual).gain[strongest.index] * bar.tempering;
        // Only the last ones are remembered by connection.
        let people = f64::from(group.stream.run(strongest).people.max(all));
        let rest = strongest.nats
            - f64::from(all - left + largest) * gain * people / f64::from(all.max(1));
        is_shared(&carriers, config) && rest >= REST_SHARE * group.stream.threshold(bar)
    }

    /// Raises the alarm of a group, or of the provider that owns the fleet's trouble.
    fn raise(&mut self, place: Place, kind: Kind, strongest: Strongest, second: u32, bar: &Bar) {
        let group = self.group(place).expect("a group").stream(kind);
        let run = group.stream.run(strongest);
        let due = group.stream.usual * f64::from(run.fresh()) / f64::from(run.people.max(1));
        let place = match self.narrow(&group.carriers(run.since), kind, due) {
            owner @ Place::Provider(_) if place == Place::Fleet => {
                self.fleet.stream_mut(kind).stream.hand_over();
                owner
            }
            Place::Provider(_) | Place::Fleet | Place::Connection(_) => place,
        };
        let group = match place {
            Place::Provider(index) => self.providers[index as usize].stream_mut(kind),
            Place::Fleet | Place::Connection(_) => self.fleet.stream_mut(kind),
        };
        if group.stream.alarm.is_some() {
            return;
        }
        group.stream.raise(strongest, run, second, bar);
        group.begin_toll(run.since);
        self.changes.push(Change {
            second,
            place,
            signal: Signal::Stream(kind),
            what: What::Raised,
        });
    }
}

#[expect(clippy::cast_precision_loss, reason = "scopes are bounded")]
fn count(scopes: usize) -> f64 {
    scopes as f64
}

/// An error code, folded.
fn code_id(code: &str) -> u64 {
    let hash = fnv(code);
    #[expect(clippy::cast_possible_truncation, reason = "folds 128 bits into 64")]
    let folded = (hash >> 64) as u64 ^ hash as u64;
    folded
}
