//! One stream of JetStream: made or checked, written with the message that the next one must follow, read by sequence.

use std::future::Future;

use async_nats::{HeaderMap, Message};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::error::NatsError;
use crate::bus::{BusError, Link, Tries, hedged, parse};

/// For how long the server knows ids of messages: longer than anybody tries to send the same message.
const IDS_NANOS: u64 = 120 * 1_000_000_000;

/// NATS's number of `wrong last sequence`.
const WRONG_LAST_SEQUENCE: u64 = 10_071;

/// NATS's number of `stream not found`.
const NOT_FOUND: u64 = 10_059;

/// NATS's number of `stream name already in use`: another instance was faster.
const IN_USE: u64 = 10_058;

/// Messages that are read at once.
const WINDOW: u64 = 16;

/// A stream. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    link: Link,
    pub(super) name: String,
    subject: String,
}

/// How a stream is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) replicas: u8,
    pub(super) max_bytes: u64,
    /// What happens when it is full: the oldest messages go, or new ones are refused.
    pub(super) full: Full,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Full {
    OldestGo,
    Refuse,
}

/// What is known of a stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Info {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) bytes: u64,
    /// How much more it may hold.
    pub(super) room: u64,
    /// Tells a stream from another of the same name.
    pub(super) created: String,
}

/// A message that is to follow another.
pub(super) enum Followed {
    /// It is there.
    Taken,
    /// Something else is there.
    Refused,
}

impl Stream {
    /// The stream, made unless it is there; checked if it is.
    pub(super) async fn open(
        link: &Link,
        prefix: &str,
        part: &str,
        shape: Shape,
    ) -> Result<Self, NatsError> {
        let (name, subject) = (format!("{prefix}_{part}"), format!("{prefix}.{part}"));
        let stream = Self { link: link.clone(), name, subject };
        let wanted = stream.settings(shape);
        let found = match stream.call("INFO", &Value::Null).await {
            Err(BusError::Refused { code: NOT_FOUND, .. }) => {
                match stream.call("CREATE", &wanted).await {
                    Err(BusError::Refused { code: IN_USE, .. }) => {
                        stream.call("INFO", &Value::Null).await?
                    }
                    made => made?,
                }
            }
            found => found?,
        };
        stream.check(&wanted, &found["config"])?;
        Ok(stream)
    }

    fn settings(&self, shape: Shape) -> Value {
        json!({
            "name": self.name,
            "subjects": [self.subject],
            "retention": "limits",
            "storage": "file",
            "num_replicas": shape.replicas,
            "max_bytes": shape.max_bytes,
            "discard": if shape.full == Full::Refuse { "new" } else { "old" },
            "max_msgs": -1,
            "max_age": 0,
            "max_msg_size": -1,
            "max_consumers": -1,
            "duplicate_window": IDS_NANOS,
            "allow_direct": true,
        })
    }

    fn check(&self, wanted: &Value, found: &Value) -> Result<(), NatsError> {
        let settings = [
            "subjects",
            "retention",
            "storage",
            "num_replicas",
            "max_bytes",
            "discard",
            "max_msgs",
            "max_age",
            "max_msg_size",
            "duplicate_window",
            "allow_direct",
        ];
        for setting in settings {
            let (found, wanted) = (&found[setting], &wanted[setting]);
            // What NATS leaves out is its zero.
            let zero = found.is_null() && (*wanted == 0 || *wanted == false);
            if found != wanted && !zero {
                return Err(NatsError::Differs {
                    stream: self.name.clone(),
                    setting,
                    found: found.to_string(),
                    wanted: wanted.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Does asynchronous work while this thread waits.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.link.wait(work)
    }

    /// How far it goes, as its leader says.
    pub(super) async fn info(&self) -> Result<Info, BusError> {
        let answer = self.call("INFO", &Value::Null).await?;
        let state = &answer["state"];
        let number = |key: &str| state[key].as_u64().unwrap_or_default();
        Ok(Info {
            first: number("first_seq"),
            last: number("last_seq"),
            bytes: number("bytes"),
            room: answer["config"]["max_bytes"]
                .as_u64()
                .map_or(u64::MAX, |max| max.saturating_sub(number("bytes"))),
            created: answer["created"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Removes what stands before `sequence`.
    pub(super) async fn purge(&self, sequence: u64) -> Result<(), BusError> {
        // The server takes 1 for: everything.
        if sequence <= 1 {
            return Ok(());
        }
        self.call("PURGE", &json!({"seq": sequence})).await.map(drop)
    }

    /// Sends a message behind `last`, until it is known whether it was taken or it is `end`. `id` is its own: the server takes
    /// it once, however often it is sent.
    pub(super) async fn follow(
        &self,
        last: u64,
        id: &str,
        payload: &Bytes,
        end: Instant,
    ) -> Result<Followed, BusError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        headers.insert("Nats-Expected-Last-Sequence", last.to_string().as_str());
        let tries = Tries::until(end);
        loop {
            match self.send(headers.clone(), payload.clone()).await {
                Ok(taken) if taken == last + 1 => return Ok(Followed::Taken),
                // What stands elsewhere follows something else.
                Ok(_) => return Ok(Followed::Refused),
                Err(BusError::Refused { code: WRONG_LAST_SEQUENCE, .. }) => {
                    // An answer may have been lost: then what is there is this message.
                    let there = self.get(last + 1).await?;
                    let own = there.is_some_and(|there| there == *payload);
                    return Ok(if own { Followed::Taken } else { Followed::Refused });
                }
                Err(error) => tries.again(error).await?,
            }
        }
    }

    /// Sends a message, until it was taken or it is `end`. `id` is its own.
    pub(super) async fn publish(
        &self,
        id: &str,
        payload: &Bytes,
        end: Instant,
    ) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", id);
        let tries = Tries::until(end);
        loop {
            match self.send(headers.clone(), payload.clone()).await {
                Ok(_) => return Ok(()),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    /// Tries whether the login may publish here, with a message that is meant for no stream: nothing of it is kept.
    pub(super) async fn may_publish(&self) -> Result<(), BusError> {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", "none");
        let tries = Tries::patient();
        loop {
            match self.send(headers.clone(), Bytes::new()).await {
                Ok(_) | Err(BusError::Refused { .. }) => return Ok(()),
                Err(error) => tries.again(error).await?,
            }
        }
    }

    async fn send(&self, headers: HeaderMap, payload: Bytes) -> Result<u64, BusError> {
        let answer = self.link.ask(&self.subject, headers, payload).await?;
        let answer = parse(&self.subject, &answer.payload)?;
        answer["seq"].as_u64().ok_or_else(|| BusError::Away {
            what: self.subject.clone(),
            error: "an answer without a sequence".into(),
        })
    }

    /// The next messages from `first` up to `last`, and the sequence of the one after them. Those that are gone are left out.
    pub(super) async fn read(&self, first: u64, last: u64) -> Result<(Vec<Bytes>, u64), BusError> {
        let next = last.saturating_add(1).min(first + WINDOW);
        let ask = |sequence| {
            let stream = self.clone();
            tokio::spawn(async move { stream.get(sequence).await })
        };
        let asked: Vec<_> = (first..next).map(ask).collect();
        let mut messages = Vec::with_capacity(asked.len());
        for message in asked {
            messages.extend(message.await.expect("to read does not panic")?);
        }
        Ok((messages, next.max(first)))
    }

    /// The message with this sequence, which the stream has reached; `None` when it is gone.
    pub(super) async fn get(&self, sequence: u64) -> Result<Option<Bytes>, BusError> {
        let subject = format!("$JS.API.DIRECT.GET.{}", self.name);
        let body = Bytes::from(json!({"seq": sequence}).to_string());
        let (tries, mut missing) = (Tries::patient(), 0);
        loop {
            // Any server that has a copy may be asked, and which one is chance: one that hangs must not hold up the others.
            let answer = hedged(|| {
                let (link, subject, body) = (self.link.clone(), subject.clone(), body.clone());
                async move { link.ask(&subject, HeaderMap::new(), body).await }
            });
            let error = match answer.await.map(|answer| (status(&answer), answer.payload)) {
                Ok((None, payload)) => return Ok(Some(payload)),
                Ok((Some(code), _)) => {
                    // A server that is behind answers the same as one from which it was removed.
                    if code == 404 && (missing >= GONE_AFTER || self.info().await?.first > sequence)
                    {
                        return Ok(None);
                    }
                    missing += 1;
                    let what = format!("message {sequence} of {}", self.name);
                    BusError::Away { what, error: format!("status {code}") }
                }
                Err(error) => error,
            };
            tries.again(error).await?;
        }
    }

    async fn call(&self, call: &str, body: &Value) -> Result<Value, BusError> {
        self.link.api(&format!("STREAM.{call}.{}", self.name), body).await
    }
}

/// How often a message may be missing before it is gone: some seconds, in which a server is up with the others.
const GONE_AFTER: u32 = 30;

fn status(message: &Message) -> Option<u16> {
    let status = message.status.map(|status| status.as_u16());
    // Direct answers say it in words, too.
    status.filter(|status| *status != 200)
}
