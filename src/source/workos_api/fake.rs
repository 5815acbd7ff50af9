//! A WorkOS for tests on paused time: answers as the real one does, unless a test plays a trick,
//! and fails the test when a request has not the documented shape.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::api::Api;
use super::config::{Config, Settings};
use super::place::{LIMIT, RANGE_MILLIS_MAX};
use super::{CURSOR, Workos};
use crate::clock::Clock;
use crate::event::{ConnectionInfo, Privacy, Reason, Record, SourceTrouble, Timestamp, Treatment};
use crate::journal::{Inlet, InletError, Parcel, Receipt, inlet};
use crate::outbound::{Answer, Quota, Request, SendError, Transport};
use crate::setting::Secret;

/// When every test begins: 2026-01-15T12:00:00Z.
pub(super) const NOW: i64 = 1_768_478_400_000;

/// Parameters of a request by name.
pub(super) type Asked = BTreeMap<String, String>;

/// A trick: may answer in place of the fake, by path, parameters and the number of the request,
/// from 0.
type Trick = dyn Fn(&str, &Asked, usize) -> Option<Answer> + Send + Sync;

/// The fake.
#[derive(Clone)]
pub(super) struct Fake {
    start: Instant,
    trick: Arc<Trick>,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    /// Time and event, oldest first.
    events: Vec<(i64, Value)>,
    asked: Vec<String>,
}

/// What the journal was given.
#[derive(Clone, Default, Debug)]
pub(super) struct Taken {
    /// Ids of new events in order.
    pub(super) ids: Vec<String>,
    pub(super) duplicates: usize,
    pub(super) cursor: Option<String>,
    /// How often the source said that it has caught up.
    pub(super) caught_up: usize,
    /// What the source said of itself.
    pub(super) health: Vec<Option<SourceTrouble>>,
    /// What was told of connections, delivery by delivery.
    pub(super) directory: Vec<Vec<ConnectionInfo>>,
}

/// A fake, and a journal that knows duplicates.
pub(super) struct Stage {
    pub(super) fake: Fake,
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) taken: Arc<Mutex<Taken>>,
    /// Whether the journal takes anything.
    pub(super) works: watch::Sender<bool>,
    pub(super) inlet: Inlet,
}

/// A page with `data`, and `after` when it is given.
pub(super) fn page(data: &[Value], after: Option<&str>) -> Value {
    json!({"object": "list", "data": data, "list_metadata": {"after": after}})
}

pub(super) fn answer(status: u16, body: &str) -> Answer {
    Answer { status, retry_after: None, body: body.to_owned().into() }
}

/// The event number `n`, which happened `at`.
pub(super) fn event(n: usize, at: i64) -> Value {
    json!({
        "id": format!("event_{n}"), "event": "authentication.sso_started",
        "created_at": Timestamp::from_millis(at).to_string(), "data": {"sso": {"session_id": format!("s{n}")}},
    })
}

impl Fake {
    fn page(&self, asked: &Asked) -> Answer {
        let world = self.world.lock().unwrap();
        let time =
            |name: &str| asked.get(name).map(|text| Timestamp::parse(text).unwrap().millis());
        let (from, to) =
            (time("range_start").unwrap_or(i64::MIN), time("range_end").unwrap_or(i64::MAX));
        let first = match asked.get("after") {
            None => 0,
            Some(after) => {
                match world.events.iter().position(|(_, event)| event["id"] == **after) {
                    Some(place) => place + 1,
                    None => {
                        return answer(
                            422,
                            r#"{"message":"Validation failed.","errors":[{"code":"after_invalid","field":"after"}]}"#,
                        );
                    }
                }
            }
        };
        let mut found = world.events[first..].iter().filter(|(at, _)| *at >= from && *at < to);
        let data: Vec<_> = found.by_ref().take(LIMIT).map(|(_, event)| event.clone()).collect();
        let more = found.next().is_some();
        let after = data.last().filter(|_| more).and_then(|event| event["id"].as_str());
        answer(200, &page(&data, after).to_string())
    }

    /// What was asked: second, path unless it is that of the events, and what the request goes on
    /// from.
    pub(super) fn asked(&self) -> Vec<String> {
        self.world.lock().unwrap().asked.clone()
    }

    /// Adds an event that happened at `at`, milliseconds after the beginning.
    pub(super) fn happen(&self, n: usize, at: i64) {
        self.world.lock().unwrap().events.push((NOW + at, event(n, NOW + at)));
    }

    /// Adds something that is no event.
    pub(super) fn happen_badly(&self, at: i64, item: Value) {
        self.world.lock().unwrap().events.push((NOW + at, item));
    }
}

impl Transport for Fake {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let (path, query) =
            request.url.strip_prefix("http://fake").unwrap().split_once('?').unwrap();
        let asked: Asked = query
            .split('&')
            .map(|pair| {
                pair.split_once('=')
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .unwrap()
            })
            .collect();
        let now = NOW + i64::try_from(self.start.elapsed().as_millis()).unwrap();
        check_shape(path, &asked, now);
        let key = request.headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        let number = {
            let mut world = self.world.lock().unwrap();
            let place = ["after", "range_start", "range_end"];
            let place =
                place.iter().filter_map(|name| Some(format!("{name}={}", asked.get(*name)?)));
            let path = (path != "/events").then(|| path.to_owned());
            let words: Vec<_> = [self.start.elapsed().as_secs().to_string()]
                .into_iter()
                .chain(path)
                .chain(place)
                .collect();
            world.asked.push(words.join(" "));
            world.asked.len() - 1
        };
        if key.1 != "Bearer sk_good" {
            return Ok(answer(401, r#"{"message":"Unauthorized"}"#));
        }
        let tricked = (self.trick)(path, &asked, number);
        // 0 stands for a network that fails.
        if tricked.as_ref().is_some_and(|answer| answer.status == 0) {
            return Err(SendError {
                host: "http://fake".into(),
                problem: "no answer in time".into(),
            });
        }
        Ok(tricked.unwrap_or_else(|| self.page(&asked)))
    }
}

/// Fails unless the request is one that the documentation describes.
fn check_shape(path: &str, asked: &Asked, now: i64) {
    let documented: &[&str] = match path {
        "/events" => &["after", "events", "limit", "range_end", "range_start"],
        "/connections" | "/organizations" => &["after", "limit"],
        other => panic!("{other} is not asked for"),
    };
    for (name, value) in asked {
        assert!(documented.contains(&&**name), "{name} is not documented for {path}");
        assert!(!value.is_empty(), "{name} is empty");
        assert!(!name.starts_with("range") || value.ends_with('Z'), "{name}={value}");
    }
    assert_eq!(asked["limit"], "100");
    if path == "/events" {
        assert!(asked["events"].split(',').all(|name| super::names::ALL.contains(&name)));
        assert_ne!(asked.contains_key("after"), asked.contains_key("range_start"), "one of them");
        let time =
            |name: &str| asked.get(name).map(|text| Timestamp::parse(text).unwrap().millis());
        if let Some(start) = time("range_start") {
            assert!(time("range_end").unwrap_or(now) - start <= RANGE_MILLIS_MAX, "{asked:?}");
        }
    }
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(|_, _, _| None)
    }

    pub(super) fn with(
        trick: impl Fn(&str, &Asked, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let (inlet, parcels) = inlet(8);
        let taken: Arc<Mutex<Taken>> = Arc::default();
        let (works, journal_works) = watch::channel(true);
        tokio::spawn(journal(parcels, Arc::clone(&taken), journal_works));
        let config = Config {
            api_key: Some(Secret::inline("sk_good")),
            base_url: "http://fake".into(),
            ..Config::default()
        };
        let fake = Fake { start: Instant::now(), trick: Arc::new(trick), world: Arc::default() };
        let clock = Clock::starting_at(Timestamp::from_millis(NOW));
        Self { fake, config, clock, taken, works, inlet }
    }

    pub(super) fn settings(&self) -> Settings {
        self.config.settings().unwrap()
    }

    pub(super) fn api(&self) -> Api<Fake> {
        let settings = self.settings();
        Api {
            transport: self.fake.clone(),
            base_url: settings.base_url,
            key: settings.key,
            quota: Quota::per_minute(settings.requests_per_minute),
        }
    }

    pub(super) fn workos(&self) -> Workos {
        Workos {
            settings: self.settings(),
            cursor: self.taken().cursor,
            known: self.taken().directory.into_iter().flatten().map(Arc::new).collect(),
            inlet: self.inlet.clone(),
            clock: self.clock,
            privacy: Privacy::new(Treatment::Hash, b"key"),
        }
    }

    pub(super) fn taken(&self) -> Taken {
        self.taken.lock().unwrap().clone()
    }

    /// What was refused since the last call.
    pub(super) fn refused(&self) -> Vec<(Reason, u64)> {
        let records = self.inlet.refusals().drain().into_iter();
        records
            .flat_map(|record| match record {
                Record::Refused { rejected, .. } => rejected,
                other => panic!("{other:?}"),
            })
            .collect()
    }
}

/// The journal's side: what is new is taken, what is known counted.
async fn journal(
    mut parcels: mpsc::Receiver<Parcel>,
    taken: Arc<Mutex<Taken>>,
    works: watch::Receiver<bool>,
) {
    let mut known = HashSet::new();
    while let Some(Parcel { delivery, reply }) = parcels.recv().await {
        // A disk takes its time.
        tokio::time::sleep(Duration::from_millis(5)).await;
        if !*works.borrow() {
            drop(reply.send(Err(InletError::Storage("no space left on device".into()))));
            continue;
        }
        let mut receipt = Receipt::default();
        let mut taken = taken.lock().unwrap();
        for (_, event) in delivery.events {
            if known.insert(event.id.clone()) {
                receipt.accepted += 1;
                taken.ids.push(event.id.to_string());
            } else {
                receipt.duplicates += 1;
                taken.duplicates += 1;
            }
        }
        for record in delivery.records {
            match record {
                Record::Cursor { key, value } => {
                    assert_eq!(&*key, CURSOR);
                    taken.cursor = Some(value.into());
                }
                Record::CaughtUp { .. } => taken.caught_up += 1,
                Record::SourceHealth { trouble, .. } => taken.health.push(trouble),
                Record::Directory(infos) => taken.directory.push(infos),
                other => panic!("{other:?} is not for a source"),
            }
        }
        drop(reply.send(Ok(receipt)));
    }
}
