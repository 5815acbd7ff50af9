//! Sends requests: time limits, bounded answers, no redirects (they would carry credentials away), errors without secrets.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};

use super::{Answer, Method, Request, Route, host};

/// Limits of a client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte sent to the last byte received.
    pub timeout: Duration,
    /// How much of an answer is read; the rest is thrown away.
    pub answer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // Datadog's own agent waits 20 s; answers of interest are a sentence or two.
        Self { timeout: Duration::from_secs(20), answer_bytes_max: 64 * 1024 }
    }
}

/// No answer came.
#[derive(Debug, thiserror::Error)]
#[error("{host}: {problem}")]
pub struct SendError {
    /// Scheme, host and port: a path may be a secret.
    pub host: String,
    /// What happened and what to check.
    pub problem: String,
}

/// The client. Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    limits: Limits,
}

impl Client {
    /// A client within `limits` that goes by `route`.
    #[must_use]
    pub fn new(limits: Limits, route: &Route) -> Self {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("ssowatch/", env!("CARGO_PKG_VERSION")))
            .timeout(limits.timeout)
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
            .pool_idle_timeout(Duration::from_secs(30))
            .tls_certs_merge(route.roots.iter().cloned());
        if let Some(proxy) = &route.proxy {
            builder = builder.proxy(proxy.clone());
        }
        let http = builder.build().expect("roots and proxy were read before");
        Self { http, limits }
    }

    /// Sends `request`; any status is an answer.
    pub async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let fail = |problem: String| SendError { host: host(&request.url), problem };
        let mut builder = match request.method {
            Method::Get => self.http.get(&request.url),
            Method::Post => self.http.post(&request.url).body(request.body.clone()),
        };
        for (name, value) in &request.headers {
            // The builder would name the URL, which is right.
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
                fail(format!("`{name}` cannot be sent: its key, token or value has a line break, or a character that none may have"))
            })?;
            builder = builder.header(&**name, value);
        }
        let mut response = builder.send().await.map_err(|error| fail(describe(&error)))?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        let mut body = Vec::new();
        while body.len() < self.limits.answer_bytes_max {
            let chunk = response.chunk().await.map_err(|error| fail(describe(&error)))?;
            let Some(chunk) = chunk else { break };
            let room = self.limits.answer_bytes_max - body.len();
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(Answer { status, retry_after, body: body.into() })
    }
}

fn describe(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "cannot connect; check the address, the network and TLS"
    } else if error.is_builder() {
        "not a valid request; check the URL"
    } else {
        "the connection broke"
    };
    // The innermost cause says most, and unlike the outer ones never holds the URL.
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if std::ptr::eq(cause, std::ptr::from_ref(error)) {
        kind.to_owned()
    } else {
        format!("{kind} ({cause})")
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER.as_str());
    let seconds =
        |text: &str| text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    if let Some(asked) = asked {
        return seconds(asked).or_else(|| until(asked, text("date")?));
    }
    text("x-ratelimit-reset").and_then(seconds)
}

/// From the answer's own `Date` to the HTTP date: needs no clock, and none can be wrong.
fn until(date: &str, now: &str) -> Option<Duration> {
    let parse = |text: &str| {
        jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp().as_second())
    };
    u64::try_from(parse(date)? - parse(now)?).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    #[test]
    fn what_the_service_asks_for_is_read_in_every_form() {
        let cases: [(Headers<'_>, Option<u64>); 6] = [
            (&[("retry-after", "7")], Some(7)),
            (
                &[
                    ("retry-after", "Mon, 01 Jan 2024 00:00:30 GMT"),
                    ("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
                ],
                Some(30),
            ),
            (&[("x-ratelimit-reset", "12")], Some(12)),
            (&[("retry-after", "3"), ("x-ratelimit-reset", "12")], Some(3)),
            (&[("retry-after", "soon")], None),
            (&[], None),
        ];
        for (headers, want) in cases {
            let map =
                headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            assert_eq!(retry_after(&map.collect()).map(|wait| wait.as_secs()), want, "{headers:?}");
        }
    }

    #[tokio::test]
    async fn errors_name_the_host_and_never_the_path() {
        let url = "http://127.0.0.1:1/services/T000/SECRET";
        let request =
            Request { method: Method::Post, url: url.into(), headers: vec![], body: "x".into() };
        let error = Client::new(Limits::default(), &Route::default())
            .send(&request)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("http://127.0.0.1:1: cannot connect") && !error.contains("SECRET"),
            "{error}"
        );
        assert!(!format!("{request:?}").contains("SECRET"));
    }

    #[tokio::test]
    async fn a_key_that_no_header_can_hold_is_named_and_not_the_url() {
        let request = Request {
            method: Method::Get,
            url: "http://127.0.0.1:1/".into(),
            headers: vec![("dd-api-key".into(), "SECRET\nx".into())],
            body: "".into(),
        };
        let error = Client::new(Limits::default(), &Route::default()).send(&request).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`dd-api-key` cannot be sent: its key"), "{error}");
        assert!(!error.contains("URL") && !error.contains("SECRET"), "{error}");
    }
}
