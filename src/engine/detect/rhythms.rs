//! The rhythms of all connections that have one.

use serde::{Deserialize, Serialize};

use super::DAY;
use super::drought::Weather;
use super::rhythm::Rhythm;

/// Sign-ins of a day from which on a connection has one, and below which it has none any more: with fewer than some an hour no
/// silence is found within a working day.
const DAILY_MIN: f64 = 100.0;
const DAILY_LEFT: f64 = 50.0;

/// Rhythms at most, 500 bytes each: those of two million sign-ins a day. Whoever comes later has none.
const RHYTHMS_MAX: usize = 20_000;

/// How often silences are looked at, in seconds.
const LOOK_SECONDS: u32 = 60;

/// By connection.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::engine) struct Rhythms {
    all: Vec<Option<Box<Rhythm>>>,
    kept: usize,
    minute: u32,
}

impl Rhythms {
    /// A sign-in begins on a connection with so many a day.
    pub(super) fn start(&mut self, connection: u32, daily: f64, second: u32) {
        let place = connection as usize;
        if let Some(Some(rhythm)) = self.all.get_mut(place) {
            return rhythm.start(second);
        }
        if daily < DAILY_MIN || self.kept >= RHYTHMS_MAX {
            return;
        }
        if self.all.len() <= place {
            self.all.resize_with(place + 1, Option::default);
        }
        self.all[place] = Some(Box::new(Rhythm::new(second)));
        self.kept += 1;
    }

    /// When they are looked at next, where there are any.
    pub(super) fn next_look(&self) -> Option<u32> {
        (self.kept > 0).then(|| (self.minute + 1) * LOOK_SECONDS)
    }

    /// Looks at all of them, at each full minute until `second`, and tells of connections whose silence began or ended then. Chance
    /// brings one in so many days on all connections together.
    pub(super) fn look(
        &mut self,
        second: u32,
        false_alarm_days: f64,
        daily: impl Fn(u32) -> f64,
        mut tell: impl FnMut(u32, u32, Weather),
    ) {
        let last = second / LOOK_SECONDS;
        if self.kept == 0 {
            self.minute = self.minute.max(last);
        }
        while self.minute < last {
            // Of what lies longer ago than a day the next look says enough.
            self.minute = (self.minute + 1).max(last.saturating_sub(DAY / LOOK_SECONDS));
            let second = self.minute * LOOK_SECONDS;
            #[expect(clippy::cast_precision_loss, reason = "20,000 at most")]
            let silences = false_alarm_days * self.kept as f64;
            for (connection, rhythm) in (0..).zip(&mut self.all) {
                let Some(rhythm) = rhythm else { continue };
                let threshold = libm::log(silences * daily(connection).max(DAILY_LEFT));
                match rhythm.look(second, threshold) {
                    Weather::Same => {}
                    weather => tell(connection, second, weather),
                }
            }
            if second.is_multiple_of(DAY) {
                self.drop_idle();
            }
        }
    }

    /// Nobody listened until `second`.
    pub(super) fn resume(&mut self, second: u32) {
        self.all.iter_mut().flatten().for_each(|rhythm| rhythm.resume(second));
    }

    /// Something else explains the silence of a connection until now.
    pub(super) fn dismiss(&mut self, connection: u32) {
        if let Some(Some(rhythm)) = self.all.get_mut(connection as usize) {
            rhythm.dismiss();
        }
    }

    /// That of a connection.
    pub(super) fn get(&self, connection: u32) -> Option<&Rhythm> {
        self.all.get(connection as usize)?.as_deref()
    }

    fn drop_idle(&mut self) {
        let is_idle = |rhythm: &Rhythm| {
            rhythm.numbers().is_none() && rhythm.daily().is_some_and(|daily| daily < DAILY_LEFT)
        };
        for place in &mut self.all {
            if place.take_if(|rhythm| is_idle(rhythm)).is_some() {
                self.kept -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: u32 = 20_000 * DAY;

    #[test]
    fn beyond_the_limit_and_below_so_many_a_day_there_is_none() {
        let mut rhythms = Rhythms::default();
        let max = u32::try_from(RHYTHMS_MAX).unwrap();
        rhythms.start(0, DAILY_MIN - 1.0, BEGAN);
        for connection in 1..=max + 1 {
            rhythms.start(connection, DAILY_MIN, BEGAN);
        }
        let has = [0, 1, max, max + 1].map(|connection| rhythms.get(connection).is_some());
        assert_eq!(has, [false, true, true, false]);
    }

    #[test]
    fn who_hardly_comes_any_more_makes_room() {
        let mut rhythms = Rhythms::default();
        let look = |rhythms: &mut Rhythms, second| {
            rhythms.look(second, 300.0, |_| DAILY_MIN, |_, _, _| ());
        };
        let mut left = None;
        for minute in 0..90 * 1_440 {
            let second = BEGAN + minute * 60;
            // One in ten minutes, and then one in two hours.
            let every = if minute < 14 * 1_440 { 10 } else { 120 };
            if minute % every == 0 && (minute == 0 || rhythms.get(0).is_some()) {
                rhythms.start(0, DAILY_MIN, second);
            }
            look(&mut rhythms, second);
            if rhythms.get(0).is_none() {
                left.get_or_insert(minute / 1_440);
            }
        }
        assert!(left.is_some_and(|day| (28..60).contains(&day)), "{left:?}");
        assert_eq!(rhythms.next_look(), None);
    }
}
