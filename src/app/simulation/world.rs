//! One run: lives of a daemon, one after the other, each ended in its own way, while events come and everything fails.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::disk::{Platter, Trouble};
use super::network::{Faults, Network};
use super::plan::{Happening, TRAFFIC_SECONDS, last_outage, plan};
use super::promises::{self, Broken, Fired};
use super::senders::{Promised, Sender, WEBHOOK_SECRET};
use super::services::Workos;
use crate::app::core::{Core, Outside, recover};
use crate::clock::Clock;
use crate::config::Config;
use crate::event::{Privacy, Timestamp, Treatment};
use crate::offload::latency;
use crate::signal::Snapshot;
use crate::source::intake;
use crate::store::checkpoint::Place;

const EPOCH: Timestamp = Timestamp::from_millis(1_760_000_000_000);

/// When everything works for good: the last events have been sent for the first time.
const TROUBLE_SECONDS: u64 = TRAFFIC_SECONDS + 150;

/// When the last outage begins: every sender and sink has come out of its longest wait.
const LAST_OUTAGE_SECONDS: u64 = TROUBLE_SECONDS + 200;

/// The end: what the last outage caused has been told, and told to be over; what stalls has stalled and been sent.
const END_SECONDS: u64 = LAST_OUTAGE_SECONDS + 420;

/// How long a daemon may take to stop.
const STOP_SECONDS_MAX: u64 = 60;

/// What came of a run.
pub(super) struct Outcome {
    pub(super) broken: Broken,
    /// What happened, line by line.
    pub(super) record: String,
}

struct World {
    config: Config,
    clock: Clock,
    skew: &'static AtomicI64,
    /// Whether the clock is set to other times.
    jumps: bool,
    random: fastrand::Rng,
    begin: Instant,
    network: Network,
    platter: Platter,
    door: watch::Sender<Option<(u32, axum::Router)>>,
    failing: watch::Sender<u32>,
    promised: Promised,
    fired: Fired,
    broken: Broken,
    lives: u32,
    /// Whether something is wrong with the disk, or will be.
    ill: bool,
    /// Whether the journal never lost what a sink may still need.
    logs_whole: bool,
}

/// A daemon that lives.
struct Life {
    tasks: JoinSet<()>,
    fold: JoinHandle<()>,
    stop: watch::Sender<bool>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    last: Arc<Snapshot>,
}

fn config() -> Config {
    let yaml = format!(
        "data_dir: /data\nsources:\n  workos_webhook: {{ secret: {WEBHOOK_SECRET} }}\n  \
         workos_api: {{ api_key: sk_1, base_url: \"http://workos\", poll_interval: 5s, requests_per_minute: 6000 }}\n\
         sessions: {{ timeout: 1m }}\n\
         sinks:\n  datadog: {{ api_key: k, metrics_url: \"http://metrics\", logs_url: \"http://logs\" }}\n\
         receivers: [ {{ pagerduty: {{ routing_key: k, url: \"http://pager\" }} }} ]\n\
         rules: [ {{ name: ManyFailures, metric: failures, op: \">\", value: 4, window: 2m, min_attempts: 1, keep_firing_for: 1m }} ]\n"
    );
    Config::parse("simulation.yaml", &yaml, |_| None).unwrap()
}

/// Runs the world of one seed to its end.
pub(super) async fn live(seed: u64) -> Outcome {
    fastrand::seed(seed);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut happenings = plan(&mut random, EPOCH);
    let workos = Workos::new(&happenings, &mut random);
    happenings.extend(last_outage(EPOCH, LAST_OUTAGE_SECONDS * 1000));
    // Lives as long as the process: a clock is copied everywhere.
    let skew: &'static AtomicI64 = Box::leak(Box::default());
    let mut slow = random.fork();
    latency::set(move || {
        let most = if slow.u32(..30) == 0 { 6_000 } else { 40 };
        Duration::from_millis(slow.u64(..most))
    });
    let begin = Instant::now();
    let mut world = World {
        config: config(),
        clock: Clock::skewed(EPOCH, begin, skew),
        skew,
        jumps: random.u32(..5) == 0,
        begin,
        network: Network::new(random.fork(), workos),
        platter: Platter::new(random.fork()),
        door: watch::channel(None).0,
        failing: watch::channel(0).0,
        promised: Arc::new(Mutex::default()),
        fired: Fired::default(),
        broken: Vec::new(),
        lives: 0,
        ill: false,
        logs_whole: true,
        random,
    };
    let mut senders = JoinSet::new();
    world.sender().start(&happenings, &mut world.random.fork(), &mut senders);
    while world.begin.elapsed() < Duration::from_secs(TROUBLE_SECONDS) && world.broken.is_empty() {
        world.one_life().await;
    }
    if world.broken.is_empty() {
        world.last_life(&happenings).await;
    }
    while let Some(ended) = senders.try_join_next() {
        world.panicked(ended);
    }
    let record = std::mem::take(&mut world.network.state().record);
    Outcome { broken: world.broken, record }
}

impl World {
    fn sender(&self) -> Sender {
        Sender {
            door: self.door.subscribe(),
            network: self.network.clone(),
            promised: Arc::clone(&self.promised),
            epoch: EPOCH,
            begin: self.begin,
            failing: self.failing.subscribe(),
        }
    }

    /// A daemon on the disk as it is; `None` when it cannot start.
    fn start(&mut self) -> Option<Life> {
        self.lives += 1;
        // A process that begins believes its clock.
        self.clock = Clock::skewed(EPOCH, self.begin, self.skew);
        // What killed the life before, in its last moments, is no news of this one.
        pin!(self.platter.died.notified()).as_mut().enable();
        let disk = self.platter.mount();
        let (journal, mut state) = match recover(&self.config, self.clock, &disk) {
            Ok(recovered) => recovered,
            Err(error) => {
                self.network.note(&format!("cannot start: {error:#}"));
                return None;
            }
        };
        self.network.note(&format!("life {} begins", self.lives));
        promises::nothing_is_lost(&state, &self.promised, &mut self.broken);
        let last = Arc::new(state.snapshot());
        let (publish, snapshots) = watch::channel(Arc::default());
        let (stop, stopped) = watch::channel(false);
        let network = self.network.clone();
        let outside = Outside {
            clock: self.clock,
            place: Place::Folder(disk, self.config.data_dir.0.clone()),
            network: Arc::new(move |_| network.clone()),
            privacy: Privacy::new(Treatment::Hash, b"key"),
            own: Arc::new(String::new),
            scrape: Arc::new(|| Box::new(std::iter::empty())),
            // The archive folds the journal by itself.
            archived: Arc::new(AtomicU64::new(u64::MAX)),
            publish,
        };
        let core = Core::new(&self.config, journal, state, outside).unwrap();
        promises::nothing_shrinks(&last, &snapshots.borrow(), &mut self.broken);
        let router = intake::router(core.intake());
        let mut tasks = JoinSet::new();
        let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, 9470));
        let fold = core.spawn(&self.config, admin, &mut tasks, &stopped).unwrap();
        self.door.send_replace(Some((self.lives, router)));
        Some(Life { tasks, fold, stop, snapshots, last })
    }

    /// A life with trouble, and its end.
    async fn one_life(&mut self) {
        self.change_weather();
        let Some(mut life) = self.start() else {
            // Somebody looks after the disk.
            self.platter.trouble(Trouble::default());
            sleep(Duration::from_secs(self.random.u64(1..20))).await;
            return;
        };
        let ends = Instant::now() + Duration::from_millis(self.random.u64(500..150_000));
        let died = self.watch(&mut life, ends).await;
        // After a stop on a disk that works the checkpoint has everything that the end of the journal has.
        let saved = self.end(life, died).await && !self.ill;
        if self.random.u32(..6) == 0 {
            self.network.note(&format!("the journal's tail is spoilt, cut: {saved}"));
            self.logs_whole &= !saved;
            self.platter.spoil_tail("/data/journal".as_ref(), 300, saved);
        }
        let most = if self.random.u32(..8) == 0 { 120_000 } else { 5_000 };
        sleep(Duration::from_millis(self.random.u64(..most))).await;
    }

    /// Looks at every snapshot until `ends`; whether the machine died before.
    async fn watch(&mut self, life: &mut Life, ends: Instant) -> bool {
        let mut change = Instant::now() + Duration::from_secs(self.random.u64(10..60));
        loop {
            tokio::select! {
                biased;
                () = self.platter.died.notified() => return true,
                changed = life.snapshots.changed() => {
                    if changed.is_err() {
                        self.broken.push("the fold ended by itself".into());
                        return false;
                    }
                    let snapshot = Arc::clone(&life.snapshots.borrow_and_update());
                    promises::nothing_shrinks(&life.last, &snapshot, &mut self.broken);
                    self.fired.see(&snapshot);
                    life.last = snapshot;
                }
                () = sleep_until(change) => {
                    change += Duration::from_secs(self.random.u64(10..60));
                    self.change_weather();
                }
                () = sleep_until(ends) => return false,
            }
        }
    }

    /// Other things go wrong from now on.
    fn change_weather(&mut self) {
        if self.begin.elapsed() >= Duration::from_secs(TROUBLE_SECONDS) {
            return;
        }
        let random = &mut self.random;
        self.network.fail(|| match random.u32(..10) {
            0..3 => Faults::default(),
            3..9 => Faults::HALF,
            _ => Faults::PARTITION,
        });
        self.failing.send_replace([0, 5, 40][random.usize(..3)]);
        let mut trouble = Trouble::default();
        match random.u32(..10) {
            0..3 => trouble.dies_after = Some(random.u32(..80)),
            3 => trouble.room = Some(self.platter.bytes() + random.usize(..8_000)),
            4 => trouble.failing_syncs = Some(6),
            _ => {}
        }
        self.ill = trouble != Trouble::default();
        self.platter.trouble(trouble);
        if self.jumps && random.u32(..4) == 0 {
            let skew = [0, 3_600_000, -3_600_000][random.usize(..3)];
            self.skew.store(skew, Ordering::Relaxed);
        }
        self.network.note(&format!("{trouble:?}, clock off by {:?}", self.skew));
    }

    /// The life ends: by a stop, a kill, or with the power. Whether it was a stop.
    async fn end(&mut self, mut life: Life, died: bool) -> bool {
        let how = self.random.u32(..4);
        self.door.send_replace(None);
        let stop = !died && how == 0;
        if stop {
            self.network.note("stop");
            life.stop.send_replace(true);
            let stopped = async {
                while let Some(ended) = life.tasks.join_next().await {
                    self.panicked(ended);
                }
                let ended = (&mut life.fold).await;
                self.panicked(ended);
            };
            if timeout(Duration::from_secs(STOP_SECONDS_MAX), stopped).await.is_err() {
                self.broken.push("it does not stop".into());
            }
        }
        let power = how > 1;
        self.network.note(if power { "the power is cut" } else { "killed" });
        if power {
            self.platter.cut_power();
        } else {
            self.platter.kill();
        }
        life.tasks.abort_all();
        life.fold.abort();
        while let Some(ended) = life.tasks.join_next().await {
            self.panicked(ended);
        }
        if !life.fold.is_finished() {
            let ended = life.fold.await;
            self.panicked(ended);
        }
        stop
    }

    fn panicked(&mut self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended
            && error.is_panic()
        {
            self.broken.push(format!("a task panicked: {error}"));
        }
    }

    /// Everything works; in the end every promise must be kept.
    async fn last_life(&mut self, happenings: &[Happening]) {
        self.platter.trouble(Trouble::default());
        self.network.fail(Faults::default);
        self.failing.send_replace(0);
        self.skew.store(0, Ordering::Relaxed);
        let Some(mut life) = self.start() else {
            self.broken.push("it does not start on a disk that works".into());
            return;
        };
        let end = self.begin + Duration::from_secs(END_SECONDS);
        self.watch(&mut life, end).await;
        let last = Arc::clone(&life.last);
        self.door.send_replace(None);
        life.stop.send_replace(true);
        while let Some(ended) = life.tasks.join_next().await {
            self.panicked(ended);
        }
        let ended = life.fold.await;
        self.panicked(ended);
        self.platter.cut_power();
        let disk = self.platter.mount();
        let Ok((_, mut state)) = recover(&self.config, self.clock, &disk) else {
            self.broken.push("what a stop left cannot be read".into());
            return;
        };
        let again = promises::totals(&state.snapshot());
        if again != promises::totals(&last) {
            self.broken.push(format!("a restart counts otherwise: {again:?}"));
        }
        let broken = &mut self.broken;
        promises::nothing_is_lost(&state, &self.promised, broken);
        promises::everything_came(&state, happenings, broken);
        promises::nothing_counts_twice(&state, &last, happenings, broken);
        promises::points_add_up(&self.network, &last, !self.jumps, broken);
        if self.logs_whole {
            promises::every_log_was_sent(&self.network, happenings, broken);
        }
        self.fired.were_told(&self.network, &last, broken);
        if self.network.state().pager.changes.is_empty() && !self.jumps {
            broken.push("PagerDuty was told nothing, though there was an outage".into());
        }
    }
}
