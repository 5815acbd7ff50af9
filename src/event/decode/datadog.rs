//! Finds the event in a Datadog log.
//!
//! How WorkOS's own stream to Datadog lays out a log is not documented, and agents, archives and pipelines
//! each wrap it in their own way. So the event is looked for where it can be: as the whole log, under
//! `message` (an object, or JSON in a string), or under `attributes`, which may hold either of these again.

use serde_json::value::RawValue;

use super::lenient::{self, Object};
use super::raw::Log;
use super::{Rejection, decode, scan};
use crate::event::{AuthEvent, Novel, Privacy, Reason};

/// How many wrappings are opened. Datadog's log search has the event two deep (`attributes.attributes`), a
/// message in it makes three.
const WRAPPINGS_MAX: usize = 3;

/// Decodes one entry of Datadog's log intake.
pub fn decode_datadog_log(bytes: &[u8], privacy: &Privacy) -> Result<AuthEvent, Rejection> {
    let text = scan::text(bytes)?;
    scan::check_depth(text)?;
    find(text, WRAPPINGS_MAX, privacy).unwrap_or_else(|| {
        Err(Rejection::new(
            Reason::NotAnEvent,
            "no WorkOS event in this log: expected one as the log itself, under `message` or under `attributes`",
        ))
    })
}

/// What is found in `text`: an event, or what comes closest to one and why it is none. `None` when nothing
/// looks like one.
fn find(text: &str, wrappings: usize, privacy: &Privacy) -> Option<Result<AuthEvent, Rejection>> {
    let repaired;
    let log: Result<Object<Log<'_>>, _> = match lenient::parse(text) {
        Err(rejection) => match lenient::with_pairs_repaired(text) {
            Some(text) => {
                repaired = text;
                lenient::parse(&repaired)
            }
            None => Err(rejection),
        },
        parsed => parsed,
    };
    let log = match log {
        Ok(Object(log)) => log?,
        Err(rejection) => return Some(Err(rejection)),
    };
    // A log may have a field `event` of its own; one with a `created_at` beside it is WorkOS's.
    let named = log.event.optional().is_some();
    let whole = || {
        let mut event = decode(text.as_bytes(), privacy);
        if let Ok(event) = &mut event {
            // What stands beside the event's own fields is the log's.
            event.novel.retain(|(kind, what)| *kind != Novel::Field || what.contains('.'));
        }
        Some(event)
    };
    if named && log.created_at.optional().is_some() {
        return whole();
    }
    let mut closest = None;
    if wrappings > 0 {
        for wrapped in [log.message, log.attributes].into_iter().flatten() {
            match unwrap(wrapped, wrappings - 1, privacy) {
                Some(Ok(event)) => return Some(Ok(event)),
                outcome => closest = closest.or(outcome),
            }
        }
    }
    closest.or_else(|| if named { whole() } else { None })
}

fn unwrap(
    wrapped: &RawValue,
    wrappings: usize,
    privacy: &Privacy,
) -> Option<Result<AuthEvent, Rejection>> {
    let raw = wrapped.get();
    if raw.starts_with('{') {
        return find(raw, wrappings, privacy);
    }
    let read = |raw: &str| serde_json::from_str::<String>(raw).ok();
    let text = read(raw).or_else(|| read(&lenient::with_pairs_repaired(raw)?))?;
    let text = text.trim();
    // Any other message is a sentence for people.
    if !text.starts_with('{') {
        return None;
    }
    if let Err(rejection) = scan::check_depth(text) {
        return Some(Err(rejection));
    }
    find(text, wrappings, privacy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Treatment;

    fn privacy() -> Privacy {
        Privacy::new(Treatment::Hash, b"key")
    }

    #[test]
    fn datadog_logs_hide_the_event_in_three_places() {
        let event = r#"{"id":"event_1","event":"authentication.sso_started","created_at":"2026-01-15T12:00:00Z","data":{"sso":{"connection_id":"c"}}}"#;
        let quoted = serde_json::to_string(&event).unwrap();
        let shapes = [
            event.to_owned(),
            format!(r#"{{"ddsource":"workos","message":{event}}}"#),
            format!(r#"{{"ddsource":"workos","message":{quoted}}}"#),
            format!(r#"{{"message":"SSO started","attributes":{event}}}"#),
            format!(r#"{{"id":"AQ","attributes":{{"message":"SSO","attributes":{event}}}}}"#),
            format!(r#"{{"attributes":{{"message":{quoted}}}}}"#),
            format!(r#"{{"message":"{{not json","attributes":{event}}}"#),
            format!(r#"{{"message":"[1]","attributes":{event}}}"#),
        ];
        for shape in shapes {
            assert_eq!(
                &*decode_datadog_log(shape.as_bytes(), &privacy()).unwrap().name,
                "authentication.sso_started",
                "{shape}"
            );
        }
        let nothing = decode_datadog_log(br#"{"message":"hello"}"#, &privacy()).unwrap_err();
        assert!(nothing.problem.contains("`attributes`"));
        let soon = serde_json::to_string(&event.replace("2026-01-15", "soon")).unwrap();
        let deep = serde_json::to_string(&format!("{{\"x\":{}", "[".repeat(1000))).unwrap();
        let cases = [
            (format!(r#"{{"message":{soon}}}"#), Reason::BadTimestamp),
            (format!(r#"{{"message":{deep}}}"#), Reason::TooDeep),
            ("[]".to_owned(), Reason::NotAnEvent),
            ("{".to_owned(), Reason::NotJson),
            (r#"{"event":"click","attributes":{}}"#.to_owned(), Reason::NotAnEvent),
        ];
        for (log, want) in cases {
            let rejection = decode_datadog_log(log.as_bytes(), &privacy()).unwrap_err();
            assert_eq!(rejection.reason, want, "{log}");
        }
        let own_field = format!(r#"{{"event":"click","message":{event}}}"#);
        assert!(decode_datadog_log(own_field.as_bytes(), &privacy()).is_ok());
    }
}
