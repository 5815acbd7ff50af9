//! Whom trouble of many reaches, and what is told of it.

use super::checkpoint::{counted, tolls};
use super::*;
use crate::engine::calendar::Place;
use crate::engine::checkpoint::SINCE_TOLLS;
use crate::engine::detect::{Kind, Signal};

const CUSTOMERS: u64 = 30;

/// Thirty customers sign in, each every five minutes, for three days; from then on those below `broken` fail, or `hang`.
struct Fleet {
    engine: Engine,
    minute: i64,
    broken: u64,
    hang: bool,
    /// Sign-ins a minute that the first customer has besides, of which one in twenty fails.
    busy: u64,
}

impl Fleet {
    fn healthy() -> Self {
        let engine = Engine::new(Config::default());
        let mut fleet = Self { engine, minute: 0, broken: 0, hang: false, busy: 0 };
        fleet.pass(3 * 1_440);
        fleet
    }

    fn pass(&mut self, minutes: i64) {
        for minute in self.minute + 1..=self.minute + minutes {
            let due = (0..CUSTOMERS).filter(|n| (minute.unsigned_abs() + n) % 5 == 0);
            for n in due {
                let (at, person) = (minute * 60, minute.unsigned_abs() * 100 + n);
                self.sign_in(at, n, person, n < self.broken);
            }
            for n in 0..self.busy {
                let person = minute.unsigned_abs() * 100 + 50 + n;
                self.sign_in(minute * 60 + 1, 0, person, person % 20 == 10);
            }
            self.engine.advance(second(minute * 60 + 50));
        }
        self.minute += minutes;
    }

    fn sign_in(&mut self, at: i64, customer: u64, person: u64, fails: bool) {
        let (session, connection) = (format!("s{person}"), format!("c{customer}"));
        let start =
            event(&format!("{session}_1"), at, Step::Started, &connection, &session, person);
        self.engine.apply(&entry(at, start));
        if fails && self.hang {
            return;
        }
        let step = if fails { Step::Failed } else { Step::Succeeded };
        let end = event(&format!("{session}_2"), at + 5, step, &connection, &session, person);
        self.engine.apply(&entry(at + 5, end));
    }

    /// The incident of this name: its summary, whom it reached, and the failures that its evidence names.
    fn told(&self, alertname: &str) -> (String, u64, u64) {
        let incidents = self.engine.memory.alerts.incidents();
        let one = incidents.iter().find(|one| &*one.alertname == alertname).expect("it was told");
        let named = one.evidence.connections.iter().map(|(_, count)| count).sum();
        (one.summary.clone(), one.course.reach.connections, named)
    }
}

#[test]
fn all_whom_a_wide_outage_hit_are_counted_since_it_began() {
    let mut fleet = Fleet::healthy();
    fleet.broken = 25;
    fleet.pass(60);
    let (summary, connections, named) = fleet.told("SsoFleetFailing");
    assert!(summary.ends_with("; 25 connections are hit"), "{summary}");
    // Each failed twelve times; ten of them are named.
    assert!(connections == 25 && named > 100, "{connections} {named}");
    let saved = fleet.engine.save();
    fleet.engine = Engine::load(Config::default(), &saved).unwrap();
    assert_eq!(fleet.told("SsoFleetFailing"), (summary.clone(), connections, named));
    fleet.pass(1);
    assert!(fleet.told("SsoFleetFailing").2 >= named, "it counts on");
    // A build that did not count them knows the last ones.
    let newer = (tolls(&fleet.engine), counted(&fleet.engine), fleet.engine.memory.edge.hours());
    let newer = postcard::to_stdvec(&newer).unwrap();
    let mut older = fleet.engine.save();
    older.truncate(older.len() - newer.len());
    older[0] = SINCE_TOLLS - 1;
    fleet.engine = Engine::load(Config::default(), &older).unwrap();
    fleet.pass(1);
    let (summary, ..) = fleet.told("SsoFleetFailing");
    assert!(summary.ends_with(" connections are hit") && !summary.contains(" 0 "), "{summary}");
}

#[test]
fn whom_an_outage_hit_before_it_came_back_is_counted_on_and_once_it_is_over_no_more() {
    let mut fleet = Fleet::healthy();
    fleet.broken = 25;
    fleet.pass(30);
    let is_up = |fleet: &Fleet| {
        fleet.engine.memory.detection.is_up(Place::Fleet, Signal::Stream(Kind::Failing))
    };
    fleet.broken = 0;
    while is_up(&fleet) {
        fleet.pass(1);
    }
    let (_, before, _) = fleet.told("SsoFleetFailing");
    fleet.broken = 8;
    fleet.pass(20);
    let (summary, connections, _) = fleet.told("SsoFleetFailing");
    assert!(summary.contains("; 25 connections are hit; it came back"), "{summary}");
    assert_eq!((before, connections), (25, 25));
    fleet.broken = 0;
    fleet.pass(180);
    fleet.broken = 8;
    fleet.pass(20);
    let incidents = fleet.engine.memory.alerts.incidents();
    let last = incidents.iter().rfind(|one| &*one.alertname == "SsoFleetFailing");
    let summary = &last.unwrap().summary;
    assert!(summary.ends_with("; 8 connections are hit"), "{summary}");
}

#[test]
fn what_grows_long_after_its_page_is_a_page_of_its_own() {
    for (minutes, anew) in [(6, false), (60, true)] {
        let mut fleet = Fleet::healthy();
        fleet.broken = 1;
        // Until the customer's page, and so much longer.
        let paged = |fleet: &Fleet| {
            let incidents = fleet.engine.memory.alerts.incidents();
            incidents.iter().any(|one| &*one.alertname == "SsoConnectionFailing")
        };
        while !paged(&fleet) {
            fleet.pass(1);
        }
        fleet.pass(minutes);
        drop(fleet.engine.transitions());
        fleet.broken = 25;
        fleet.pass(40);
        let all = fleet.engine.transitions();
        let told: Vec<_> =
            all.iter().map(|told| (&*told.incident.alertname, told.incident.state)).collect();
        let rang = told.iter().filter(|one| **one == ("SsoFleetFailing", State::Firing)).count();
        let own = told.contains(&("SsoConnectionFailing", State::Resolved));
        assert_eq!((rang, own), (1, anew), "{minutes}: {told:?}");
        let incidents = fleet.engine.memory.alerts.incidents();
        let wide = incidents.iter().find(|one| &*one.alertname == "SsoFleetFailing").unwrap();
        let began = wide.fired_at.unwrap().seconds() - wide.started_at.seconds();
        assert!(!anew || (0..1_800).contains(&began), "{began} s: {}", wide.summary);
    }
}

#[test]
fn a_small_rise_of_one_customer_is_no_ticket_of_all() {
    let mut fleet = Fleet::healthy();
    fleet.busy = 20;
    fleet.pass(600);
    let incidents = fleet.engine.memory.alerts.incidents();
    let told: Vec<_> = incidents.iter().map(|one| (&*one.alertname, one.scope.as_str())).collect();
    assert_eq!(told, [("Watchdog", "none"), ("SsoSlowBurn", "connection")]);
}

#[test]
fn a_sign_in_hangs_from_its_start_on() {
    let mut fleet = Fleet::healthy();
    let onset = second(fleet.minute * 60);
    (fleet.broken, fleet.hang) = (25, true);
    fleet.pass(10);
    let incidents = fleet.engine.memory.alerts.incidents();
    let one = incidents.iter().find(|one| &*one.alertname == "SsoFleetTimingOut").expect("told");
    let late = one.started_at.millis_since(onset);
    assert!((0..=60_000).contains(&late), "{late} ms late");
}
