//! `POST /-/reload`: loads the configuration again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{mpsc, oneshot};

use super::{Admin, problem};

/// Asks for the configuration to be loaded again. The answer comes before the change-over: nothing when what was loaded can be
/// used, otherwise what is wrong with it, without a secret.
pub type Reload = mpsc::Sender<oneshot::Sender<Result<(), String>>>;

/// 200 when the new configuration can be used and takes over now, 422 with the reason when the old one stays in force. The
/// listeners stay open meanwhile.
pub(super) async fn reload(State(admin): State<Arc<Admin>>) -> Response {
    let Some(reload) = &admin.reload else {
        return problem(StatusCode::NOT_IMPLEMENTED, "this daemon has no configuration to load");
    };
    let (reply, answer) = oneshot::channel();
    let closed = || problem(StatusCode::SERVICE_UNAVAILABLE, "ssowatch is stopping");
    if reload.send(reply).await.is_err() {
        return closed();
    }
    match answer.await {
        Ok(Ok(())) => (StatusCode::OK, "The new configuration takes over.\n").into_response(),
        Ok(Err(why)) => problem(StatusCode::UNPROCESSABLE_ENTITY, &why),
        Err(_) => closed(),
    }
}
