//! The connection: requests with an answer.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use async_nats::client::Request;
use async_nats::{Client, ConnectOptions, HeaderMap, Message, RequestErrorKind};
use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};
use tokio::time::{Instant, sleep};

use super::access::{Access, Login};
use super::error::BusError;
use super::forbidden::Forbidden;
use super::inbox::Inbox;
use crate::setting::Secret;

/// How long one request waits for its answer. Then it is sent again: to whichever server leads by now.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// How long somebody who can wait waits for an answer: twice the longest election that was seen (5.6 s), and some.
const PATIENCE: Duration = Duration::from_secs(15);

/// The pause before the same request is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the connection is tried: one that is dead is known as such after three of these.
const PING_EVERY: Duration = Duration::from_secs(1);

/// The longest pause between tries to connect.
const RECONNECT_MAX: Duration = Duration::from_secs(1);

/// The connection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Link {
    client: Client,
    forbidden: Arc<Forbidden>,
    background: Arc<Background>,
}

/// Where the connection lives, so that whoever must wait for NATS, on whatever thread, keeps nothing of it from going on.
struct Background(Option<Runtime>);

impl Link {
    /// Connects to whichever server answers.
    pub(crate) fn connect(access: &Access) -> Result<Self, BusError> {
        let place = access.place;
        let settings =
            |error: std::io::Error| BusError::Settings { place, error: error.to_string() };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nats")
            .enable_all()
            .build()
            .map_err(settings)?;
        let background = Arc::new(Background(Some(runtime)));
        let forbidden = Arc::new(Forbidden::default());
        let ear = Arc::clone(&forbidden);
        let options = options(access)?.event_callback(move |event| {
            ear.hear(&event);
            std::future::ready(())
        });
        let urls = access.urls.clone();
        let connected = wait_on(background.handle(), async move { options.connect(urls).await });
        let client = connected.map_err(|error| BusError::Unreachable {
            place,
            urls: access.urls.join(", "),
            error: words(&error),
        })?;
        Ok(Self { client, forbidden, background })
    }

    /// Does `work` where the connection lives, while this thread waits.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        wait_on(self.background.handle(), work)
    }

    /// Sends a message and waits for its answer, once.
    pub(crate) async fn ask(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, BusError> {
        let request = Request::new().headers(headers).payload(payload).timeout(Some(ANSWER_MAX));
        let sent = Instant::now();
        self.client.send_request(subject.to_owned(), request).await.map_err(|error| {
            let what = subject.to_owned();
            match error.kind() {
                RequestErrorKind::TimedOut if self.forbidden.since(subject, sent) => {
                    BusError::Forbidden { subject: what }
                }
                RequestErrorKind::MaxPayloadExceeded => {
                    let error = format!("{error}; raise `max_payload` of the servers to 1MB");
                    BusError::Refused { what, code: 0, error }
                }
                _ => BusError::Away { what, error: words(&error) },
            }
        })
    }

    /// An address where messages come in.
    pub(crate) async fn inbox(&self) -> Result<Inbox, BusError> {
        Inbox::new(self.client.clone()).await
    }

    /// Asks the API of JetStream, until there is an answer or [`PATIENCE`] is over.
    pub(crate) async fn api(&self, call: &str, body: &Value) -> Result<Value, BusError> {
        let subject = format!("$JS.API.{call}");
        let body = Bytes::from(body.to_string());
        let tries = Tries::patient();
        loop {
            let answer = self.ask(&subject, HeaderMap::new(), body.clone()).await;
            match answer.and_then(|answer| parse(&subject, &answer.payload)) {
                Err(error) => tries.again(error).await?,
                done => return done,
            }
        }
    }
}

/// Tries until something works, cannot work, or time is over.
pub(crate) struct Tries {
    end: Instant,
}

impl Tries {
    pub(crate) fn until(end: Instant) -> Self {
        Self { end }
    }

    /// Of one who waits patiently.
    pub(crate) fn patient() -> Self {
        Self::until(Instant::now() + PATIENCE)
    }

    /// A try ended in `error`: returns when it is time for the next one, or with the error when there is none.
    pub(crate) async fn again(&self, error: BusError) -> Result<(), BusError> {
        if !error.is_temporary() || Instant::now() >= self.end {
            return Err(error);
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

/// The answer of JetStream, or the error that it holds.
pub(crate) fn parse(what: &str, payload: &[u8]) -> Result<Value, BusError> {
    let what = || what.to_owned();
    let answer: Value = serde_json::from_slice(payload)
        .map_err(|error| BusError::Away { what: what(), error: error.to_string() })?;
    let error = &answer["error"];
    if error.is_null() {
        return Ok(answer);
    }
    let words = error["description"].as_str().unwrap_or("no reason given").to_owned();
    let code = error["err_code"].as_u64().unwrap_or_default();
    // Too few servers for the moment, or for a cluster that is just starting.
    if error["code"] == 503 || code == NO_PEERS {
        return Err(BusError::Away { what: what(), error: words });
    }
    let remedy = if code == NO_ROOM {
        "; JetStream sets aside what each stream may take: lower `max_bytes` and `intake_max_bytes`, or give it more"
    } else {
        ""
    };
    Err(BusError::Refused { what: what(), code, error: format!("{words}{remedy}") })
}

/// `insufficient storage resources available`.
const NO_ROOM: u64 = 10_047;

/// `no suitable peers for placement`.
const NO_PEERS: u64 = 10_005;

fn options(access: &Access) -> Result<ConnectOptions, BusError> {
    let settings = |error: String| BusError::Settings { place: access.place, error };
    let reveal = |secret: &Secret| secret.reveal().map_err(|error| settings(error.to_string()));
    let mut options = ConnectOptions::new()
        .name("ssowatch")
        .connection_timeout(Duration::from_secs(5))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|attempts| {
            let shift = u32::try_from(attempts.min(5)).expect("at most 5");
            (Duration::from_millis(50) * 2u32.pow(shift)).min(RECONNECT_MAX)
        });
    options = match &access.login {
        Login::Nobody => options,
        Login::User(user, password) => options.user_and_password(user.clone(), reveal(password)?),
        Login::Token(token) => options.token(reveal(token)?),
        Login::Credentials(credentials) => options
            .credentials(&reveal(credentials)?)
            .map_err(|_| settings("`credentials` is not the content of a `.creds` file".into()))?,
    };
    let Some(tls) = &access.tls else { return Ok(options) };
    options = options.require_tls(true);
    if let Some(file) = &tls.ca_file {
        options = options.add_root_certificates(file.clone());
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        options = options.add_client_certificate(cert.clone(), key.clone());
    }
    Ok(options)
}

fn wait_on<T: Send + 'static>(
    handle: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let (done, waiting) = mpsc::sync_channel(1);
    handle.spawn(async move {
        // Whoever waits is still there: it waits.
        drop(done.send(work.await));
    });
    waiting.recv().expect("work does not panic, and the runtime lives as long as the link")
}

/// An error with its causes.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

impl Background {
    fn handle(&self) -> &Handle {
        self.0.as_ref().expect("it is there until it is dropped").handle()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Not waited for: this may be an asynchronous thread.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
