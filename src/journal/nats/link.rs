//! The connection to NATS: requests with an answer, and what is wrong when there is none.

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

use super::config::{Config, Login};

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

/// NATS does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// What the configuration names cannot be used.
    #[error("`journal.nats`: {0}")]
    Settings(String),
    /// It cannot be reached.
    #[error(
        "cannot reach NATS at {urls}: {error}; look at the servers, `journal.nats.urls` and the login"
    )]
    Unreachable {
        /// Where.
        urls: String,
        /// Why.
        error: String,
    },
    /// No answer, or one that says: later.
    #[error(
        "NATS does not answer ({what}): {error}; it needs JetStream and most servers of its cluster"
    )]
    Away {
        /// To what.
        what: String,
        /// Why.
        error: String,
    },
    /// It will not.
    #[error("NATS refuses ({what}): {error}")]
    Refused {
        /// What.
        what: String,
        /// Its number for it.
        code: u64,
        /// Its words.
        error: String,
    },
    /// A stream is not as it should be.
    #[error(
        "the stream {stream} has `{setting}` {found}, and the configuration asks for {wanted}; \
        change one of them (`nats stream edit {stream}`), or take another `journal.nats.stream`"
    )]
    Differs {
        /// Which.
        stream: String,
        /// NATS's name for the setting.
        setting: &'static str,
        /// As it is.
        found: String,
        /// As it should be.
        wanted: String,
    },
    /// The journal ends before what was read of it.
    #[error(
        "the journal in NATS ends before what was read of it: its servers have lost messages, or it was made anew"
    )]
    Shrunk,
    /// Another instance owns the journal.
    #[error("another instance of ssowatch owns the journal now")]
    NotOwner,
}

impl NatsError {
    /// The label `reason` of `ssowatch_journal_failures_total`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Settings(_) | Self::Differs { .. } => "nats_settings",
            Self::Unreachable { .. } | Self::Away { .. } => "nats_away",
            Self::Refused { .. } => "nats_refused",
            Self::Shrunk => "nats_shrunk",
            Self::NotOwner => "not_owner",
        }
    }

    /// Whether the same request may be answered later.
    fn is_temporary(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

/// The connection. Cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    client: Client,
    background: Arc<Background>,
}

/// Where the connection lives, so that whoever must wait for NATS, on whatever thread, keeps nothing of it from going on.
struct Background(Option<Runtime>);

impl Link {
    /// Connects to whichever server answers.
    pub(super) fn connect(config: &Config) -> Result<Self, NatsError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("nats")
            .enable_all()
            .build()
            .map_err(|error| NatsError::Settings(error.to_string()))?;
        let background = Arc::new(Background(Some(runtime)));
        let options = options(config)?;
        let urls = config.urls.clone();
        let connected = wait_on(background.handle(), async move { options.connect(urls).await });
        let client = connected.map_err(|error| NatsError::Unreachable {
            urls: config.urls.join(", "),
            error: words(&error),
        })?;
        Ok(Self { client, background })
    }

    /// Does `work` where the connection lives, while this thread waits.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        wait_on(self.background.handle(), work)
    }

    /// Sends a message and waits for its answer, once.
    pub(super) async fn ask(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Message, NatsError> {
        let request = Request::new().headers(headers).payload(payload).timeout(Some(ANSWER_MAX));
        self.client.send_request(subject.to_owned(), request).await.map_err(|error| {
            let what = subject.to_owned();
            match error.kind() {
                RequestErrorKind::MaxPayloadExceeded => {
                    let error = format!("{error}; raise `max_payload` of the servers to 1MB");
                    NatsError::Refused { what, code: 0, error }
                }
                _ => NatsError::Away { what, error: words(&error) },
            }
        })
    }

    /// Asks the API of JetStream, until there is an answer or [`PATIENCE`] is over.
    pub(super) async fn api(&self, call: &str, body: &Value) -> Result<Value, NatsError> {
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
pub(super) struct Tries {
    end: Instant,
}

impl Tries {
    pub(super) fn until(end: Instant) -> Self {
        Self { end }
    }

    /// Of one who waits patiently.
    pub(super) fn patient() -> Self {
        Self::until(Instant::now() + PATIENCE)
    }

    /// A try ended in `error`: returns when it is time for the next one, or with the error when there is none.
    pub(super) async fn again(&self, error: NatsError) -> Result<(), NatsError> {
        if !error.is_temporary() || Instant::now() >= self.end {
            return Err(error);
        }
        sleep(PAUSE).await;
        Ok(())
    }
}

/// The answer of JetStream, or the error that it holds.
pub(super) fn parse(what: &str, payload: &[u8]) -> Result<Value, NatsError> {
    let what = || what.to_owned();
    let answer: Value = serde_json::from_slice(payload)
        .map_err(|error| NatsError::Away { what: what(), error: error.to_string() })?;
    let error = &answer["error"];
    if error.is_null() {
        return Ok(answer);
    }
    let words = error["description"].as_str().unwrap_or("no reason given").to_owned();
    let code = error["err_code"].as_u64().unwrap_or_default();
    // Too few servers for the moment, or for a cluster that is just starting.
    if error["code"] == 503 || code == NO_PEERS {
        return Err(NatsError::Away { what: what(), error: words });
    }
    let remedy = if code == NO_ROOM {
        "; JetStream sets aside what each stream may take: lower `max_bytes` and `intake_max_bytes`, or give it more"
    } else {
        ""
    };
    Err(NatsError::Refused { what: what(), code, error: format!("{words}{remedy}") })
}

/// `insufficient storage resources available`.
const NO_ROOM: u64 = 10_047;

/// `no suitable peers for placement`.
const NO_PEERS: u64 = 10_005;

fn options(config: &Config) -> Result<ConnectOptions, NatsError> {
    let reveal = |secret: crate::setting::Secret| {
        secret.reveal().map_err(|error| NatsError::Settings(error.to_string()))
    };
    let mut options = ConnectOptions::new()
        .name("ssowatch")
        .connection_timeout(Duration::from_secs(5))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|attempts| {
            let shift = u32::try_from(attempts.min(5)).expect("at most 5");
            (Duration::from_millis(50) * 2u32.pow(shift)).min(RECONNECT_MAX)
        });
    options = match config.login().map_err(NatsError::Settings)? {
        Login::Nobody => options,
        Login::User(user, password) => options.user_and_password(user, reveal(password)?),
        Login::Token(token) => options.token(reveal(token)?),
        Login::Credentials(credentials) => {
            options.credentials(&reveal(credentials)?).map_err(|_| {
                NatsError::Settings("`credentials` is not the content of a `.creds` file".into())
            })?
        }
    };
    let Some(tls) = &config.tls else { return Ok(options) };
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
fn words(error: &dyn std::error::Error) -> String {
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
