//! What happens in the world, by one seed: sign-ins, by which ways each of their events comes, and when.

use serde_json::{Value, json};

use crate::event::{Step, Timestamp};

/// How long people sign in, in seconds.
pub(super) const TRAFFIC_SECONDS: u64 = 600;

/// Connections, `conn_0` and up.
const CONNECTIONS: usize = 4;

/// An event, and how it comes.
#[derive(Clone, Debug)]
pub(super) struct Happening {
    pub(super) id: String,
    pub(super) connection: usize,
    pub(super) step: Step,
    /// When it can first be sent, in milliseconds since the beginning.
    pub(super) seen_at: u64,
    pub(super) ways: Ways,
    pub(super) json: Value,
}

/// By which ways an event comes; at least one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ways {
    pub(super) webhook: bool,
    pub(super) push: bool,
    pub(super) api: bool,
}

/// The sign-ins of [`TRAFFIC_SECONDS`], in the order in which they are seen.
pub(super) fn plan(random: &mut fastrand::Rng, epoch: Timestamp) -> Vec<Happening> {
    let outage = Outage::new(random);
    let mut all = Vec::new();
    for session in 0..random.usize(50..110) {
        let connection = random.usize(..CONNECTIONS);
        let seen_at = random.u64(..TRAFFIC_SECONDS * 1000);
        // Some events are old when they come.
        let age =
            if random.u32(..20) == 0 { random.i64(0..1_800_000) } else { random.i64(0..4_000) };
        let at = i64::try_from(seen_at).unwrap() - age;
        let session = format!("session_{session}");
        all.push(happening(random, epoch, connection, &session, Step::Started, at, seen_at));
        let took = random.u64(1_000..40_000);
        if let Some(step) = outage.end(random, connection, seen_at) {
            let at = at + i64::try_from(took).unwrap();
            all.push(happening(random, epoch, connection, &session, step, at, seen_at + took));
        }
    }
    all.sort_by_key(|happening| happening.seen_at);
    all
}

/// A connection on which most sign-ins fail for a while.
struct Outage {
    connection: usize,
    begins: u64,
    ends: u64,
}

impl Outage {
    fn new(random: &mut fastrand::Rng) -> Self {
        let begins = random.u64(..TRAFFIC_SECONDS * 500);
        let ends = begins + random.u64(120_000..300_000);
        Self { connection: random.usize(..CONNECTIONS), begins, ends }
    }

    fn end(&self, random: &mut fastrand::Rng, connection: usize, seen_at: u64) -> Option<Step> {
        let hit = connection == self.connection && (self.begins..self.ends).contains(&seen_at);
        let failing = if hit { 90 } else { 15 };
        match random.u32(..100) {
            chance if chance < failing => Some(Step::Failed),
            chance if chance < 95 => Some(Step::Succeeded),
            chance if chance < 98 => Some(Step::TimedOut),
            _ => None,
        }
    }
}

/// Failures on one connection that come by push alone, after everything works again: an incident that must be told.
pub(super) fn last_outage(epoch: Timestamp, seen_at: u64) -> Vec<Happening> {
    let mut quiet = fastrand::Rng::with_seed(0);
    let failures = 8;
    let mut all = Vec::new();
    for session in 0..failures {
        let session = format!("last_{session}");
        for (step, later) in [(Step::Started, 0), (Step::Failed, 1_000)] {
            let at = i64::try_from(seen_at).unwrap() + later;
            let mut one = happening(&mut quiet, epoch, 0, &session, step, at, seen_at + 1_000);
            one.ways = Ways { webhook: false, push: true, api: false };
            all.push(one);
        }
    }
    all
}

fn happening(
    random: &mut fastrand::Rng,
    epoch: Timestamp,
    connection: usize,
    session: &str,
    step: Step,
    at: i64,
    seen_at: u64,
) -> Happening {
    let (name, id) = match step {
        Step::Started => ("authentication.sso_started", format!("event_{session}_1")),
        Step::Succeeded => ("authentication.sso_succeeded", format!("event_{session}_2")),
        Step::Failed => ("authentication.sso_failed", format!("event_{session}_2")),
        Step::TimedOut => ("authentication.sso_timed_out", format!("event_{session}_2")),
    };
    // Not everything is in the Events API: what is lost of the others, nobody brings again.
    let ways = match random.u32(..10) {
        0..3 => Ways { webhook: true, push: false, api: false },
        3..5 => Ways { webhook: false, push: true, api: false },
        5..6 => Ways { webhook: false, push: false, api: true },
        6..9 => Ways { webhook: true, push: false, api: true },
        _ => Ways { webhook: true, push: true, api: true },
    };
    let created_at = epoch.plus_millis(at).to_string();
    let sso = json!({"connection_id": format!("conn_{connection}"), "session_id": session});
    let mut data = json!({"sso": sso});
    if step == Step::Failed {
        data["error"] = json!({"code": "saml_certificate_expired", "message": "expired"});
    }
    let json = json!({"id": id, "event": name, "created_at": created_at, "data": data});
    Happening { id, connection, step, seen_at, ways, json }
}
