//! Receivers that are down, slow or refuse: what they are told, and when.

use super::*;

fn only(asked: &[String], host: &str) -> Vec<String> {
    asked.iter().filter(|line| line.contains(host)).cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_down_costs_the_other_nothing_and_hears_everything_when_it_is_back() {
    let stage = Stage::new(&cluster(), &[], |url, _, second| {
        status(if url.contains("//b") && second < 100 { 0 } else { 200 })
    });
    stage.show(&fires(&["f"]), 200).await;
    let asked = stage.asked();
    assert_eq!(
        only(&asked, "a:"),
        ["0 a: f+ 200", "60 a: f+ 200", "120 a: f+ 200", "180 a: f+ 200"]
    );
    let (failed, taken): (Vec<_>, Vec<_>) =
        only(&asked, "b:").into_iter().partition(|line| line.ends_with(" 0"));
    assert!((4..=20).contains(&failed.len()), "{failed:?}");
    let first: u64 = taken[0].split(' ').next().unwrap().parse().unwrap();
    assert!((100..=131).contains(&first), "{taken:?}");
    assert_eq!(stage.told(), ["alertmanager/a f+", "alertmanager/b f+"]);
    // The end is repeated for a quarter of an hour after it.
    stage.show(&is_over(&["f"]), 1_600).await;
    let ends = only(&stage.asked(), "a: f-");
    assert_eq!((ends[0].as_str(), ends[1].as_str()), ("200 a: f- 200", "260 a: f- 200"));
    let last: u64 = ends.last().unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((1_440..1_500).contains(&last), "{ends:?}");
    assert_eq!(stage.told().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_a_mixed_batch_only_the_bad_alert_is_dropped() {
    let stage =
        Stage::new(&json!([{"alertmanager": {"urls": ["http://a"]}}]), &[], |_, body, _| {
            let bad = body.as_array().unwrap().iter().any(|alert| alert["labels"]["id"] == "bad");
            status(if bad { 400 } else { 200 })
        });
    let incidents = fires(&["bad", "f", "g", "h", "i"]);
    stage.show(&incidents, 10).await;
    let asked = stage.asked();
    assert_eq!(
        asked.iter().filter(|line| line.as_str() == "0 a: bad+ 400").count(),
        1,
        "{asked:?}"
    );
    for good in ["f", "g", "h", "i"] {
        let taken = |line: &&String| line.contains(&format!(" {good}+")) && line.ends_with("200");
        assert_eq!(asked.iter().filter(taken).count(), 1, "{good} {asked:?}");
    }
    stage.show(&incidents, 60).await;
    // From then on the good ones go together, and nobody speaks of the bad one.
    assert_eq!(stage.asked(), ["61 a: f+ g+ h+ i+ 200"]);
    stage.show(&is_over(&["bad"]), 30).await;
    assert!(stage.asked().iter().all(|line| !line.contains("bad")));
}

#[tokio::test(start_paused = true)]
async fn the_end_is_never_told_before_the_beginning_was_taken() {
    let stage = Stage::new(&pagerduty(), &[], |_, body, second| {
        let busy = if body["event_action"] == "trigger" { 0..40 } else { 400..500 };
        status(if busy.contains(&second) { 500 } else { 202 })
    });
    // Each phase is longer than the longest wait of five minutes.
    stage.show(&fires(&["f"]), 400).await;
    stage.show(&is_over(&["f"]), 500).await;
    let asked = stage.asked();
    let taken = asked.iter().position(|line| line.ends_with("trigger f 202")).unwrap();
    let end = asked.iter().position(|line| line.contains("resolve")).unwrap();
    assert!(taken > 0 && taken < end, "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.ends_with("resolve f 202")).count(), 1);
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f-"]);
}

#[tokio::test(start_paused = true)]
async fn what_fires_again_while_its_end_is_not_answered_is_told_again() {
    // PagerDuty acts on the end, and its answer is lost.
    let stage = Stage::new(&pagerduty(), &[], |_, body, _| {
        status(if body["event_action"] == "resolve" { 0 } else { 202 })
    });
    stage.show(&fires(&["f"]), 10).await;
    stage.show(&is_over(&["f"]), 2).await;
    let mut again = (*about("f", State::Firing)).clone();
    again.id = "f-2".into();
    again.fired_at = again.fired_at.map(|at| at.plus_millis(11_000));
    let mut both = is_over(&["f"]);
    both.push(Arc::new(again));
    stage.show(&both, 300).await;
    let asked = stage.asked();
    let mut what: Vec<_> = asked.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    // The end may be tried again before the next beginning: when is a matter of luck.
    what.dedup();
    assert_eq!(
        what,
        ["pagerduty trigger f 202", "pagerduty resolve f 0", "pagerduty trigger f 202"],
        "{asked:?}"
    );
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f+"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_not_offered_again_and_its_end_is_not_told() {
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| status(if second < 300 { 400 } else { 202 }));
    stage.show(&fires(&["f"]), 200).await;
    stage.show(&is_over(&["f"]), 200).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 400"]);
    assert_eq!(stage.told(), [""; 0]);
    // The next incident of the same alert is a new chance.
    let mut again = (*about("f", State::Firing)).clone();
    again.id = "f-2".into();
    stage.show(&[Arc::new(again)], 5).await;
    assert_eq!(stage.asked(), ["400 pagerduty trigger f 202"]);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_refused_is_given_up_once() {
    let stage = Stage::new(&pagerduty(), &[], |_, body, _| {
        status(if body["event_action"] == "resolve" { 400 } else { 202 })
    });
    stage.show(&fires(&["f"]), 5).await;
    stage.show(&is_over(&["f"]), 100).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 202", "5 pagerduty resolve f 400"]);
    // A restart does not offer it again either.
    assert_eq!(stage.told(), ["pagerduty f+", "pagerduty f-"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_delays_no_other() {
    let both = json!([
        {"slack": {"webhook_url": "https://hooks.slack.com/s3cret"}},
        {"pagerduty": {"routing_key": "s3cret"}},
    ]);
    let stage = Stage::new(&both, &[], |url, _, _| Reply {
        after: if url.contains("slack") { 19 } else { 0 },
        ..status(200)
    });
    stage.show(&fires(&["f", "g"]), 10).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 200", "0 pagerduty trigger g 200"]);
    stage.show(&fires(&["f", "g"]), 60).await;
    assert_eq!(stage.asked(), ["0 slack Page 200", "20 slack Page 200"]);
}

#[tokio::test(start_paused = true)]
async fn slack_hears_one_message_a_second_and_its_retry_after_is_honoured() {
    let stage = Stage::new(&slack(), &[], |_, _, second| Reply {
        retry_after: Some(42),
        ..status(if second == 2 { 429 } else { 200 })
    });
    stage.show(&fires(&["a", "b", "c", "d", "e"]), 60).await;
    assert_eq!(
        stage.asked(),
        [
            "0 slack Page 200",
            "1 slack Page 200",
            "2 slack Page 429",
            "44 slack Page 200",
            "45 slack Page 200",
            "46 slack Page 200",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn pagerduty_waits_a_minute_when_it_is_asked_to_slow_down_without_a_time() {
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| status(if second < 60 { 429 } else { 202 }));
    stage.show(&fires(&["f"]), 120).await;
    assert_eq!(stage.asked(), ["0 pagerduty trigger f 429", "60 pagerduty trigger f 202"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_again_and_again_waits_behind_the_others() {
    let stage = Stage::new(&pagerduty(), &[], |_, body, _| {
        status(if body["dedup_key"] == "poison" { 500 } else { 202 })
    });
    stage.show(&fires(&["a poison", "poison"]), 1).await;
    drop(stage.asked());
    let mut all = fires(&["poison"]);
    all.extend(fires(&["x", "y"]));
    stage.show(&all, 20).await;
    let asked = stage.asked();
    let taken: Vec<_> = asked.iter().filter(|line| line.ends_with("202")).collect();
    assert!(
        taken.iter().any(|line| line.contains(" x "))
            && taken.iter().any(|line| line.contains(" y ")),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_login_page_is_no_sign_that_somebody_was_paged() {
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| Reply { page: second < 10, ..status(200) });
    stage.show(&fires(&["f"]), 60).await;
    let asked = stage.asked();
    assert!(asked.len() > 1 && asked[0] == "0 pagerduty trigger f 200", "{asked:?}");
    assert_eq!(stage.told(), ["pagerduty f+"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_told_is_closed_where_an_end_of_nothing_does_no_harm() {
    // Whether PagerDuty took it when it did not answer, nobody knows.
    let stage =
        Stage::new(&pagerduty(), &[], |_, _, second| status(if second < 60 { 0 } else { 202 }));
    stage.show(&fires(&["f"]), 50).await;
    stage.show(&is_over(&["f"]), 300).await;
    let asked = stage.asked();
    let taken: Vec<_> = asked.iter().filter(|line| line.ends_with(" 202")).collect();
    assert!(taken.len() == 1 && taken[0].ends_with("resolve f 202"), "{asked:?}");
    assert_eq!(stage.told(), ["pagerduty f-"]);
    // A process that died before it wrote down what it had told looks the same to the next one.
    // So does one that wrote down the end of an incident before, and died before it wrote down the next one's beginning.
    let told = [("pagerduty", "told", false), ("pagerduty", "again", false)];
    let stage = Stage::new(&pagerduty(), &told, |_, _, _| status(202));
    let mut over = is_over(&["f", "told", "again"]);
    Arc::make_mut(&mut over[1]).resolved_at = Some(Timestamp::from_millis(START));
    stage.show(&over, 60).await;
    let asked: Vec<_> =
        stage.asked().iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    assert_eq!(asked, ["pagerduty resolve again 202", "pagerduty resolve f 202"]);
}
