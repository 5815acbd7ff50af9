//! Where messages come in that were asked for.

use std::fmt;

use async_nats::{Client, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::error::BusError;
use super::link::words;

/// An address of its own, until it is dropped.
pub(crate) struct Inbox {
    client: Client,
    address: String,
    subscriber: Subscriber,
}

impl Inbox {
    pub(super) async fn new(client: Client) -> Result<Self, BusError> {
        let address = client.new_inbox();
        let subscriber = client.subscribe(address.clone()).await;
        let subscriber = subscriber.map_err(|error| away(&address, &error))?;
        Ok(Self { client, address, subscriber })
    }

    /// Asks for messages, which come here.
    pub(crate) async fn ask(&self, subject: String, body: String) -> Result<(), BusError> {
        let (address, body) = (self.address.clone(), Bytes::from(body));
        let asked = self.client.publish_with_reply(subject.clone(), address, body).await;
        asked.map_err(|error| away(&subject, &error))?;
        self.client.flush().await.map_err(|error| away(&subject, &error))
    }

    /// The next message, if it comes until `end`; one that is there already comes in any case.
    pub(crate) async fn next(&mut self, end: Instant) -> Option<Message> {
        timeout_at(end, self.subscriber.next()).await.ok().flatten()
    }
}

fn away(what: &str, error: &dyn std::error::Error) -> BusError {
    BusError::Away { what: what.to_owned(), error: words(error) }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}
