//! The intake listener: webhooks from WorkOS and pushed events. What is answered with 2xx is durable.

mod guard;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;

use crate::clock::Clock;
use crate::event::batch::{self, Shape, decompress};
use crate::event::decode::{Rejection, check_time, decode};
use crate::event::{Privacy, Reason, Record, Source};
use crate::journal::{Delivery, Inlet, InletError, Receipt};
use crate::setting::{Secret, same};
use crate::telemetry;

pub use self::guard::{Config as Access, Guard};
use super::edge::Talliers;
use super::room::{Held, Room, Unread, discard};
use super::{edge, signature};

/// Largest webhook. A WorkOS event has about 700 bytes.
pub const WEBHOOK_BYTES_MAX: usize = 256 * 1024;

/// Largest pushed body as it arrives, and after decompression: 20,000 and 100,000 events.
pub const PUSH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// See [`PUSH_BYTES_MAX`].
pub const PUSH_DECOMPRESSED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Webhooks under way together: 45,000 of the usual size. Anybody can send to that route.
const WEBHOOKS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Pushed bodies under way together, as they arrive.
const PUSHES_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A pushed body up to here stands for little more than itself. A larger or a compressed one may take
/// [`PUSH_DECOMPRESSED_BYTES_MAX`] and three times that as events.
const GROWING_BYTES_MIN: usize = 1024 * 1024;

/// Such bodies at a time: a core or two decode faster than a network sends.
const GROWING_MAX: usize = 2;

/// Rejected lines that an answer lists; all are counted.
pub(super) const LISTED_MAX: usize = 100;

/// What the routes need.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Where deliveries go.
    pub inlet: Inlet,
    /// The time.
    pub clock: Clock,
    /// What happens to personal data.
    pub privacy: Privacy,
    /// Secrets of the webhook endpoint, any of which may sign; none: there is no such route.
    pub webhook_secrets: Vec<Secret>,
    /// How old a signature may be, in milliseconds.
    pub tolerance_millis: i64,
    /// Whoever pushes events must have it; none: nobody must.
    pub push_token: Option<Secret>,
    /// Memory for what is under way.
    pub rooms: Rooms,
    /// How access logs are read.
    pub edge: Talliers,
    /// Who may send.
    pub guard: Arc<Guard>,
}

/// Memory for webhooks and for pushed events, so that a flood of one leaves room for the other.
#[derive(Clone, Debug)]
pub struct Rooms {
    webhooks: Room,
    pub(super) pushes: Room,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            webhooks: Room::new(WEBHOOKS_BYTES_MAX, GROWING_MAX),
            pushes: Room::new(PUSHES_BYTES_MAX, GROWING_MAX),
        }
    }
}

/// An answer that is not 2xx.
pub(super) struct Refusal(pub(super) StatusCode, pub(super) String);

/// The routes.
pub fn router(intake: Intake) -> Router {
    let intake = Arc::new(intake);
    let mut routes = Router::new()
        .route("/v1/events", post(events))
        .route("/api/v2/logs", post(logs))
        .route("/v1/edge", post(edge::push::edge));
    if !intake.webhook_secrets.is_empty() {
        routes = routes.route("/webhooks/workos", post(webhook));
    }
    routes
        .fallback(|| async {
            Refusal(StatusCode::NOT_FOUND, "no such route; see `docs/sources.md`".into())
        })
        .method_not_allowed_fallback(|| async {
            Refusal(StatusCode::METHOD_NOT_ALLOWED, "this route takes POST only".into())
        })
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&intake), guard::check))
        // A sender that trickles bytes must not hold a connection for ever.
        .layer(tower_http::timeout::TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            Duration::from_secs(30),
        ))
        .with_state(intake)
}

async fn webhook(
    State(intake): State<Arc<Intake>>,
    request: Request,
) -> Result<StatusCode, Refusal> {
    let source = Source::WorkosWebhook;
    let (parts, body) = request.into_parts();
    let room = &intake.rooms.webhooks;
    let held = room.read(&parts.headers, body, WEBHOOK_BYTES_MAX).await;
    let Held { bytes: body, .. } =
        &held.map_err(|unread| intake.unread(source, unread, WEBHOOK_BYTES_MAX))?;
    let header = parts.headers.get("workos-signature").and_then(|value| value.to_str().ok());
    // A secret may be a file: it is not read for those who have none.
    signature::is_given(header).map_err(|rejection| intake.refuse(source, &rejection))?;
    let secrets = intake.webhook_secrets.iter().map(Secret::reveal).collect::<Result<Vec<_>, _>>();
    let secrets = secrets.map_err(|error| {
        telemetry::secret_unreadable(source.as_str(), &error);
        Refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "the webhook's secret cannot be read; see the log".into(),
        )
    })?;
    let now = intake.clock.now();
    signature::verify(&secrets, header, body, now, intake.tolerance_millis).map_err(
        |rejection| {
            telemetry::signature_refused(source.as_str(), &rejection.problem);
            intake.refuse(source, &rejection)
        },
    )?;
    let event = decode(body, &intake.privacy)
        .and_then(|event| check_time(&event, now).map(|()| event))
        .map_err(|rejection| intake.refuse(source, &rejection))?;
    intake.deliver(vec![(source, event)]).await?;
    Ok(StatusCode::OK)
}

async fn events(State(intake): State<Arc<Intake>>, request: Request) -> Result<Response, Refusal> {
    let (receipt, rejected, more) = intake.push(request, Shape::Events).await?;
    let lines: Vec<_> = rejected
        .iter()
        .map(|(line, rejection)| json!({"line": line, "reason": rejection.reason.as_str(), "problem": rejection.problem}))
        .collect();
    let mut answer =
        json!({"accepted": receipt.accepted, "duplicates": receipt.duplicates, "rejected": lines});
    if more > 0 {
        answer["rejected_not_listed"] = more.into();
    }
    Ok(axum::Json(answer).into_response())
}

async fn logs(State(intake): State<Arc<Intake>>, request: Request) -> Result<Response, Refusal> {
    intake.push(request, Shape::DatadogLogs).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(json!({}))).into_response())
}

impl Intake {
    /// Takes a body of events; gives what became of them, the first rejected lines, and how many more there were.
    async fn push(
        &self,
        request: Request,
        shape: Shape,
    ) -> Result<(Receipt, Vec<(u64, Rejection)>, u64), Refusal> {
        let source = Source::Push;
        let (parts, body) = request.into_parts();
        if let Err(refusal) = self.authorize(source, &parts.headers) {
            discard(&parts.headers, body).await;
            return Err(refusal);
        }
        let room = &self.rooms.pushes;
        let held = room.read(&parts.headers, body, PUSH_BYTES_MAX).await;
        let Held { bytes: body, .. } =
            &held.map_err(|unread| self.unread(source, unread, PUSH_BYTES_MAX))?;
        let encoding =
            parts.headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
        let _turn = match encoding {
            None if body.len() < GROWING_BYTES_MIN => None,
            _ => Some(room.grow().await),
        };
        let body = decompress(body, encoding, PUSH_DECOMPRESSED_BYTES_MAX)
            .map_err(|rejection| self.refuse(source, &rejection))?;
        let now = self.clock.now();
        let (mut taken, mut rejected, mut more) = (Vec::new(), Vec::new(), 0u64);
        batch::each(&body, shape, &self.privacy, |line, event| {
            match event.and_then(|event| check_time(&event, now).map(|()| event)) {
                Ok(event) => taken.push((source, event)),
                Err(rejection) => {
                    self.inlet.refuse(source, rejection.reason, 1);
                    if rejected.len() < LISTED_MAX {
                        rejected.push((line, rejection));
                    } else {
                        more += 1;
                    }
                }
            }
        });
        let receipt =
            if taken.is_empty() { Receipt::default() } else { self.deliver(taken).await? };
        Ok((receipt, rejected, more))
    }

    /// `Authorization: Bearer …`, or `DD-API-KEY: …` as Datadog's own senders say it.
    pub(super) fn authorize(&self, source: Source, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.push_token else { return Ok(()) };
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let given = text("authorization")
            .and_then(|value| value.strip_prefix("Bearer "))
            .or(text("dd-api-key"));
        let token = token.reveal().map_err(|error| {
            telemetry::secret_unreadable(source.as_str(), &error);
            Refusal(StatusCode::SERVICE_UNAVAILABLE, "the token cannot be read; see the log".into())
        })?;
        if given.is_some_and(|given| same(given, &token)) {
            return Ok(());
        }
        let rejection = Rejection::new(
            Reason::Unauthorized,
            "send `Authorization: Bearer` with the token of `sources.push`",
        );
        Err(self.refuse(source, &rejection))
    }

    pub(super) fn unread(&self, source: Source, unread: Unread, bytes_max: usize) -> Refusal {
        let (reason, problem) = match unread {
            Unread::TooLarge => {
                let problem =
                    format!("the body has more than {bytes_max} bytes; send smaller batches");
                (Reason::TooLarge, problem)
            }
            Unread::Full => (
                Reason::Busy,
                "too many bodies arrive at once; try again, or send smaller ones".into(),
            ),
            Unread::Broken => (Reason::BadEncoding, "the body did not arrive whole".into()),
        };
        self.refuse(source, &Rejection::new(reason, problem))
    }

    async fn deliver(
        &self,
        events: Vec<(Source, crate::event::AuthEvent)>,
    ) -> Result<Receipt, Refusal> {
        self.hand_over(Delivery { events, records: Vec::new() }).await
    }

    /// Hands over records that are no events.
    pub(super) async fn record(&self, records: Vec<Record>) -> Result<(), Refusal> {
        self.hand_over(Delivery { events: Vec::new(), records }).await.map(drop)
    }

    async fn hand_over(&self, delivery: Delivery) -> Result<Receipt, Refusal> {
        self.inlet.try_deliver(delivery).await.map_err(|error| {
            let problem = match error {
                InletError::Busy => "the intake is busy; try again",
                InletError::Closed => "ssowatch is stopping; try again",
                InletError::Storage(_) => "the journal cannot be written; try again later",
            };
            Refusal(StatusCode::SERVICE_UNAVAILABLE, problem.into())
        })
    }

    pub(super) fn refuse(&self, source: Source, rejection: &Rejection) -> Refusal {
        self.inlet.refuse(source, rejection.reason, 1);
        let status = match rejection.reason {
            Reason::SignatureMissing
            | Reason::SignatureMismatch
            | Reason::SignatureStale
            | Reason::Unauthorized => StatusCode::UNAUTHORIZED,
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::BadEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Reason::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Reason::NotAllowed => StatusCode::FORBIDDEN,
            Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Reason::NotJson
            | Reason::NotUtf8
            | Reason::TooDeep
            | Reason::NotAnEvent
            | Reason::BadId
            | Reason::BadTimestamp
            | Reason::FutureTimestamp
            | Reason::NotALine
            | Reason::BadStatus => StatusCode::BAD_REQUEST,
        };
        Refusal(status, rejection.problem.clone())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.0, axum::Json(json!({"error": self.1}))).into_response();
        if matches!(self.0, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            let soon = header::HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

#[cfg(test)]
mod tests;
