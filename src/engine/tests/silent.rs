//! Of a customer who stops coming in the midst of the day there is a ticket.

use super::*;
use crate::event::{Covers, Planned};

/// Between two sign-ins of a customer, in seconds.
const EVERY: i64 = 240;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

/// Three customers who sign in day and night.
struct Site {
    engine: Engine,
    second: i64,
    told: Vec<Incident>,
}

impl Site {
    /// After three weeks.
    fn new() -> Self {
        let mut site = Self { engine: Engine::new(Config::default()), second: 0, told: Vec::new() };
        site.pass(21 * DAY, |_| true);
        assert_eq!(site.short(), []);
        site
    }

    fn pass(&mut self, seconds: i64, comes: impl Fn(i64) -> bool) {
        let end = self.second + seconds;
        while self.second < end {
            for customer in (0..3).filter(|customer| comes(*customer)) {
                let at = self.second + customer * 7;
                let (session, connection) = (format!("s{at}"), format!("c{customer}"));
                for (step, at) in [(Step::Started, at), (Step::Succeeded, at + 5)] {
                    let id = format!("{session}_{step:?}");
                    let event = event(&id, at, step, &connection, &session, at.unsigned_abs());
                    self.engine.apply(&entry(at, event));
                }
            }
            self.second += EVERY;
            self.engine.advance(second(self.second - 1));
            let told = self.engine.transitions().into_iter();
            self.told.extend(told.map(|told| (*told.incident).clone()));
        }
    }

    fn short(&self) -> Vec<(String, Severity, State)> {
        let short = |one: &Incident| {
            let place = one.labels.get("connection_id").cloned().unwrap_or_default();
            (format!("{} {place}", one.alertname), one.severity, one.state)
        };
        self.told.iter().filter(|one| &*one.alertname != "Watchdog").map(short).collect()
    }
}

fn ticket(state: State) -> (String, Severity, State) {
    ("SsoSuccessDrought c0".into(), Severity::Ticket, state)
}

#[test]
fn who_comes_no_more_is_a_ticket_until_they_are_back() {
    let mut site = Site::new();
    site.pass(3 * HOUR, |customer| customer > 0);
    assert_eq!(site.short(), [ticket(State::Firing)]);
    let Incident { summary, evidence, started_at, .. } = site.told.last().unwrap();
    assert!(summary.contains(": 0 sign-ins started since about "), "{summary}");
    assert!(summary.ends_with(" were due"), "{summary}");
    assert!(evidence.usual.is_some_and(|due| (12.0..20.0).contains(&due)), "{evidence:?}");
    assert!((started_at.millis_since(second(21 * DAY)) / 1000).abs() <= EVERY, "{started_at}");
    // It goes on from a checkpoint.
    site.engine = Engine::load(Config::default(), &site.engine.save()).unwrap();
    site.pass(2 * HOUR, |_| true);
    assert_eq!(site.short(), [ticket(State::Firing), ticket(State::Resolved)]);
}

#[test]
fn of_announced_work_and_of_a_connection_that_is_closed_there_is_none() {
    let mut site = Site::new();
    let (from, until) = (second(site.second), second(site.second + 4 * HOUR));
    let covers = Covers::Connections([ConnectionId::new("c0")].into());
    let planned = Planned { id: "p".into(), from, until, covers, note: "moves".into() };
    site.engine.apply(&record(site.second, Record::Planned(planned)));
    let info = ConnectionInfo {
        id: ConnectionId::new("c1"),
        organization_id: None,
        organization_name: None,
        connection_type: None,
        name: None,
        state: Some("inactive".into()),
    };
    site.engine.apply(&record(site.second, Record::Directory(vec![info])));
    site.pass(3 * HOUR + HOUR / 2, |customer| customer > 1);
    assert_eq!(site.short(), []);
    // What goes on when the work should be over is told.
    site.pass(2 * HOUR, |customer| customer > 1);
    assert_eq!(site.short(), [ticket(State::Firing)]);
}

#[test]
fn of_a_connection_that_is_set_up_anew_there_is_none() {
    // What signs in there is a test then, and counts for nobody.
    let mut site = Site::new();
    let info = ConnectionInfo {
        id: ConnectionId::new("c0"),
        organization_id: None,
        organization_name: None,
        connection_type: None,
        name: None,
        state: Some("validating".into()),
    };
    site.engine.apply(&record(site.second, Record::Directory(vec![info])));
    site.pass(4 * HOUR, |_| true);
    assert_eq!(site.short(), []);
}

#[test]
fn whoever_comes_back_when_the_work_is_over_was_not_missing() {
    let mut site = Site::new();
    let (from, until) = (second(site.second), second(site.second + 2 * HOUR));
    let covers = Covers::Connections([ConnectionId::new("c0")].into());
    let planned = Planned { id: "p".into(), from, until, covers, note: "moves".into() };
    site.engine.apply(&record(site.second, Record::Planned(planned)));
    site.pass(2 * HOUR, |customer| customer > 0);
    site.pass(2 * HOUR, |_| true);
    assert_eq!(site.short(), []);
}

#[test]
fn a_silence_of_all_is_a_page_and_no_ticket_of_each() {
    let mut site = Site::new();
    site.pass(4 * HOUR, |_| false);
    let page = ("SsoSuccessDrought ".into(), Severity::Page, State::Firing);
    assert_eq!(site.short(), [page]);
}
