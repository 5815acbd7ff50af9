use super::*;

mod edge;
mod gate;
mod report;

/// Three ordinary days of a small fleet, and half a day of what `trouble` says.
fn scenario(trouble: &str) -> Scenario {
    let text = format!(
        "format: sso-scenario/v1\nname: small\ntitle: small\nkind: synthetic\nseed: 1\nfleet_seed: 4\n\
         start: 2025-06-03T00:00:00Z\nwarmup: 3d\nduration: 12h\n\
         fleet: {{ connections: 40, attempts_per_day: 12000, zipf_s: 0.5, hours: flat }}\nexpect: {{ page: false }}\n{trouble}\n"
    );
    let scenario: Scenario = serde_saphyr::from_str(&text).unwrap();
    scenario.check().unwrap();
    scenario
}

/// What the first page, or else the first ticket, says.
fn first(run: &Run) -> &str {
    let page = run.told.iter().find(|(_, severity, _)| *severity == Severity::Page);
    page.or(run.told.first()).map_or("", |(_, _, words)| words)
}

/// What a page says, within which time; or that there is none.
enum Want {
    Page(&'static str, f64),
    Ticket(&'static str, f64),
    Nothing,
}

#[test]
fn a_small_fleet_pages_for_what_is_broken_once_and_for_nothing_else() {
    let fault = |what: &str| format!("faults: [ {{ id: f, at: +3d4h, duration: 1h, {what} }} ]\n");
    let cases = [
        (
            "a customer's certificate expires",
            fault("select: { rank: 3 }, effect: { hard_fail: 1.0, code: saml_certificate_expired }"),
            Want::Page("SsoConnectionFailing", 1_200.0),
        ),
        (
            "a provider hangs",
            fault("select: { idp: okta }, effect: { timeout: 0.9 }"),
            Want::Page("SsoProviderFailing", 600.0),
        ),
        (
            "everything fails a little more",
            fault("select: { all: true }, effect: { hard_fail: 0.3, code: server_error }"),
            Want::Page("SsoFleetFailing", 300.0),
        ),
        (
            "no sign-in ends",
            fault("select: { all: true }, effect: { drop_terminal: 0.9 }"),
            Want::Page("SsoFleetTimingOut", 300.0),
        ),
        (
            "sign-ins are slow",
            fault("select: { all: true }, effect: { slow: 5 }"),
            Want::Page("SsoLatencyHigh", 600.0),
        ),
        (
            "a provider flaps",
            fault("on: 3m, off: 5m, select: { idp: okta }, effect: { hard_fail: 0.8, code: idp_error }"),
            Want::Page("SsoProviderFailing", 180.0),
        ),
        (
            "a customer hangs a little more",
            "faults: [ { id: f, at: +3d1h, duration: 10h, select: { rank: 1 }, effect: { timeout: 0.2 } } ]\n".into(),
            Want::Ticket("SsoSlowBurn", 30_000.0),
        ),
        (
            "one person tries again and again",
            "nuisance: [ { kind: retry_storm, at: +3d5h, rank: 2, attempts: 60, over: 8m, users: 1, fail: 1.0 } ]\n".into(),
            Want::Nothing,
        ),
        (
            "planned work stays within its window",
            fault("select: { rank: 3 }, effect: { hard_fail: 1.0, code: maintenance }")
                + "maintenance: [ { select: { rank: 3 }, at: +3d3h55m, duration: 3h } ]\n",
            Want::Nothing,
        ),
        (
            "planned work on the busiest connection is no trouble of the fleet",
            fault("select: { rank: [ 1, 2 ] }, effect: { hard_fail: 0.9, code: maintenance }")
                + "maintenance: [ { select: { rank: [ 1, 2 ] }, at: +3d3h55m, duration: 3h } ]\n",
            Want::Nothing,
        ),
        (
            "planned work outlasts its window",
            fault("select: { rank: 3 }, effect: { hard_fail: 1.0, code: maintenance }")
                + "maintenance: [ { select: { rank: 3 }, at: +3d3h30m, duration: 1h } ]\n",
            Want::Page("SsoConnectionFailing", 1_830.0),
        ),
    ];
    let warm = Warm::new(scenario(""), Config::default());
    let mut wrong = Vec::new();
    for (name, trouble, want) in cases {
        let run = warm.run_as(scenario(&trouble), 5);
        let (pages, alertname, delay, within) = match want {
            Want::Page(alertname, within) => (1, alertname, run.page_delay, within),
            Want::Ticket(alertname, within) => (0, alertname, run.ticket_delay, within),
            Want::Nothing => (0, "", Some(0.0), 0.0),
        };
        let right = run.pages == pages
            && run.false_pages.is_empty()
            && first(&run).starts_with(alertname)
            && delay.is_some_and(|delay| delay <= within);
        if !right {
            wrong.push(format!("{name}: {run:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_an_incident_has_explained_opens_no_ticket_when_it_ends() {
    // Many connections with a sign-in or two in ten minutes: each has some evidence when the fleet's page is over.
    let trouble = "faults: [ { id: f, at: +3d4h, duration: 40m, select: { all: true }, effect: { hard_fail: 0.3, code: server_error } } ]";
    let warm = Warm::new(scenario(""), Config::default());
    for seed in 1..=2 {
        let simulation = Simulation::new(scenario(trouble), Some(seed));
        let from = simulation.minute_of(Some(simulation.warm_up_ends()), 0);
        let until = simulation.at_hours(72 + 7);
        let mut recording = simulation.recording_from(from);
        let day = events(&simulation, std::iter::from_fn(|| recording.next_before(until)));
        let mut told = fold(warm.engine.clone(), in_order(warm.under_way.clone(), day));
        let begun = simulation.at_hours(72 + 4);
        let words = |told: &Told| format!("{} {} {}", told.at, told.alertname, told.summary);
        let after = told.incidents.iter().filter(|told| told.at >= begun);
        let alerts: Vec<_> = after.clone().map(|told| told.alertname.as_str()).collect();
        let all: Vec<_> = after.map(words).collect();
        assert_eq!(alerts, ["SsoFleetFailing"], "seed {seed}: {all:#?}");
        let snapshot = told.engine.snapshot();
        let mut incidents = snapshot.incidents.iter();
        let page = incidents.find(|incident| &*incident.alertname == "SsoFleetFailing").unwrap();
        assert!(page.state == State::Resolved, "seed {seed}: {page:?}");
    }
}

#[test]
fn nothing_that_was_over_before_it_was_known_pages_and_what_still_goes_on_does() {
    use crate::signal::Severity;
    // The whole recording comes at once: the daemon was away, or is new.
    let pages_at = |hours_later: i64| {
        let trouble = "faults: [ { id: f, at: +3d6h, duration: 3h, select: { all: true }, effect: { hard_fail: 0.6, code: server_error } } ]";
        let simulation = Simulation::new(scenario(trouble), Some(3));
        let wire = Wire::new(&simulation);
        let privacy = Privacy::new(Treatment::Hash, b"test");
        let until = simulation.at_hours(72 + hours_later);
        let mut engine = Engine::new(Config::default());
        let mut pages = Vec::new();
        for happening in simulation.recording().take_while(|happening| happening.at < until) {
            let event = decode(&wire.bytes(&happening), &privacy).unwrap();
            let record = Record::Event { source: Source::WorkosApi, event };
            engine.apply(&Entry { received_at: until, record });
        }
        engine.advance(until.plus_millis(5_000));
        for transition in engine.transitions() {
            let incident = &transition.incident;
            if incident.severity == Severity::Page && incident.state == State::Firing {
                pages.push(incident.summary.clone());
            }
        }
        let fleet = |incident: &&std::sync::Arc<crate::signal::Incident>| {
            incident.scope == Scope::Fleet && incident.severity == Severity::Page
        };
        let known = engine.snapshot().incidents.iter().find(fleet).map(|incident| incident.state);
        (pages, known)
    };
    let (pages, known) = pages_at(8);
    assert_eq!((pages.len(), known), (1, Some(State::Firing)), "two hours in: it still goes on");
    let (pages, _) = pages_at(11);
    assert_eq!(pages, Vec::<String>::new(), "two hours after its end");
}
