//! What people feel is told, once; what they do not feel is not.

use super::*;
use crate::engine::calendar::Place;
use crate::engine::detect::{Kind, Signal};

/// Six customers, somebody signs in with each every minute.
struct Site {
    engine: Engine,
    minute: i64,
    pages: Vec<String>,
}

impl Site {
    fn new() -> Self {
        let mut site =
            Self { engine: Engine::new(Config::default()), minute: 0, pages: Vec::new() };
        site.pass(3 * 1_440, &usual);
        site.pages.clear();
        site
    }

    /// `how` gives the code with which the sign-in of this number, at a customer, fails.
    fn pass(&mut self, minutes: i64, how: &dyn Fn(u64, u64) -> Option<&'static str>) {
        for minute in self.minute + 1..=self.minute + minutes {
            for customer in 0..6 {
                let number = minute.unsigned_abs() * 10 + customer;
                self.sign_in(minute * 60, customer, number, how(number, customer));
            }
            self.advance(minute);
        }
        self.minute += minutes;
    }

    /// Nothing ends.
    fn hang(&mut self, minutes: i64) {
        for minute in self.minute + 1..=self.minute + minutes {
            for customer in 0..6u64 {
                let (at, person) = (minute * 60, minute.unsigned_abs() * 10 + customer);
                let (session, connection) = (format!("s{at}_{person}"), format!("c{customer}"));
                let id = format!("{session}_1");
                let start = event(&id, at, Step::Started, &connection, &session, person);
                self.engine.apply(&entry(at, start));
            }
            self.advance(minute);
        }
        self.minute += minutes;
    }

    fn sign_in(&mut self, at: i64, customer: u64, person: u64, code: Option<&str>) {
        let (session, connection) = (format!("s{at}_{person}"), format!("c{customer}"));
        let start =
            event(&format!("{session}_1"), at, Step::Started, &connection, &session, person);
        self.engine.apply(&entry(at, start));
        let step = if code.is_some() { Step::Failed } else { Step::Succeeded };
        let mut end = event(&format!("{session}_2"), at + 5, step, &connection, &session, person);
        let Body::Sso(sso) = &mut end.body else { unreachable!() };
        sso.error = code.map(|code| AuthError { code: code.into(), message: "".into() });
        self.engine.apply(&entry(at + 5, end));
    }

    fn advance(&mut self, minute: i64) {
        self.engine.advance(second(minute * 60 + 50));
        let told = self.engine.transitions().into_iter();
        let pages = told.filter(|told| {
            told.incident.severity == Severity::Page && told.incident.state == State::Firing
        });
        self.pages.extend(pages.map(|told| told.incident.summary.clone()));
    }

    fn is_open(&self, alertname: &str) -> bool {
        let incidents = self.engine.memory.alerts.incidents();
        incidents.iter().any(|one| &*one.alertname == alertname && one.state == State::Firing)
    }
}

/// Two in a hundred fail.
fn usual(number: u64, _: u64) -> Option<&'static str> {
    (number * 7 % 101 < 2).then_some("invalid_grant")
}

#[test]
fn the_next_everyday_failure_after_an_outage_is_no_second_one() {
    let mut site = Site::new();
    site.pass(30, &|number, customer| {
        if customer == 2 { Some("invalid_grant") } else { usual(number, customer) }
    });
    assert_eq!(site.pages.len(), 1, "{:?}", site.pages);
    site.pass(600, &usual);
    assert!(!site.is_open("SsoConnectionFailing"));
    assert_eq!(site.pages.len(), 1, "{:?}", site.pages);
}

#[test]
fn the_next_failure_with_the_code_of_what_is_over_does_not_count_it_again() {
    let mut site = Site::new();
    let expired = Some("saml_certificate_expired");
    site.pass(30, &|number, customer| {
        if customer == 2 { expired } else { usual(number, customer) }
    });
    let place = site.engine.memory.place(Some(&ConnectionId::new("c2"))).unwrap();
    let is_up = |site: &Site| {
        let signal = Signal::Stream(Kind::Failing);
        site.engine.memory.detection.is_up(Place::Connection(place), signal)
    };
    while is_up(&site) {
        site.pass(1, &|_, _| None);
    }
    // The incident waits for its end, and goes on.
    assert!(site.is_open("SsoConnectionFailing"));
    site.pass(2, &|_, customer| expired.filter(|_| customer == 2));
    assert!(is_up(&site));
    let incidents = site.engine.memory.alerts.incidents();
    let one = incidents.iter().find(|one| &*one.alertname == "SsoConnectionFailing").unwrap();
    assert_eq!(one.evidence.bad, 32, "{}", one.summary);
}

#[test]
fn a_test_user_that_fails_every_minute_keeps_no_incident_open() {
    let mut site = Site::new();
    let pass = |site: &mut Site, minutes: i64, down: bool| {
        for _ in 0..minutes {
            site.sign_in((site.minute + 1) * 60 - 20, 2, 7, Some("invalid_grant"));
            site.pass(1, &|number, customer| {
                if down && customer == 2 { Some("server_error") } else { usual(number, customer) }
            });
        }
    };
    pass(&mut site, 1_440, false);
    assert_eq!(site.pages, [""; 0]);
    pass(&mut site, 60, true);
    assert!(site.is_open("SsoConnectionFailing"));
    pass(&mut site, 90, false);
    assert!(!site.is_open("SsoConnectionFailing"));
    pass(&mut site, 60, true);
    assert!(site.is_open("SsoConnectionFailing"), "the next outage is told");
}

#[test]
fn a_code_that_takes_the_place_of_another_one_pages_nobody() {
    let mut site = Site::new();
    site.pass(1_440, &|number, customer| usual(number, customer).map(|_| "grant_is_invalid"));
    assert_eq!(site.pages, [""; 0]);
    // One that comes on top of them does.
    site.pass(20, &|number, customer| {
        if number.is_multiple_of(4) { Some("enum_unknown") } else { usual(number, customer) }
    });
    assert_eq!(site.pages.len(), 1, "{:?}", site.pages);
}

#[test]
fn an_outage_within_a_small_incident_is_told_whatever_its_kind() {
    let some = |number: u64, customer| {
        if number.is_multiple_of(13) { Some("server_error") } else { usual(number, customer) }
    };
    for (code, alertname) in [
        (Some("server_error"), "SsoOutageWorse"),
        (Some("redirect_uri_invalid"), "SsoOutageWorse"),
        (None, "SsoFleetTimingOut"),
    ] {
        let mut site = Site::new();
        site.pass(180, &some);
        assert_eq!(site.pages.len(), 1, "{:?}", site.pages);
        assert!(site.is_open("SsoFleetFailing") && !site.is_open(alertname));
        match code {
            Some(_) => site.pass(30, &|number, customer| {
                if number % 5 < 3 { code } else { some(number, customer) }
            }),
            None => site.hang(30),
        }
        assert!(site.is_open(alertname), "{code:?}: {:?}", site.pages);
        // Before it is known to be everybody's, one customer may stand out.
        assert!(site.pages.len() <= 3, "{code:?}: {:?}", site.pages);
        site.pass(120, &some);
        assert!(!site.is_open(alertname), "{code:?}");
    }
}

#[test]
fn what_comes_back_is_counted_with_what_was_and_told_when_it_is_much_worse() {
    let mut site = Site::new();
    // Every eleventh, for half an hour; a quarter of an hour later two in five.
    let tenth = |number: u64, _: u64| (number * 7 % 11 == 3).then_some("server_error");
    site.pass(30, &tenth);
    assert_eq!(site.pages.len(), 1, "{:#?}", site.pages);
    site.pass(12, &|_, _| None);
    let saved = site.engine.save();
    site.engine = Engine::load(Config::default(), &saved).unwrap();
    site.pass(40, &|number, _| (number * 7 % 5 < 2).then_some("server_error"));
    let incidents = site.engine.memory.alerts.incidents();
    let fleet = incidents.iter().find(|one| &*one.alertname == "SsoFleetFailing").unwrap();
    assert!(fleet.evidence.bad > 120, "{}", fleet.summary);
    assert!(fleet.summary.contains("; it came back at about "), "{}", fleet.summary);
    assert_eq!(site.pages.len(), 2, "{:#?}", site.pages);
    assert!(site.pages[1].contains(" in an incident that had 8."), "{:#?}", site.pages);
}

#[test]
fn a_customer_who_is_broken_for_days_does_not_teach_that_failures_are_usual() {
    // It never worked, or for ten hours; or there is none.
    for works in [Some(0), Some(600), None] {
        let mut site =
            Site { engine: Engine::new(Config::default()), minute: 0, pages: Vec::new() };
        for minute in 0..3 * 1_440 {
            if let Some(works) = works.filter(|_| minute % 2 == 0) {
                let code = (minute > works).then_some("saml_certificate_expired");
                site.sign_in(minute * 60 + 30, 9, 100_000 + minute.unsigned_abs(), code);
            }
            site.pass(1, &usual);
        }
        let all = site.engine.memory.detection.crowd().failing;
        assert!(all.bad < 0.03 * all.all, "{works:?}: {} of {}", all.bad, all.all);
    }
}
