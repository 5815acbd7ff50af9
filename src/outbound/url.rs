//! URLs: their parts, and what is appended to them.

use std::fmt::Write;

/// Scheme, host and port of a URL.
#[must_use]
pub fn host(url: &str) -> String {
    let parsed = reqwest::Url::parse(url);
    parsed.map_or_else(
        |_| "an invalid URL".to_owned(),
        |url| {
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default())
        },
    )
}

/// A URL to which paths are appended, without the slash at its end. The problem never repeats it.
pub fn base_url(text: &str) -> Result<String, &'static str> {
    const SHAPE: &str =
        "is not a base URL; write e.g. https://example.com or http://127.0.0.1:9093";
    let url = reqwest::Url::parse(text).map_err(|_| SHAPE)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(SHAPE);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user or a password in it; remove them and use a key made for secrets");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("has a `?` or `#` in it; a path is appended, so end it before");
    }
    let base = url.as_str().trim_end_matches('/');
    if OWN_PATHS.iter().any(|path| base.ends_with(path)) {
        return Err(ENDS_WITH_PATH);
    }
    Ok(base.to_owned())
}

/// A base URL to which `path` is appended, where that may well be the end of another's base URL.
pub fn base_url_before(text: &str, path: &str) -> Result<String, &'static str> {
    base_url(text)
        .and_then(|base| if base.ends_with(path) { Err(ENDS_WITH_PATH) } else { Ok(base) })
}

const ENDS_WITH_PATH: &str =
    "ends with the path of an API, which is appended; write what stands before it";

/// What is appended to base URLs and often copied along with them from elsewhere.
const OWN_PATHS: [&str; 11] = [
    "/api/v2",
    "/api/v2/alerts",
    "/api/v1/alerts",
    "/v1/metrics",
    "/v1/logs",
    "/v2/enqueue",
    "/api/v1/events",
    "/api/v2/events",
    "/api/v1/validate",
    "/api/v2/series",
    "/api/v2/logs",
];

/// Whether requests can be sent to `text`.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let has_host = |url: &reqwest::Url| url.host_str().is_some_and(|host| !host.is_empty());
    let sendable = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https") && has_host(url);
    reqwest::Url::parse(text).is_ok_and(|url| sendable(&url))
}

/// `base` with `path` and a query. What has no meaning of its own in a query stays as it is, commas
/// between names and colons of times among it; all else is escaped.
#[must_use]
pub fn with_query(base: &str, path: &str, query: &[(&str, &str)]) -> String {
    let mut url = format!("{base}{path}");
    for (place, (name, value)) in query.iter().enumerate() {
        url.push(if place == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte) {
                url.push(char::from(byte));
            } else {
                write!(url, "%{byte:02X}").expect("memory grows");
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_takes_paths_and_holds_no_password() {
        let cases = [
            ("http://127.0.0.1:9093/", Ok("http://127.0.0.1:9093")),
            ("https://a.example/prefix/", Ok("https://a.example/prefix")),
            ("a.example:9093", Err("is not a base URL")),
            ("ftp://a.example", Err("is not a base URL")),
            ("", Err("is not a base URL")),
            ("http://me:secret@a.example", Err("has a user or a password")),
            ("http://a.example/?key=secret", Err("has a `?` or `#`")),
            ("http://a.example/am/api/v2/alerts", Err("ends with the path of an API")),
            ("http://a.example:4318/v1/metrics/", Err("ends with the path of an API")),
            ("https://events.pagerduty.com/v2/enqueue", Err("ends with the path of an API")),
            ("https://api.datadoghq.com/api/v1/events", Err("ends with the path of an API")),
            ("https://api.datadoghq.com/api/v2/series/", Err("ends with the path of an API")),
            ("https://http-intake.logs.datadoghq.com/api/v2/logs", Err("ends with the path")),
            ("https://ops.example/events", Ok("https://ops.example/events")),
        ];
        for (text, want) in cases {
            match (base_url(text), want) {
                (Ok(url), Ok(want)) => assert_eq!(url, want),
                (Err(problem), Err(want)) => {
                    assert!(problem.starts_with(want), "{text}: {problem}");
                }
                (got, want) => panic!("{text}: {got:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn a_path_that_is_appended_is_not_written() {
        let before = |text| base_url_before(text, "/events");
        assert_eq!(before("https://api.workos.com/"), Ok("https://api.workos.com".to_owned()));
        assert_eq!(before("https://api.workos.com/events/"), Err(ENDS_WITH_PATH));
        assert!(before("api.workos.com").is_err());
    }

    #[test]
    fn nothing_in_a_value_can_change_the_query() {
        let query = [("events", "a.b,c.d"), ("after", "event_1&order=desc#x"), ("at", "12:00+é")];
        assert_eq!(
            with_query("http://a", "/events", &query),
            "http://a/events?events=a.b,c.d&after=event_1%26order%3Ddesc%23x&at=12:00%2B%C3%A9"
        );
        assert_eq!(with_query("http://a/p", "/x", &[]), "http://a/p/x");
    }
}
