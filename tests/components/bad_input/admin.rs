//! What may be asked of the admin listener.

use std::fmt::Write;

use reqwest::Method;

use super::world::{Case, World, refused, words};
use crate::http;

/// A request: method, path, headers, body.
type Asked = (Method, &'static str, Vec<(&'static str, String)>, String);

fn ask(base: &str, (method, path, headers, body): Asked) -> String {
    let mut request = http::client().request(method, format!("{base}{path}"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    http::try_send(request.body(body)).map_or_else(|| "no answer".into(), |answer| words(&answer))
}

fn case(name: &'static str, asked: Asked, status: u16) -> Case {
    let (method, path, headers, body) = &asked;
    let mut sent = format!("`{method} {path}`");
    for (name, value) in headers {
        write!(sent, ", `{name}: {value}`").unwrap();
    }
    if (1..100).contains(&body.len()) {
        write!(sent, ": `{body}`").unwrap();
    } else if !body.is_empty() {
        write!(sent, ": {} bytes", body.len()).unwrap();
    }
    let sent = if sent.len() > 200 { format!("`{method} {}…`", &path[..40]) } else { sent };
    Case {
        name,
        sent,
        moved: refused("admin", status),
        act: Box::new(move |world: &World| ask(&world.daemon.admin, asked)),
    }
}

fn get(name: &'static str, path: &'static str, status: u16) -> Case {
    case(name, (Method::GET, path, vec![], String::new()), status)
}

fn json(name: &'static str, path: &'static str, body: impl Into<String>, status: u16) -> Case {
    let headers = vec![("content-type", "application/json".to_owned())];
    case(name, (Method::POST, path, headers, body.into()), status)
}

/// Questions.
pub(super) fn queries() -> Vec<Case> {
    let long: &'static str =
        Box::leak(format!("/api/v1/sessions?id={}", "x".repeat(2_000)).into_boxed_str());
    let stranger = vec![("host", "elsewhere.example".to_owned())];
    vec![
        get("an unknown route", "/api/v2/status", 404),
        get("a path into the file system", "/runbooks/..%2f..%2f..%2fetc%2fpasswd", 404),
        case("the wrong method", (Method::PUT, "/api/v1/status", vec![], String::new()), 405),
        case(
            "another machine's name",
            (Method::GET, "/api/v1/status", stranger, String::new()),
            403,
        ),
        get("an unknown order", "/api/v1/connections?sort=colour", 400),
        get("a negative limit", "/api/v1/connections?limit=-1", 400),
        get("a huge limit", "/api/v1/connections?limit=99999999999999999999999", 400),
        get("an unknown state", "/api/v1/incidents?state=maybe", 400),
        get("an unknown connection", "/api/v1/connections/conn_nobody", 404),
        get("an unknown incident", "/api/v1/incidents/nothing", 404),
        get("the report of no incident", "/api/v1/incidents/nothing/report", 404),
        get("a gate on nothing", "/api/v1/gate?scope=planet&since=2026-01-01T00:00:00Z", 400),
        get("a gate since never", "/api/v1/gate?scope=fleet&since=never", 400),
        get("a gate without a question", "/api/v1/gate", 400),
        get("an unknown status", "/api/v1/sessions?status=fine", 400),
        get("a time that is none", "/api/v1/sessions?from=tomorrow", 400),
        get("a condition too long", long, 400),
        get("an unknown runbook", "/runbooks/Nothing", 404),
    ]
}

/// What people decide.
pub(super) fn decisions() -> Vec<Case> {
    let silence = |matchers: &str, rest: &str| {
        format!("{{\"matchers\": {matchers}, \"author\": \"Ada\", \"reason\": \"x\"{rest}}}")
    };
    let elsewhere = vec![
        ("origin", "https://elsewhere.example".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    vec![
        case(
            "a page elsewhere",
            (
                Method::POST,
                "/api/v1/silences",
                elsewhere,
                silence("{\"a\": \"b\"}", ", \"duration\": \"1h\""),
            ),
            403,
        ),
        json("a silence that is not JSON", "/api/v1/silences", "oops", 400),
        json("a silence of another shape", "/api/v1/silences", "{\"hello\": 1}", 422),
        json(
            "a silence of everything",
            "/api/v1/silences",
            silence("{}", ", \"duration\": \"1h\""),
            400,
        ),
        json("a silence without an end", "/api/v1/silences", silence("{\"a\": \"b\"}", ""), 400),
        json(
            "a silence for a year",
            "/api/v1/silences",
            silence("{\"a\": \"b\"}", ", \"duration\": \"365d\""),
            400,
        ),
        json(
            "a silence for minus an hour",
            "/api/v1/silences",
            silence("{\"a\": \"b\"}", ", \"duration\": \"-1h\""),
            400,
        ),
        json(
            "an empty label",
            "/api/v1/silences",
            silence("{\"\": \"b\"}", ", \"duration\": \"1h\""),
            400,
        ),
        json(
            "control characters",
            "/api/v1/silences",
            silence("{\"a\": \"\\u0007\"}", ", \"duration\": \"1h\""),
            400,
        ),
        json(
            "a silence over the limit",
            "/api/v1/silences",
            silence(&format!("{{\"a\": \"{}\"}}", "b".repeat(20_000)), ", \"duration\": \"1h\""),
            413,
        ),
        case(
            "JSON that does not say so",
            (
                Method::POST,
                "/api/v1/silences",
                vec![],
                silence("{\"a\": \"b\"}", ", \"duration\": \"1h\""),
            ),
            415,
        ),
        case(
            "the end of no silence",
            (Method::DELETE, "/api/v1/silences/nothing", vec![], String::new()),
            404,
        ),
        json(
            "work without an end",
            "/api/v1/markers",
            "{\"note\": \"x\", \"author\": \"Ada\", \"expects_trouble\": true}",
            400,
        ),
        json(
            "work that ends before it begins",
            "/api/v1/markers",
            "{\"note\": \"x\", \"author\": \"Ada\", \"until\": \"2020-01-01T00:00:00Z\"}",
            400,
        ),
        json(
            "work on nothing",
            "/api/v1/markers",
            "{\"note\": \"x\", \"author\": \"Ada\", \"scope\": \"planet\"}",
            400,
        ),
    ]
}

/// What a daemon with tokens refuses.
pub(super) fn guarded() -> Vec<Case> {
    let bearer = |token: &str| vec![("authorization", format!("Bearer {token}"))];
    let silence = "{\"matchers\": {\"a\": \"b\"}, \"author\": \"Ada\", \"reason\": \"x\", \"duration\": \"1h\"}";
    let mut cases = vec![
        get("no token", "/api/v1/status", 401),
        case("a wrong token", (Method::GET, "/metrics", bearer("wrong"), String::new()), 401),
        case(
            "a token of another kind",
            (Method::GET, "/metrics", vec![("authorization", "Basic eDp5".into())], String::new()),
            401,
        ),
        case(
            "a cookie of one's own making",
            (Method::GET, "/", vec![("cookie", "ssowatch=9999999999.00".into())], String::new()),
            401,
        ),
        case(
            "a change without a token",
            (Method::POST, "/api/v1/silences", vec![], silence.into()),
            401,
        ),
        case("a reload without a token", (Method::POST, "/-/reload", vec![], String::new()), 401),
    ];
    cases.push(Case {
        name: "guessing",
        sent: "`GET /metrics` with 20 wrong tokens; the answer to the last".into(),
        moved: refused("admin", 429),
        act: Box::new(move |world: &World| {
            let guess = |n| {
                ask(
                    &world.daemon.admin,
                    (Method::GET, "/metrics", bearer(&format!("guess{n}")), String::new()),
                )
            };
            let last = (0..20).map(guess).last().unwrap();
            // How long to wait depends on how fast the guesses were.
            last.split(" in ").next().unwrap().to_owned()
        }),
    });
    cases
}
