//! The status page in a real Chromium, through an incident: by keyboard alone, on a desk and a phone, light and dark.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::browser::{Browser, ENTER, TAB, WINDOWS};
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::recorder::Recorder;
use crate::{http, wait};

/// One rule with a threshold that a handful of events reaches, and no built-in one.
const RULES: &str = r#"
built_in_alerts: false
edge: { tiers: [ { name: api } ], limits: [ { name: per_client, key: client, quota: 5/s, burst: 5 } ] }
rules:
  - { name: ManyFailures, metric: failure_ratio, op: ">", value: 0.5, window: 5m, min_attempts: 4, for: 0s, keep_firing_for: 0s,
      severity: page, summary: "Too many sign-ins fail" }
"#;

/// The rules, and a pager that is told.
fn rules(pager: &Recorder) -> String {
    format!(
        "{RULES}receivers: [ {{ webhook: {{ url: \"{}/page\", name: pager }} }} ]\n",
        pager.url()
    )
}

/// What the alert's words say of work that was marked just before.
const BEGAN: &str = "It began about when work was marked: deploy 4711 at ";

/// What of a page is hard to read or to use, in words: text with too little contrast (WCAG AA), fields without a name, and what
/// is wider than the window.
const FLAWS: &str = r#"
const channel = c => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4 };
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const color = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length == 4 && n[3] == 0 ? null : n };
const behind = e => { for (; e; e = e.parentElement) { const c = color(getComputedStyle(e).backgroundColor); if (c) return c } return [255, 255, 255] };
const flaws = [];
for (const e of document.querySelectorAll("body *")) {
  if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
  const [a, b] = [light(color(getComputedStyle(e).color)), light(behind(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) flaws.push(`contrast ${ratio.toFixed(1)}: ${e.tagName} ${e.textContent.slice(0, 40)}`);
}
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (!e.ariaLabel && !e.labels.length) flaws.push(`no name: ${e.outerHTML}`);
for (const e of document.querySelectorAll("svg")) if (!e.ariaLabel) flaws.push("a drawing without words");
if (document.querySelectorAll("h1").length != 1) flaws.push("not one h1");
// Not innerWidth: a telephone zooms out until everything is in.
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) flaws.push(`${wide} px wider than the window`);
return flaws;
"#;

/// Sign-ins that ended as `name` says, each of another person, on `connection`.
fn sign_ins(daemon: &Daemon, name: &str, connection: &str, count: u32, of: &str) {
    let mut lines = String::new();
    for n in 0..count {
        let session = format!("{of}_{connection}_{n}");
        let at = now_millis() - i64::from(n) * 2_000;
        lines.push_str(&event("sso_started", Some(connection), &session, at - 14_000));
        lines.push_str(&event(name, Some(connection), &session, at));
    }
    daemon.push(&lines);
}

/// Connections with the names that people gave them.
const CUSTOMERS: [(&str, &str); 3] =
    [("conn_acme", "Acme Okta"), ("conn_globex", "Globex Entra ID"), ("conn_initech", "Initech")];

/// Names for the connections, as WorkOS gives them.
fn introduce(daemon: &Daemon, names: &[(&str, &str)]) {
    let mut lines = String::new();
    for (id, name) in names {
        let event = json!({"object": "event", "id": format!("event_{id}"), "event": "connection.activated",
            "created_at": "2026-01-15T12:00:00.000Z", "data": {"object": "connection", "id": id, "name": name,
            "connection_type": "OktaSAML", "organization_id": format!("org_{id}"), "state": "active"}});
        writeln!(lines, "{event}").unwrap();
    }
    daemon.push(&lines);
}

fn until_page_says(browser: &Browser, words: &str) {
    wait::until(words, || browser.text().contains(words).then_some(()));
}

/// Looks at each page in each window and colour, keeps pictures, and gives what is wrong.
fn look(browser: &Browser, daemon: &Daemon, pages: &[(&str, String)]) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("status-page");
    fs::create_dir_all(&folder).unwrap();
    let mut flaws = Vec::new();
    for (name, path) in pages {
        for window in WINDOWS {
            for dark in [false, true] {
                browser.look(window, dark);
                browser.open(&format!("{}{path}", daemon.admin));
                let place = format!("{name}-{}-{}", window.0, if dark { "dark" } else { "light" });
                fs::write(folder.join(format!("{place}.png")), browser.picture()).unwrap();
                let found = browser.run(FLAWS);
                let found = found.as_array().unwrap().iter();
                flaws.extend(found.map(|flaw| format!("{place}: {}", flaw.as_str().unwrap())));
            }
        }
    }
    browser.look(WINDOWS[0], false);
    flaws
}

#[test]
fn an_incident_is_seen_understood_silenced_and_over_by_keyboard_alone() {
    let told_of = Recorder::answering(200);
    let mut daemon = Daemon::start(&rules(&told_of));
    introduce(&daemon, &CUSTOMERS);
    for connection in ["conn_acme", "conn_globex", "conn_initech"] {
        sign_ins(&daemon, "sso_succeeded", connection, 12, "good");
    }
    let browser = Browser::start();
    browser.look(WINDOWS[0], false);
    browser.open(&format!("{}/", daemon.admin));
    until_page_says(&browser, "Sign-ins work as usual");

    // It opens while somebody looks: the page renews itself.
    let work = json!({"note": "deploy 4711", "author": "ci", "duration": "10m"});
    let request = http::client().post(format!("{}/api/v1/markers", daemon.admin));
    let marked =
        http::try_send(request.header("content-type", "application/json").body(work.to_string()));
    assert_eq!(marked.unwrap().status, 201);
    sign_ins(&daemon, "sso_failed", "conn_globex", 30, "bad");
    until_page_says(&browser, "1 incident needs somebody now");

    // Down to what it is, by keyboard.
    browser
        .tab_to("e.textContent == 'Skip to the content' || e.pathname?.startsWith('/incidents/')");
    browser.tab_to("e.pathname?.startsWith('/incidents/')");
    assert!(browser.shows_focus());
    browser.press(ENTER);
    wait::until("the incident's page", || browser.path().starts_with("/incidents/").then_some(()));
    let incident = browser.path();
    let text = browser.text();
    for words in
        ["Too many sign-ins fail", "Globex Entra ID", BEGAN, "Work was marked by ci", "30 of 42"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // The pager says so too.
    let told = wait::until("the pager is told", || {
        told_of.bodies("/page").into_iter().find(|body| body.to_string().contains("ManyFailures"))
    });
    assert!(told.to_string().contains(BEGAN), "{told}");
    browser.tab_to("e.textContent.startsWith('Report')");
    browser.press(ENTER);
    until_page_says(&browser, "# Incident report: ManyFailures");
    browser.open(&format!("{}{incident}", daemon.admin));

    // Silenced by keyboard.
    browser.tab_to("e.textContent == 'Silence it'");
    browser.press(ENTER);
    wait::until("the form", || (browser.path() == "/silences").then_some(()));
    browser.tab_to("e.name == 'matchers'");
    let labels = browser.run("return document.activeElement.value");
    assert_eq!(
        labels,
        "alertname=ManyFailures, connection_id=conn_globex, connection_type=OktaSAML"
    );
    browser.press(&format!("{TAB}the customer knows{TAB}Ada{TAB}{TAB}"));
    assert_eq!(browser.run("return document.activeElement.textContent"), "Silence");
    browser.press(ENTER);
    until_page_says(&browser, "the customer knows");
    browser.open(&format!("{}/", daemon.admin));
    until_page_says(&browser, "1 open incident, silenced");

    // An edge beside it, with a limit that somebody would meet.
    let mut lines = String::new();
    for n in 0..40 {
        let (at, status) = (now_millis() - n * 40, if n % 4 == 0 { 429 } else { 200 });
        writeln!(
            lines,
            "{{\"msec\":{}.{:03},\"remote_addr\":\"192.0.2.7\",\"request_method\":\"GET\",\"request_uri\":\"/x\",\"status\":{status}}}",
            at / 1000,
            at % 1000
        )
        .unwrap();
    }
    let edge = format!("{}/v1/edge?format=nginx_json&tier=api", daemon.intake);
    assert_eq!(http::post(&edge, lines).status, 200);
    browser.open(&format!("{}/edge", daemon.admin));
    until_page_says(&browser, "Callers held to per_client, 40 requests in all");

    let pages = [
        ("edge", "/edge".to_owned()),
        ("front", "/".to_owned()),
        ("incident", incident.clone()),
        ("connection", "/connections/conn_globex".into()),
        ("sign-ins", "/sessions?connection=conn_globex&status=failed".into()),
        ("sign-in", "/sessions/bad_conn_globex_0".into()),
        ("silences", "/silences?labels=tier%3Dweb#new".into()),
    ];
    wait::until("the archive is up", || {
        let found = http::get(&format!("{}/api/v1/sessions?id=bad_conn_globex_29", daemon.admin));
        (found.json()["sessions"][0]["status"] == "failed").then_some(())
    });
    let flaws = look(&browser, &daemon, &pages);
    assert!(flaws.is_empty(), "{flaws:#?}");

    // Neither the silence nor the search is lost with the process.
    daemon.kill();
    daemon.start_again();
    browser.open(&format!("{}/", daemon.admin));
    until_page_says(&browser, "1 open incident, silenced");
    let silences = http::get(&format!("{}/api/v1/silences", daemon.admin)).json();
    assert_eq!(silences["silences"][0]["reason"], "the customer knows");
    let email = format!("{}/api/v1/sessions?email=bad_conn_globex_3@example.com", daemon.admin);
    let found: Value = http::get(&email).json();
    assert_eq!(found["sessions"][0]["id"], "bad_conn_globex_3", "{found}");

    // And it is over.
    sign_ins(&daemon, "sso_succeeded", "conn_globex", 60, "again");
    until_page_says(&browser, "Resolved lately");
    assert!(browser.text().contains("Sign-ins work as usual"), "{}", browser.text());
    browser.open(&format!("{}{incident}", daemon.admin));
    assert!(browser.text().contains("It counted as resolved"), "{}", browser.text());
}

/// How many lines each provider of the list takes.
const PROVIDER_LINES: &str = r#"
return [...document.querySelectorAll("td.kind")].map(e => {
  const range = document.createRange();
  range.selectNodeContents(e);
  return new Set([...range.getClientRects()].map(r => Math.round(r.top))).size;
});
"#;

#[test]
fn names_of_any_length_stay_on_the_page_and_providers_are_whole() {
    let fleet = "built_in_alerts: false\nrules:\n  - { name: Many, metric: failures, op: \">\", value: 3, window: 5m, scope: fleet, for: 0s, severity: page }\n";
    let daemon = Daemon::start(fleet);
    let (long, words) = ("W".repeat(200), "Very Long Name ".repeat(13));
    let names = [("conn_long", &*long), ("conn_words", &words), ("conn_acme", "Acme")];
    introduce(&daemon, &names);
    for (connection, _) in names {
        sign_ins(&daemon, "sso_failed", connection, 9, "bad");
    }
    let browser = Browser::start();
    browser.open(&format!("{}/", daemon.admin));
    until_page_says(&browser, "1 incident needs somebody now");
    let incidents = http::get(&format!("{}/api/v1/incidents", daemon.admin)).json();
    let incident = &incidents["incidents"][0];
    assert!(incident["description"].as_str().unwrap().contains(&long), "{incident}");
    let pages = [
        ("long-front", "/".to_owned()),
        ("long-incident", format!("/incidents/{}", incident["id"].as_str().unwrap())),
        ("long-connection", "/connections/conn_long".into()),
        ("long-sign-ins", "/sessions".into()),
    ];
    let flaws = look(&browser, &daemon, &pages);
    assert!(flaws.is_empty(), "{flaws:#?}");
    for width in [1280, 1400] {
        browser.look(("desktop", width, 900), false);
        browser.open(&format!("{}/", daemon.admin));
        assert_eq!(browser.run(PROVIDER_LINES), json!([1, 1, 1]), "{width}");
    }
}

#[test]
fn pages_work_without_a_script_and_a_browser_signs_in_where_a_token_is_needed() {
    let daemon = Daemon::start("");
    sign_ins(&daemon, "sso_succeeded", "conn_acme", 5, "good");
    let browser = Browser::start();
    browser.chromium("Emulation.setScriptExecutionDisabled", &json!({"value": true}));
    browser.open(&format!("{}/", daemon.admin));
    wait::until("the connection is listed", || {
        browser.open(&format!("{}/?q=acme", daemon.admin));
        browser.text().contains("1 to 1 of 1").then_some(())
    });
    browser.chromium("Emulation.setScriptExecutionDisabled", &json!({"value": false}));

    let daemon = Daemon::start_with_admin("token: secret-of-the-tests", "");
    browser.open(&format!("{}/incidents", daemon.admin));
    wait::until("the form", || (browser.path() == "/login").then_some(()));
    browser.press(&format!("wrong{ENTER}"));
    until_page_says(&browser, "This is not the token.");
    browser.press(&format!("secret-of-the-tests{ENTER}"));
    wait::until("the page that was asked for", || (browser.path() == "/incidents").then_some(()));
    assert_eq!(browser.run("return document.cookie"), "", "a script sees the cookie");
    browser.open(&format!("{}/", daemon.admin));
    assert!(browser.text().contains("Nothing has been heard yet"), "{}", browser.text());
    browser.tab_to("e.textContent == 'Sign out'");
    browser.press(ENTER);
    wait::until("the form again", || (browser.path() == "/login").then_some(()));
    browser.open(&format!("{}/incidents", daemon.admin));
    assert_eq!(browser.path(), "/login");
}
