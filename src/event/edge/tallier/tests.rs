use std::fmt::Write;

use super::*;
use crate::event::Treatment;
use crate::event::edge::{Arrivals, FormatConfig, Internal, Key, PathPattern, Tier, Watch};

const NOW: Timestamp = Timestamp::from_millis(1_795_310_000_000);

fn privacy() -> Privacy {
    Privacy::new(Treatment::Keep, b"key")
}

fn adder_of(scheme: Scheme, format: &str, tier: Option<&str>) -> Tallier {
    Tallier::new(Arc::new(scheme), format, tier, privacy()).unwrap()
}

fn watch(name: &str, key: &str) -> Watch {
    Watch {
        name: name.into(),
        key: Key::parse(key).unwrap(),
        tier: None,
        paths: Vec::new(),
        internal: None,
        shown: false,
    }
}

fn scheme(watches: Vec<Watch>) -> Scheme {
    let internal = Internal::new(["10.0.0.0/8", "header:X-Caller"].into_iter()).unwrap();
    let tier = Tier::new("api", &[], &["/api/*".into()], &["/api/orders/:id".into()], 100).unwrap();
    Scheme::new(&[], vec![tier], internal, watches).unwrap()
}

#[test]
fn a_log_of_a_real_server_adds_up() {
    let log = include_str!("../../../../tests/fixtures/edge/nginx-json.sample.log");
    let mut adder = adder_of(scheme(vec![watch("per_client", "client")]), "nginx_json", None);
    let refused: Vec<_> = log
        .lines()
        .filter_map(|line| adder.add(line.as_bytes(), NOW).err())
        .map(|rejection| rejection.reason)
        .collect();
    assert_eq!(refused, [Reason::NotJson]);
    let mut text = String::new();
    for tally in adder.take() {
        writeln!(text, "{}", serde_json::to_string_pretty(&tally).unwrap()).unwrap();
    }
    insta::assert_snapshot!("nginx_json", text);
    assert!(adder.take().is_empty());
}

fn line(at: &str, client: &str, uri: &str, status: u16, more: &str) -> String {
    format!(
        r#"{{"msec":{at},"remote_addr":"{client}","request_method":"GET","request_uri":"{uri}","status":{status}{more}}}"#
    )
}

#[test]
fn callers_are_told_apart_however_their_address_is_written() {
    let mut adder = adder_of(scheme(Vec::new()), "nginx_json", None);
    let lines = [
        line("1795309896.1", "192.0.2.1", "/api/orders/17", 429, ""),
        line("1795309896.2", "192.0.2.1:4711", "/api/orders/18", 429, ""),
        line("1795309896.3", "::ffff:192.0.2.1", "/api/x", 403, ""),
        line("1795309896.4", "198.51.100.1, 203.0.113.9, 10.0.0.3", "/api/x", 429, ""),
        line("1795309896.5", "10.0.0.7", "/api/x", 200, ""),
        line("1795309896.6", "203.0.113.9", "/api/x", 200, r#","http_x_caller":"billing""#),
        line("1795309896.7", "-", "/api/x", 200, ""),
    ];
    for line in &lines {
        adder.add(line.as_bytes(), NOW).unwrap();
    }
    let tallies = adder.take();
    let [tally] = &*tallies else { panic!("{tallies:?}") };
    let callers: Vec<_> = tally
        .callers
        .iter()
        .map(|caller| (caller.name.as_str(), caller.requests, caller.limited, caller.blocked))
        .collect();
    assert_eq!(callers, [("10.0.0.7", 1, 0, 0), ("192.0.2.1", 3, 2, 1), ("203.0.113.9", 2, 1, 0)]);
    assert_eq!((tally.limited.estimate(), tally.blocked.estimate()), (2, 1));
    let internal: u64 =
        tally.cells.iter().filter(|(kind, _)| kind.internal).map(|(_, count)| count).sum();
    assert_eq!((internal, tally.requests()), (2, 7));
    assert_eq!((&*tally.tier, &*tally.cells[0].0.route), ("api", "/api/orders/:id"));
}

#[test]
fn a_client_with_many_addresses_of_one_network_is_one_client() {
    let watches = vec![watch("per_client", "client")];
    let internal = Internal::new(["fd00::/8"].into_iter()).unwrap();
    let scheme = Scheme::new(&[], Vec::new(), internal, watches).unwrap();
    let mut adder = adder_of(scheme, "nginx_json", None);
    for client in [
        "2001:db8:77:1::1",
        "[2001:db8:77:1:ffff:1:2:3]:443",
        "2001:db8:77:2::1",
        "fd00::1",
        "fd00::2",
    ] {
        adder.add(line("1795309896.1", client, "/", 429, "").as_bytes(), NOW).unwrap();
    }
    let tally = adder.take().remove(0);
    let callers = tally.callers.iter().map(|caller| (caller.name.as_str(), caller.limited));
    let want =
        [("2001:db8:77:1::/64", 2), ("2001:db8:77:2::/64", 1), ("fd00::1", 1), ("fd00::2", 1)];
    assert_eq!(callers.collect::<Vec<_>>(), want);
    assert_eq!((tally.limited.estimate(), tally.limits[0].keys.len()), (4, 4));
}

#[test]
fn limits_count_their_own_requests_by_their_own_key() {
    let only_orders = Watch {
        paths: vec![PathPattern::new("/api/orders/*").unwrap()],
        internal: Some(false),
        ..watch("orders", "client")
    };
    let shown = Watch { shown: true, ..watch("callers", "internal") };
    let watches =
        vec![only_orders, watch("keys", "header:X-Api-Key"), shown, watch("accounts", "account")];
    let mut adder = adder_of(scheme(watches), "nginx_json", None);
    let key = r#","http_x_api_key":"secret""#;
    let lines = [
        line("1795309896.1", "192.0.2.1", "/api/orders/17", 200, key),
        line("1795309896", "192.0.2.1", "/api/orders/18", 200, key),
        line("1795309896.1", "192.0.2.1", "/api/x", 200, r#","remote_user":"ann""#),
        line("1795309896.1", "10.0.0.1", "/api/orders/18", 200, ""),
        line("1795309896.1", "192.0.2.9", "/api/orders/18", 200, r#","http_x_caller":"billing""#),
    ];
    for line in &lines {
        adder.add(line.as_bytes(), NOW).unwrap();
    }
    let tallies = adder.take();
    let told: Vec<_> = tallies[0]
        .limits
        .iter()
        .flat_map(|limit| {
            limit.keys.iter().map(|(key, arrivals)| (&*limit.limit, key.as_str(), *arrivals))
        })
        .collect();
    let at = |slots: u32, even| {
        let mut arrivals = Arrivals { even, ..Arrivals::default() };
        arrivals.slots[1] = slots;
        arrivals
    };
    let hashed = privacy().conceal("secret").unwrap();
    assert!(hashed.as_str().starts_with("h:"), "a key that opens something is never kept");
    let want = [
        ("accounts", "ann", at(1, 0)),
        ("callers", "10.0.0.1", at(1, 0)),
        ("callers", "billing", at(1, 0)),
        ("keys", hashed.as_str(), at(1, 1)),
        ("orders", "192.0.2.1", at(1, 1)),
    ];
    assert_eq!(told, want);
}

#[test]
fn when_personal_data_is_dropped_nobody_is_named_or_counted() {
    let scheme = Arc::new(scheme(vec![watch("per_client", "client")]));
    let privacy = Privacy::new(Treatment::Drop, b"key");
    let mut adder = Tallier::new(scheme, "nginx_json", None, privacy).unwrap();
    adder.add(line("1795309896", "10.0.0.1", "/x", 429, "").as_bytes(), NOW).unwrap();
    let tallies = adder.take();
    assert!(tallies[0].callers.is_empty() && tallies[0].limits.is_empty());
    assert!(tallies[0].limited.is_empty() && tallies[0].cells[0].0.internal);
}

#[test]
fn rubbish_costs_no_good_line() {
    let mut adder = adder_of(Scheme::default(), "nginx_combined", Some("web"));
    let good: &[u8] = b"192.0.2.1 - - [22/Nov/2026:01:11:36 +0000] \"GET /\xff\xfe HTTP/1.1\" 400 3 \"-\" \"\xff\"";
    let long = [
        b"192.0.2.1 - - [22/Nov/2026:01:11:36 +0000] \"GET /",
        &*b"a".repeat(100_000),
        b" HTTP/1.1\" 414 1",
    ]
    .concat();
    let taken = String::from_utf8(long.clone()).unwrap().replace(" 414 ", " 200 ");
    let cases: [(&[u8], Option<Reason>); 8] = [
        (good, None),
        (b"", Some(Reason::NotALine)),
        (b"\0\x16\x03\x01", Some(Reason::NotALine)),
        (&good[..50], Some(Reason::NotALine)),
        // Refused as too long: it does not count as nearly so besides.
        (&long, None),
        (taken.as_bytes(), None),
        (
            b"1 - - [22/Nov/2030:01:11:36 +0000] \"GET / HTTP/1.1\" 200 3",
            Some(Reason::FutureTimestamp),
        ),
        (br#"{"msec":1795309896,"status":200}"#, Some(Reason::NotALine)),
    ];
    for (line, want) in cases {
        let reason = adder.add(line, NOW).err().map(|rejection| rejection.reason);
        assert_eq!(reason, want, "{}", String::from_utf8_lossy(&line[..line.len().min(60)]));
    }
    let tallies = adder.take();
    assert_eq!((tallies.len(), tallies[0].requests(), tallies[0].long_uris), (1, 3, 1));
    assert_eq!(&*tallies[0].tier, "web");
}

#[test]
fn floods_of_callers_paths_and_seconds_stay_within_the_memory_and_are_all_counted() {
    let mut adder = adder_of(scheme(vec![watch("per_client", "client")]), "nginx_json", None);
    adder.remembered_max = 2_000;
    let lines = 8_000u32;
    for n in 0..lines {
        let client = std::net::Ipv4Addr::from(n.wrapping_mul(2_654_435_761));
        let at = 1_795_000_000 + n % 1_500;
        let text = line(&at.to_string(), &client.to_string(), &format!("/p{n:x}q"), 429, "");
        adder.add(text.as_bytes(), NOW).unwrap();
        assert!(adder.callers.len() <= 2_000 && adder.places.len() <= 2_000);
        assert!(adder.open.len() <= OPEN_MAX);
    }
    let tallies = adder.take();
    assert_eq!(tallies.len(), 1_500);
    assert_eq!(tallies.iter().map(EdgeTally::requests).sum::<u64>(), u64::from(lines));
    let mut all = crate::event::edge::Distinct::default();
    for tally in &tallies {
        all.merge(&tally.limited);
    }
    let estimate = all.estimate();
    // Four standard errors.
    assert!(estimate.abs_diff(u64::from(lines)) < u64::from(lines) / 10, "{estimate}");
}

#[test]
fn an_unknown_format_or_a_tier_that_is_no_name_is_refused_in_words() {
    let scheme = Arc::new(Scheme::default());
    let new =
        |format, tier| Tallier::new(Arc::clone(&scheme), format, tier, privacy()).unwrap_err();
    assert!(new("apache", None).contains("known are nginx_combined, nginx_json"));
    assert!(new("nginx_json", Some("a b")).contains("1 to 64 letters"));
    let own: FormatConfig =
        serde_json::from_str(r#"{"name":"own","pattern":"$client [$time] $status"}"#).unwrap();
    let scheme = Scheme::new(&[own], Vec::new(), Internal::default(), Vec::new()).unwrap();
    let mut adder = adder_of(scheme, "own", None);
    adder.add(b"192.0.2.1 [1795309896] 200", NOW).unwrap();
}

/// Logs of real servers.
const LOGS: [(&str, &str); 5] = [
    ("nginx_combined", include_str!("../../../../tests/fixtures/edge/nginx-combined.sample.log")),
    ("nginx_json", include_str!("../../../../tests/fixtures/edge/nginx-json.sample.log")),
    ("caddy_json", include_str!("../../../../tests/fixtures/edge/caddy-json.sample.log")),
    ("haproxy_http", include_str!("../../../../tests/fixtures/edge/haproxy-http.sample.log")),
    ("haproxy_json", include_str!("../../../../tests/fixtures/edge/haproxy-json.sample.log")),
];

proptest::proptest! {
    /// Damaged lines of every server before every format.
    #[test]
    fn property_test_any_bytes_count_once_or_are_refused(
        format in 0usize..8, log in 0usize..5,
        damage in proptest::collection::vec((0usize..14, 0usize..400, proptest::num::u8::ANY), 0..60),
        garbage in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
    ) {
        let mut lines: Vec<Vec<u8>> = LOGS[log].1.lines().map(|line| line.as_bytes().to_vec()).collect();
        for (line, place, byte) in damage {
            let count = lines.len();
            if let Some(place) = lines[line % count].get_mut(place) {
                *place = byte;
            }
        }
        lines.push(garbage);
        let name = Format::names().nth(format).unwrap();
        let mut adder = adder_of(scheme(vec![watch("per_client", "client")]), name, None);
        let taken = lines.iter().filter(|line| adder.add(line, NOW).is_ok()).count();
        let counted: u64 = adder.take().iter().map(EdgeTally::requests).sum();
        proptest::prop_assert_eq!(counted, taken as u64);
    }

    /// A tallier that remembers much, little or nothing: each line alone, merged.
    #[test]
    fn property_test_what_is_remembered_changes_nothing(
        lines in proptest::collection::vec((0usize..3, 0usize..6, 0usize..8, 0usize..6), 1..60),
        remembered in 2usize..12,
    ) {
        let clients = ["192.0.2.1", "192.0.2.1:80", "::ffff:192.0.2.1", "10.0.0.1", "192.0.2.9, 10.0.0.1", "-"];
        let paths = ["/api/orders/17", "/api/orders/18", "/api/x", "/pages/17/view", "/pages/view", "/", "/api/orders/17/", "*"];
        let watches = || vec![watch("per_client", "client"), watch("callers", "internal")];
        let new = || adder_of(scheme(watches()), "nginx_json", None);
        let (mut much, mut little) = (new(), new());
        little.remembered_max = remembered;
        let mut alone: std::collections::BTreeMap<_, EdgeTally> = std::collections::BTreeMap::new();
        for (second, client, path, status) in lines {
            let at = ["1795309896", "1795309896.5", "1795309897"][second];
            let status = [200, 404, 429, 403, 414, 500][status];
            let text = line(at, clients[client], paths[path], status, "");
            for adder in [&mut much, &mut little] {
                adder.add(text.as_bytes(), NOW).unwrap();
            }
            let mut one = new();
            one.add(text.as_bytes(), NOW).unwrap();
            for tally in one.take() {
                let key = (tally.second, tally.tier.clone());
                alone.entry(key).and_modify(|sum| sum.merge(&tally)).or_insert(tally);
            }
        }
        let alone: Vec<_> = alone.into_values().collect();
        proptest::prop_assert_eq!(&much.take(), &alone);
        proptest::prop_assert_eq!(&little.take(), &alone);
    }
}
