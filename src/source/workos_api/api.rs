//! One request to WorkOS's API, within the quota, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::event::personal::cut;
use crate::outbound::{Method, Quota, Request, Transport, with_query};
use crate::setting::Secret;

/// Largest answer that is read: a page of 100 events, each as large as a webhook may be. Real ones
/// have one or two KiB.
pub(super) const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Longest sentence of an answer that is repeated in the log.
const WORDS_BYTES_MAX: usize = 300;

/// WorkOS's API for one environment.
#[derive(Debug)]
pub(super) struct Api<T> {
    pub(super) transport: T,
    pub(super) base_url: String,
    pub(super) key: Secret,
    pub(super) quota: Quota,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// 200, with this body.
    Body(Bytes),
    /// A parameter is refused: 400, 404, 410, 422.
    Refused(Refusal),
    /// The key is refused: 401; or there is none to be had. In words.
    Denied(String),
    /// The key is not for this: 403. In words.
    Forbidden(String),
    /// Try again later: in words, and how long the service asks to wait.
    Later(String, Option<Duration>),
}

/// Why parameters were refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// What the answer says, in its own words.
    pub(super) words: String,
    /// The parameters that it blames.
    pub(super) fields: Vec<String>,
}

/// The parts of WorkOS's errors. Not every error has every part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    message: Option<String>,
    code: Option<String>,
    errors: Vec<Blamed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Blamed {
    code: Option<String>,
    field: Option<String>,
}

impl<T: Transport> Api<T> {
    /// Asks for `path`, once the quota allows it.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Outcome {
        // Read anew each time: a key that was rotated counts from the next request on.
        let key = match self.key.reveal() {
            Ok(key) => key,
            Err(error) => return Outcome::Denied(error.to_string()),
        };
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "the key has characters that no key has; it is `sk_…` on one line";
            return Outcome::Denied(problem.to_owned());
        }
        let request = Request {
            method: Method::Get,
            url: with_query(&self.base_url, path, query),
            headers: vec![
                ("authorization".into(), format!("Bearer {key}")),
                ("accept".into(), "application/json".to_owned()),
            ],
            body: Bytes::new(),
        };
        self.quota.ready().await;
        match self.transport.send(&request).await {
            Ok(answer) => meaning(answer.status, answer.retry_after, answer.body, &key),
            Err(error) => Outcome::Later(error.to_string(), None),
        }
    }
}

/// What an answer means. `key` is taken out of what is repeated.
fn meaning(status: u16, asked: Option<Duration>, body: Bytes, key: &str) -> Outcome {
    match status {
        200 if body.len() >= ANSWER_BYTES_MAX => {
            let problem = format!(
                "the answer has more than {ANSWER_BYTES_MAX} bytes; a page of events has less"
            );
            Outcome::Later(problem, None)
        }
        200 => Outcome::Body(body),
        400 | 404 | 410 | 422 => {
            let (words, fields) = complaint(&body, key);
            Outcome::Refused(Refusal { status, words, fields })
        }
        401 | 403 => {
            let (words, fields) = complaint(&body, key);
            let problem = Refusal { status, words, fields }.describe();
            if status == 401 { Outcome::Denied(problem) } else { Outcome::Forbidden(problem) }
        }
        429 => Outcome::Later("too many requests (HTTP 429)".into(), asked),
        408 | 500..=599 => Outcome::Later(format!("HTTP {status}"), asked),
        300..=399 => {
            let problem = format!(
                "HTTP {status} leads elsewhere, where the key must not go; check `sources.workos_api.base_url`"
            );
            Outcome::Later(problem, None)
        }
        _ => {
            let problem = format!(
                "HTTP {status} is no answer of WorkOS; check `sources.workos_api.base_url`"
            );
            Outcome::Later(problem, asked)
        }
    }
}

/// The words of an error, and the parameters that it blames.
fn complaint(body: &[u8], key: &str) -> (String, Vec<String>) {
    let text = String::from_utf8_lossy(body);
    let Problem { message, code, errors } = serde_json::from_str(&text).unwrap_or_default();
    let fields = errors.iter().filter_map(|blamed| blamed.field.clone()).collect();
    let mut said: Vec<String> = message.into_iter().chain(code).collect();
    said.extend(errors.into_iter().map(|Blamed { code, field }| {
        format!("{}: {}", field.unwrap_or_default(), code.unwrap_or_default())
    }));
    let words = if said.is_empty() { text.into_owned() } else { said.join("; ") };
    let words = words.replace(key, "…").replace(char::is_control, " ");
    (words, fields)
}

impl Refusal {
    /// For the log.
    pub(super) fn describe(&self) -> String {
        format!("HTTP {}: {}", self.status, cut(self.words.trim(), WORDS_BYTES_MAX))
    }

    /// Whether it is about the names of events. The code `invalid_events_request` alone does not
    /// say so: it stands for any parameter of a request for events.
    pub(super) fn is_about_names(&self) -> bool {
        self.fields.iter().any(|field| field == "events") || self.words.contains("event name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(status: u16, body: &str) -> Outcome {
        meaning(status, Some(Duration::from_secs(7)), body.to_owned().into(), "sk_secret")
    }

    #[test]
    fn every_status_has_a_meaning_and_only_200_gives_a_body() {
        for status in 100..=599 {
            let outcome = mean(status, "{}");
            let want = match status {
                200 => matches!(outcome, Outcome::Body(_)),
                400 | 404 | 410 | 422 => matches!(outcome, Outcome::Refused(_)),
                401 => matches!(outcome, Outcome::Denied(_)),
                403 => matches!(outcome, Outcome::Forbidden(_)),
                300..=399 => matches!(outcome, Outcome::Later(_, None)),
                _ => matches!(outcome, Outcome::Later(_, Some(asked)) if asked.as_secs() == 7),
            };
            assert!(want, "{status}: {outcome:?}");
        }
    }

    #[test]
    fn a_rate_limit_is_known_as_json_and_as_bare_text() {
        for body in ["Ratelimited", r#"{"message":"Too many requests"}"#] {
            assert!(
                matches!(mean(429, body), Outcome::Later(words, Some(_)) if words.contains("429"))
            );
        }
    }

    #[test]
    fn refusals_are_repeated_in_their_own_words_without_the_key() {
        let cases = [
            (
                r#"{"message":"Validation failed.","errors":[{"code":"required","field":"events"}]}"#,
                "HTTP 422: Validation failed.; events: required",
                true,
            ),
            (
                r#"{"message":"Invalid name parameter, received: 'a.b'","code":"invalid_events_request"}"#,
                "HTTP 422: Invalid name parameter, received: 'a.b'; invalid_events_request",
                false,
            ),
            (
                r#"{"message":"You must pass in valid event names"}"#,
                "HTTP 422: You must pass in valid event names",
                true,
            ),
            (r#"{"message":"no sk_secret\nhere"}"#, "HTTP 422: no … here", false),
            ("<html>nothing</html>", "HTTP 422: <html>nothing</html>", false),
            (r#"{"message":7}"#, r#"HTTP 422: {"message":7}"#, false),
        ];
        for (body, want, names) in cases {
            let Outcome::Refused(refusal) = mean(422, body) else { panic!("{body}") };
            assert_eq!(refusal.describe(), want);
            assert_eq!(refusal.is_about_names(), names, "{body}");
        }
    }

    #[test]
    fn an_answer_that_was_cut_off_is_not_taken_for_a_page() {
        let outcome = mean(200, &" ".repeat(ANSWER_BYTES_MAX));
        assert!(matches!(outcome, Outcome::Later(words, _) if words.contains("33554432 bytes")));
    }
}
