//! Who may not come to the intake listener: without a token, from elsewhere, or too often.

use super::intake::post;
use super::world::{Case, World, rejected};

/// What a listener with a token refuses.
pub(super) fn guarded() -> Vec<Case> {
    let with = |name,
                sent: &str,
                path: &'static str,
                header: Option<(&'static str, &str)>,
                source: &str| {
        let headers: Vec<_> =
            header.map(|(name, value)| (name, value.to_owned())).into_iter().collect();
        Case {
            name,
            sent: format!("`POST {path}` {sent}"),
            moved: rejected(source, "unauthorized"),
            act: Box::new(move |world: &World| post(world, path, &headers, b"x".to_vec())),
        }
    };
    let edge = "/v1/edge?format=nginx_combined&tier=web";
    vec![
        with("no token", "without one", "/v1/events", None, "push"),
        with(
            "a wrong token",
            "with `Bearer wrong`",
            "/v1/events",
            Some(("authorization", "Bearer wrong")),
            "push",
        ),
        with(
            "the beginning of the token",
            "with `Bearer righ`",
            "/v1/events",
            Some(("authorization", "Bearer righ")),
            "push",
        ),
        with(
            "a wrong key of Datadog's senders",
            "with `DD-API-KEY: wrong`",
            "/api/v2/logs",
            Some(("dd-api-key", "wrong")),
            "push",
        ),
        with("no token for access logs", "without one", edge, None, "edge"),
    ]
}

/// What a listener with a list and a rate refuses.
pub(super) fn access() -> Vec<Case> {
    let from = |name, sent: &str, forwarded: &'static str, times: u32, reason: &str| Case {
        name,
        sent: format!("`POST /webhooks/workos` from {sent}"),
        moved: rejected("workos_webhook", reason),
        act: Box::new(move |world: &World| {
            let headers = [("x-forwarded-for", forwarded.to_owned())];
            let send = |_| post(world, "/webhooks/workos", &headers, b"{}".to_vec());
            (0..times).map(send).find(|answer| !answer.starts_with("401")).unwrap()
        }),
    };
    vec![
        from(
            "an address that is not on the list",
            "198.51.100.7, through the proxy",
            "198.51.100.7",
            1,
            "not_allowed",
        ),
        from(
            "an address made up behind a stranger",
            "198.51.100.7, which says that it asks for 203.0.113.7",
            "203.0.113.7, 198.51.100.7",
            1,
            "not_allowed",
        ),
        from(
            "an address that is none",
            "`unknown`, through the proxy",
            "203.0.113.7, unknown, 198.51.100.7",
            1,
            "not_allowed",
        ),
        from(
            "too many requests from one address",
            "203.0.113.7, as fast as it can",
            "203.0.113.7",
            100_000,
            "rate_limited",
        ),
    ]
}
