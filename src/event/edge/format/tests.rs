use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::event::Reason;

fn format(name: &str) -> Format {
    let headers = ["x-api-key".into(), "x-caller".into()];
    Format::built_in(&headers).into_iter().find(|format| format.name() == name).unwrap()
}

/// Real lines, as the servers wrote them.
const SAMPLES: [(&str, &str); 5] = [
    ("nginx_combined", include_str!("../../../../tests/fixtures/edge/nginx-combined.sample.log")),
    ("nginx_json", include_str!("../../../../tests/fixtures/edge/nginx-json.sample.log")),
    ("caddy_json", include_str!("../../../../tests/fixtures/edge/caddy-json.sample.log")),
    ("haproxy_http", include_str!("../../../../tests/fixtures/edge/haproxy-http.sample.log")),
    ("haproxy_json", include_str!("../../../../tests/fixtures/edge/haproxy-json.sample.log")),
];

/// Lines as the vendors document them.
const DOCUMENTED: [(&str, &str); 3] = [
    ("envoy_json", include_str!("../../../../tests/fixtures/edge/envoy-json.documented.log")),
    ("aws_alb", include_str!("../../../../tests/fixtures/edge/aws-alb.documented.log")),
    (
        "cloudflare_ndjson",
        include_str!("../../../../tests/fixtures/edge/cloudflare.documented.log"),
    ),
];

fn told(line: &Result<EdgeLine<'_>, Rejection>) -> String {
    let line = match line {
        Ok(line) => line,
        Err(rejection) => return format!("{}: {rejection}", rejection.reason.as_str()),
    };
    let text = |value: &Option<std::borrow::Cow<'_, str>>| match value.as_deref() {
        Some(value) if value.len() > 40 => format!("{}… {} bytes", &value[..16], value.len()),
        Some(value) => value.to_owned(),
        None => "–".to_owned(),
    };
    let exact = if line.moment.exact { "" } else { " (second)" };
    format!(
        "{}{exact} {} {} {} {} {} {:?} µs {}",
        line.moment.at,
        text(&line.client),
        line.method.as_str(),
        text(&line.host),
        text(&line.uri),
        line.status,
        line.duration_micros,
        text(&line.account)
    )
}

#[test]
fn every_line_of_real_servers_and_of_the_documentation_is_read() {
    let mut all = String::new();
    for (name, log) in SAMPLES.into_iter().chain(DOCUMENTED) {
        let format = format(name);
        writeln!(all, "# {name}").unwrap();
        for line in log.lines() {
            writeln!(all, "{}", told(&format.read(line))).unwrap();
        }
    }
    insta::assert_snapshot!("lines", all);
}

#[test]
fn watched_headers_are_found_where_the_format_keeps_them() {
    let caddy = r#"{"ts":1.5,"status":200,"request":{"headers":{"X-Caller":["billing"],"X-Api-Key":["k1"]}}}"#;
    let line = format("caddy_json").read(caddy).unwrap();
    assert_eq!(
        (line.headers[0].as_deref(), line.headers[1].as_deref()),
        (Some("k1"), Some("billing"))
    );
    let nginx = r#"{"msec":1.5,"status":200,"http_x_api_key":"k2"}"#;
    let line = format("nginx_json").read(nginx).unwrap();
    assert_eq!((line.headers[0].as_deref(), line.headers[1].as_deref()), (Some("k2"), None));
}

#[test]
fn an_own_json_format_says_which_key_is_which_field() {
    let config: FormatConfig = serde_json::from_str(
        r#"{"name":"traefik","time_is":"start","json":{"time":"StartUTC","client":"ClientHost","request":"Request",
            "status":"DownstreamStatus","duration":"Duration","duration_unit":"ns","account":"ClientUsername",
            "headers":{"X-Api-Key":"request_X-Api-Key"}}}"#,
    )
    .unwrap();
    let format = Format::own(&config, &["x-api-key".into()]).unwrap();
    let line = r#"{"StartUTC":"2026-11-22T01:11:36.5Z","ClientHost":"192.0.2.1","Request":"GET /x HTTP/2.0","DownstreamStatus":200,"Duration":1500000000,"ClientUsername":"-","request_X-Api-Key":"k"}"#;
    let line = format.read(line).unwrap();
    assert_eq!(line.moment.at.to_string(), "2026-11-22T01:11:38.000Z");
    assert_eq!((line.uri.as_deref(), line.account.as_deref()), (Some("/x"), None));
    assert_eq!(line.headers[0].as_deref(), Some("k"));
}

#[test]
fn a_format_that_cannot_be_is_refused_in_words() {
    let cases = [
        (r#"{"name":"nginx_json","pattern":"x"}"#, "built-in"),
        (r#"{"name":"x"}"#, "either `pattern` or `json`"),
        (r#"{"name":"x","pattern":"$time $status","json":{"time":"t","status":"s"}}"#, "either"),
        (r#"{"name":"x","json":{"time":"a..b","status":"s"}}"#, "a key is empty"),
        (r#"{"name":"x","pattern":"$status"}"#, "no `$time_local`"),
    ];
    for (config, want) in cases {
        let error = Format::own(&serde_json::from_str(config).unwrap(), &[]).unwrap_err();
        assert!(error.contains(want), "{config}: {error}");
    }
}

proptest! {
    /// Every format over cut, mixed and damaged lines of every other.
    #[test]
    fn property_test_no_line_makes_a_format_panic(
        which in 0usize..8, sample in 0usize..8, line in 0usize..14,
        cut in 0usize..400, damage in proptest::collection::vec((0usize..400, any::<char>()), 0..4),
    ) {
        let (_, log) = SAMPLES.into_iter().chain(DOCUMENTED).nth(sample).unwrap();
        let lines: Vec<_> = log.lines().collect();
        let mut text: Vec<char> = lines[line % lines.len()].chars().take(400 - cut).collect();
        for (place, c) in damage {
            if let Some(place) = text.get_mut(place) {
                *place = c;
            }
        }
        let text: String = text.into_iter().collect();
        let name = Format::names().nth(which).unwrap();
        if let Err(rejection) = format(name).read(&text) {
            let known = [
                Reason::NotJson, Reason::TooDeep, Reason::NotALine, Reason::BadStatus, Reason::BadTimestamp,
            ];
            prop_assert!(known.contains(&rejection.reason));
        }
    }
}
