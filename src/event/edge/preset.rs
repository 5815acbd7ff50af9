//! The formats that are known by name. Each is data: which key or variable is which field.

use super::line::{Clock, Field, Unit};

/// A format that is known by name.
#[derive(Debug)]
pub(super) struct Preset {
    pub(super) name: &'static str,
    pub(super) layout: Layout,
    pub(super) clock: Clock,
}

/// How its lines are laid out.
#[derive(Debug)]
pub(super) enum Layout {
    /// JSON: keys by field; of several keys for one field the first that has a value counts.
    Json {
        keys: &'static [(Field, &'static str)],
        /// The object that holds the request's headers.
        headers: Option<&'static str>,
    },
    /// Text.
    Text(&'static str),
}

pub(super) const PRESETS: [Preset; 8] = [
    // nginx's `combined`, with anything behind it; Apache's `common` and `combined`.
    Preset {
        name: "nginx_combined",
        layout: Layout::Text(
            r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#,
        ),
        clock: Clock::End,
    },
    // nginx has no JSON of its own; these are its variables' names, and short ones that are in use.
    Preset {
        name: "nginx_json",
        layout: Layout::Json {
            keys: &[
                (Field::Time, "msec"),
                (Field::Time, "ts"),
                (Field::Time, "time_iso8601"),
                (Field::Time, "time_local"),
                (Field::Time, "time"),
                (Field::Client, "remote_addr"),
                (Field::Client, "remote"),
                (Field::Method, "request_method"),
                (Field::Method, "method"),
                (Field::Host, "host"),
                (Field::Host, "http_host"),
                (Field::Uri, "request_uri"),
                (Field::Uri, "uri"),
                (Field::Request, "request"),
                (Field::Status, "status"),
                (Field::Duration(Unit::Seconds), "request_time"),
                (Field::Account, "remote_user"),
            ],
            headers: None,
        },
        clock: Clock::End,
    },
    Preset {
        name: "caddy_json",
        layout: Layout::Json {
            keys: &[
                (Field::Time, "ts"),
                // From Caddy 2.7 on: the client behind trusted proxies.
                (Field::Client, "request.client_ip"),
                (Field::Client, "request.remote_ip"),
                (Field::Client, "request.remote_addr"),
                (Field::Method, "request.method"),
                (Field::Host, "request.host"),
                (Field::Uri, "request.uri"),
                (Field::Status, "status"),
                (Field::Duration(Unit::Seconds), "duration"),
                (Field::Account, "user_id"),
            ],
            headers: Some("request.headers"),
        },
        clock: Clock::End,
    },
    // `option httplog`. The time is that of the request, the last timer the time until its end.
    Preset {
        name: "haproxy_http",
        layout: Layout::Text(
            r#"$client_port [$time] $frontend $backend/$server $tq/$tw/$tc/$tr/$duration_ms $status $more "$request""#,
        ),
        clock: Clock::Start,
    },
    // A `log-format` in JSON; docs/edge.md has it.
    Preset {
        name: "haproxy_json",
        layout: Layout::Json {
            keys: &[
                (Field::Time, "ts"),
                (Field::Client, "remote"),
                (Field::Method, "method"),
                (Field::Host, "host"),
                (Field::Uri, "uri"),
                (Field::Status, "status"),
                (Field::Duration(Unit::Millis), "time_total_ms"),
            ],
            headers: None,
        },
        clock: Clock::Start,
    },
    // Istio's JSON, which is what Envoy's own documentation and gateways built on it use.
    Preset {
        name: "envoy_json",
        layout: Layout::Json {
            keys: &[
                (Field::Time, "start_time"),
                (Field::Client, "x_forwarded_for"),
                (Field::Client, "downstream_remote_address"),
                (Field::Method, "method"),
                (Field::Host, "authority"),
                (Field::Uri, "path"),
                (Field::Status, "response_code"),
                (Field::Duration(Unit::Millis), "duration"),
            ],
            headers: None,
        },
        clock: Clock::Start,
    },
    // The time is that of the answer. Of the status codes the load balancer's own counts: it is what the client saw.
    Preset {
        name: "aws_alb",
        layout: Layout::Text(
            r#"$type $time $elb $client_port $target $duration_s $duration_s $duration_s $status $target_status $received $sent "$request" "$user_agent" $cipher $protocol $group "$trace" "$host""#,
        ),
        clock: Clock::End,
    },
    Preset {
        name: "cloudflare_ndjson",
        layout: Layout::Json {
            keys: &[
                (Field::Time, "EdgeStartTimestamp"),
                (Field::End, "EdgeEndTimestamp"),
                (Field::Client, "ClientIP"),
                (Field::Method, "ClientRequestMethod"),
                (Field::Host, "ClientRequestHost"),
                (Field::Uri, "ClientRequestURI"),
                (Field::Uri, "ClientRequestPath"),
                (Field::Status, "EdgeResponseStatus"),
                (Field::Duration(Unit::Millis), "EdgeTimeToFirstByteMs"),
            ],
            headers: Some("RequestHeaders"),
        },
        clock: Clock::Start,
    },
];
