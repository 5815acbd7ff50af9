use super::*;

fn args(speed: u32, seconds: u64) -> Args {
    Args {
        scenario: SCENARIO_DEFAULT.into(),
        speed,
        length: Some(Period::from_secs(seconds)),
        admin: Some(([127, 0, 0, 1], 0).into()),
        config: None,
        history: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_pages_for_the_expired_certificate_and_for_nothing_else() {
    let scenario = crate::config::scenario(SCENARIO_DEFAULT).unwrap();
    let mut out = Vec::new();
    Box::pin(run(&args(60, 11), scenario, None, &mut out)).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let wanted = [
        "16 connections are healthy",
        "Acme's signing certificate expires",
        "PAGE      SsoConnectionFailing: Acme (conn_",
        "pager rings (page): SsoConnectionFailing",
        " 0 given up",
        "Pages: 1 fired, 0 resolved.",
    ];
    for want in wanted {
        assert!(text.contains(want), "{want} is missing in\n{text}");
    }
    let (known, told) = (text.find("PAGE  "), text.find("pager rings (page)"));
    assert!(known < told, "known before it is told\n{text}");
    assert!(!text.contains("RESOLVED"), "the end of what was never told\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_due_and_does_not_fire_is_a_failure() {
    let text = crate::simulate::library::text(SCENARIO_DEFAULT).unwrap();
    // One sign-in of a hundred fails: no default rule pages for that.
    let text = text.replace("at: +5m", "at: +1s").replace("hard_fail: 1.0", "hard_fail: 0.01");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text.replace("target_delay: 4m", "target_delay: 30s")).unwrap();
    let scenario = crate::config::scenario(file.path().to_str().unwrap()).unwrap();
    let mut out = Vec::new();
    let error = Box::pin(run(&args(60, 2), scenario, None, &mut out)).await.unwrap_err();
    assert!(error.to_string().contains("none fired"), "{error}");
}

#[test]
fn the_admin_listener_stays_on_this_machine() {
    assert!(loopback("127.0.0.1:0").is_ok() && loopback("[::1]:9470").is_ok());
    for address in ["0.0.0.0:9470", "192.0.2.1:9470"] {
        assert!(loopback(address).unwrap_err().contains("this machine only"));
    }
    assert!(loopback("9470").is_err());
}
