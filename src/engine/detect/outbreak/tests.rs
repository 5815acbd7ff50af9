use super::super::{Arrival, Kind};
use super::silent::SILENT_SHARE;
use super::*;

const FAILING: Signal = Signal::Stream(Kind::Failing);
const HANGING: Signal = Signal::Stream(Kind::Hanging);

/// Three connections of one provider, and one of another.
fn provider_of(connection: u32) -> u32 {
    connection / 3
}

/// What tells little: some connections are akin, and nobody was woken.
fn kin() -> Kin<'static> {
    Kin {
        provider_of: &provider_of,
        akin: &|one, other| one / 4 == other / 4,
        like_most: &|_| false,
        told_at: &|_| None,
        stands_out: &|_, _| false,
    }
}

fn raise(outbreaks: &mut Outbreaks, second: u32, place: Place, signal: Signal) -> (Step, usize) {
    raise_among(outbreaks, second, place, signal, kin())
}

fn raise_among(
    outbreaks: &mut Outbreaks,
    second: u32,
    place: Place,
    signal: Signal,
    kin: Kin<'_>,
) -> (Step, usize) {
    let change = Change { second, place, signal, what: What::Raised };
    let (step, absorbed) = outbreaks.raised(&change, second - 60, false, kin);
    (step, absorbed.len())
}

fn over(outbreaks: &mut Outbreaks, second: u32, place: Place, signal: Signal) {
    outbreaks.over(&Change { second, place, signal, what: What::Over });
}

#[test]
fn a_wider_alarm_takes_over_all_that_it_explains_and_nothing_else() {
    let mut outbreaks = Outbreaks::default();
    let [first, second, third, far] = [0, 1, 2, 3].map(Place::Connection);
    assert_eq!(raise(&mut outbreaks, 10_000, far, FAILING).0, Step::Began(0));
    assert_eq!(raise(&mut outbreaks, 14_000, first, FAILING).0, Step::Began(1));
    assert_eq!(raise(&mut outbreaks, 14_060, second, HANGING).0, Step::Began(2));
    assert_eq!(raise(&mut outbreaks, 14_060, third, FAILING).0, Step::Joined);
    let grown = raise(&mut outbreaks, 14_120, Place::Provider(0), FAILING);
    assert_eq!(grown, (Step::Grew(1, (first, FAILING)), 1));
    assert_eq!(outbreaks.0.len(), 2);
    assert_eq!(outbreaks.get(1).places.len(), 4);
    // The alarms of those that were taken over end with it.
    for place in [first, third] {
        over(&mut outbreaks, 15_000, place, FAILING);
    }
    over(&mut outbreaks, 15_000, second, HANGING);
    assert_eq!(outbreaks.get(1).quiet_since, None);
    over(&mut outbreaks, 15_000, Place::Provider(0), FAILING);
    assert_eq!(outbreaks.get(1).quiet_since, Some(15_000));
    assert_eq!(outbreaks.ended(15_600, 600, |_| true).len(), 0, "it may come back");
    assert_eq!(outbreaks.ended(15_600, 600, |_| false).len(), 1);
}

#[test]
fn what_grows_long_after_it_was_told_is_told_anew() {
    let connection = (Place::Connection(0), FAILING);
    for (later, want) in [(1_199, Step::Grew(0, connection)), (1_200, Step::Outgrew(0, connection))]
    {
        let mut outbreaks = Outbreaks::default();
        let told_at = |lead| (lead == connection).then_some(10_000);
        let kin = Kin { told_at: &told_at, ..kin() };
        let mut raise =
            |second, place, signal| raise_among(&mut outbreaks, second, place, signal, kin).0;
        assert_eq!(raise(10_000, connection.0, FAILING), Step::Began(0));
        assert_eq!(raise(10_000 + later, Place::Provider(0), FAILING), want);
        // From then on it is the wider one's.
        assert_eq!(raise(11_200 + later, Place::Provider(0), HANGING), Step::Joined);
        assert_eq!(outbreaks.get(0).places.len(), 2);
    }
}

#[test]
fn what_grows_after_it_flared_up_is_told_anew_by_the_time_of_its_page() {
    let mut outbreaks = Outbreaks::default();
    let connection = (Place::Connection(0), FAILING);
    let told_at = |lead| (lead == connection).then_some(10_000);
    let kin = Kin { told_at: &told_at, ..kin() };
    raise(&mut outbreaks, 10_000, connection.0, FAILING);
    over(&mut outbreaks, 11_000, connection.0, FAILING);
    raise(&mut outbreaks, 11_400, connection.0, FAILING);
    let grown = raise_among(&mut outbreaks, 11_500, Place::Fleet, FAILING, kin).0;
    assert_eq!(grown, Step::Outgrew(0, connection));
}

#[test]
fn what_is_left_when_the_wider_trouble_ends_is_told_widest_first() {
    let mut outbreaks = Outbreaks::default();
    let (connection, provider) = (Place::Connection(0), Place::Provider(0));
    raise(&mut outbreaks, 10_000, Place::Fleet, FAILING);
    over(&mut outbreaks, 11_000, Place::Fleet, FAILING);
    for place in [connection, provider] {
        assert_eq!(raise(&mut outbreaks, 11_200, place, FAILING).0, Step::Joined);
    }
    let ended = outbreaks.ended(11_600, 600, |_| false);
    let left: Vec<Alarm> = ended.iter().flat_map(Outbreak::left).collect();
    assert_eq!(left, [(provider, FAILING), (connection, FAILING)]);
}

#[test]
fn silence_is_explained_by_trouble_of_half_of_all_while_that_goes_on() {
    let mut outbreaks = Outbreaks::default();
    let silence = Signal::Drought(Arrival::Success);
    raise(&mut outbreaks, 10_000, Place::Provider(0), FAILING);
    let half = |_: &BTreeSet<Place>| SILENT_SHARE;
    assert!(outbreaks.explain_silence(silence, half));
    assert!(!outbreaks.explain_silence(silence, |_| SILENT_SHARE - 0.01));
    assert!(!outbreaks.explain_silence(Signal::Drought(Arrival::Start), half));
    let end =
        Change { second: 11_000, place: Place::Provider(0), signal: FAILING, what: What::Over };
    let explained = outbreaks.over(&end).unwrap();
    assert!(!outbreaks.explain_silence(silence, half), "it is over");
    assert!(explained.is_silence(SILENT_SHARE) && !explained.is_silence(SILENT_SHARE - 0.01));
    assert!(!outbreaks.tell_silence());
    raise(&mut outbreaks, 12_000, Place::Fleet, silence);
    assert!(outbreaks.tell_silence());
    over(&mut outbreaks, 13_000, Place::Fleet, silence);
    assert!(!outbreaks.tell_silence());
}

#[test]
fn who_suffers_on_alone_does_not_keep_the_wider_trouble_open_and_is_left_when_it_ends() {
    let mut outbreaks = Outbreaks::default();
    let connection = Place::Connection(0);
    assert_eq!(raise(&mut outbreaks, 10_000, Place::Fleet, FAILING).0, Step::Began(0));
    over(&mut outbreaks, 11_000, Place::Fleet, FAILING);
    assert_eq!(raise(&mut outbreaks, 11_200, connection, FAILING).0, Step::Joined);
    assert_eq!(outbreaks.ended(11_599, 600, |_| false).len(), 0);
    let mut flared = outbreaks.clone();
    let ended = outbreaks.ended(11_600, 600, |_| false);
    let left: Vec<Alarm> = ended.iter().flat_map(Outbreak::left).collect();
    assert_eq!(left, [(connection, FAILING)]);
    // Unless all suffer again meanwhile.
    assert_eq!(raise(&mut flared, 11_300, Place::Fleet, FAILING).0, Step::Joined);
    over(&mut flared, 11_500, connection, FAILING);
    assert_eq!(flared.get(0).quiet_since, None);
}

#[test]
fn another_cause_is_another_outbreak_however_close() {
    let mut outbreaks = Outbreaks::default();
    let [first, akin, other] = [0, 3, 4].map(Place::Connection);
    assert_eq!(raise(&mut outbreaks, 10_000, first, FAILING).0, Step::Began(0));
    assert_eq!(raise(&mut outbreaks, 10_600, other, FAILING).0, Step::Began(1));
    assert_eq!(raise(&mut outbreaks, 10_600, akin, FAILING).0, Step::Joined);
    assert_eq!(outbreaks.get(0).places.len(), 2);
}

#[test]
fn what_the_wider_alarm_does_not_explain_is_taken_out_and_stays_alone() {
    let mut outbreaks = Outbreaks::default();
    let [early, late, same] = [0, 1, 2].map(Place::Connection);
    raise(&mut outbreaks, 10_000, Place::Fleet, FAILING);
    for (second, place) in [(10_600, early), (14_000, late), (14_000, same)] {
        assert_eq!(raise(&mut outbreaks, second, place, FAILING).0, Step::Joined);
    }
    let began = |(place, _)| Some(if place == early { 10_539 } else { 10_540 });
    // Two are worse than all together, and one of these was with them from the beginning.
    let worse = |(place, _): Alarm, wide: &Wide| {
        *wide == wide::of((Place::Fleet, FAILING)) && place != same
    };
    assert_eq!(outbreaks.split(began, worse, |_, _| false), [(late, FAILING)]);
    assert_eq!(outbreaks.split(began, worse, |_, _| false), [], "once");
    let change = Change { second: 14_010, place: late, signal: FAILING, what: What::Raised };
    let kin = Kin { akin: &|_, _| true, stands_out: &|_, _| true, ..kin() };
    assert_eq!(outbreaks.raised(&change, 13_940, true, kin).0, Step::Began(1));
    let again = Change { second: 14_020, place: Place::Fleet, signal: HANGING, what: What::Raised };
    assert_eq!(outbreaks.raised(&again, 9_900, false, kin), (Step::Joined, vec![]));
    over(&mut outbreaks, 14_900, Place::Fleet, HANGING);
    over(&mut outbreaks, 15_000, Place::Fleet, FAILING);
    assert_eq!((outbreaks.get(0).quiet_since, outbreaks.get(1).quiet_since), (Some(15_000), None));
}

#[test]
fn what_stands_out_while_the_wider_trouble_is_quiet_is_a_flare_unless_its_cause_is_another() {
    let mut outbreaks = Outbreaks::default();
    let (fleet, late) = ((Place::Fleet, FAILING), (Place::Connection(1), FAILING));
    raise(&mut outbreaks, 10_000, fleet.0, FAILING);
    over(&mut outbreaks, 11_000, fleet.0, FAILING);
    assert_eq!(raise(&mut outbreaks, 11_200, late.0, FAILING).0, Step::Joined);
    for (another, want) in [(false, vec![]), (true, vec![late])] {
        let has_another = |lead, alarm| (lead, alarm) == (fleet, late) && another;
        assert_eq!(outbreaks.split(|_| Some(11_140), |_, _| true, has_another), want);
    }
}

#[test]
fn a_providers_trouble_that_others_have_as_well_now_is_the_fleets_however_late() {
    for (alike, want) in
        [(true, Step::Outgrew(0, (Place::Provider(0), FAILING))), (false, Step::Began(1))]
    {
        let mut outbreaks = Outbreaks::default();
        raise(&mut outbreaks, 10_000, Place::Provider(0), FAILING);
        let like_most = |lead| alike && lead == Place::Provider(0);
        let told_at = |_| Some(10_000);
        let kin = Kin { like_most: &like_most, told_at: &told_at, ..kin() };
        let (second, place) = (16_000, Place::Fleet);
        let change = Change { second, place, signal: FAILING, what: What::Raised };
        assert_eq!(outbreaks.raised(&change, 15_000, false, kin).0, want);
    }
}

#[test]
fn a_night_of_silence_is_one_outbreak_however_often_one_arrives() {
    let mut outbreaks = Outbreaks::default();
    let drought = Signal::Drought(Arrival::Start);
    for flare in 0..10 {
        let second = 10_000 + flare * 3_600;
        let want = if flare == 0 { Step::Began(0) } else { Step::Joined };
        assert_eq!(raise(&mut outbreaks, second, Place::Fleet, drought).0, want);
        over(&mut outbreaks, second + 1_500, Place::Fleet, drought);
        assert_eq!(outbreaks.ended(second + 3_599, 600, |_| false).len(), 0);
    }
    assert_eq!(outbreaks.ended(10_000 + 9 * 3_600 + 1_500 + 2_400, 600, |_| false).len(), 1);
}

#[test]
fn what_people_meet_later_for_the_first_time_is_an_outbreak_of_its_own() {
    let mut outbreaks = Outbreaks::default();
    let (fleet, connection) = (Place::Fleet, Place::Connection(0));
    let silence = Signal::Drought(Arrival::Success);
    let slow = Signal::Stream(Kind::Slow);
    assert_eq!(raise(&mut outbreaks, 10_000, fleet, FAILING).0, Step::Began(0));
    // At about the same time it is the same trouble; slowness comes with any.
    assert_eq!(raise(&mut outbreaks, 10_300, fleet, silence).0, Step::Joined);
    assert_eq!(raise(&mut outbreaks, 14_000, fleet, slow).0, Step::Joined);
    assert_eq!(raise(&mut outbreaks, 14_000, fleet, HANGING).0, Step::Began(1));
    assert_eq!(raise(&mut outbreaks, 14_100, connection, HANGING).0, Step::Joined);
    assert!(outbreaks.get(1).places.contains(&connection), "with what it is a part of");
    assert_eq!(outbreaks.lead_at((fleet, HANGING)), Some((fleet, HANGING)));
    over(&mut outbreaks, 15_000, fleet, HANGING);
    assert_eq!(raise(&mut outbreaks, 16_000, fleet, HANGING).0, Step::Joined);
    assert_eq!(raise(&mut outbreaks, 16_100, fleet, silence).0, Step::Joined);
}

#[test]
fn what_flares_up_again_is_as_young_as_its_last_flare() {
    let mut outbreaks = Outbreaks::default();
    let provider = Place::Provider(0);
    for flare in 0..8 {
        let second = 10_000 + flare * 480;
        let want = if flare == 0 { Step::Began(0) } else { Step::Joined };
        assert_eq!(raise(&mut outbreaks, second, provider, FAILING).0, want);
        over(&mut outbreaks, second + 300, provider, FAILING);
    }
    // An hour after it began, other connections fail with it.
    let grown = raise(&mut outbreaks, 13_900, Place::Fleet, FAILING).0;
    assert_eq!(grown, Step::Grew(0, (provider, FAILING)));
}
