//! Who may ask, how often, and from where something may be changed.
//!
//! A script shows the token as `Authorization: Bearer`, a browser a cookie that it gets for the token at `/login`. What changes
//! something must come from a page of this listener: the cookie is `SameSite=Strict`, and `Sec-Fetch-Site` or `Origin`, which
//! every browser sends with what it posts, must say so. Without a token, on loopback, nothing but the name in `Host` tells this
//! listener from a page elsewhere whose name was made to lead here; so that name must be one of this machine.

mod cookie;
mod quota;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};

use self::quota::Quotas;
use super::page::html::Visitor;
use super::{Admin, problem};
use crate::listener::Peer;
use crate::setting::{Secret, same};

/// What protects the listener: what was asked lately.
#[derive(Debug, Default)]
pub struct Guard(Quotas);

/// How somebody is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Known {
    /// Nobody need be.
    Open,
    /// By the token itself: not a browser, or one that was told to.
    Token,
    /// By the cookie, which a browser sends by itself.
    Cookie,
}

/// Lets in who may come in.
pub(super) async fn authorize(
    State(admin): State<Arc<Admin>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Err(wait) = admin.guard.0.ask() {
        return busy(wait);
    }
    let known = match known(&admin, &request) {
        Ok(known) => known,
        Err(refusal) => return *refusal,
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        if let Err(text) = comes_from_here(request.headers(), request.uri(), known) {
            return problem(StatusCode::FORBIDDEN, text);
        }
        if let Err(wait) = admin.guard.0.change() {
            return busy(wait);
        }
    }
    request.extensions_mut().insert(match known {
        Known::Cookie => Visitor::SignedIn,
        Known::Open | Known::Token => Visitor::Other,
    });
    next.run(request).await
}

/// How whoever asks is known; otherwise what they are told.
fn known(admin: &Admin, request: &Request) -> Result<Known, Box<Response>> {
    let headers = request.headers();
    let Some(token) = &admin.token else {
        if is_own_name(host(headers, request.uri()), &admin.external_url) {
            return Ok(Known::Open);
        }
        let text = "the name in `Host` is not one of this machine; set `links.external_url` to the URL by which people come, \
            or `http.admin.token`";
        return Err(Box::new(problem(StatusCode::FORBIDDEN, text)));
    };
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let bearer =
        text(header::AUTHORIZATION).map(|value| value.strip_prefix("Bearer ").unwrap_or_default());
    let cookie = text(header::COOKIE).and_then(cookie::find);
    // A token that cannot be read lets nobody in.
    let wanted = token.reveal().ok();
    match (bearer, cookie, wanted) {
        (Some(given), _, Some(wanted)) if same(given, &wanted) => return Ok(Known::Token),
        (None, Some(given), Some(wanted)) if cookie::holds(given, &wanted, admin.clock.now()) => {
            return Ok(Known::Cookie);
        }
        _ => {}
    }
    if bearer.is_some()
        && let Err(wait) = admin.guard.0.wrong(peer(request))
    {
        return Err(Box::new(busy(wait)));
    }
    let wants_page = text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    if bearer.is_none() && wants_page && request.method() == Method::GET {
        let place = request.uri().path_and_query().map_or("/", |place| place.as_str());
        let place = super::page::html::Encoded(place);
        return Err(Box::new(Redirect::to(&format!("/login?next={place}")).into_response()));
    }
    let text =
        "send `Authorization: Bearer` with the token of `http.admin`; a browser signs in at /login";
    let scheme = [(header::WWW_AUTHENTICATE, "Bearer realm=\"ssowatch\"")];
    Err(Box::new((scheme, problem(StatusCode::UNAUTHORIZED, text)).into_response()))
}

/// Whether what changes something comes from a page of this listener, or from no page at all.
fn comes_from_here(headers: &HeaderMap, uri: &Uri, known: Known) -> Result<(), &'static str> {
    let text = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let elsewhere = "this came from a page elsewhere; only pages of this listener and scripts may change something";
    if let Some(site) = text("sec-fetch-site") {
        return if matches!(site, b"same-origin" | b"none") { Ok(()) } else { Err(elsewhere) };
    }
    match (text("origin"), known) {
        (Some(origin), _) => {
            let origin = std::str::from_utf8(origin).unwrap_or_default();
            let host_of = origin.split_once("://").map(|(_, host)| host);
            let same = host_of.is_some() && host_of == host(headers, uri);
            if same { Ok(()) } else { Err(elsewhere) }
        }
        (None, Known::Cookie) => Err("a browser must say from where it posts; this one did not"),
        (None, Known::Open | Known::Token) => Ok(()),
    }
}

/// The name and port by which whoever asks came.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let named = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    named.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
}

/// Whether `host` is a name of this machine, or the one by which people come. Without a name it is not a browser.
fn is_own_name(host: Option<&str>, external_url: &str) -> bool {
    let Some(host) = host else { return true };
    let external = external_url.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let external = external.split('/').next().unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
    host == external
        || name.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|address| address.is_loopback())
}

fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get().map(|Peer(address)| *address)
}

fn busy(wait: Duration) -> Response {
    let seconds = wait.as_secs() + 1;
    let retry = [(header::RETRY_AFTER, seconds.to_string())];
    let text = format!("too many requests; try again in {seconds} s");
    (retry, problem(StatusCode::TOO_MANY_REQUESTS, &text)).into_response()
}

/// What became of a token that somebody typed.
pub(super) enum Entry {
    /// Right: the cookie.
    Open(String),
    /// Wrong.
    Wrong,
    /// Whoever it is must wait.
    Refused(Box<Response>),
}

/// Looks at a token that came by a form.
pub(super) fn enter(admin: &Admin, token: &Secret, given: &str, request: &Asking) -> Entry {
    if let Err(refusal) = is_own(request) {
        return Entry::Refused(refusal);
    }
    match token.reveal() {
        Ok(wanted) if same(given, &wanted) => {
            let value = cookie::value(&wanted, admin.clock.now());
            Entry::Open(set_cookie(admin, &value, cookie::AGE_SECONDS))
        }
        _ => match admin.guard.0.wrong(request.peer) {
            Ok(()) => Entry::Wrong,
            Err(wait) => Entry::Refused(Box::new(busy(wait))),
        },
    }
}

/// Whether a form comes from a page of this listener; otherwise what its sender is told.
pub(super) fn is_own(request: &Asking) -> Result<(), Box<Response>> {
    comes_from_here(&request.headers, &request.uri, Known::Cookie)
        .map_err(|text| Box::new(problem(StatusCode::FORBIDDEN, text)))
}

/// The cookie that ends a browser's stay.
pub(super) fn leave(admin: &Admin) -> String {
    set_cookie(admin, "", 0)
}

fn set_cookie(admin: &Admin, value: &str, seconds: i64) -> String {
    let secure = if admin.external_url.starts_with("https:") { "; Secure" } else { "" };
    let name = cookie::NAME;
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// What is known of a request whose body is a form.
pub(super) struct Asking {
    headers: HeaderMap,
    uri: Uri,
    peer: Option<IpAddr>,
}

impl Asking {
    pub(super) fn of(request: &Request) -> Self {
        let (headers, uri) = (request.headers().clone(), request.uri().clone());
        Self { headers, uri, peer: peer(request) }
    }
}

/// Headers that keep a browser from doing what no page here needs.
pub(super) async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Forms of a page without a referrer would name no origin, and be refused.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    // Nothing inline, nothing from elsewhere.
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
        form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_and_the_one_people_use_are_its_own() {
        let url = "https://sso.example.com/";
        let cases = [
            (None, true),
            (Some("127.0.0.1:9470"), true),
            (Some("[::1]:9470"), true),
            (Some("localhost"), true),
            (Some("LOCALHOST:1"), true),
            (Some("sso.example.com"), true),
            (Some("evil.example"), false),
            (Some("evil.example:9470"), false),
            (Some("127.0.0.1.evil.example"), false),
            (Some("192.0.2.1"), false),
            (Some(""), false),
        ];
        for (host, want) in cases {
            assert_eq!(is_own_name(host, url), want, "{host:?}");
        }
    }

    #[test]
    fn what_changes_something_comes_from_here_or_from_no_page() {
        type Case = (&'static [(&'static str, &'static str)], Known, bool);
        let cases: [Case; 9] = [
            (&[], Known::Token, true),
            (&[], Known::Open, true),
            (&[], Known::Cookie, false),
            (&[("origin", "http://here:1")], Known::Cookie, true),
            (&[("origin", "http://there:1")], Known::Open, false),
            (&[("origin", "null")], Known::Open, false),
            (&[("sec-fetch-site", "same-origin")], Known::Cookie, true),
            (&[("sec-fetch-site", "same-site")], Known::Cookie, false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://here:1")], Known::Open, false),
        ];
        for (given, known, want) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("here:1"));
            for (name, value) in given {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            let found = comes_from_here(&headers, &Uri::from_static("/silences"), known);
            assert_eq!(found.is_ok(), want, "{given:?} {known:?}");
        }
    }
}
