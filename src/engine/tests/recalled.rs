//! What a saved state leaves out is known again after it is loaded.

use super::*;
use crate::event::OrganizationId;

fn loaded(engine: &Engine) -> Engine {
    Engine::load(Config::default(), &engine.save()).unwrap()
}

#[test]
fn sign_ins_without_a_connection_keep_their_bucket() {
    let mut engine = Engine::new(Config::default());
    engine.apply(&entry(0, event("e1", 0, Step::Failed, "", "", 1)));
    engine.apply(&entry(0, event("e2", 0, Step::Failed, "c", "", 1)));
    let mut engine = loaded(&engine);
    engine.apply(&entry(1, event("e3", 1, Step::Failed, "", "", 1)));
    engine.apply(&entry(1, event("e4", 1, Step::Failed, "c", "", 1)));
    let failed: Vec<_> =
        engine.snapshot().connections.iter().map(|view| view.scope.totals.failed).collect();
    assert_eq!(failed, [2, 2]);
}

#[test]
fn a_connection_that_is_being_set_up_counts_for_nothing_and_keeps_its_organization() {
    let info = ConnectionInfo {
        id: ConnectionId::new("c"),
        organization_id: Some(OrganizationId::new("org_1")),
        organization_name: None,
        connection_type: None,
        name: None,
        state: Some("draft".into()),
    };
    let mut engine = Engine::new(Config::default());
    engine.apply(&record(0, Record::Directory(vec![info.clone()])));
    let mut engine = loaded(&engine);
    engine.apply(&entry(1, event("e1", 1, Step::Failed, "c", "", 1)));
    assert_eq!(engine.snapshot().fleet.totals.failed, 0);
    let active = ConnectionInfo { state: Some("active".into()), ..info };
    engine.apply(&record(2, Record::Directory(vec![active])));
    let mut other = event("e2", 2, Step::Failed, "c", "", 1);
    let Body::Sso(sso) = &mut other.body else { unreachable!() };
    sso.organization_id = Some(OrganizationId::new("org_2"));
    engine.apply(&entry(2, other));
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.fleet.totals.failed, 1);
    let known = snapshot.connections[0].info.as_ref().unwrap().organization_id.clone();
    assert_eq!(known, Some(OrganizationId::new("org_1")));
}

#[test]
fn housekeeping_comes_at_the_same_time_after_a_restart() {
    let mut engine = Engine::new(Config::default());
    engine.advance(second(0));
    engine.advance(second(10));
    let mut resumed = loaded(&engine);
    // A loaded engine looks at the very next second, too.
    for engine in [&mut engine, &mut resumed] {
        engine.advance(second(16));
    }
    assert!(engine.save() == resumed.save());
}
