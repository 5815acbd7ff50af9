//! A pager that rings on this machine only: the endpoint of an ordinary `webhook` receiver.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use tokio::sync::mpsc;

/// Notifications that wait to be printed; more are refused, and the daemon tries again.
const WAITING_MAX: usize = 100;

/// What the receiver is told, as far as a pager shows it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Notification {
    status: String,
    labels: Labels,
    annotations: Annotations,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Labels {
    alertname: String,
    severity: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
struct Annotations {
    summary: String,
}

impl Notification {
    /// What stands on its display.
    pub(super) fn display(&self) -> String {
        let Self { status, labels: Labels { alertname, severity }, annotations } = self;
        if status == "resolved" {
            return format!("pager: all clear, {alertname} is resolved");
        }
        format!("pager rings ({severity}): {alertname}: {}", annotations.summary)
    }
}

/// The routes, and what they are told.
pub(super) fn pager() -> (Router, mpsc::Receiver<Notification>) {
    let (told, notifications) = mpsc::channel(WAITING_MAX);
    (Router::new().route("/", post(ring)).with_state(told), notifications)
}

async fn ring(
    State(told): State<mpsc::Sender<Notification>>,
    Json(notification): Json<Notification>,
) -> StatusCode {
    match told.try_send(notification) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn what_is_delivered_is_displayed_and_rubbish_is_refused() {
        let (router, mut notifications) = pager();
        let ask = async |body: &str| {
            let request = Request::post("/").header("content-type", "application/json");
            let request = request.body(Body::from(body.to_owned())).unwrap();
            router.clone().oneshot(request).await.unwrap().status().as_u16()
        };
        let body = |status: &str| {
            format!(
                r#"{{"version":"1","status":"{status}","labels":{{"alertname":"A","severity":"page"}},"annotations":{{"summary":"bad"}}}}"#
            )
        };
        for (status, display) in [
            ("firing", "pager rings (page): A: bad"),
            ("resolved", "pager: all clear, A is resolved"),
        ] {
            assert_eq!(ask(&body(status)).await, 204);
            assert_eq!(notifications.recv().await.unwrap().display(), display);
        }
        assert_eq!(ask("{}").await, 422);
        for _ in 0..WAITING_MAX {
            assert_eq!(ask(&body("firing")).await, 204);
        }
        assert_eq!(ask(&body("firing")).await, 503);
    }
}
