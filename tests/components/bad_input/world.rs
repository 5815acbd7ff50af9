//! A daemon with good traffic beside the bad: every good event must count once, whatever else comes.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ssowatch::event::Timestamp;
use ssowatch::source::signature::sign;

use super::table::Row;
use crate::daemon::Daemon;
use crate::events::{event, now_millis};
use crate::http::{self, Answer};
use crate::wait;

/// The secret of webhooks and the token of whatever has one.
pub(super) const SECRET: &str = "whsec_components";

/// The pause between two good events: some dozens come while the bad input does.
const GOOD_EVERY: Duration = Duration::from_millis(25);

/// How much more memory a daemon may have after all of it than before: caches and connections, not what was sent.
const GROWTH_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Something bad, and what must move when it comes.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) sent: String,
    /// A series that counts it, as the exposition writes it.
    pub(super) moved: String,
    /// Sends it; gives the answer in words.
    pub(super) act: Box<dyn FnOnce(&World) -> String + Send>,
}

/// A daemon, and how many good events it was sent.
pub(super) struct World {
    pub(super) daemon: Daemon,
    good: AtomicU64,
}

/// Says that it is over, whatever happens.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl World {
    pub(super) fn new(daemon: Daemon) -> Self {
        Self { daemon, good: AtomicU64::new(0) }
    }

    /// A good event, which must count; every call gives another.
    pub(super) fn good(&self) -> String {
        let number = self.good.fetch_add(1, Ordering::Relaxed);
        event("sso_succeeded", Some("conn_good"), &format!("good_{number}"), now_millis() - 1000)
    }

    /// Runs `cases` one after the other, and `long` ones beside them, while good events come by webhook; then all good ones
    /// are counted, and memory is what it was.
    pub(super) fn run(&self, cases: Vec<Case>, long: Vec<Case>) -> Vec<Row> {
        let before = self.daemon.use_of_machine();
        let over = AtomicBool::new(false);
        let rows = std::thread::scope(|scope| {
            // Also when a case panics: the scope waits for all of its threads.
            let end = AtEnd(&over);
            let beside = scope.spawn(|| self.send_good(&over));
            let long: Vec<_> =
                long.into_iter().map(|case| scope.spawn(|| self.row(case))).collect();
            let mut rows: Vec<_> = cases.into_iter().map(|case| self.row(case)).collect();
            rows.extend(long.into_iter().map(|row| row.join().unwrap()));
            drop(end);
            let slowest = beside.join().unwrap();
            eprintln!("{} good events beside, the slowest answered after {slowest:?}", self.sent());
            rows
        });
        let during = self.daemon.use_of_machine();
        self.all_good_counted();
        let after = self.daemon.use_of_machine();
        eprintln!("before {before}\nduring {during}\nafter  {after}");
        let grown = after.resident.saturating_sub(before.resident);
        assert!(grown < GROWTH_BYTES_MAX, "{grown} bytes more than before");
        rows
    }

    pub(super) fn sent(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }

    /// Until every good event is counted; once, and no more.
    pub(super) fn all_good_counted(&self) {
        let series =
            "sso_sessions_finished_total{connection_id=\"conn_good\",outcome=\"succeeded\"}";
        let counted = || (self.daemon.count(series) >= self.sent()).then_some(());
        wait::until("every good event is counted", counted);
        assert_eq!(self.daemon.count(series), self.sent(), "once each");
    }

    fn row(&self, case: Case) -> Row {
        let Case { name, sent, moved, act } = case;
        let before = self.daemon.count(&moved);
        let answer = act(self);
        let counted = || (self.daemon.count(&moved) > before).then_some(());
        // The document does not have this, so that all of what is wrong is shown together.
        let moved = if wait::briefly(counted).is_some() { moved } else { format!("NOT {moved}") };
        Row { name, sent, answer, moved }
    }

    /// Signed webhooks, each until it is taken; gives the longest wait for an answer.
    fn send_good(&self, over: &AtomicBool) -> Duration {
        let url = format!("{}/webhooks/workos", self.daemon.intake);
        let mut slowest = Duration::ZERO;
        while !over.load(Ordering::Relaxed) {
            let body = self.good();
            wait::until("a good webhook is taken", || {
                let begun = begin();
                let header = signed(SECRET, body.as_bytes(), 0);
                let request = http::client().post(&url).header("workos-signature", header);
                // A connection that ends between two requests, as at a reload, gives no answer: WorkOS sends again.
                let answer = http::try_send(request.body(body.clone()))?;
                slowest = slowest.max(begun.elapsed());
                (answer.status == 200).then_some(())
            });
            std::thread::sleep(GOOD_EVERY);
        }
        slowest
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a real daemon takes is real time")]
fn begin() -> Instant {
    Instant::now()
}

/// The header of a webhook that was signed `age` milliseconds ago.
pub(super) fn signed(secret: &str, body: &[u8], age: i64) -> String {
    sign(secret, body, Timestamp::from_millis(now_millis() - age))
}

/// The words of an answer: its status, and what is wrong.
pub(super) fn words(answer: &Answer) -> String {
    timeless(&raw_words(answer))
}

/// `text` without the seconds that depend on how fast the machine is.
fn timeless(text: &str) -> String {
    let words: Vec<_> = text.split(' ').collect();
    let telling = |at: usize| {
        words.get(at + 1) == Some(&"s") && matches!(words.get(at + 2), Some(&("old," | "ahead")))
    };
    let kept = words.iter().enumerate().map(|(at, word)| if telling(at) { "…" } else { word });
    kept.collect::<Vec<_>>().join(" ")
}

fn raw_words(answer: &Answer) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
    let Some(json) = json else { return format!("{} {}", answer.status, answer.body.trim()) };
    let mut text = answer.status.to_string();
    if let Some(error) = json["error"].as_str() {
        write!(text, " {error}").unwrap();
    }
    if let Some(accepted) = json["accepted"].as_u64() {
        write!(text, ", {accepted} accepted").unwrap();
    }
    for line in json["rejected"].as_array().into_iter().flatten() {
        let (reason, problem) = (line["reason"].as_str().unwrap(), line["problem"].as_str());
        write!(text, ", line {}: `{reason}`, {}", line["line"], problem.unwrap()).unwrap();
    }
    if let Some(duplicates) = json["duplicates"].as_u64().filter(|count| *count > 0) {
        write!(text, ", {duplicates} seen before").unwrap();
    }
    text
}

/// `ssowatch_events_rejected_total` of a source and reason.
pub(super) fn rejected(source: &str, reason: &str) -> String {
    format!("ssowatch_events_rejected_total{{source=\"{source}\",reason=\"{reason}\"}}")
}

/// `ssowatch_requests_refused_total` of a listener and status.
pub(super) fn refused(listener: &str, status: u16) -> String {
    format!("ssowatch_requests_refused_total{{listener=\"{listener}\",status=\"{status}\"}}")
}

/// `ssowatch_connections_broken_total` of a listener and reason.
pub(super) fn broken(listener: &str, reason: &str) -> String {
    format!("ssowatch_connections_broken_total{{listener=\"{listener}\",reason=\"{reason}\"}}")
}
