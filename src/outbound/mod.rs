//! The one HTTP client: requests as plain data, time limits, bounded answers, quotas, and how long to wait before the next
//! try.

mod backoff;
mod client;
mod datadog;
mod quota;
mod route;
mod url;

pub use backoff::Backoff;
pub use client::{Client, Limits, SendError};
pub use datadog::check_datadog_site;
pub use quota::Quota;
pub use route::{Config, Route};
pub use url::{base_url, base_url_before, host, is_address, with_query};

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

/// A request, complete: the same input gives the same bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where to, query included. May hold a secret (Slack), so it is not printed.
    pub url: String,
    /// Names in lower case. Values may hold secrets.
    pub headers: Vec<(Cow<'static, str>, String)>,
    /// What.
    pub body: Bytes,
}

/// HTTP methods that ssowatch uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` (seconds or an HTTP date) or `X-RateLimit-Reset`, as a time from now.
    pub retry_after: Option<Duration>,
    /// The body, cut at the client's limit.
    pub body: Bytes,
}

/// What a page of HTML begins with where it does not say that it is one. Services may answer in XML.
const PAGE_BEGINS: [&[u8]; 12] = [
    b"html",
    b"head",
    b"title",
    b"meta",
    b"style",
    b"script",
    b"noscript",
    b"body",
    b"center",
    b"div",
    b"form",
    b"h1",
];

/// Sends a request: the real client, or a test.
pub trait Transport: Clone + Send + Sync + 'static {
    /// Sends it; any status is an answer.
    fn send(&self, request: &Request) -> impl Future<Output = Result<Answer, SendError>> + Send;
}

impl Transport for Client {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        Self::send(self, request).await
    }
}

/// What an answer means for the request that it answers. The same everywhere; which status means what is data of each
/// sink and receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Taken.
    Accepted,
    /// Try the same bytes again later.
    Retry,
    /// Too large: send it in two halves.
    Split,
    /// The credentials or the address are wrong: keep it, raise an alarm, read the credentials anew, try again.
    Hold,
    /// Will never be taken: drop it and count it.
    Drop,
}

impl Answer {
    /// What it means where its status means `verdict`. A web page is nobody's word that something was taken: a proxy, a login or
    /// a captive portal has answered, and the service has heard nothing. Whatever else comes with a good status is believed.
    #[must_use]
    pub fn judged(&self, verdict: Verdict) -> Verdict {
        if verdict == Verdict::Accepted && self.is_page() { Verdict::Retry } else { verdict }
    }

    /// Why it is not believed, for the log.
    #[must_use]
    pub fn doubt(&self) -> &'static str {
        if (200..300).contains(&self.status) && self.is_page() {
            "; a web page is no answer of the service: a proxy or a login page stands in the way, look at the network and at `outbound.proxy`"
        } else {
            ""
        }
    }

    /// Whether its body is HTML. The type that it claims says nothing: there are services whose empty answers claim to be pages.
    fn is_page(&self) -> bool {
        let mut rest = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        loop {
            rest = rest.trim_ascii_start();
            let end: &[u8] = if rest.starts_with(b"<!--") {
                b"-->"
            } else if rest.starts_with(b"<?") {
                b"?>"
            } else if let Some(kind) = without(rest, b"<!doctype") {
                if without(kind.trim_ascii_start(), b"html").is_some() {
                    return true;
                }
                b">"
            } else {
                break;
            };
            let Some(place) = rest.windows(end.len()).position(|text| text == end) else {
                return false;
            };
            rest = &rest[place + end.len()..];
        }
        let Some(tag) = rest.strip_prefix(b"<") else { return false };
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/>".contains(byte);
        let name = tag.split(is_end).next().unwrap_or_default();
        PAGE_BEGINS.iter().any(|begin| name.eq_ignore_ascii_case(begin))
    }

    /// The beginning of what the service said, on one line and without `secrets`: it may repeat what it was sent.
    #[must_use]
    pub fn excerpt(&self, secrets: &[String], chars_max: usize) -> String {
        let mut text = String::from_utf8_lossy(&self.body).into_owned();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret.as_str(), "(secret)");
        }
        let words = text.split(|c: char| c.is_whitespace() || c.is_control());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let mut line = words.join(" ");
        if let Some((end, _)) = line.char_indices().nth(chars_max) {
            let last = line[..end].char_indices().next_back().map_or(0, |(place, _)| place);
            line.truncate(last);
            line.push('…');
        }
        line
    }
}

/// What follows `beginning`, in whatever case that is written.
fn without<'a>(text: &'a [u8], beginning: &[u8]) -> Option<&'a [u8]> {
    let (first, rest) = text.split_at_checked(beginning.len())?;
    first.eq_ignore_ascii_case(beginning).then_some(rest)
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_no_sign_that_something_was_taken() {
        let of = |status, body: &'static str| Answer {
            status,
            retry_after: None,
            body: Bytes::from_static(body.as_bytes()),
        };
        for body in [
            "<html>captive portal</html>",
            "",
            "ok",
            "{\"status\":\"success\"}",
            "<ok/>",
            "<Response/>",
            "<header/>",
            "<response><body>taken</body></response>",
            "<!-- says a service -->\n<ok/>",
            "<!-- without an end",
            "<!DOCTYPE response SYSTEM \"a.dtd\">\n<response/>",
            "<?xml version=\"1.0\"?><Response/>",
        ] {
            let page = body.contains("html");
            let want = if page { Verdict::Retry } else { Verdict::Accepted };
            assert_eq!(of(200, body).judged(Verdict::Accepted), want, "{body:?}");
            assert_eq!(of(200, body).doubt().is_empty(), !page, "{body:?}");
        }
        for page in [
            "\u{feff}\n<!DOCTYPE html>",
            "<title>Sign in</title>",
            "<div class=\"portal\">",
            "<form action=\"/login\">",
            "<!doctype HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\">",
            "<?xml version=\"1.0\"?><!DOCTYPE x><HTML>",
            "<!-- a proxy's -->\n<html\nlang=\"en\">",
            "<head/>",
            "<Body onload=\"login()\">",
            "<meta http-equiv=\"refresh\">",
            "<script>",
        ] {
            assert_eq!(of(202, page).judged(Verdict::Accepted), Verdict::Retry, "{page:?}");
        }
        let refusal = of(403, "<html>");
        assert_eq!((refusal.judged(Verdict::Hold), refusal.doubt()), (Verdict::Hold, ""));
    }

    #[test]
    fn what_a_service_says_is_one_line_without_secrets() {
        let body = Bytes::from_static(b"<p>\n Bearer s3cret\x1b[31m \xff refused</p>");
        let answer = Answer { status: 400, retry_after: None, body };
        let secrets = ["s3cret".to_owned(), String::new()];
        assert_eq!(answer.excerpt(&secrets, 99), "<p> Bearer (secret) [31m \u{fffd} refused</p>");
        assert_eq!(answer.excerpt(&secrets, 8), "<p> Bea…");
    }
}
