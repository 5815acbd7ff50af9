//! What is said while nothing is accepted, judged or told.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn it_is_not_ready_before_the_first_tick_nor_while_the_disk_takes_nothing() {
    let response = ask(admin(Snapshot::default(), None), Method::GET, "/-/ready", &[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    for (millis, want) in [(30_000, 200), (30_001, 503)] {
        let mut admin = admin(sample::snapshot(), None);
        admin.clock = Clock::set_by_hand(sample::snapshot().now.plus_millis(millis), 1).0;
        let response = ask(admin, Method::GET, "/-/ready", &[]).await;
        assert_eq!(response.status(), want, "{millis}");
    }
}

#[tokio::test]
async fn whoever_looks_sees_that_nothing_is_accepted_or_judged() {
    for (millis, ready, banner) in [
        (0, "ssowatch is ready.\n", None),
        (-5_000, "ssowatch is ready.\n", None),
        (31_000, "ssowatch waits for its journal", Some("Nothing is accepted since <time")),
        (-3_600_000, "judges nothing until 2025-10-10T16:", Some("Nothing is judged until <time")),
    ] {
        let asked = async |path| {
            let mut snapshot = sample::snapshot();
            snapshot.incidents.clear();
            let clock = Clock::set_by_hand(snapshot.now.plus_millis(millis), 1).0;
            let mut admin = admin(snapshot, None);
            admin.clock = clock;
            let response = ask(admin, Method::GET, path, &[]).await;
            let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            String::from_utf8(body.to_vec()).unwrap()
        };
        let answer = asked("/-/ready").await;
        assert!(answer.contains(ready), "{millis}: {answer}");
        let page = asked("/").await;
        assert_eq!(page.contains("role=\"alert\""), banner.is_some(), "{page}");
        assert!(page.contains(banner.unwrap_or_default()), "{page}");
        assert_eq!(page.contains("nothing is judged now"), banner.is_some(), "{page}");
    }
}

#[tokio::test]
async fn the_gate_lets_nothing_pass_while_nothing_is_judged() {
    for (millis, holds) in [(0, false), (30_000, false), (31_000, true), (-3_600_000, true)] {
        let mut admin = admin(sample::snapshot(), None);
        admin.clock = Clock::set_by_hand(sample::snapshot().now.plus_millis(millis), 1).0;
        let path = "/api/v1/gate?scope=connection:conn_1&since=2025-10-10T16:05:00Z";
        let response = ask(admin, Method::GET, path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let answer = String::from_utf8(body.to_vec()).unwrap();
        let says = ["nothing has been judged since", "nothing is judged until"];
        assert_eq!(says.iter().any(|says| answer.contains(says)), holds, "{millis}: {answer}");
    }
}

#[tokio::test]
async fn a_standby_that_passes_nothing_on_is_not_ready_until_it_does() {
    tokio::time::pause();
    let (inlet, _parcels) = journal::inlet(1);
    let passage = inlet.passage();
    let ready = async || {
        let admin = admin_with(sample::snapshot(), None, inlet.clone());
        let response = ask(admin, Method::GET, "/-/ready", &[]).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    passage.refused();
    for (seconds, want) in [(29, 200), (1, 503), (60, 503)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        passage.refused();
        let (status, says) = ready().await;
        assert_eq!(status, want, "{says}");
        assert!(status == 200 || says.contains("NATS"), "{says}");
    }
    passage.took();
    assert_eq!(ready().await.0, 200);
}

#[tokio::test]
async fn the_page_says_when_nobody_is_paged() {
    for receivers in [0, 1] {
        let admin = Admin { receivers, ..admin(sample::snapshot(), None) };
        let response = ask(admin, Method::GET, "/", &[]).await;
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8(body.to_vec()).unwrap();
        for words in ["Nobody is paged: no receiver", "ssowatch pages nobody"] {
            assert_eq!(page.contains(words), receivers == 0, "{page}");
        }
    }
}

#[tokio::test]
async fn nothing_claims_that_the_fleet_is_empty_before_the_journal_was_read() {
    let gate = "/api/v1/gate?scope=fleet&since=2025-10-10T16:05:00Z";
    for path in ["/", "/silences", "/api/v1/status", "/api/v1/silences", gate] {
        let response = ask(admin(Snapshot::default(), None), Method::GET, path, &[]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1", "{path}");
    }
    for (path, want) in [("/-/healthy", 200), ("/style.css", 200), ("/api/v1/none", 404)] {
        let response = ask(admin(Snapshot::default(), None), Method::GET, path, &[]).await;
        assert_eq!(response.status(), want, "{path}");
    }
    // Who may not ask is not told even that.
    let locked = admin(Snapshot::default(), Some("token"));
    let response = ask(locked, Method::GET, "/api/v1/status", &[]).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}
