//! Whether the key works, for `check --online`.

use super::api::{Api, Outcome};
use super::{LIMITS, Settings};
use crate::outbound::{Client, Quota, Route, Transport};

/// What is read with the key, and what is lost without it.
const LISTS: [(&str, &str); 2] = [
    ("/connections", "connections have names and types only from their events"),
    ("/organizations", "customers have no names"),
];

/// What was found, or what is wrong and what to do, by key of the configuration.
pub async fn probe(settings: &Settings, route: &Route) -> Vec<(String, Result<String, String>)> {
    try_with(&Api {
        transport: Client::new(LIMITS, route),
        base_url: settings.base_url.clone(),
        key: settings.key.clone(),
        quota: Quota::per_minute(settings.requests_per_minute),
    })
    .await
}

async fn try_with<T: Transport>(api: &Api<T>) -> Vec<(String, Result<String, String>)> {
    const KEY: &str = "sources.workos_api";
    let query = [("events", "authentication.sso_succeeded"), ("limit", "1")];
    let outcome = match api.get("/events", &query).await {
        Outcome::Body(_) => Ok(format!("{} takes the key and gives events", api.base_url)),
        Outcome::Denied(problem) | Outcome::Forbidden(problem) => {
            Err(format!("{problem}; check `{KEY}.api_key`, and that it may read events"))
        }
        Outcome::Refused(refusal) => Err(format!("{}; check `{KEY}.base_url`", refusal.describe())),
        Outcome::Later(problem, _) => Err(problem),
    };
    let works = outcome.is_ok();
    let mut findings = vec![(KEY.to_owned(), outcome)];
    // Where events cannot be had, more words of the same kind help nobody.
    for (path, loss) in LISTS.into_iter().filter(|_| works) {
        let outcome = match api.get(path, &[("limit", "1")]).await {
            Outcome::Body(_) => Ok("can be read".to_owned()),
            // The daemon runs without.
            Outcome::Denied(problem) | Outcome::Forbidden(problem) => {
                Ok(format!("cannot be read ({problem}): {loss}"))
            }
            Outcome::Refused(refusal) => {
                Ok(format!("cannot be read ({}): {loss}", refusal.describe()))
            }
            Outcome::Later(problem, _) => Err(problem),
        };
        findings.push((format!("{KEY}: GET {path}"), outcome));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Answer, Request, SendError};
    use crate::setting::Secret;

    /// Answers by path.
    #[derive(Clone)]
    struct Answers(fn(&str) -> u16);

    impl Transport for Answers {
        async fn send(&self, request: &Request) -> Result<Answer, SendError> {
            let path = request.url.strip_prefix("http://a").unwrap().split('?').next().unwrap();
            let body = r#"{"message":"so it is"}"#.into();
            Ok(Answer { status: self.0(path), retry_after: None, body })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_works_and_one_that_does_not_are_told_apart_and_names_are_optional() {
        type Case = (&'static str, fn(&str) -> u16, &'static [&'static str]);
        let cases: [Case; 4] = [
            (
                "all works",
                |_| 200,
                &["ok http://a takes the key and gives events", "ok can be read", "ok can be read"],
            ),
            (
                "wrong key",
                |_| 401,
                &[
                    "failed HTTP 401: so it is; check `sources.workos_api.api_key`, and that it may read events",
                ],
            ),
            (
                "wrong address",
                |_| 404,
                &["failed HTTP 404: so it is; check `sources.workos_api.base_url`"],
            ),
            (
                "restricted key",
                |path| if path == "/events" { 200 } else { 403 },
                &[
                    "ok http://a takes the key and gives events",
                    "ok cannot be read (HTTP 403: so it is): connections have names and types only from their events",
                    "ok cannot be read (HTTP 403: so it is): customers have no names",
                ],
            ),
        ];
        for (name, status, want) in cases {
            let api = Api {
                transport: Answers(status),
                base_url: "http://a".into(),
                key: Secret::inline("sk_1"),
                quota: Quota::per_minute(600.try_into().unwrap()),
            };
            let found: Vec<_> = try_with(&api)
                .await
                .into_iter()
                .map(|(_, outcome)| match outcome {
                    Ok(found) => format!("ok {found}"),
                    Err(problem) => format!("failed {problem}"),
                })
                .collect();
            assert_eq!(found, want, "{name}");
        }
    }
}
