//! The fleet's ordinary days before the demo begins: the daemon gets them at once, as recorded events.

use std::net::SocketAddr;

use anyhow::ensure;
use bytes::Bytes;

use crate::event::Timestamp;
use crate::outbound::{Client, Limits, Method, Request, Route};
use crate::setting::Period;
use crate::simulate::{Recording, Simulation, Wire};

/// Two days show every hour twice, and take seconds to learn from.
const HISTORY_DEFAULT: Period = Period::from_secs(2 * 86_400);

/// Events of one push: 2 MB, which the slowest disk takes within the client's patience.
const EVENTS_PER_PUSH: usize = 3_000;

/// The days before, and what follows.
pub(super) struct Past<'a> {
    /// When the demo begins.
    pub(super) end: Timestamp,
    /// Everything from the beginning of the past on.
    pub(super) recording: Recording<'a>,
}

impl<'a> Past<'a> {
    /// The past of a demo that begins `lead_in_millis` before `first` happens: as much of the scenario's warm-up as is wanted.
    pub(super) fn new(
        simulation: &'a Simulation,
        first: Option<Timestamp>,
        lead_in_millis: i64,
        wanted: Option<Period>,
    ) -> Self {
        let from_minute = simulation.minute_of(first, lead_in_millis);
        let end = simulation.endless(from_minute).begin();
        let minutes = wanted.unwrap_or(HISTORY_DEFAULT).seconds() / 60;
        let warm_up = simulation.minute_of(Some(simulation.warm_up_ends()), 0);
        let recording = simulation.endless(from_minute.saturating_sub(minutes.min(warm_up)));
        Self { end, recording }
    }

    /// Pushes it to the daemon; says how many events it was.
    pub(super) async fn teach(
        &mut self,
        wire: &Wire<'_>,
        intake: SocketAddr,
    ) -> anyhow::Result<u64> {
        let client = Client::new(Limits::default(), &Route::default());
        let mut taught = 0;
        loop {
            let (mut body, mut events) = (Vec::new(), 0);
            while events < EVENTS_PER_PUSH
                && let Some(happening) = self.recording.next_before(self.end)
            {
                body.extend(wire.bytes(&happening));
                body.push(b'\n');
                events += 1;
            }
            if events == 0 {
                return Ok(taught);
            }
            let answer = client
                .send(&Request {
                    method: Method::Post,
                    url: format!("http://{intake}/v1/events"),
                    headers: Vec::new(),
                    body: Bytes::from(body),
                })
                .await?;
            let said = answer.excerpt(&[], 200);
            ensure!(answer.status == 200, "the daemon does not take recorded events: {said}");
            taught += events as u64;
        }
    }
}
