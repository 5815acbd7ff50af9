//! Engine and sink together, over crashes: what Datadog holds in the end is what happened.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use tokio::task::JoinHandle;

use self::intake::{Fate, Intake};
use super::*;
use crate::engine;
use crate::event::{
    AuthError, AuthEvent, Body, ConnectionId, ConnectionInfo, Entry, EventId, Person, Reason,
    Record, SessionId, Source, Sso, Step, Timestamp,
};
use crate::journal::{self, InletError, Parcel, Receipt};
use crate::signal::Counts;

mod intake;
mod push;

const EPOCH: i64 = 1_760_000_000;

/// A daemon that can crash: all that survives is its journal.
struct World {
    clock: Clock,
    intake: Intake,
    log: Vec<Entry>,
    state: State,
    /// Whether marks reach the journal.
    journal_works: bool,
    parcels: tokio::sync::mpsc::Receiver<Parcel>,
    publish: watch::Sender<Arc<Snapshot>>,
    task: JoinHandle<()>,
}

fn engine_config() -> engine::Config {
    engine::Config { window_sinks: vec![datadog::METRICS.into()], ..engine::Config::default() }
}

impl World {
    fn new(fates: &[Fate]) -> Self {
        let intake = Intake {
            fates: Arc::new(Mutex::new(fates.iter().copied().collect())),
            points: Arc::default(),
            bodies: Arc::default(),
        };
        let clock = Clock::starting_at(Timestamp::from_millis(EPOCH * 1000));
        Self::start(clock, intake, Vec::new())
    }

    /// A daemon that recovers from `log`.
    fn start(clock: Clock, intake: Intake, log: Vec<Entry>) -> Self {
        let mut state = State::new(engine_config());
        for (position, entry) in (0..).zip(&log) {
            state.apply(position, entry);
        }
        state.advance(clock.now());
        let (inlet, parcels) = journal::inlet(8);
        let config: datadog::Config = serde_json::from_value(json!({"api_key": "k"})).unwrap();
        let mark = state.sent(datadog::METRICS);
        let own: datadog::Own = Arc::new(String::new);
        let sink = datadog::Metrics::new(&config, mark, intake.clone(), inlet, clock, own);
        let publish = watch::channel(Arc::default()).0;
        let stop = watch::channel(false).0;
        let (snapshots, stopped) = (publish.subscribe(), stop.subscribe());
        let task = tokio::spawn(async move {
            sink.unwrap().unwrap().run(snapshots, stopped).await;
            drop(stop);
        });
        Self { clock, intake, log, state, journal_works: true, parcels, publish, task }
    }

    fn crash(self) -> Self {
        self.task.abort();
        Self::start(self.clock, self.intake, self.log)
    }

    fn append(&mut self, record: Record) {
        let entry = Entry { received_at: self.clock.now(), record };
        self.state.apply(self.log.len() as u64, &entry);
        self.log.push(entry);
    }

    /// One second of the daemon's life.
    async fn tick(&mut self) {
        while let Ok(Parcel { delivery, reply }) = self.parcels.try_recv() {
            let outcome = if self.journal_works {
                delivery.records.into_iter().for_each(|record| self.append(record));
                Ok(Receipt::default())
            } else {
                Err(InletError::Storage("full".into()))
            };
            drop(reply.send(outcome));
        }
        self.state.advance(self.clock.now());
        self.publish.send_replace(Arc::new(self.state.snapshot()));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// What Datadog holds, added up over time, by name and tag without the connection's type.
    fn sums(&self) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for ((name, tags, _), value) in &*self.intake.points.lock().unwrap() {
            let tags: Vec<String> = serde_json::from_str(tags).unwrap_or_default();
            let kept = tags.iter().filter(|tag| !tag.starts_with("connection_type"));
            let key = kept.fold(name.clone(), |key, tag| format!("{key} {tag}"));
            *sums.entry(key).or_default() += value;
        }
        sums
    }
}

/// What the engine counted, under the names of [`World::sums`].
fn totals(snapshot: &Snapshot) -> BTreeMap<String, f64> {
    let mut totals = BTreeMap::new();
    #[expect(clippy::cast_precision_loss, reason = "a test counts little")]
    let mut add = |name: String, count: u64| {
        if count > 0 {
            *totals.entry(name).or_default() += count as f64;
        }
    };
    for connection in &snapshot.connections {
        let id = format!("connection_id:{}", connection.label());
        let Counts { started, succeeded, failed, timed_out, stalled } = connection.scope.totals;
        add(format!("sso.sessions_started {id}"), started);
        add(format!("sso.sessions_stalled {id}"), stalled);
        for (outcome, count) in
            [("succeeded", succeeded), ("failed", failed), ("timed_out", timed_out)]
        {
            add(format!("sso.sessions_finished {id} outcome:{outcome}"), count);
        }
        for (cause, count) in &connection.causes {
            add(format!("sso.session_failures cause:{cause} {id}"), *count);
        }
    }
    for (name, count) in &snapshot.event_types {
        add(format!("sso.authentication_events type:{name}"), *count);
    }
    for source in &snapshot.sources {
        let name = source.source.as_str();
        add(format!("ssowatch.events_received source:{name}"), source.received);
        add(format!("ssowatch.events_duplicate source:{name}"), source.duplicates);
        add(format!("ssowatch.events_late source:{name}"), source.late);
        for (reason, count) in &source.rejected {
            let reason = reason.as_str();
            add(format!("ssowatch.events_rejected reason:{reason} source:{name}"), *count);
        }
    }
    for (_, durations) in &snapshot.durations {
        add("sso.session_duration_seconds.count".into(), durations.count());
        let at_most_a_minute = durations.buckets[..9].iter().sum();
        add("sso.session_duration_seconds.bucket upper_bound:60".into(), at_most_a_minute);
    }
    totals
}

#[derive(Clone, Debug)]
enum Act {
    /// A step of a sign-in, that happened so many seconds ago.
    Event { step: Step, connection: u8, session: u8, age: i64 },
    /// The connection's type is learned.
    Learn { connection: u8, kind: u8 },
    /// Input is rejected.
    Reject,
    /// Nothing for so many seconds.
    Pause(u8),
    /// The daemon crashes and comes back.
    Crash,
    /// Marks reach the journal or do not.
    Journal(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let step = prop::sample::select(vec![Step::Started, Step::Succeeded, Step::Failed]);
    let age = prop_oneof![4 => 0i64..45, 1 => 0i64..3_500];
    prop_oneof![
        12 => (step, 0u8..3, 0u8..20, age).prop_map(|(step, connection, session, age)| {
            Act::Event { step, connection, session, age }
        }),
        1 => (0u8..3, 0u8..2).prop_map(|(connection, kind)| Act::Learn { connection, kind }),
        1 => Just(Act::Reject),
        8 => (1u8..15).prop_map(Act::Pause),
        1 => Just(Act::Crash),
        1 => any::<bool>().prop_map(Act::Journal),
    ]
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let fate = prop_oneof![Just(Fate::Taken), Just(Fate::TakenAndAnswerLost), Just(Fate::Refused)];
    prop::collection::vec(fate, 0..9)
}

fn event(number: usize, step: Step, connection: u8, session: u8, at: Timestamp) -> AuthEvent {
    let error = (step == Step::Failed)
        .then(|| AuthError { code: "saml_certificate_expired".into(), message: "".into() });
    let sso = Sso {
        step,
        connection_id: (connection > 0).then(|| ConnectionId::new(&format!("c{connection}"))),
        organization_id: None,
        session_id: Some(SessionId::new(&format!("s{session}"))),
        error,
        person: Person::default(),
        test: false,
    };
    let name = format!("authentication.{step:?}").to_lowercase();
    let id = EventId::new(&format!("e{number}"));
    AuthEvent { id, at, name: name.into(), body: Body::Sso(sso), novel: Vec::new() }
}

fn info(connection: u8, kind: u8) -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId::new(&format!("c{connection}")),
        organization_id: None,
        organization_name: None,
        connection_type: Some(format!("type{kind}").into()),
        name: None,
        state: None,
    }
}

/// Lives through `acts`, and until everything is sent.
async fn live(acts: &[Act], fates: &[Fate]) -> World {
    let mut world = World::new(fates);
    for (number, act) in acts.iter().enumerate() {
        let source = Source::Push;
        match *act {
            Act::Event { step, connection, session, age } => {
                let at = world.clock.now().plus_millis(-age * 1000);
                let event = event(number, step, connection, session, at);
                world.append(Record::Event { source, event });
            }
            Act::Learn { connection, kind } => {
                world.append(Record::Directory(vec![info(connection, kind)]));
            }
            Act::Reject => world.append(Record::Refused {
                source,
                duplicates: 1,
                rejected: vec![(Reason::NotJson, 2)],
            }),
            Act::Pause(seconds) => {
                for _ in 0..seconds {
                    world.tick().await;
                }
            }
            Act::Crash => world = world.crash(),
            Act::Journal(works) => world.journal_works = works,
        }
    }
    // A session stalls after six minutes and is sent 40 s later; eight failures take at most 191 s.
    for _ in 0..620 {
        world.tick().await;
    }
    world
}

fn on_paused_time<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn property_test_what_datadog_holds_is_what_happened(acts in prop::collection::vec(act(), 1..80), fates in fates()) {
        on_paused_time(async {
            let mut world = live(&acts, &fates).await;
            let (mut sums, totals) = (world.sums(), totals(&world.state.snapshot()));
            sums.retain(|name, _| !name.contains(".sum") && (!name.contains("bucket") || name.ends_with(":60")));
            prop_assert_eq!(sums, totals);
            Ok(())
        })?;
    }
}

#[test]
fn a_restart_in_the_middle_of_a_window_sends_the_same_bytes() {
    let step = |step, session| Act::Event { step, connection: 1, session, age: 1 };
    let begin = [
        Act::Pause(3),
        step(Step::Started, 1),
        Act::Pause(2),
        Act::Learn { connection: 1, kind: 1 },
    ];
    let end =
        [step(Step::Failed, 1), step(Step::Started, 2), Act::Pause(60), step(Step::Succeeded, 2)];
    let bodies = |middle: &[Act]| {
        let acts = [&begin[..], middle, &end[..]].concat();
        on_paused_time(async {
            let world = live(&acts, &[]).await;
            world.intake.bodies.lock().unwrap().clone()
        })
    };
    let straight = bodies(&[]);
    assert!(straight.len() >= 2 && straight[0].contains("sso.sessions_started"), "{straight:?}");
    assert_eq!(bodies(&[Act::Crash]), straight);
}
