//! nginx with a rate limit, a deny list and short URIs, whose access log is followed and rotated.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use tokio::time::Instant;

use crate::component::{Component, Place, free_port};
use crate::daemon::Daemon;
use crate::traffic::{Traffic, counted, first_caller};
use crate::{http, installed};

/// What nginx grants each address: so many requests a second, and so many at once.
const RATE: f64 = 10.0;
const BURST: f64 = 20.0;

/// The callers: a careful one, one that asks for too much, one on the deny list, one with long URIs.
const CAREFUL: u8 = 2;
const GREEDY: u8 = 3;
const DENIED: u8 = 4;
const LONG: u8 = 5;

const CONFIG: &str = r#"
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;
events {}
http {
  log_format json escape=json '{"msec":$msec,"remote_addr":"$remote_addr","request_method":"$request_method","host":"$host",'
    '"request_uri":"$request_uri","status":$status,"request_time":$request_time}';
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  large_client_header_buffers 4 2k;
  # nginx limits before it denies: without a key nobody is limited.
  map $remote_addr $limited { 127.0.0.4 ""; default $binary_remote_addr; }
  limit_req_zone $limited zone=each:1m rate=10r/s;
  server {
    listen 127.0.0.1:PORT;
    access_log access.log json;
    root www;
    location = /counts { access_log off; stub_status; }
    location / { deny 127.0.0.4; limit_req zone=each burst=20 nodelay; limit_req_status 429; }
    location /free { }
  }
}
"#;

struct Nginx {
    component: Component,
    url: String,
    folder: std::path::PathBuf,
}

impl Nginx {
    fn start() -> Self {
        let (component, port, folder) = Component::start(
            "nginx",
            |place| {
                let port = free_port();
                fs::create_dir(place.path().join("www")).unwrap();
                place.write("www/index.html", "ok");
                place.write("www/free", "ok");
                place.write("nginx.conf", CONFIG.replace("PORT", &port.to_string()));
                let mut command = installed::server("nginx");
                command.arg("-p").arg(place.path()).args(["-e", "error.log", "-c", "nginx.conf"]);
                (command, port)
            },
            |place: &Place, port| {
                http::try_get(&format!("http://127.0.0.1:{port}/counts"))?;
                Some(place.path().to_owned())
            },
        );
        Self { component, url: format!("http://127.0.0.1:{port}"), folder }
    }

    /// Requests that nginx itself has counted but for those for this number: it is asked how often, `asked` times so far.
    fn requests(&self, asked: &mut u64) -> u64 {
        *asked += 1;
        let text = http::get(&format!("{}/counts", self.url)).body;
        let numbers: Vec<u64> =
            text.lines().nth(2).unwrap().split_whitespace().map(|n| n.parse().unwrap()).collect();
        numbers[2] - *asked
    }

    /// What logrotate does: the log gets another name, and nginx opens a new one.
    fn rotate(&self) {
        fs::rename(self.folder.join("access.log"), self.folder.join("access.log.1")).unwrap();
        let status =
            Command::new("kill").args(["-USR1", &self.component.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

/// Requests by code in all access logs of a folder.
fn logged(folder: &Path) -> BTreeMap<u16, u64> {
    let mut codes = BTreeMap::new();
    for name in ["access.log", "access.log.1"] {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let code = u16::try_from(line["status"].as_u64().unwrap()).unwrap();
            *codes.entry(code).or_default() += 1;
        }
    }
    codes
}

/// A caller that keeps close below its limit, by the clock of whoever calls: nginx, which hears of it later, grants more.
struct Careful {
    fill: f64,
    last: Instant,
}

impl Careful {
    fn call(&mut self, traffic: &mut Traffic, url: &str) {
        let now = Instant::now();
        self.fill = (self.fill - now.duration_since(self.last).as_secs_f64() * RATE).max(0.0);
        self.last = now;
        while self.fill < 0.9 * BURST {
            assert_eq!(traffic.send(CAREFUL, url), 200, "nothing is refused before the alert");
            self.fill += 1.0;
        }
    }
}

#[test]
fn a_limit_that_is_near_is_told_of_before_the_first_429_and_whom_nginx_refuses_after_it() {
    let nginx = Nginx::start();
    let log = nginx.folder.join("access.log*").display().to_string();
    let daemon = Daemon::start(&format!(
        "privacy: {{ personal: keep }}\n\
         sources: {{ edge: [ {{ path: \"{log}\", format: nginx_json, tier: web }} ] }}\n\
         edge: {{ tiers: [ {{ name: web, uri_limit: 2KiB }} ], limits: [ {{ name: each, key: client, quota: 10/s, burst: 20 }} ] }}\n"
    ));
    let mut traffic = Traffic::default();
    let root = format!("{}/", nginx.url);
    // As nginx does, the declared limit counts only what asks for pages that it limits: here all that is careful.
    let mut careful = Careful { fill: 0.0, last: Instant::now() };
    let near = ["EdgeLimitNear"];
    let [near] = traffic.until_open(&daemon, near, |traffic| careful.call(traffic, &root));
    assert_eq!(first_caller(&near), "127.0.0.2");
    assert_eq!(near["evidence"]["bad"], 0);
    assert!(!logged(&nginx.folder).contains_key(&429), "the alert came before the first refusal");

    let overlong = format!("{root}?{}", "x".repeat(3_000));
    let free = format!("{}/free", nginx.url);
    let names = ["EdgeRateLimited", "EdgeBlocked", "EdgeUriTooLong"];
    let mut rounds = 0;
    let [limited, blocked, too_long] = traffic.until_open(&daemon, names, |traffic| {
        rounds += 1;
        if rounds == 60 {
            nginx.rotate();
        }
        for _ in 0..12 {
            traffic.send(GREEDY, &root);
        }
        for _ in 0..6 {
            assert_eq!(traffic.send(DENIED, &root), 403);
            assert_eq!(traffic.send(LONG, &overlong), 414);
        }
        traffic.send(6, &free);
    });
    assert!(traffic.answers[&429] > 0, "{:?}", traffic.answers);
    assert_eq!(first_caller(&limited), "127.0.0.3");
    assert_eq!(first_caller(&blocked), "127.0.0.4");
    assert_eq!(first_caller(&too_long), "127.0.0.5");
    // Each is one client's, who is refused rightly.
    for one in [&limited, &blocked, &too_long] {
        assert_eq!(one["severity"], "ticket", "{one}");
    }
    assert_eq!(
        (&limited["evidence"]["users"], &blocked["evidence"]["users"]),
        (&1.into(), &1.into())
    );

    counted(&daemon, "web", || logged(&nginx.folder));
    assert_eq!(logged(&nginx.folder), traffic.answers);
    // The first request to nginx asked whether it was ready.
    let mut asked = 1;
    assert_eq!(nginx.requests(&mut asked), traffic.requests());
    assert_eq!(daemon.rejected("edge", "not_json"), 0);
}
