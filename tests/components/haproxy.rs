//! HAProxy with a rate limit, a deny list and short URIs, which logs by syslog over UDP.

use std::collections::BTreeMap;

use crate::component::{Component, free_port};
use crate::daemon::Daemon;
use crate::traffic::{Traffic, counted, first_caller};
use crate::{http, installed, wait};

/// Without `len` HAProxy cuts its lines at a kilobyte.
const CONFIG: &str = "
global
  log SYSLOG len 8192 local0
defaults
  mode http
  log global
  option httplog
  timeout client 60s
  timeout server 60s
  timeout connect 60s
frontend fe
  bind 127.0.0.1:PORT
  stick-table type ip size 10k expire 10s store http_req_rate(1s)
  http-request deny deny_status 403 if { src 127.0.0.4 }
  http-request return status 414 if { url_len gt 2000 }
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 5 }
  http-request return status 200 content-type text/plain string ok
frontend counts
  bind 127.0.0.1:COUNTS
  no log
  stats enable
  stats uri /
";

/// What HAProxy itself has counted at the frontend: 2xx, 4xx and all.
fn own_counts(port: u16) -> Option<[u64; 3]> {
    let csv = http::try_get(&format!("http://127.0.0.1:{port}/;csv"))?.body;
    let names: Vec<&str> = csv.lines().next()?.trim_start_matches("# ").split(',').collect();
    let row: Vec<&str> =
        csv.lines().find(|line| line.starts_with("fe,FRONTEND"))?.split(',').collect();
    let value = |name: &str| {
        let place = names.iter().position(|known| *known == name).unwrap();
        row[place].parse().unwrap()
    };
    Some(["hrsp_2xx", "hrsp_4xx", "req_tot"].map(value))
}

#[test]
fn lines_by_udp_add_up_to_what_haproxy_counts_and_name_whom_it_refuses() {
    let daemon = Daemon::start(
        "privacy: { personal: keep }\n\
         sources: { edge: [ { syslog: \"udp://127.0.0.1:0\", format: haproxy_http, tier: lb } ] }\n",
    );
    let syslog = daemon.syslog();
    let (_haproxy, (port, counts), before) = Component::start(
        "haproxy",
        |place| {
            let (port, counts) = (free_port(), free_port());
            let config = CONFIG.replace("PORT", &port.to_string());
            let config = config.replace("COUNTS", &counts.to_string()).replace("SYSLOG", &syslog);
            place.write("haproxy.cfg", config);
            let mut command = installed::server("haproxy");
            command.args(["-db", "-f", "haproxy.cfg"]);
            (command, (port, counts))
        },
        |_, (_, counts)| own_counts(*counts),
    );
    assert_eq!(before, [0, 0, 0]);
    let mut traffic = Traffic::default();
    let url = format!("http://127.0.0.1:{port}/");
    let long = format!("{url}?{}", "x".repeat(3_000));
    let names = ["EdgeRateLimited", "EdgeBlocked", "EdgeUriTooLong"];
    let [limited, blocked, too_long] = traffic.until_open(&daemon, names, |traffic| {
        for _ in 0..12 {
            traffic.send(3, &url);
        }
        for _ in 0..6 {
            assert_eq!(traffic.send(4, &url), 403);
            assert_eq!(traffic.send(5, &long), 414);
        }
    });
    assert_eq!(first_caller(&limited), "127.0.0.3");
    assert_eq!(first_caller(&blocked), "127.0.0.4");
    assert_eq!(first_caller(&too_long), "127.0.0.5");
    let answers: &BTreeMap<u16, u64> = &traffic.answers;
    counted(&daemon, "lb", || answers.clone());
    let good = answers[&200];
    let own = [good, traffic.requests() - good, traffic.requests()];
    wait::until("HAProxy has counted all", || (own_counts(counts)? == own).then_some(()));
}
