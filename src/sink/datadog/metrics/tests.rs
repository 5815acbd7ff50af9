mod edge;

use serde_json::{Value, json};

use super::super::stage::{
    Asked, EPOCH_SECONDS, Reply, Stage, config, config_with_key_file, window,
};
use super::*;

/// A sink that goes on from `mark`, given in seconds since the beginning.
fn start(stage: &mut Stage, config: &Config, mark: Option<i64>) {
    let mark = mark.map(|mark| u64::try_from(EPOCH_SECONDS + mark).unwrap());
    let own: Own = Arc::new(String::new);
    let inlet = stage.inlet.take().unwrap();
    let transport = stage.intake.clone();
    let sink = Metrics::new(config, mark, transport, inlet, stage.clock, own).unwrap().unwrap();
    stage.run(|snapshots, stop| sink.run(snapshots, stop));
}

fn publish(stage: &Stage, windows: &[Arc<ClosedWindow>], closed_until: i64) {
    let now = stage.clock.now();
    let windows = windows.to_vec();
    let closed_until_seconds = EPOCH_SECONDS + closed_until;
    let snapshot = Snapshot { now, windows, closed_until_seconds, ..Snapshot::default() };
    stage.publish.send_replace(Arc::new(snapshot));
}

/// `second status [timestamp=value …]` of the counts that were sent; gauges are left out.
fn sent(asked: &[Asked]) -> Vec<String> {
    let describe = |asked: &Asked| {
        assert_eq!(asked.url, "http://m/api/v2/series");
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        let series = body["series"].as_array().unwrap();
        let counts = series.iter().filter(|series| series["type"] == 1);
        let points: Vec<String> = counts
            .flat_map(|series| series["points"].as_array().unwrap())
            .map(|point| {
                let second = point["timestamp"].as_i64().unwrap() - EPOCH_SECONDS;
                format!("{second}={}", point["value"])
            })
            .collect();
        let Asked { second, status, .. } = asked;
        (!points.is_empty()).then(|| format!("{second} {status} {}", points.join(" ")))
    };
    asked.iter().filter_map(describe).collect()
}

#[tokio::test(start_paused = true)]
async fn each_closed_window_is_sent_once_with_its_own_time_and_recorded() {
    let mut stage = Stage::new(|_| 202.into());
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3), window(-30, 4)], -20);
    stage.pass(5).await;
    assert_eq!(sent(&stage.intake.asked()), ["0 202 -40=3", "0 202 -30=4"]);
    assert_eq!(stage.marks(), [-30, -20]);
    stage.pass(5).await;
    publish(&stage, &[window(-30, 4), window(-20, 5)], -10);
    stage.pass(5).await;
    assert_eq!(sent(&stage.intake.asked()), ["10 202 -20=5"], "what was sent is not sent again");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_after_the_last_window_that_was_taken() {
    let mut stage = Stage::new(|_| 202.into());
    start(&mut stage, &config(&json!({})), Some(-30));
    publish(&stage, &[window(-50, 1), window(-40, 3), window(-30, 4)], -20);
    stage.pass(3).await;
    assert_eq!(sent(&stage.intake.asked()), ["0 202 -30=4"]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_with_the_same_bytes_and_the_next_window_waits() {
    let statuses = [500, 503, 408, 0, 429].into_iter().cycle();
    let statuses = std::sync::Mutex::new(statuses);
    let mut stage = Stage::new(move |asked| {
        // Taken from the third minute on.
        let status = statuses.lock().unwrap().next().filter(|_| asked.second < 180);
        status.unwrap_or(202).into()
    });
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3), window(-30, 4)], -20);
    stage.pass(600).await;
    let asked: Vec<Asked> =
        stage.intake.asked().into_iter().filter(|asked| asked.body.contains("sessions")).collect();
    let (last, first): (Vec<_>, Vec<_>) =
        asked.into_iter().partition(|asked| asked.body.contains("1759999970"));
    assert!(first.len() > 5 && first.iter().all(|asked| asked.body == first[0].body), "same bytes");
    assert!(first[..first.len() - 1].iter().all(|asked| asked.status != 202));
    assert!(first.windows(2).all(|two| two[1].second - two[0].second <= 65), "64 s at most");
    assert_eq!(last.len(), 1);
    assert_eq!(stage.marks(), [-30, -20]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_is_waited_for() {
    let limited = Reply { retry_after: Some(120), ..Reply::from(429) };
    let mut stage = Stage::new(move |asked| if asked.second < 100 { limited } else { 202.into() });
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3)], -20);
    stage.pass(200).await;
    assert_eq!(sent(&stage.intake.asked()), ["0 429 -40=3", "120 202 -40=3"]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_login_page_is_no_sign_that_a_window_was_taken() {
    let page = Reply { body: "<!doctype html><title>Sign in</title>", ..Reply::from(200) };
    let mut stage = Stage::new(move |asked| if asked.second < 30 { page } else { 202.into() });
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3)], -20);
    stage.pass(29).await;
    assert_eq!(stage.marks(), [0; 0]);
    stage.pass(100).await;
    let sent = sent(&stage.intake.asked());
    assert!(sent.len() > 2 && sent.last().unwrap().ends_with(" 202 -40=3"), "{sent:?}");
    assert_eq!(stage.marks(), [-30]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_dropped_and_the_next_is_sent() {
    let mut stage =
        Stage::new(|asked| if asked.body.contains("1759999960") { 400.into() } else { 202.into() });
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3), window(-30, 4)], -20);
    stage.pass(3).await;
    assert_eq!(sent(&stage.intake.asked()), ["0 400 -40=3", "0 202 -30=4"]);
    assert_eq!(stage.marks(), [-30, -20]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_halved_until_it_fits_or_is_one_series() {
    // Three series of a connection: one alone is refused, whatever its company.
    let mut stage = Stage::new(|asked| {
        let series = asked.body.matches("\"metric\"").count();
        let refused = series > 1 || asked.body.contains("timed_out");
        if refused { 413.into() } else { 202.into() }
    });
    start(&mut stage, &config(&json!({})), None);
    let mut large = ClosedWindow::clone(&window(-40, 3));
    large.connections[0].counts.timed_out = 5;
    large.connections[0].counts.failed = 7;
    publish(&stage, &[Arc::new(large)], -20);
    stage.pass(3).await;
    let sent = sent(&stage.intake.asked());
    let want = [
        "0 413 -40=7 -40=5 -40=3",
        "0 202 -40=7",
        "0 413 -40=5 -40=3",
        "0 413 -40=5",
        "0 202 -40=3",
    ];
    assert_eq!(sent[..5], want);
    assert_eq!(stage.marks(), [-30], "and the window is done");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_holds_everything_until_a_new_one_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "old").unwrap();
    let mut stage = Stage::new(|asked| if asked.key == "old" { 403.into() } else { 202.into() });
    start(&mut stage, &config_with_key_file(&path), None);
    publish(&stage, &[window(-40, 3)], -20);
    stage.pass(100).await;
    let held = stage.intake.asked();
    assert!(held.len() > 2 && held.iter().all(|asked| asked.status == 403));
    // While the file is being written there may be no key at all.
    std::fs::write(&path, "").unwrap();
    stage.pass(100).await;
    assert_eq!((stage.intake.asked(), stage.marks()), (vec![], vec![]));
    std::fs::write(&path, "new\n").unwrap();
    stage.pass(100).await;
    let taken = stage.intake.asked();
    assert_eq!((taken[0].key.as_str(), &taken[0].body), ("new", &held[0].body));
    assert_eq!(stage.marks(), [-30]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_an_hour_old_is_given_up_and_never_sent() {
    let mut stage = Stage::new(|_| 202.into());
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-3_600, 1), window(-3_550, 2), window(-3_540, 3)], -20);
    stage.pass(3).await;
    assert_eq!(sent(&stage.intake.asked()), ["0 202 -3540=3"]);
    assert_eq!(stage.marks(), [-3_590, -3_540, -3_530]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_long_outage_the_last_hour_is_sent_and_the_rest_given_up() {
    let outage = Reply { after: 19, ..Reply::from(0) };
    let mut stage = Stage::new(move |asked| if asked.second < 7_200 { outage } else { 202.into() });
    start(&mut stage, &config(&json!({})), None);
    let windows: Vec<_> = (-4..720).map(|n| window(n * 10, 1)).collect();
    for second in 0..740 {
        let closed = second * 10 - 30;
        let until = usize::try_from(second + 1).unwrap().min(windows.len());
        publish(&stage, &windows[..until], closed);
        stage.pass(10).await;
    }
    let asked = stage.intake.asked();
    let taken: Vec<i64> = asked
        .iter()
        .filter(|asked| asked.status == 202 && asked.body.contains("sessions"))
        .map(|asked| {
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            body["series"][0]["points"][0]["timestamp"].as_i64().unwrap() - EPOCH_SECONDS
        })
        .collect();
    assert!((3_600..3_760).contains(&taken[0]), "{}", taken[0]);
    let every: Vec<i64> = (taken[0] / 10..720).map(|n| n * 10).collect();
    assert_eq!(taken, every, "each window once, none left out");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn trouble_that_lasts_is_recorded_and_only_that() {
    let mut stage = Stage::new(|asked| if asked.second < 100 { 403.into() } else { 202.into() });
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3)], -20);
    stage.pass(55).await;
    assert!(stage.troubles().is_empty());
    stage.pass(10).await;
    let troubles = stage.troubles();
    let words = troubles[0].as_deref().unwrap();
    for part in ["HTTP 403", "check `sinks.datadog.api_key`, and that `sinks.datadog.site` is"] {
        assert!(words.contains(part), "{words}");
    }
    assert!(!words.contains("key_1"), "{words}");
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_stops_nothing_and_is_told_later() {
    let mut stage = Stage::new(|_| 202.into());
    stage.journal_works.send_replace(false);
    start(&mut stage, &config(&json!({})), None);
    publish(&stage, &[window(-40, 3), window(-30, 4)], -20);
    stage.pass(3).await;
    assert_eq!(sent(&stage.intake.asked()).len(), 2);
    assert!(stage.marks().is_empty());
    stage.journal_works.send_replace(true);
    stage.pass(40).await;
    assert_eq!(stage.marks(), [-20]);
    stage.end().await;
}

#[tokio::test(start_paused = true)]
async fn gauges_are_sent_once_an_interval_and_nothing_before_the_engine_has_spoken() {
    let mut stage = Stage::new(|_| 202.into());
    start(&mut stage, &config(&json!({"gauges_interval": "30s"})), None);
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert_eq!(stage.intake.asked(), []);
    publish(&stage, &[], -20);
    stage.pass(85).await;
    let asked = stage.intake.asked();
    let seconds: Vec<_> = asked.iter().map(|asked| asked.second).collect();
    // The beginning lies 20 s into an interval.
    assert_eq!(seconds, [5, 10, 40, 70]);
    assert!(asked.iter().all(|asked| asked.body.contains("ssowatch.build_info")));
    stage.end().await;
}

/// (mark, interval, closed until) and (time of the point, end, starts of the windows).
type Case<'a> = ((i64, i64, i64), Option<(i64, i64, &'a [i64])>);

#[test]
fn an_interval_is_sent_when_all_of_it_is_closed_and_never_reaches_behind_the_mark() {
    let windows: Vec<_> = [-20, 0, 10, 50, 60].map(|start| window(start, 1)).into();
    let snapshot = |closed: i64| Snapshot {
        windows: windows.clone(),
        closed_until_seconds: EPOCH_SECONDS + closed,
        ..Snapshot::default()
    };
    let cases: [Case<'_>; 9] = [
        ((-99, 10, 60), Some((-20, -10, &[-20]))),
        ((-10, 10, 60), Some((0, 10, &[0]))),
        ((20, 10, 60), Some((50, 60, &[50]))),
        ((60, 10, 60), None),
        ((70, 10, 99), None),
        // The beginning lies 20 s into a minute.
        ((-10, 60, 39), None),
        ((-10, 60, 40), Some((-10, 40, &[0, 10]))),
        ((-20, 60, 40), Some((-20, 40, &[-20, 0, 10]))),
        ((40, 60, 100), Some((40, 100, &[50, 60]))),
    ];
    for ((mark, interval, closed), want) in cases {
        let got = group(&snapshot(closed), EPOCH_SECONDS + mark, interval);
        let got = got.map(|group| {
            let starts = group.windows.iter().map(|window| window.start_seconds - EPOCH_SECONDS);
            (group.at - EPOCH_SECONDS, group.until - EPOCH_SECONDS, starts.collect::<Vec<_>>())
        });
        let want = want.map(|(at, until, starts)| (at, until, starts.to_vec()));
        assert_eq!(got, want, "mark {mark}, interval {interval}, closed until {closed}");
    }
}
