//! Webhooks of the simulated WorkOS: really signed, posted to the daemon, tried again, now and then sent twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::outbound::{Client, Limits, Method, Request, Route};
use crate::source::signature::sign;

/// Secret of the simulated endpoint.
pub(super) const SECRET: &str = "whsec_demo";

/// Deliveries under way at once.
const UNDER_WAY_MAX: usize = 32;
/// WorkOS tries again six times, over three days. Here the pauses are short.
const TRIES: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Every event of this number is delivered twice: WorkOS promises no less.
const TWICE_EVERY: u64 = 50;

/// Delivers events.
#[derive(Debug)]
pub(super) struct Webhooks {
    endpoint: Arc<Endpoint>,
    under_way: JoinSet<()>,
    sent: u64,
}

#[derive(Debug)]
struct Endpoint {
    url: String,
    client: Client,
    clock: Clock,
    given_up: AtomicU64,
}

impl Webhooks {
    pub(super) fn new(url: String, clock: Clock) -> Self {
        let client = Client::new(Limits::default(), &Route::default());
        let endpoint = Endpoint { url, client, clock, given_up: AtomicU64::new(0) };
        Self { endpoint: Arc::new(endpoint), under_way: JoinSet::new(), sent: 0 }
    }

    /// Begins to deliver `body`; waits while too many are under way.
    pub(super) async fn send(&mut self, body: Vec<u8>) {
        self.sent += 1;
        let copies = if self.sent.is_multiple_of(TWICE_EVERY) { 2 } else { 1 };
        let body = Bytes::from(body);
        for _ in 0..copies {
            while self.under_way.len() >= UNDER_WAY_MAX {
                self.under_way.join_next().await;
            }
            self.under_way.spawn(deliver(Arc::clone(&self.endpoint), body.clone()));
        }
    }

    /// Waits until nothing is under way.
    pub(super) async fn settle(&mut self) {
        while self.under_way.join_next().await.is_some() {}
    }

    /// Events that were handed over so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Deliveries that were never accepted.
    pub(super) fn given_up(&self) -> u64 {
        self.endpoint.given_up.load(Ordering::Relaxed)
    }
}

async fn deliver(endpoint: Arc<Endpoint>, body: Bytes) {
    let mut pause = FIRST_PAUSE;
    for again in 0..TRIES {
        if again > 0 {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        let signature = sign(SECRET, &body, endpoint.clock.now());
        let request = Request {
            method: Method::Post,
            url: endpoint.url.clone(),
            headers: vec![
                ("content-type".into(), "application/json".to_owned()),
                ("workos-signature".into(), signature),
            ],
            body: body.clone(),
        };
        let answer = endpoint.client.send(&request).await;
        if answer.is_ok_and(|answer| (200..300).contains(&answer.status)) {
            return;
        }
    }
    endpoint.given_up.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;
    use crate::source::signature::verify;
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    #[tokio::test]
    async fn every_delivery_is_signed_and_repeated_until_it_is_taken() {
        let server = MockServer::start().await;
        let busy = Mock::given(any()).respond_with(ResponseTemplate::new(503));
        busy.up_to_n_times(1).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let clock = Clock::running(Timestamp::from_millis(1_768_492_800_000), 15);
        let mut webhooks = Webhooks::new(server.uri(), clock);
        for number in 0..TWICE_EVERY {
            webhooks.send(format!("{{\"id\":\"event_{number}\"}}").into_bytes()).await;
        }
        webhooks.settle().await;
        let requests = server.received_requests().await.unwrap();
        // One was refused and repeated, the last was sent twice.
        assert_eq!(requests.len() as u64, TWICE_EVERY + 2);
        for request in requests {
            let header = request.headers.get("workos-signature").unwrap().to_str().unwrap();
            let secrets = [SECRET.to_owned()];
            verify(&secrets, Some(header), &request.body, clock.now(), 180_000).unwrap();
        }
        assert_eq!((webhooks.sent(), webhooks.given_up()), (TWICE_EVERY, 0));
    }
}
