use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::super::super::fake::{Asked, NOW, Stage, answer, event, page};
use super::*;
use crate::event::Reason;
use crate::outbound::Answer;

#[tokio::test(start_paused = true)]
async fn old_events_that_are_refused_do_not_keep_the_newer_ones_away() {
    let refuse = |_: &str, asked: &Asked, _| {
        asked.get("range_end").map(|_| answer(422, r#"{"message":"range_start is too old"}"#))
    };
    let mut stage = Stage::with(refuse);
    stage.config.start = "60d".parse().unwrap();
    stage.fake.happen(0, -MINUTE);
    run(&stage, 5).await;
    assert_eq!(places(&stage)[1..], ["range_start=2025-12-16T12:10:00.000Z"]);
    assert_eq!(stage.taken().ids, ids(0..1));
}

/// What goes wrong, and how long until the next request.
type Failure = (&'static str, fn() -> Answer, std::ops::RangeInclusive<u64>);

#[tokio::test(start_paused = true)]
async fn failures_are_waited_out_and_cost_no_event() {
    fn asked(seconds: u64, body: &str) -> Answer {
        Answer { retry_after: Some(Duration::from_secs(seconds)), ..answer(429, body) }
    }
    let failures: [Failure; 9] = [
        ("told when, in JSON", || asked(17, r#"{"message":"Too many requests"}"#), 17..=17),
        ("told when, in bare text", || asked(5, "Ratelimited"), 5..=5),
        ("told to come back tomorrow", || asked(86_400, "Ratelimited"), 3600..=3600),
        ("not told when", || answer(429, "Ratelimited"), 0..=1),
        ("server error", || answer(503, "<html>"), 0..=1),
        ("time-out", || answer(0, ""), 0..=1),
        ("cut off", || answer(200, r#"{"object":"list","data":[{"id":"#), 0..=1),
        ("something else", || answer(200, r#"{"object":"list"}"#), 0..=1),
        ("a redirect", || answer(302, ""), 0..=1),
    ];
    for (name, failure, wait) in failures {
        let stage = Stage::with(move |_, _, number| (number == 0).then(failure));
        stage.fake.happen(0, -1000);
        run(&stage, 4000).await;
        let asked = stage.fake.asked();
        let second = asked[1].split_once(' ').unwrap().0.parse().unwrap();
        assert!(wait.contains(&second), "{name}: {second} s");
        assert_eq!((stage.taken().ids, stage.taken().duplicates), (ids(0..1), 0), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_down_is_asked_about_once_a_minute_until_it_is_back() {
    let hour = 3600;
    let stage = Stage::with(|_, _, _| Some(answer(500, "")));
    run(&stage, hour).await;
    let asked = stage.fake.asked().len();
    // The wait is random: between a quarter and the whole of a minute.
    assert!((60..=60 * 4 + 10).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_read_anew_and_holds_until_it_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let mut stage = Stage::new();
    stage.config.api_key = None;
    stage.config.api_key_file = Some(path.clone());
    stage.fake.happen(0, -1000);
    run(&stage, 120).await;
    assert_eq!(stage.fake.asked().len(), 0, "without a key nothing is asked");
    for key in ["sk_wrong", "two\nlines"] {
        std::fs::write(&path, key).unwrap();
        run(&stage, 120).await;
        assert_eq!(stage.taken().ids.len(), 0);
    }
    let poller = run(&stage, 120);
    let rotate = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        std::fs::write(&path, "sk_good\n").unwrap();
    };
    tokio::join!(poller, rotate);
    assert_eq!(stage.taken().ids, ids(0..1));
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_is_refused_is_replaced_by_its_time_and_counts_nothing_twice() {
    for status in [400, 404, 410, 422] {
        // The code is that of any refused request for events.
        let gone = move |_: &str, asked: &Asked, _| {
            (asked.get("after")? == "event_1").then(|| {
                answer(status, r#"{"message":"no such event","code":"invalid_events_request"}"#)
            })
        };
        let stage = Stage::with(gone);
        for n in 0..2 {
            stage.fake.happen(n, -5000);
        }
        run(&stage, 5).await;
        stage.fake.happen(2, 6000);
        run(&stage, 15).await;
        let want = [
            "range_start=2026-01-14T12:00:00.000Z",
            "after=event_1",
            "range_start=2026-01-15T11:58:55.000Z",
            "after=event_2",
        ];
        assert_eq!(places(&stage), want, "{status}");
        assert_eq!((stage.taken().ids, stage.taken().duplicates), (ids(0..3), 2), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_refuses_every_id_is_read_by_time_alone() {
    let refuse = |_: &str, asked: &Asked, _| {
        asked.get("after").map(|_| answer(422, r#"{"message":"after is refused"}"#))
    };
    let stage = Stage::with(refuse);
    for n in 0..2000 {
        stage.fake.happen(n, -200_000 + i64::try_from(n).unwrap() * 100);
    }
    run(&stage, 60).await;
    assert_eq!(stage.taken().ids, ids(0..2000));
    let asked = stage.fake.asked().len();
    assert!(asked <= 2 * 40, "two requests for each page, and few pages twice: {asked}");
}

/// How a list may say, or not say, that there is more; and whether a page is as full as it can be.
type Trick = Box<dyn Fn(&str, &Asked, usize) -> Option<Answer> + Send + Sync>;

#[tokio::test(start_paused = true)]
async fn an_api_that_goes_in_circles_is_not_hammered() {
    let full = |first: usize| -> Vec<_> {
        (first..first + 100).map(|n| event(n, NOW - 100_000 + i64::try_from(n).unwrap())).collect()
    };
    let same = full(0);
    let circle = [full(0), full(100)];
    let tricks: [(&str, usize, Trick); 3] = [
        (
            "the same page",
            100,
            Box::new(move |_, _, _| Some(answer(200, &page(&same, Some("event_99")).to_string()))),
        ),
        (
            "two pages in turn",
            200,
            Box::new(move |_, _, number| {
                Some(answer(200, &page(&circle[number % 2], Some("event_x")).to_string()))
            }),
        ),
        (
            "empty pages that name more",
            0,
            Box::new(|_, _, number| {
                Some(answer(200, &page(&[], Some(&format!("event_{number}"))).to_string()))
            }),
        ),
    ];
    for (name, events, trick) in tricks {
        let stage = Stage::with(trick);
        run(&stage, 600).await;
        assert_eq!(stage.taken().ids.len(), events, "{name}");
        let asked = stage.fake.asked().len();
        assert!(asked <= 60, "{name}: {asked} requests in ten minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_are_no_events_are_counted_once_and_passed() {
    let stage = Stage::new();
    let time = |at: i64| Timestamp::from_millis(NOW + at).to_string();
    for n in 0..150i64 {
        let item = match n % 3 {
            0 => json!({"id": format!("bad_{n}"), "created_at": time(n - 200_000)}),
            1 => {
                json!({"id": format!("bad_{n}"), "event": "a.b", "created_at": "yesterday", "data": {}})
            }
            _ => {
                json!({"id": format!("bad_{n}"), "event": "a.b", "created_at": time(3_600_000), "data": {}})
            }
        };
        stage.fake.happen_badly(n - 200_000, item);
    }
    stage.fake.happen(0, -1000);
    run(&stage, 60).await;
    assert_eq!(stage.taken().ids, ids(0..1));
    let want =
        [(Reason::NotAnEvent, 50), (Reason::BadTimestamp, 50), (Reason::FutureTimestamp, 50)];
    assert_eq!(stage.refused(), want);
    assert_eq!(stage.taken().cursor.as_deref(), Some("2026-01-15T11:59:59.000Z event_0"));
}

#[tokio::test(start_paused = true)]
async fn a_page_without_ids_is_passed_by_what_the_list_says() {
    let items: Vec<_> = (0..100).map(|_| json!({"event": 7})).collect();
    let trick = move |_: &str, asked: &Asked, _| {
        asked.get("range_start").map(|_| answer(200, &page(&items, Some("event_0")).to_string()))
    };
    let stage = Stage::with(trick);
    stage.fake.happen(0, -2000);
    stage.fake.happen(1, -1000);
    run(&stage, 60).await;
    assert_eq!(stage.taken().ids, ids(1..2));
    assert_eq!(stage.refused(), [(Reason::NotAnEvent, 100)]);
}

#[tokio::test(start_paused = true)]
async fn names_that_the_api_does_not_know_are_left_out_for_a_day() {
    let unknown = ["authentication.passkey_succeeded", "connection.saml_certificate_renewed"];
    let seen: Arc<Mutex<Vec<BTreeSet<String>>>> = Arc::default();
    let log = Arc::clone(&seen);
    let refuse = move |_: &str, asked: &Asked, _| {
        let names: BTreeSet<_> = asked["events"].split(',').map(str::to_owned).collect();
        log.lock().unwrap().push(names.clone());
        let first = unknown.iter().find(|name| names.contains(**name))?;
        let words = format!(
            "Invalid name parameter, received: '{first}'. You must pass in valid event names"
        );
        Some(answer(400, &json!({"message": words, "code": "invalid_events_request"}).to_string()))
    };
    let mut stage = Stage::with(refuse);
    stage.config.poll_interval = "10m".parse().unwrap();
    stage.fake.happen(0, -1000);
    run(&stage, 24 * 3600 + 700).await;
    assert_eq!(stage.taken().ids, ids(0..1));
    let counts: Vec<_> = seen.lock().unwrap().iter().map(BTreeSet::len).collect();
    assert_eq!(counts[..4], [23, 22, 21, 21]);
    assert_eq!(counts.iter().filter(|count| **count == 23).count(), 2, "tried again after a day");
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_is_full_costs_no_event() {
    let stage = Stage::new();
    stage.fake.happen(0, -1000);
    stage.works.send_replace(false);
    let recover = async {
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(stage.taken().cursor, None);
        stage.works.send_replace(true);
    };
    tokio::join!(run(&stage, 200), recover);
    assert_eq!((stage.taken().ids, stage.taken().duplicates), (ids(0..1), 0));
}

#[tokio::test(start_paused = true)]
async fn events_ahead_of_a_clock_that_is_behind_are_waited_for_and_a_single_wrong_one_is_passed() {
    let stage = Stage::new();
    let hour = 60 * MINUTE;
    for (n, at) in [(0, -1000), (1, 2 * hour), (2, -500), (3, hour), (4, hour)] {
        stage.fake.happen(n, at);
    }
    run(&stage, 600).await;
    assert_eq!(stage.taken().ids, ["event_0", "event_2"]);
    assert_eq!(stage.refused(), [(Reason::FutureTimestamp, 1)], "what was followed by others");
    assert_eq!(stage.taken().caught_up, 0, "there is more");
    // Time comes to them.
    run(&stage, 3_600).await;
    assert_eq!(stage.taken().ids, ["event_0", "event_2", "event_3", "event_4"]);
    assert_eq!(stage.refused(), []);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_does_not_answer_is_told_in_time_and_that_it_does_again_too() {
    for (status, page_at) in [(503, 300), (401, 60)] {
        let stage = Stage::with(move |_, _, number| (number > 0).then(|| answer(status, "{}")));
        // One answer, and then none: the waits between two tries grow to a minute.
        run(&stage, page_at + 30).await;
        let told: Vec<_> =
            stage.taken().health.into_iter().map(|one| one.map(|one| one.page)).collect();
        assert_eq!(told, [None, Some(false), Some(true)], "{status}");
        // A start that is answered says so: the process before may have died in trouble.
        let stage = Stage::new();
        run(&stage, 5).await;
        assert_eq!(stage.taken().health, [None]);
    }
}
