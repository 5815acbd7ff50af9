//! Events as WorkOS writes them, at times near now.

use std::time::SystemTime;

use serde_json::json;
use ssowatch::event::Timestamp;

/// What the daemon and the programs beside it take for now.
#[expect(clippy::disallowed_methods, reason = "real programs compare with the real time")]
pub(crate) fn now_millis() -> i64 {
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(age.as_millis()).unwrap()
}

/// The event `name` (`sso_failed` and so on) of session `session`, as one line. Its id is made from both, so that the
/// same event has the same id.
pub(crate) fn event(name: &str, connection: Option<&str>, session: &str, at_millis: i64) -> String {
    let failed = matches!(name, "sso_failed" | "sso_timed_out");
    let mut event = json!({
        "object": "event",
        "id": format!("event_{name}_{session}"),
        "event": format!("authentication.{name}"),
        "created_at": Timestamp::from_millis(at_millis).to_string(),
        "data": {
            "type": "sso", "status": name.trim_start_matches("sso_"),
            "ip_address": "203.0.113.42", "user_agent": "Mozilla/5.0",
            "user_id": format!("user_{session}"), "email": format!("{session}@example.com"),
            "sso": {"organization_id": "org_1", "connection_id": connection, "session_id": session},
        },
    });
    if failed {
        event["data"]["error"] =
            json!({"code": "invalid_grant", "message": "The grant is not valid."});
    }
    format!("{event}\n")
}
