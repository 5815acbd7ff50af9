use super::*;
use crate::event::decode::decode;
use crate::event::{Body, Privacy, Treatment};
use crate::simulate::library;
use std::collections::HashSet;

fn demo() -> Simulation {
    Simulation::new(library::tests::built_in("demo-certificate"), None)
}

#[test]
fn every_event_is_read_by_the_decoder_and_ids_are_unique() {
    let simulation = demo();
    let wire = Wire::new(&simulation);
    let privacy = Privacy::new(Treatment::Keep, b"key");
    let (mut ids, mut before) = (HashSet::new(), Timestamp::from_millis(0));
    for happening in simulation.recording() {
        let event = decode(&wire.bytes(&happening), &privacy).unwrap();
        assert!(event.at == happening.at && before <= event.at);
        assert_eq!(event.novel, [], "what is simulated is documented");
        before = event.at;
        match (&event.body, happening.step) {
            (Body::Sso(sso), Step::Started(_)) => assert!(sso.person.key.is_none()),
            (Body::Sso(sso), Step::Ended(attempt)) => {
                let email = sso.person.email.as_ref().unwrap();
                assert!(email.as_str().ends_with(".example.com"));
                assert_eq!(sso.error.is_some(), attempt.outcome != Outcome::Succeeded);
            }
            (Body::Connection(info), Step::Activated(_)) => {
                assert_eq!(info.state.as_deref(), Some("active"));
            }
            (body, step) => panic!("{step:?} became {body:?}"),
        }
        assert!(ids.insert(event.id));
    }
    assert!(ids.len() > 3000);
}

#[test]
fn customers_have_names_of_their_own() {
    let names: HashSet<String> = (0..5000).map(customer::made_up).collect();
    assert_eq!(names.len(), 5000);
}

#[test]
fn ids_look_like_those_of_workos() {
    let at = Timestamp::parse("2016-07-30T23:54:10.259Z").unwrap();
    let id = id("event_", at, Stream::new(1, "x"), &[1]);
    // The time part of the ULID specification's own example.
    assert!(id.starts_with("event_01ARZ3NDEK") && id.len() == 32, "{id}");
}
