//! Reads a stream from a place on, by a consumer that acknowledges nothing and that the server forgets when nobody asks it any
//! more. What has been read is known here, with the journal: the server need not remember it.

use std::time::Duration;

use async_nats::Message;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::config::Settings;
use super::place::{Place, Stand};
use crate::bus::{BusError, Inbox, Link};
use crate::event::Timestamp;

/// Messages of one request, and their bytes: what goes into the journal at once. One that is larger comes alone.
const MESSAGES_MAX: u64 = 256;
/// See [`MESSAGES_MAX`].
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How long a request waits for messages.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often the server says that it still waits. Three times without that, and it does not.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// When the server forgets a consumer that is not asked.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// A message.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) sequence: u64,
    /// Messages that wait behind it.
    pub(super) pending: u64,
    pub(super) payload: Bytes,
    /// Its header `Content-Encoding`.
    pub(super) encoding: Option<String>,
}

/// Reads.
#[derive(Debug)]
pub(super) struct Consumer {
    inbox: Inbox,
    /// Where it is asked.
    subject: String,
    /// Messages that the request under way may still bring; 0: there is none under way.
    left: u64,
    /// The next message is too large to come with others.
    large: bool,
    /// The consumer's own number of the last message.
    last: u64,
    heard: Instant,
}

impl Consumer {
    /// A consumer of what comes behind `place`; without one, of what is not older than `start` at `now`. With it when the
    /// stream was made.
    pub(super) async fn open(
        link: &Link,
        settings: &Settings,
        place: Option<&Place>,
        now: Timestamp,
    ) -> Result<(Self, String), BusError> {
        let stream = Stream::find(link, &settings.stream).await?;
        let here = place.filter(|place| place.created == stream.created);
        let mut config = json!({
            "ack_policy": "none",
            "replay_policy": "instant",
            "inactive_threshold": nanos(FORGOTTEN_AFTER),
            "num_replicas": 1,
            "mem_storage": true,
        });
        // A stream that was made anew begins anew.
        match (here, place) {
            (Some(here), _) => {
                config["deliver_policy"] = "by_start_sequence".into();
                config["opt_start_seq"] = here.next.into();
            }
            (None, Some(_)) => config["deliver_policy"] = "all".into(),
            (None, None) => {
                let back = i64::try_from(settings.start.as_millis()).unwrap_or(i64::MAX);
                config["deliver_policy"] = "by_start_time".into();
                config["opt_start_time"] = now.plus_millis(-back).to_string().into();
            }
        }
        if let Some(subject) = &settings.subject {
            config["filter_subject"] = subject.as_str().into();
        }
        let body = json!({"stream_name": settings.stream, "config": config});
        let made = link.api(&format!("CONSUMER.CREATE.{}", settings.stream), &body).await?;
        let name = made["name"].as_str().unwrap_or_default();
        let consumer = Self {
            inbox: link.inbox().await?,
            subject: format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", settings.stream),
            left: 0,
            large: false,
            last: 0,
            heard: Instant::now(),
        };
        Ok((consumer, stream.created))
    }

    /// Waits for messages; then all that are there already. None: the server says that there are none now.
    pub(super) async fn next(&mut self) -> Result<Vec<Item>, BusError> {
        if self.left == 0 {
            self.ask().await?;
        }
        let mut items = Vec::new();
        while self.left > 0 {
            let silent = self.heard + 3 * HEARTBEAT;
            let end = if items.is_empty() { silent } else { Instant::now() };
            let Some(message) = self.inbox.next(end).await else {
                if items.is_empty() {
                    return Err(self.away("it has gone silent".into()));
                }
                break;
            };
            self.heard = Instant::now();
            match message.status.map(|status| status.as_u16()) {
                None => items.push(self.item(message)?),
                // A sign of life.
                Some(100) => break,
                // Nothing came in time.
                Some(404 | 408) => self.left = 0,
                Some(409) if is_too_large(&message) => {
                    self.left = 0;
                    self.large = items.is_empty();
                }
                Some(code) => {
                    let words = message.description.unwrap_or_default();
                    return Err(self.away(format!("status {code} {words}")));
                }
            }
        }
        Ok(items)
    }

    async fn ask(&mut self) -> Result<(), BusError> {
        let mut request = json!({
            "batch": if self.large { 1 } else { MESSAGES_MAX },
            "expires": nanos(EXPIRES),
            "idle_heartbeat": nanos(HEARTBEAT),
        });
        if !self.large {
            request["max_bytes"] = BYTES_MAX.into();
        }
        self.left = if self.large { 1 } else { MESSAGES_MAX };
        self.large = false;
        self.heard = Instant::now();
        self.inbox.ask(self.subject.clone(), request.to_string()).await
    }

    fn item(&mut self, message: Message) -> Result<Item, BusError> {
        let stand = message.reply.as_deref().and_then(Stand::read);
        let Some(Stand { in_stream, in_consumer, pending }) = stand else {
            return Err(self.away("a message that does not say where it stands".into()));
        };
        if in_consumer != self.last + 1 {
            return Err(self.away("messages were lost on the way".into()));
        }
        self.last = in_consumer;
        self.left -= 1;
        let headers = message.headers.unwrap_or_default();
        let encoding = headers.get("Content-Encoding").map(|value| value.as_str().to_owned());
        Ok(Item { sequence: in_stream, pending, payload: message.payload, encoding })
    }

    fn away(&self, error: String) -> BusError {
        BusError::Away { what: self.subject.clone(), error }
    }
}

/// What is known of a stream.
#[derive(Debug)]
pub(super) struct Stream {
    created: String,
    pub(super) messages: u64,
}

impl Stream {
    /// The stream of that name, if it can be read.
    pub(super) async fn find(link: &Link, name: &str) -> Result<Self, BusError> {
        let what = format!("STREAM.INFO.{name}");
        let info = match link.api(&what, &Value::Null).await {
            Err(BusError::Refused { what, code, error }) => {
                let error = format!("{error}; check `sources.nats.stream`");
                return Err(BusError::Refused { what, code, error });
            }
            found => found?,
        };
        let retention = info["config"]["retention"].as_str().unwrap_or("limits");
        if retention != "limits" {
            let error = format!(
                "its retention is `{retention}`, so that what others acknowledge is gone; \
                let ssowatch read a stream with `limits` that has it as a source"
            );
            return Err(BusError::Refused { what, code: 0, error });
        }
        let created = info["created"].as_str().unwrap_or_default().to_owned();
        Ok(Self { created, messages: info["state"]["messages"].as_u64().unwrap_or_default() })
    }
}

fn is_too_large(message: &Message) -> bool {
    message.description.as_deref().is_some_and(|words| words.contains("MaxBytes"))
}

fn nanos(period: Duration) -> u64 {
    u64::try_from(period.as_nanos()).unwrap_or(u64::MAX)
}
