//! Events from a message bus: a stream of NATS JetStream, read behind a cursor.
//!
//! The place behind the last message goes into the journal together with the events up to it: a crash repeats nothing and
//! loses nothing. Nothing is acknowledged to the server and no consumer is left behind, so that ssowatch needs no more than
//! to read, and takes nothing from other readers.

mod config;
mod consumer;
mod piece;
mod place;
mod reader;

pub use config::{Config, Settings};

use tokio::sync::watch;

use self::consumer::Stream;
use self::place::Place;
use self::reader::Reader;
use crate::bus::{BusError, Link};
use crate::clock::Clock;
use crate::event::{Privacy, Source};
use crate::journal::Inlet;
use crate::telemetry;

/// The key of the cursor, and the name of the source.
pub const CURSOR: &str = Source::Nats.as_str();

/// What the source needs.
#[derive(Debug)]
pub struct Nats {
    /// What it is told.
    pub settings: Settings,
    /// Where it came to before, as [`crate::event::Record::Cursor`] said under [`CURSOR`].
    pub cursor: Option<String>,
    /// Where deliveries go.
    pub inlet: Inlet,
    /// The time.
    pub clock: Clock,
    /// What happens to personal data.
    pub privacy: Privacy,
}

impl Nats {
    /// Reads until `stop`, or until nobody takes deliveries any more.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let place = self.cursor.as_deref().and_then(|text| {
            let place = Place::parse(text);
            if place.is_none() {
                telemetry::source_trouble(CURSOR, &"the cursor cannot be read; it begins anew");
            }
            place
        });
        tokio::select! {
            biased;
            // An error means that the daemon is gone: stop as well. What is under way may be dropped at any point: it is in the
            // journal whole, with its cursor, or not at all.
            _ = stop.wait_for(|stop| *stop) => {}
            () = Reader::new(self, place).run() => {}
        }
    }
}

/// Whether the stream can be read, for `check --online`: what was found, or what is wrong and what to do.
pub async fn probe(settings: &Settings) -> Result<String, String> {
    let found = async {
        let link = connect(settings).await?;
        Stream::find(&link, &settings.stream).await
    };
    let Stream { messages, .. } = found.await.map_err(|error: BusError| error.to_string())?;
    Ok(format!("the stream {} can be read; it has {messages} message(s)", settings.stream))
}

/// Connects, on a thread that may wait.
async fn connect(settings: &Settings) -> Result<Link, BusError> {
    let access = settings.access.clone();
    let connected = tokio::task::spawn_blocking(move || Link::connect(&access));
    connected.await.expect("to connect does not panic")
}
