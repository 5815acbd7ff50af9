mod grown;

use super::*;
use crate::receiver::tests::{START, incident};
use crate::signal::{Happened, Severity};

const MINUTE: i64 = 60_000;
const REPEAT: Option<Repeat> =
    Some(Repeat { every_millis: MINUTE, closed_for_millis: 15 * MINUTE });

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn audience() -> Audience {
    let severity = vec![Severity::Ticket, Severity::Page];
    Audience { severity, labels: BTreeMap::new(), send_resolved: true }
}

fn open(severity: Option<Severity>) -> Standing {
    let now = Form::of(&incident("f", State::Firing));
    let form = |severity| Form { severity, ..now };
    Standing::Open { at: at(0), since: at(0), told: severity.map(form), incident: None }
}

/// How it stands, what it is, how much later, whether it is repeated, and what is owed.
type Case = (Option<Standing>, State, i64, Option<Repeat>, Option<Reason>);

#[test]
fn what_is_owed_follows_from_what_was_told() {
    use Reason::{Closed, Escalated, Opened, StillOpen};
    use State::{Firing, Pending, Resolved};
    let closed = Some(Standing::Closed { at: at(0), end: None });
    let refused = |id: &str| Some(Standing::Refused { incident: id.into() });
    let same = "f-1768478400";
    let before = Standing::Open { at: at(-1), since: at(-1), told: None, incident: None };
    let cases: [Case; 28] = [
        // It ended and fires again, and nobody knows what the receiver made of the end.
        (Some(before.clone()), Firing, 0, None, Some(Opened)),
        (Some(before), Resolved, 0, None, Some(Closed)),
        (Some(Standing::Unsure), Firing, 0, REPEAT, Some(Opened)),
        (Some(Standing::Unsure), Resolved, 0, None, Some(Closed)),
        (None, Pending, 0, REPEAT, None),
        (None, Firing, 0, None, Some(Opened)),
        // It was over before it could be told.
        (None, Resolved, 0, REPEAT, None),
        (Some(open(None)), Pending, 0, REPEAT, None),
        (Some(open(None)), Firing, MINUTE - 1, REPEAT, None),
        (Some(open(None)), Firing, MINUTE, REPEAT, Some(StillOpen)),
        (Some(open(None)), Firing, 99 * MINUTE, None, None),
        // The clock was set back.
        (Some(open(None)), Firing, -1, REPEAT, Some(StillOpen)),
        (Some(open(None)), Firing, -1, None, None),
        (Some(open(Some(Severity::Page))), Firing, 0, None, None),
        (Some(open(Some(Severity::Ticket))), Firing, 0, None, Some(Escalated)),
        (Some(open(Some(Severity::Page))), Resolved, 0, None, Some(Closed)),
        (Some(open(None)), Resolved, 0, REPEAT, Some(Closed)),
        (closed.clone(), Firing, 0, None, Some(Opened)),
        (closed.clone(), Pending, 0, REPEAT, None),
        // It was resolved ten minutes after the start.
        (closed.clone(), Resolved, 11 * MINUTE, REPEAT, Some(Closed)),
        (closed.clone(), Resolved, 24 * MINUTE, REPEAT, Some(Closed)),
        (closed.clone(), Resolved, 25 * MINUTE, REPEAT, None),
        (closed.clone(), Resolved, MINUTE - 1, REPEAT, None),
        (closed, Resolved, 11 * MINUTE, None, None),
        (refused(same), Firing, 99 * MINUTE, REPEAT, None),
        (refused(same), Resolved, 99 * MINUTE, REPEAT, None),
        (refused("f-1"), Firing, 0, None, Some(Opened)),
        (refused("f-1"), Resolved, 0, None, None),
    ];
    for (standing, state, later, repeat, want) in cases {
        let got = owes(standing.as_ref(), &incident("f", state), at(later), repeat);
        assert_eq!(got, want, "{standing:?} {state:?} {later} {repeat:?}");
    }
}

fn owed(log: &mut Log, incidents: &[Incident], now: i64, repeat: Option<Repeat>) -> Vec<String> {
    let incidents: Vec<_> = incidents.iter().cloned().map(Arc::new).collect();
    let owed = log.owed(&incidents, &audience(), &[], at(now), repeat);
    for one in &owed {
        log.told(one, at(now));
    }
    owed.iter().map(|one| format!("{} {}", one.incident.fingerprint, one.reason.as_str())).collect()
}

#[test]
fn of_several_incidents_with_one_fingerprint_the_one_that_fires_counts() {
    let mut again = incident("f", State::Firing);
    again.id = "f-2".into();
    let over = incident("f", State::Resolved);
    let mut later = incident("f", State::Pending);
    later.id = "f-3".into();
    let mut log = Log::default();
    // Over and firing again before anybody was told: one that fires. Pending hides nothing.
    assert_eq!(owed(&mut log, &[over.clone(), again.clone()], 0, None), ["f opened"]);
    assert_eq!(owed(&mut log, &[again, over.clone(), later.clone()], 0, None), [""; 0]);
    assert_eq!(owed(&mut log, &[over, later], 0, None), ["f closed"]);
}

#[test]
fn what_is_open_and_not_known_any_more_is_closed_in_the_words_that_were_last_known() {
    let mut log = Log::new(&BTreeMap::from([
        ("known".into(), (true, at(0))),
        ("unknown".into(), (true, at(0))),
        ("over".into(), (false, at(0))),
    ]));
    assert_eq!(owed(&mut log, &[incident("known", State::Firing)], 1, None), ["unknown closed"]);
    let gone = log.owed(&[], &audience(), &[], at(2), None);
    assert_eq!(gone.len(), 1);
    assert_eq!(
        *gone[0].incident,
        Incident {
            state: State::Resolved,
            resolved_at: Some(at(2)),
            ..incident("known", State::Firing)
        }
    );
    log.told(&gone[0], at(2));
    assert_eq!(owed(&mut log, &[], 3, None), [""; 0]);
    assert!(log.0.is_empty(), "{log:?}");
}

#[test]
fn nobody_hears_of_what_it_does_not_want_but_everyone_of_the_end_of_what_it_heard() {
    let mut log = Log::default();
    let quiet = |state| Incident { severity: Severity::None, ..incident("f", state) };
    assert_eq!(owed(&mut log, &[quiet(State::Firing)], 0, None), [""; 0]);
    assert_eq!(owed(&mut log, &[incident("f", State::Firing)], 0, None), ["f opened"]);
    assert_eq!(owed(&mut log, &[quiet(State::Firing)], 0, None), [""; 0]);
    assert_eq!(owed(&mut log, &[quiet(State::Resolved)], 0, None), ["f closed"]);
}

#[test]
fn a_ticket_that_becomes_a_page_is_told_again_once() {
    let ticket = Incident { severity: Severity::Ticket, ..incident("f", State::Firing) };
    let page = incident("f", State::Firing);
    let mut log = Log::default();
    let mut told = Vec::new();
    for incident in [&ticket, &page, &page, &ticket, &page] {
        told.extend(owed(&mut log, std::slice::from_ref(incident), 0, None));
    }
    // To become a ticket and then a page again is flapping, and no news.
    assert_eq!(told, ["f opened", "f escalated"]);
    let mut restarted = Log::new(&BTreeMap::from([("f".into(), (true, at(0)))]));
    assert_eq!(owed(&mut restarted, std::slice::from_ref(&page), 0, None), [""; 0]);
}

#[test]
fn a_rise_that_was_not_told_before_a_restart_is_told_after_it() {
    let mut page = incident("f", State::Firing);
    page.course.add(at(-9), Happened::Known(Severity::Ticket));
    page.course.add(at(5), Happened::Became(Severity::Page));
    for (told, want) in [(4, vec!["f escalated"]), (5, vec![])] {
        let mut log = Log::new(&BTreeMap::from([("f".into(), (true, at(told)))]));
        assert_eq!(owed(&mut log, std::slice::from_ref(&page), 9, None), want, "told at {told}");
    }
}

#[test]
fn who_forgets_is_reminded_of_a_ticket_while_its_rise_is_held_back() {
    let silence = Silence {
        id: "s".into(),
        matchers: [("alertname".into(), "SsoConnectionFailing".into())].into(),
        author: "ada".into(),
        reason: "known".into(),
        from: at(1),
        until: at(99 * MINUTE),
    };
    let ticket = Incident { severity: Severity::Ticket, ..incident("f", State::Firing) };
    let mut log = Log::default();
    let mut say = |incident: &Incident, now: i64| {
        let incidents = [Arc::new(incident.clone())];
        let owed = log.owed(&incidents, &audience(), &[Arc::new(silence.clone())], at(now), REPEAT);
        for one in &owed {
            log.told(one, at(now));
        }
        owed.iter().map(|one| (one.reason, one.incident.severity)).collect::<Vec<_>>()
    };
    assert_eq!(say(&ticket, 0), [(Reason::Opened, Severity::Ticket)]);
    for minute in 1..=2 {
        let said = say(&incident("f", State::Firing), minute * MINUTE);
        assert_eq!(said, [(Reason::StillOpen, Severity::Ticket)], "minute {minute}");
    }
}

#[test]
fn a_try_of_what_is_new_does_not_make_what_is_open_doubtful() {
    let mut log = Log::default();
    assert_eq!(owed(&mut log, &[incident("f", State::Firing)], 0, None), ["f opened"]);
    let again = Incident { id: "f-2".into(), ..incident("f", State::Firing) };
    log.unsure(&again);
    assert!(matches!(log.standing("f"), Some(Standing::Open { .. })));
    log.unsure(&incident("g", State::Firing));
    assert_eq!(log.standing("g"), Some(&Standing::Unsure));
}

#[test]
fn the_end_before_a_beginning_is_said_only_of_another_incident() {
    let first = incident("f", State::Firing);
    let mut again = incident("f", State::Firing);
    again.id = "f-2".into();
    again.fired_at = Some(at(MINUTE));
    let reason = |log: &Log| {
        let owed = Owed { incident: Arc::new(again.clone()), reason: Reason::Opened };
        log.end_first(owed, at(MINUTE)).reason
    };
    let mut log = Log::default();
    assert_eq!(owed(&mut log, &[first], 0, None), ["f opened"]);
    assert_eq!(reason(&log), Reason::Closed);
    // The clock was set back after a restart: it may be the same one.
    let log = Log::new(&BTreeMap::from([("f".into(), (true, at(0)))]));
    assert_eq!(reason(&log), Reason::Opened);
}

#[test]
fn repeats_fall_into_one_request_and_the_most_urgent_goes_first() {
    let mut log = Log::default();
    let (a, b, c) = (
        incident("a", State::Firing),
        incident("b", State::Firing),
        Incident { severity: Severity::Ticket, ..incident("c", State::Firing) },
    );
    assert_eq!(owed(&mut log, std::slice::from_ref(&a), 0, REPEAT), ["a opened"]);
    let both = [a, b.clone()];
    assert_eq!(owed(&mut log, &both, 20_000, REPEAT), ["b opened"]);
    assert_eq!(owed(&mut log, &both, MINUTE, REPEAT), ["a still_open", "b still_open"]);
    assert_eq!(owed(&mut log, &both, MINUTE + 30_000, REPEAT), [""; 0]);
    let over = Incident { resolved_at: Some(at(0)), ..incident("a", State::Resolved) };
    let late = Incident { fired_at: Some(at(1)), ..incident("d", State::Firing) };
    assert_eq!(
        owed(&mut log, &[over, c, late, b], 2 * MINUTE, REPEAT),
        ["d opened", "c opened", "a closed", "b still_open"]
    );
}

#[test]
fn a_silence_holds_back_what_is_new_and_only_while_it_lasts() {
    let of = |author: &str, until: i64| {
        Arc::new(Silence {
            id: author.into(),
            matchers: [("alertname".into(), "SsoConnectionFailing".into())].into(),
            author: author.into(),
            reason: "known".into(),
            from: at(0),
            until: at(until),
        })
    };
    let silences = [of("ada", 10)];
    let firing = [Arc::new(incident("f", State::Firing))];
    let mut log = Log::default();
    let reasons = |log: &mut Log, incidents: &[Arc<Incident>], now: i64| {
        let owed = log.owed(incidents, &audience(), &silences, at(now), REPEAT);
        for one in &owed {
            log.told(one, at(now));
        }
        owed.iter().map(|one| one.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&mut log, &firing, 9), []);
    assert_eq!(reasons(&mut log, &firing, 10), [Reason::Opened]);
    // What was told before the silence is not left to be called over, and its end is told.
    let mut log = Log::default();
    assert_eq!(reasons(&mut log, &firing, -1), [Reason::Opened]);
    let silences = [of("ada", 10 * MINUTE)];
    let mut reasons = |incidents: &[Arc<Incident>], now: i64| {
        let owed = log.owed(incidents, &audience(), &silences, at(now), REPEAT);
        for one in &owed {
            log.told(one, at(now));
        }
        owed.iter().map(|one| one.reason).collect::<Vec<_>>()
    };
    assert_eq!(reasons(&firing, MINUTE), [Reason::StillOpen]);
    assert_eq!(reasons(&[Arc::new(incident("f", State::Resolved))], 2 * MINUTE), [Reason::Closed]);
}

#[test]
fn what_fires_again_before_its_end_was_told_is_told_once_more() {
    let first = incident("f", State::Firing);
    let over = incident("f", State::Resolved);
    let mut again = incident("f", State::Firing);
    again.id = "f-2".into();
    again.fired_at = Some(at(11 * MINUTE));
    let restarted = Log::new(&BTreeMap::from([("f".into(), (true, at(1)))]));
    let mut told = Log::default();
    assert_eq!(owed(&mut told, &[first], 0, None), ["f opened"]);
    for mut log in [told, restarted] {
        // Its end is owed and does not arrive.
        let ended: Vec<_> = [&over].map(|one| Arc::new(one.clone())).into();
        assert_eq!(log.owed(&ended, &audience(), &[], at(10 * MINUTE), None).len(), 1);
        let both = [over.clone(), again.clone()];
        // Who does not want to hear of it once more hears that it is over, and no more.
        let mut other = log.clone();
        let quiet = [over.clone(), Incident { severity: Severity::None, ..again.clone() }];
        assert_eq!(owed(&mut other, &quiet, 11 * MINUTE, None), ["f closed"]);
        assert_eq!(owed(&mut other, &quiet, 11 * MINUTE, None), [""; 0]);
        assert_eq!(owed(&mut log, &both, 11 * MINUTE, None), ["f opened"]);
        assert_eq!(owed(&mut log, &both, 12 * MINUTE, None), [""; 0]);
        // The one before counts no more, even where it goes on as long as what is told with it.
        let before = Incident { state: State::Firing, resolved_at: None, ..over.clone() };
        assert_eq!(owed(&mut log, &[before], 12 * MINUTE, None), [""; 0]);
    }
}
