use serde_json::{Value, json};

use super::super::fake::{Asked, NOW, Stage, answer, event, page};
use super::*;

const MINUTE: i64 = 60_000;

/// Runs a poller for `seconds`, as a start of the daemon does: it goes on from the cursor in the
/// journal.
async fn run(stage: &Stage, seconds: u64) {
    let (api, workos) = (stage.api(), stage.workos());
    let place = workos.cursor.as_deref().map(|text| Place::parse(text).unwrap());
    let poller = Poller::new(&api, &workos, place);
    let time = Duration::from_secs(seconds);
    assert!(
        tokio::time::timeout(time, poller.run()).await.is_err(),
        "it goes on until it is stopped"
    );
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("event_{n}")).collect()
}

/// `after=` and `range_start=` of what was asked, without the seconds.
fn places(stage: &Stage) -> Vec<String> {
    stage.fake.asked().iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_follow_each_other_and_then_the_interval() {
    let stage = Stage::new();
    for n in 0..250 {
        stage.fake.happen(n, -250_000 + i64::try_from(n).unwrap() * 1000);
    }
    run(&stage, 25).await;
    let want = [
        "0 range_start=2026-01-14T12:00:00.000Z",
        "0 after=event_99",
        "0 after=event_199",
        "10 after=event_249",
        "20 after=event_249",
    ];
    assert_eq!(stage.fake.asked(), want);
    let taken = stage.taken();
    assert_eq!((taken.ids, taken.duplicates), (ids(0..250), 0));
    assert_eq!(taken.cursor.as_deref(), Some("2026-01-15T11:59:59.000Z event_249"));
    assert_eq!(taken.caught_up, 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_behind_the_last_event() {
    let stage = Stage::new();
    stage.fake.happen(0, -1000);
    run(&stage, 5).await;
    stage.fake.happen(1, 6000);
    run(&stage, 5).await;
    assert_eq!(places(&stage), ["range_start=2026-01-14T12:00:00.000Z", "after=event_0"]);
    assert_eq!((stage.taken().ids, stage.taken().duplicates), (ids(0..2), 0));
    assert_eq!(stage.taken().caught_up, 2, "each start says when it has caught up");
}

#[tokio::test(start_paused = true)]
async fn an_environment_without_events_is_read_from_its_first_start_on() {
    let mut stage = Stage::new();
    stage.config.start = "2h".parse().unwrap();
    run(&stage, 5).await;
    // What happens while the daemon is down is read, however long that takes.
    tokio::time::advance(Duration::from_hours(5)).await;
    stage.fake.happen(0, 3 * 60 * MINUTE);
    run(&stage, 5).await;
    let begin = "range_start=2026-01-15T10:00:00.000Z";
    assert_eq!(places(&stage), [begin, begin]);
    assert_eq!(stage.taken().ids, ids(0..1));
}

#[tokio::test(start_paused = true)]
async fn a_backfill_of_90_days_goes_range_by_range_and_finds_everything() {
    let mut stage = Stage::new();
    stage.config.start = "90d".parse().unwrap();
    let day = 24 * 60 * MINUTE;
    let days = [-50, -20, -10, 0];
    for (n, days) in days.into_iter().enumerate() {
        stage.fake.happen(n, days * day);
    }
    run(&stage, 5).await;
    let want = [
        "range_start=2025-10-17T12:10:00.000Z range_end=2025-11-16T12:10:00.000Z",
        "range_start=2025-11-16T12:09:59.999Z range_end=2025-12-16T12:09:59.999Z",
        "range_start=2025-12-16T12:09:59.998Z",
    ];
    assert_eq!(places(&stage), want);
    assert_eq!((stage.taken().ids, stage.taken().duplicates), (ids(0..4), 0));
}

#[tokio::test(start_paused = true)]
async fn however_the_list_speaks_of_its_end_all_is_read_and_the_end_is_found() {
    type Style = fn(data: &[Value], last: bool) -> Value;
    fn last_id(data: &[Value]) -> Option<&str> {
        data.last()?["id"].as_str()
    }
    let styles: [(&str, usize, Style); 6] = [
        ("null at the end", 100, |data, last| page(data, last_id(data).filter(|_| !last))),
        ("always the last id", 100, |data, _| page(data, last_id(data))),
        ("always null", 100, |data, _| page(data, None)),
        ("absent", 100, |data, _| json!({"data": data})),
        ("metadata null", 100, |data, _| json!({"data": data, "list_metadata": null})),
        ("short pages", 7, |data, last| page(data, last_id(data).filter(|_| !last))),
    ];
    for (name, size, style) in styles {
        let all: Vec<_> =
            (0..300).map(|n| event(n, NOW - 400_000 + i64::try_from(n).unwrap())).collect();
        let give = move |_: &str, asked: &Asked, _| {
            let first = asked.get("after").map_or(0, |after| {
                1 + all.iter().position(|event| event["id"] == **after).unwrap()
            });
            let data = &all[first..all.len().min(first + size)];
            Some(answer(200, &style(data, first + data.len() == all.len()).to_string()))
        };
        let stage = Stage::with(give);
        run(&stage, 65).await;
        let taken = stage.taken();
        assert_eq!((taken.ids.len(), taken.duplicates, taken.caught_up), (300, 0, 1), "{name}");
        let asked = stage.fake.asked();
        let polls = asked.iter().filter(|line| line.ends_with("after=event_299")).count();
        assert!(
            (6..=7).contains(&polls),
            "{name}: an end is asked for once an interval: {asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_trickle_in_short_pages_that_name_more_is_asked_for_once_an_interval() {
    // Each request finds one new event, and the list always has an `after`.
    let trickle = |_: &str, _: &Asked, number: usize| {
        let at = NOW + i64::try_from(number).unwrap() * 10_000;
        let id = format!("event_{number}");
        Some(answer(200, &page(&[event(number, at)], Some(&id)).to_string()))
    };
    let stage = Stage::with(trickle);
    run(&stage, 95).await;
    assert_eq!(stage.fake.asked().len(), 10);
    assert_eq!(stage.taken().ids, ids(0..10));
}

#[tokio::test(start_paused = true)]
async fn catching_up_is_said_again_after_an_outage_and_not_after_a_hiccup() {
    for (outage, want) in [(2 * MINUTE, 1), (20 * MINUTE, 2)] {
        let begun = Instant::now();
        let down = move |_: &str, _: &Asked, _| {
            let second = i64::try_from(begun.elapsed().as_secs()).unwrap() * 1000;
            (MINUTE..MINUTE + outage).contains(&second).then(|| answer(503, ""))
        };
        let stage = Stage::with(down);
        run(&stage, 3600).await;
        assert_eq!(stage.taken().caught_up, want, "{outage} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_backfill_keeps_to_the_quota() {
    let mut stage = Stage::new();
    stage.config.requests_per_minute = 60;
    for n in 0..12_000 {
        stage.fake.happen(n, -60 * MINUTE + i64::try_from(n).unwrap());
    }
    run(&stage, 60).await;
    let asked = stage.fake.asked().len();
    assert!((60..=71).contains(&asked), "{asked}");
    run(&stage, 120).await;
    assert_eq!(stage.taken().ids, ids(0..12_000));
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_takes_deliveries() {
    let stage = Stage::new();
    stage.fake.happen(0, -1000);
    let (api, mut workos) = (stage.api(), stage.workos());
    (workos.inlet, _) = crate::journal::inlet(1);
    Poller::new(&api, &workos, None).run().await;
}

mod trouble;
