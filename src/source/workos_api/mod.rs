//! The Events API of WorkOS, read page by page, oldest first, and the directory of its connections.
//!
//! Webhooks are fast and may be lost or late; this is the complete record. The cursor is the id of
//! the last event that is in the journal, appended together with the events up to it: a crash
//! repeats nothing and loses nothing. What also came by webhook counts once, by its id.

mod api;
mod config;
mod directory;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod names;
mod page;
mod place;
mod poller;
mod probe;

pub use config::{Config, Settings};
pub use probe::probe;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::api::{ANSWER_BYTES_MAX, Api};
use self::directory::Directory;
use self::place::Place;
use self::poller::Poller;
use crate::clock::Clock;
use crate::event::{ConnectionInfo, Privacy};
use crate::journal::Inlet;
use crate::outbound::{Limits, Quota, Transport};
use crate::telemetry;

/// The key of the cursor, and the name of the source.
pub const CURSOR: &str = "workos_api";

/// From the request to the last byte of a page. WorkOS's own clients wait a minute.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What the source needs.
#[derive(Debug)]
pub struct Workos {
    /// What it is told.
    pub settings: Settings,
    /// Where it came to before, as [`crate::event::Record::Cursor`] said under [`CURSOR`].
    pub cursor: Option<String>,
    /// What is known of connections: only news of them is told.
    pub known: Vec<Arc<ConnectionInfo>>,
    /// Where deliveries go.
    pub inlet: Inlet,
    /// The time.
    pub clock: Clock,
    /// What happens to personal data.
    pub privacy: Privacy,
}

impl Workos {
    /// Reads until `stop`, or until nobody takes deliveries any more.
    pub async fn run<T: Transport>(self, transport: T, mut stop: watch::Receiver<bool>) {
        let api = Api {
            transport,
            base_url: self.settings.base_url.clone(),
            key: self.settings.key.clone(),
            quota: Quota::per_minute(self.settings.requests_per_minute),
        };
        let place = self.cursor.as_deref().and_then(|text| {
            let place = Place::parse(text);
            if place.is_none() {
                telemetry::source_trouble(CURSOR, &"the cursor cannot be read; it begins anew");
            }
            place
        });
        let poller = Poller::new(&api, &self, place);
        let directory = Directory::new(&api, &self);
        tokio::select! {
            biased;
            // An error means that the daemon is gone: stop as well. What is under way may be
            // dropped at any point: it is in the journal whole, with its cursor, or not at all.
            _ = stop.wait_for(|stop| *stop) => {}
            () = poller.run() => {}
            () = directory.run() => {}
        }
    }
}

/// What a page of events may cost.
pub const LIMITS: Limits = Limits { timeout: TIMEOUT, answer_bytes_max: ANSWER_BYTES_MAX };

#[cfg(test)]
mod fake;
