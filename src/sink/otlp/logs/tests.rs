use std::fmt::Write as _;

use super::*;
use crate::event::{Sso, Step, Treatment};
use crate::sink::event_log::tests::{event, events, person, sso};
use crate::sink::otlp::payload::text;

const NOW: Timestamp = Timestamp::from_millis(1_760_000_005_000);

fn records(pieces: &[Item]) -> Vec<LogRecord> {
    // Requests add up when they are put one behind the other.
    let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.to_vec()).collect();
    let request = ExportLogsServiceRequest::decode(&*bytes).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|logs| {
        assert_eq!(logs.resource.unwrap(), who());
        logs.scope_logs
    });
    scopes.flat_map(|scope| scope.log_records).collect()
}

fn who() -> Resource {
    let value = Some(AnyValue { value: Some(Value::StringValue("ssowatch".into())) });
    let name = KeyValue { key: "service.name".into(), value, ..KeyValue::default() };
    Resource { attributes: vec![name], ..Resource::default() }
}

#[test]
fn every_kind_of_event_is_a_record_as_agreed() {
    let mut shown = String::new();
    let events = events();
    for (record, event) in records(&[piece(&events, &who(), NOW)]).iter().zip(&events) {
        assert_eq!(record.time_unix_nano, u64::try_from(event.at.millis()).unwrap() * 1_000_000);
        assert_eq!(record.observed_time_unix_nano, 1_760_000_005_000_000_000);
        let Some(Value::StringValue(body)) = &record.body.as_ref().unwrap().value else { panic!() };
        let severity = (record.severity_number, &record.severity_text);
        writeln!(shown, "{} {severity:?}: {body}", record.event_name).unwrap();
        for attribute in &record.attributes {
            let value = attribute.value.as_ref().unwrap().value.as_ref().unwrap();
            writeln!(shown, "  {}: {value:?}", attribute.key).unwrap();
        }
    }
    insta::assert_snapshot!("records", shown);
}

#[test]
fn of_people_only_what_privacy_left_is_there() {
    let keys = |treatment| {
        let sso = Sso { person: person(treatment), ..sso(Step::Started, None, None) };
        let event = event("authentication.sso_started", Body::Sso(sso));
        let record = records(&[piece(&[event], &who(), NOW)]).remove(0);
        let of_people = ["user.id", "user.email", "client.address", "user_agent.original"];
        let attributes = record.attributes.into_iter().filter(|one| of_people.contains(&&*one.key));
        attributes.map(|one| text(&one).to_owned()).collect::<Vec<_>>()
    };
    assert!(keys(Treatment::Drop).is_empty());
    let hashed = keys(Treatment::Hash);
    assert!(hashed.len() == 4 && hashed.iter().all(|value| value.starts_with("h:")), "{hashed:?}");
    assert_eq!(keys(Treatment::Keep).len(), 4);
}

#[test]
fn what_a_receiver_refuses_of_a_request_that_it_takes_is_counted() {
    let answer = |rejected_log_records| {
        use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsPartialSuccess;
        let partial_success =
            Some(ExportLogsPartialSuccess { rejected_log_records, error_message: "old".into() });
        ExportLogsServiceResponse { partial_success }.encode_to_vec()
    };
    assert_eq!([answer(7), answer(-1), vec![]].map(|answer| refused_records(&answer)), [7, 0, 0]);
}

#[test]
fn a_piece_that_is_too_large_is_halved_down_to_one_record() {
    let events = events();
    let whole = piece(&events, &who(), NOW);
    let mut left = vec![whole.clone()];
    let mut ones = Vec::new();
    while let Some(piece) = left.pop() {
        match halve(&piece) {
            Some([first, second]) => left.extend([second, first]),
            None => ones.push(piece),
        }
    }
    assert!(ones.iter().all(|one| one.count == 1) && ones.len() == events.len());
    assert_eq!(records(&ones), records(&[whole]));
}
