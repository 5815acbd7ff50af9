//! The network between the daemon and the services that it calls, and what goes wrong on it.

use std::fmt::Write;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::services::{Datadog, Pager, Workos};
use crate::outbound::{Answer, Request, SendError, Transport};

/// Longest a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The network, with the services on it.
#[derive(Clone)]
pub(super) struct Network(Arc<Mutex<State>>);

pub(super) struct State {
    random: fastrand::Rng,
    begin: Instant,
    pub(super) datadog: Datadog,
    pub(super) pager: Pager,
    pub(super) workos: Workos,
    /// What goes wrong with requests to a service, by the first letters of its host.
    faults: [(&'static str, Faults); 4],
    /// A line for each request: what it asked and what came of it. Two runs of one seed give the same.
    pub(super) record: String,
}

/// How many of a hundred requests meet which fate; the others are taken and answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) lost: u32,
    pub(super) refused: u32,
    pub(super) answer_lost: u32,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Taken,
    Lost,
    Refused,
    AnswerLost,
}

impl Faults {
    /// Half of all requests fail.
    pub(super) const HALF: Self = Self { lost: 15, refused: 20, answer_lost: 15 };
    /// Nothing comes through.
    pub(super) const PARTITION: Self = Self { lost: 100, refused: 0, answer_lost: 0 };

    fn fate(self, random: &mut fastrand::Rng) -> Fate {
        let chance = random.u32(..100);
        if chance < self.lost {
            Fate::Lost
        } else if chance < self.lost + self.refused {
            Fate::Refused
        } else if chance < self.lost + self.refused + self.answer_lost {
            Fate::AnswerLost
        } else {
            Fate::Taken
        }
    }
}

impl Network {
    pub(super) fn new(random: fastrand::Rng, workos: Workos) -> Self {
        let faults = ["metrics", "logs", "pager", "workos"].map(|host| (host, Faults::default()));
        Self(Arc::new(Mutex::new(State {
            random,
            begin: Instant::now(),
            datadog: Datadog::default(),
            pager: Pager::default(),
            workos,
            faults,
            record: String::new(),
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// From now on requests to each service fail as `choose` says.
    pub(super) fn fail(&self, mut choose: impl FnMut() -> Faults) {
        for (_, faults) in &mut self.state().faults {
            *faults = choose();
        }
    }

    /// Notes something of the world in the record.
    pub(super) fn note(&self, what: &str) {
        self.state().note(what);
    }
}

impl State {
    fn note(&mut self, what: &str) {
        let at = self.begin.elapsed().as_millis();
        writeln!(self.record, "{at} {what}").unwrap();
    }

    fn answer(&mut self, fate: Fate, host: &str, path: &str, body: &str) -> Answer {
        if fate == Fate::Refused {
            let status = [500, 502, 503, 429, 408][self.random.usize(..5)];
            let asked = Duration::from_secs(self.random.u64(1..30));
            let retry_after = (status == 429).then_some(asked);
            return Answer { status, retry_after, body: "".into() };
        }
        let at = u64::try_from(self.begin.elapsed().as_millis()).unwrap();
        let (status, body) = match host {
            "metrics" => (202, self.datadog.points(body)),
            "logs" => (202, self.datadog.logs(body)),
            "pager" => (202, self.pager.take(body)),
            "workos" => (200, self.workos.answer(at, path)),
            _ => panic!("nobody is at {host}"),
        };
        Answer { status, retry_after: None, body: body.into() }
    }
}

impl Transport for Network {
    async fn send(&self, request: &Request) -> Result<Answer, SendError> {
        let (host, path) = request.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let body = text(request);
        let fail = || SendError { host: host.into(), problem: "no answer in time".into() };
        let (fate, there, back) = {
            let mut state = self.state();
            let (_, faults) = state.faults.iter().find(|(name, _)| *name == host).unwrap();
            let faults = *faults;
            let slow = if state.random.u32(..20) == 0 { 12_000 } else { 900 };
            let way = |random: &mut fastrand::Rng| Duration::from_millis(random.u64(1..slow));
            let State { random, .. } = &mut *state;
            (faults.fate(random), way(random), way(random))
        };
        sleep(there).await;
        if fate == Fate::Lost {
            self.note(&format!("{host} lost"));
            sleep(PATIENCE.saturating_sub(there)).await;
            return Err(fail());
        }
        let answer = {
            let mut state = self.state();
            let answer = state.answer(fate, host, path, &body);
            let size = body.len();
            state.note(&format!("{host} {fate:?} {} of {size} bytes", answer.status));
            answer
        };
        if fate == Fate::AnswerLost {
            sleep(PATIENCE.saturating_sub(there)).await;
            return Err(fail());
        }
        sleep(back).await;
        Ok(answer)
    }
}

/// The body, unpacked.
fn text(request: &Request) -> String {
    let mut text = String::new();
    if request.body.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(&*request.body).read_to_string(&mut text).unwrap();
    } else {
        text.push_str(std::str::from_utf8(&request.body).unwrap());
    }
    text
}

/// One parameter of a query.
pub(super) fn parameter<'a>(path: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = path.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// JSON that must be.
pub(super) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
