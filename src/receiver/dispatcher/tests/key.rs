//! A receiver's key that stands in a file, and changes: another key is another place.

use super::*;

/// A PagerDuty whose key stands in a file.
fn with_key_file(file: &std::path::Path) -> Value {
    json!([{"pagerduty": {"routing_key_file": file}}])
}

#[tokio::test(start_paused = true)]
async fn a_service_with_another_key_is_told_what_is_open_and_not_what_the_one_before_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "key-1").unwrap();
    let receivers = with_key_file(&file);
    let stage = Stage::new(&receivers, &[], |_, body, second| {
        let right = body["routing_key"] == if second < 10 { "key-1" } else { "key-2" };
        status(if right { 202 } else { 500 })
    });
    let both = fires(&["over", "open"]);
    stage.show(&both, 10).await;
    let first = stage.records();
    std::fs::write(&file, "key-2").unwrap();
    stage.show(&both, 10).await;
    let asked = [
        "0 pagerduty trigger open 202",
        "0 pagerduty trigger over 202",
        "10 pagerduty trigger open 202",
        "10 pagerduty trigger over 202",
    ];
    assert_eq!(stage.asked(), asked);
    let all: Vec<_> = first.iter().cloned().chain(stage.records()).collect();
    // The key changes while nobody runs: what the journal has was told with another one.
    let restarted = Stage::after(&receivers, first, |_, _, _| status(202));
    restarted.show(&fires(&["open"]), 5).await;
    assert_eq!(restarted.asked(), ["0 pagerduty trigger open 202"]);
    // What the present place was told is told once.
    let restarted = Stage::after(&receivers, all, |_, _, _| status(202));
    restarted.show(&both, 5).await;
    assert_eq!(restarted.asked(), [""; 0]);
    // Nobody knows what a record without a mark was told with: it is taken as it is.
    // An earlier build's mark is no incident.
    let told = [("pagerduty", "open", true), ("pagerduty", "destination:00c0ffee00c0ffee", true)];
    let stage = Stage::new(&receivers, &told, |_, _, _| status(202));
    stage.show(&fires(&["open"]), 5).await;
    assert_eq!(stage.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_before_a_service_with_another_key_takes_what_is_open_tells_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let receivers = with_key_file(&file);
    for journal_works in [true, false] {
        std::fs::write(&file, "key-1").unwrap();
        let stage = Stage::new(&receivers, &[], |_, body, _| {
            status(if body["routing_key"] == "key-1" { 202 } else { 500 })
        });
        stage.show(&fires(&["f"]), 10).await;
        let mut records = stage.records();
        // What the first is told now reaches the journal no sooner than what the second is told.
        stage.journal_works.send_replace(journal_works);
        stage.show(&fires(&["f", "g"]), 3).await;
        std::fs::write(&file, "key-2").unwrap();
        stage.show(&fires(&["f", "g"]), 10).await;
        stage.journal_works.send_replace(true);
        stage.show(&fires(&["f", "g"]), 20).await;
        records.extend(stage.records());
        let restarted = Stage::after(&receivers, records, |_, _, _| status(202));
        restarted.show(&fires(&["f", "g"]), 5).await;
        restarted.show(&is_over(&["f", "g"]), 5).await;
        let asked = [
            "0 pagerduty trigger f 202",
            "0 pagerduty trigger g 202",
            "5 pagerduty resolve f 202",
            "5 pagerduty resolve g 202",
        ];
        assert_eq!(restarted.asked(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn what_ended_before_the_key_changed_is_nothing_to_the_next_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "key-1").unwrap();
    let stage = Stage::new(&with_key_file(&file), &[], |_, body, _| {
        status(if body["event_action"] == "trigger" { 202 } else { 500 })
    });
    stage.show(&fires(&["f"]), 10).await;
    stage.show(&is_over(&["f"]), 1).await;
    drop(stage.asked());
    std::fs::write(&file, "key-2").unwrap();
    stage.show(&is_over(&["f"]), 300).await;
    assert_eq!(stage.asked(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_not_read_while_there_is_nothing_to_tell() {
    let stage = Stage::new(&pagerduty(), &[], |_, _, _| status(202));
    let mut ticket = incident("ticket", State::Firing);
    ticket.severity = Severity::Ticket;
    stage.show(&[about("f", State::Pending), Arc::new(ticket)], 10).await;
    assert_eq!(stage.records(), []);
    stage.show(&fires(&["f"]), 5).await;
    assert_eq!(stage.records().len(), 2, "what was told, and where");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_held_and_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let receivers = json!([{"pagerduty": {"routing_key_file": path}}]);
    let stage = Stage::new(&receivers, &[], |_, body, _| {
        status(if body["routing_key"] == "new" { 202 } else { 403 })
    });
    // Not there, then wrong, then right.
    stage.show(&fires(&["f"]), 5).await;
    assert_eq!(stage.asked(), [""; 0]);
    std::fs::write(&path, "old").unwrap();
    stage.show(&fires(&["f"]), 60).await;
    let asked = stage.asked();
    assert!(!asked.is_empty() && asked.iter().all(|line| line.ends_with("403")), "{asked:?}");
    std::fs::write(&path, "new").unwrap();
    stage.show(&fires(&["f"]), 400).await;
    let asked = stage.asked();
    assert_eq!(asked.iter().filter(|line| line.ends_with("202")).count(), 1, "{asked:?}");
}
