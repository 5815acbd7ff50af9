//! The end of an outbreak: what it explained starts afresh, so that no count is told twice.

use super::{Alarm, Detection, Explained, Kind, Signal, Stream};
use crate::engine::calendar::Place;

impl Detection {
    /// Drops the evidence that `explained` accounts for, and what of it was not yet usual. Gives the tickets that were open on
    /// such evidence. What was known before the outbreak began is trouble of its own and stays.
    /// A silence of successes that `is_told` ends by itself.
    pub(in crate::engine) fn start_afresh(
        &mut self,
        explained: &Explained,
        is_told: bool,
    ) -> Vec<(Place, Kind)> {
        for alarm in &explained.alarms {
            self.dismiss(*alarm);
        }
        if !is_told && explained.is_silence(self.share_of_all(&explained.places)) {
            self.successes.dismiss();
        }
        let mut tickets = Vec::new();
        for place in self.places_within(explained) {
            for kind in Kind::ALL {
                let stream = self.stream_mut(place, kind).expect("it is there");
                // The alarm of one customer's slow sign-ins is a ticket.
                let ticket_at_most = kind == Kind::Slow && matches!(place, Place::Connection(_));
                if stream.start_afresh(explained.since, ticket_at_most) {
                    tickets.push((place, kind));
                }
            }
            if let Place::Connection(index) = place
                && let Some(takeover) = &mut self.connections[index as usize].takeover
            {
                takeover.forget();
            }
        }
        tickets
    }

    /// Ends an alarm that another explains.
    pub(in crate::engine) fn dismiss(&mut self, (place, signal): Alarm) {
        match signal {
            Signal::Stream(kind) => {
                if let Some(stream) = self.stream_mut(place, kind) {
                    stream.dismiss();
                }
            }
            Signal::Code(code) => {
                self.spreading.dismiss(code);
                self.spread.remove(&code);
            }
            // Silence is the fleet's, and told by itself.
            Signal::Drought(_) => {}
        }
    }

    fn places_within(&self, explained: &Explained) -> Vec<Place> {
        let provider_of = |index: u32| self.connections[index as usize].provider;
        let connections = (0..).zip(&self.connections).map(|(index, _)| Place::Connection(index));
        let providers = (0..).zip(&self.providers).map(|(index, _)| Place::Provider(index));
        let within =
            connections.chain(providers).filter(|place| explained.covers(*place, provider_of));
        // What the fleet had of a provider's trouble is spent as well.
        within.chain(explained.is_of_provider().then_some(Place::Fleet)).collect()
    }

    pub(super) fn stream_mut(&mut self, place: Place, kind: Kind) -> Option<&mut Stream> {
        match place {
            Place::Connection(index) => {
                Some(&mut self.connections.get_mut(index as usize)?.streams[kind as usize])
            }
            Place::Provider(index) => {
                Some(&mut self.providers.get_mut(index as usize)?.stream_mut(kind).stream)
            }
            Place::Fleet => Some(&mut self.fleet.stream_mut(kind).stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::bar::Bar;
    use super::super::config::{Config, Level};
    use super::super::stream::{Attempt, Verdict};
    use super::super::{Arrival, Change, Kin, Outbreaks, What};
    use super::*;

    /// Bad attempts of strangers, one a minute, until the stream has a ticket; the second of it.
    fn until_ticket(stream: &mut Stream, from: u32) -> u32 {
        let known = Config::default().bar(Level::Connection, Kind::Failing);
        let bar = Bar { established: true, shift_min: 2.0, ..known };
        for minute in 0..60 {
            let second = from + minute * 60;
            let attempt = Attempt {
                second,
                bad: true,
                first: true,
                fresh: true,
                usual: 0.02,
                expected: 0.0,
                weight: 1.0,
                explained: false,
            };
            if stream.attempt(&attempt, &bar).0 == Verdict::Ticket {
                return second;
            }
        }
        panic!("an hour of failures is evidence");
    }

    fn kin() -> Kin<'static> {
        Kin {
            provider_of: &|_| 0,
            akin: &|_, _| true,
            like_most: &|_| false,
            told_at: &|_| None,
            stands_out: &|_, _| false,
        }
    }

    fn change(place: Place, second: u32, what: What) -> Change {
        Change { second, place, signal: Signal::Stream(Kind::Failing), what }
    }

    #[test]
    fn a_drought_is_spent_with_the_trouble_of_half_of_all_that_explains_it() {
        let begun = 86_400 * 20_000;
        for (share, is_told, spent) in
            [(0.85, false, true), (0.85, true, false), (0.4, false, false)]
        {
            let mut detection = Detection::default();
            detection.connections.resize_with(1, Default::default);
            detection.connections[0].streams[0].at_pace(20_000, share * 1_000.0);
            detection.fleet.stream_mut(Kind::Failing).stream.at_pace(20_000, 1_000.0);
            detection.successes.dry_since(begun);
            let mut outbreaks = Outbreaks::default();
            let place = Place::Connection(0);
            outbreaks.raised(&change(place, begun + 60, What::Raised), begun, false, kin());
            let explained = outbreaks.over(&change(place, begun + 3_600, What::Over)).unwrap();
            detection.start_afresh(&explained, is_told);
            let drought = Signal::Drought(Arrival::Success);
            assert_eq!(detection.is_up(Place::Fleet, drought), !spent, "{share} {is_told}");
        }
    }

    #[test]
    fn evidence_is_spent_with_the_outbreak_that_explains_it_and_no_other_is() {
        let begun = 86_400 * 20_000;
        let mut detection = Detection::default();
        detection.connections.resize_with(3, Default::default);
        detection.providers.resize_with(2, Default::default);
        detection.connections[2].provider = 1;
        let before = begun - 7_200;
        let known = [begun, before, begun].map(|from| from + 600);
        for (watch, from) in detection.connections.iter_mut().zip(known) {
            until_ticket(&mut watch.streams[0], from);
        }
        let mut outbreaks = Outbreaks::default();
        let place = Place::Provider(0);
        outbreaks.raised(&change(place, begun + 60, What::Raised), begun, false, kin());
        let explained = outbreaks.over(&change(place, begun + 3_600, What::Over)).unwrap();
        let tickets = detection.start_afresh(&explained, false);
        assert_eq!(tickets, [(Place::Connection(0), Kind::Failing)]);
        let has = |detection: &Detection| {
            let place = |index| Place::Connection(index);
            [0, 1, 2].map(|index| detection.has_ticket(place(index), Signal::Stream(Kind::Failing)))
        };
        assert_eq!(has(&detection), [false, true, true], "own trouble and another provider's");
        let stream = &mut detection.connections[0].streams[0];
        assert!(stream.numbers().is_none() && stream.learned.fresh_attempts == 0.0);
        until_ticket(stream, begun + 4_000);
        assert!(has(&detection)[0], "whoever suffers on is found anew");
    }
}
