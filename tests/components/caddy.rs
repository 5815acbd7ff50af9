//! Caddy with a deny list and short URIs, which sends its log over TCP. Debian's Caddy has no rate limit.

use std::collections::BTreeMap;

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::traffic::{Traffic, counted, first_caller};
use crate::{http, installed};

const CONFIG: &str = "
{
	admin 127.0.0.1:COUNTS
	servers {
		metrics
	}
}
http://:PORT {
	bind 127.0.0.1
	log {
		output net tcp/SYSLOG
		format json
	}
	@denied remote_ip 127.0.0.4
	@long expression `size({http.request.uri}) > 2000`
	respond @denied 403
	respond @long 414
	respond ok 200
}
";

/// What Caddy itself has counted, by code.
fn own_counts(port: u16) -> Option<BTreeMap<u16, u64>> {
    let text = http::try_get(&format!("http://127.0.0.1:{port}/metrics"))?.body;
    let mut codes = BTreeMap::new();
    for line in text.lines() {
        let Some(labels) = line.strip_prefix("caddy_http_response_size_bytes_count{") else {
            continue;
        };
        if !labels.contains("handler=\"static_response\"") {
            continue;
        }
        let code = labels.split("code=\"").nth(1)?.split('"').next()?.parse().unwrap();
        let (_, count) = line.rsplit_once(' ')?;
        *codes.entry(code).or_default() += count.parse::<u64>().unwrap();
    }
    Some(codes)
}

#[test]
fn lines_by_tcp_add_up_to_what_caddy_counts_and_name_whom_it_refuses() {
    let daemon = Daemon::start(
        "privacy: { personal: keep }\n\
         sources: { edge: [ { syslog: \"tcp://127.0.0.1:0\", format: caddy_json, tier: web } ] }\n",
    );
    let syslog = daemon.syslog();
    let (_caddy, (port, counts), before) = Component::start(
        "caddy",
        |place| {
            let (port, counts) = (free_port(), free_port());
            let config = CONFIG.replace("PORT", &port.to_string());
            let config = config.replace("COUNTS", &counts.to_string()).replace("SYSLOG", &syslog);
            place.write("Caddyfile", config);
            let mut command = installed::server("caddy");
            command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]);
            for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
                command.env(variable, place.path());
            }
            (command, (port, counts))
        },
        |_, (_, counts)| own_counts(*counts),
    );
    assert_eq!(before, BTreeMap::new());
    let mut traffic = Traffic::default();
    let url = format!("http://127.0.0.1:{port}/");
    let long = format!("{url}?{}", "x".repeat(3_000));
    let names = ["EdgeBlocked", "EdgeUriTooLong"];
    let [blocked, too_long] = traffic.until_open(&daemon, names, |traffic| {
        for _ in 0..8 {
            assert_eq!(traffic.send(3, &url), 200);
            assert_eq!(traffic.send(4, &url), 403);
            assert_eq!(traffic.send(5, &long), 414);
        }
    });
    assert_eq!(first_caller(&blocked), "127.0.0.4");
    assert_eq!(first_caller(&too_long), "127.0.0.5");
    counted(&daemon, "web", || traffic.answers.clone());
    assert_eq!(own_counts(counts).unwrap(), traffic.answers);
}
