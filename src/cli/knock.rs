//! Whether the services that are told something are there and take the credentials, tried so that nobody is told anything.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::config::Config;
use crate::outbound::{Answer, Client, Limits, Request, Route, host};
use crate::receiver::Knock;

/// Somebody waits for it at a terminal.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What was tried, in order.
type Findings = Vec<(String, Result<String, String>)>;

/// A request, and what its answer means.
struct Try {
    key: String,
    request: Result<Request, String>,
    meaning: fn(&str, &Answer) -> Result<String, String>,
}

/// Tries all services of `config` at once.
pub(super) async fn everywhere(config: &Config, route: &Route) -> Result<Findings, String> {
    let mut tries = Vec::new();
    if let Some(datadog) = &config.sinks.datadog {
        let (key, request) = ("sinks.datadog.api_key".to_owned(), datadog.key_check());
        tries.push(Try { key, request, meaning: datadog_key });
        if let Some(request) = datadog.no_logs().transpose() {
            let key = "sinks.datadog.logs".to_owned();
            tries.push(Try { key, request, meaning: datadog_logs });
        }
    }
    if let Some(otlp) = &config.sinks.otlp {
        let (key, request) = ("sinks.otlp.endpoint".to_owned(), otlp.empty_export());
        tries.push(Try { key, request, meaning: empty_export });
    }
    for target in config.targets()? {
        let key = format!("receivers: {}", target.key);
        let (request, meaning): (_, fn(&str, &Answer) -> _) = match target.knock() {
            Ok(Knock::Health(request)) => (Ok(request), works),
            Ok(Knock::DatadogKey(request)) => (Ok(request), datadog_key),
            Ok(Knock::Address(request)) => (Ok(request), is_there),
            Err(error) => (Err(error.to_string()), is_there),
        };
        tries.push(Try { key, request, meaning });
    }
    let client = Client::new(Limits { timeout: TIMEOUT, ..Limits::default() }, route);
    // Several may ask the same: a key that a sink and a receiver share, a place with two receivers.
    let mut questions: Vec<&Request> = Vec::new();
    for question in tries.iter().filter_map(|one| one.request.as_ref().ok()) {
        if !questions.contains(&question) {
            questions.push(question);
        }
    }
    let mut under_way = JoinSet::new();
    for question in questions.into_iter().cloned() {
        let client = client.clone();
        under_way.spawn(async move {
            let answer = client.send(&question).await.map_err(|error| error.to_string());
            (question, answer)
        });
    }
    let answers = under_way.join_all().await;
    let found = tries.into_iter().map(|Try { key, request, meaning }| {
        let outcome = request.and_then(|request| {
            let answer = answers.iter().find(|(question, _)| *question == request);
            let (_, answer) = answer.expect("each question was asked");
            meaning(&host(&request.url), answer.as_ref().map_err(Clone::clone)?)
        });
        (key, outcome)
    });
    Ok(found.collect())
}

/// Datadog's word about a key.
fn datadog_key(host: &str, answer: &Answer) -> Result<String, String> {
    match answer.status {
        200..=299 => believed(host, answer, "says that the key is valid"),
        401 | 403 => Err(format!("{host} says that the key is not valid; {KEY_AND_SITE}")),
        status => Err(doubted(host, status, "check `site`, or the URL in its place")),
    }
}

/// The word of Datadog's intake about a body without logs.
fn datadog_logs(host: &str, answer: &Answer) -> Result<String, String> {
    match answer.status {
        200..=299 => believed(host, answer, "takes a body without logs"),
        401 | 403 => Err(format!("{host} does not take the key; {KEY_AND_SITE}")),
        status => Err(doubted(host, status, "check `site`, or `logs_url` in its place")),
    }
}

/// A key of one site is unknown to all others.
const KEY_AND_SITE: &str = "check the key, and that `site` is the site that it is of";

/// An OTLP receiver's word about nothing.
fn empty_export(host: &str, answer: &Answer) -> Result<String, String> {
    match answer.status {
        200..=299 => believed(host, answer, "takes an export without anything in it"),
        401 | 403 => {
            Err(format!("{host} answers HTTP {}; check `sinks.otlp.headers`", answer.status))
        }
        status => Err(doubted(host, status, "check `sinks.otlp.endpoint`")),
    }
}

/// The word of a service that says how it is.
fn works(host: &str, answer: &Answer) -> Result<String, String> {
    match answer.status {
        200..=299 => believed(host, answer, "is ready"),
        401 | 403 => Err(format!("{host} answers HTTP {}; check its token", answer.status)),
        status => Err(doubted(host, status, "check its address")),
    }
}

/// What to do about any other status: only where the service has no trouble of its own is the configuration to be looked at.
fn doubted(host: &str, status: u16, remedy: &str) -> String {
    let remedy = match status {
        429 => "it has too many requests; try again in a minute",
        408 | 500..=599 => {
            "it has trouble of its own, or what stands before it has; try again, then look at it"
        }
        _ => remedy,
    };
    format!("{host} answers HTTP {status}; {remedy}")
}

/// Any word: whether the secret is right would show only if somebody were told something.
fn is_there(host: &str, answer: &Answer) -> Result<String, String> {
    match answer.status {
        // What stands before it is there, it is not.
        502..=504 => Err(format!("{host} answers HTTP {}; nobody is behind it", answer.status)),
        status => Ok(format!(
            "{host} answers (HTTP {status}); its secret was not tried, for that tells somebody something"
        )),
    }
}

/// A good answer, unless it is somebody else's.
fn believed(host: &str, answer: &Answer, words: &str) -> Result<String, String> {
    match answer.doubt() {
        "" => Ok(format!("{host} {words}")),
        doubt => Err(format!("{host} answers HTTP {}{doubt}", answer.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_its_meaning() {
        type Meaning = fn(&str, &Answer) -> Result<String, String>;
        let cases: [(Meaning, u16, &str, Result<&str, &str>); 17] = [
            (datadog_key, 200, "{\"valid\":true}", Ok("says that the key is valid")),
            (datadog_key, 200, "<html>", Err("a web page is no answer")),
            (datadog_key, 403, "", Err("the key is not valid")),
            (datadog_key, 404, "", Err("check `site`, or the URL")),
            (datadog_key, 429, "", Err("HTTP 429; it has too many requests; try again")),
            (datadog_key, 500, "", Err("HTTP 500; it has trouble of its own")),
            (datadog_logs, 202, "{}", Ok("takes a body without logs")),
            (datadog_logs, 403, "", Err("does not take the key; check the key, and that `site`")),
            (datadog_logs, 404, "", Err("check `site`, or `logs_url`")),
            (datadog_logs, 202, "<html>", Err("a web page is no answer")),
            (empty_export, 200, "", Ok("takes an export")),
            (empty_export, 404, "", Err("check `sinks.otlp.endpoint`")),
            (empty_export, 401, "", Err("check `sinks.otlp.headers`")),
            (works, 200, "OK", Ok("is ready")),
            (works, 503, "", Err("trouble of its own")),
            (is_there, 404, "<html>", Ok("its secret was not tried")),
            (is_there, 502, "", Err("nobody is behind it")),
        ];
        for (meaning, status, body, want) in cases {
            let answer = Answer { status, retry_after: None, body: body.into() };
            let found = meaning("https://a", &answer);
            let (words, good) = (want.unwrap_or_else(|words| words), want.is_ok());
            assert_eq!(found.is_ok(), good, "{found:?}");
            let found = found.unwrap_or_else(|problem| problem);
            assert!(found.starts_with("https://a ") && found.contains(words), "{found}");
        }
    }

    #[tokio::test]
    async fn everybody_is_asked_and_nobody_is_told() {
        let server = wiremock::MockServer::start().await;
        let ready = wiremock::Mock::given(wiremock::matchers::path("/-/ready"));
        ready.respond_with(wiremock::ResponseTemplate::new(200)).mount(&server).await;
        let valid = wiremock::Mock::given(wiremock::matchers::path("/api/v1/validate"))
            .and(wiremock::matchers::header("dd-api-key", "s3cret"));
        valid.respond_with(wiremock::ResponseTemplate::new(200)).mount(&server).await;
        let logs = wiremock::Mock::given(wiremock::matchers::path("/api/v2/logs"))
            .and(wiremock::matchers::header("dd-api-key", "s3cret"))
            .and(wiremock::matchers::body_string("{}"));
        logs.respond_with(wiremock::ResponseTemplate::new(202)).mount(&server).await;
        let url = server.uri();
        let text = format!(
            "sinks:\n  otlp: {{ endpoint: \"{url}\", logs: true }}\n  datadog: {{ api_key: s3cret, metrics_url: \"{url}\", logs_url: \"{url}\" }}\nreceivers:\n  - alertmanager: {{ urls: [\"{url}\", \"http://127.0.0.1:1\"] }}\n  \
             - pagerduty: {{ routing_key: s3cret, url: \"{url}\" }}\n  - slack: {{ webhook_url: \"{url}/services/s3cret\" }}\n  \
             - webhook: {{ url: \"{url}/s3cret\", token: s3cret }}\n  \
             - datadog_event: {{ url: \"{url}\" }}\n  - datadog_event: {{ url: \"{url}\", api_key: an0ther }}\n"
        );
        let config = Config::parse("c.yaml", &text, |_| None).unwrap();
        let found = everywhere(&config, &Route::default()).await.unwrap();
        let found: Vec<_> = found.iter().map(|(key, outcome)| (&**key, outcome.is_ok())).collect();
        let address = url.split_once("://").unwrap().1;
        let member = format!("receivers: alertmanager/{address}");
        let want = [
            ("sinks.datadog.api_key", true),
            ("sinks.datadog.logs", true),
            ("sinks.otlp.endpoint", false),
            (&*member, true),
            ("receivers: alertmanager/127.0.0.1:1", false),
            ("receivers: pagerduty", true),
            ("receivers: slack", true),
            ("receivers: webhook", true),
            ("receivers: datadog_event", true),
            ("receivers: datadog_event-2", false),
        ];
        assert_eq!(found, want);
        let asked = server.received_requests().await.unwrap();
        let mut asked: Vec<_> = asked
            .iter()
            .map(|request| format!("{} {}", request.method, request.url.path()))
            .collect();
        asked.sort();
        // Slack and the webhook are at one place, and a sink and a receiver have one key.
        let once = [
            "GET /",
            "GET /-/ready",
            "GET /api/v1/validate",
            "GET /api/v1/validate",
            "GET /v2/enqueue",
            "POST /api/v2/logs",
            "POST /v1/metrics",
        ];
        assert_eq!(asked, once);
    }
}
