//! The clock, and how the engine goes with it.

use crate::event::Timestamp;
use crate::signal::catalog::{INLET_WAITING, TICK_DURATION, TIME_AHEAD};

/// How far the engine's time is ahead of the clock.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge of milliseconds needs no more than 52 bits"
)]
pub fn time_ahead(millis: i64) {
    metrics::gauge!(TIME_AHEAD.name).set(millis as f64 / 1000.0);
}

/// Nothing is judged until then, in so many milliseconds.
pub fn time_stands(until: Timestamp, millis: i64) {
    let (until, seconds) = (until.to_rfc3339_seconds(), millis / 1000);
    tracing::error!(%until, seconds, "Clock was set back; nothing is judged until it has caught up. A restart does not help; see docs/troubleshooting.md.");
}

/// The clock has caught up with the engine's time.
pub fn time_goes_on() {
    tracing::info!("Clock has caught up; the present is judged again.");
}

/// The clock has stepped ahead by so many milliseconds, and time does not follow yet.
pub fn clock_doubted(millis: i64) {
    let seconds = millis / 1000;
    tracing::error!(
        seconds,
        "Clock stepped ahead; that is followed when it has lasted for a minute. Look at the time service of this machine."
    );
}

/// The engine ticked; `longest` is that of the last minute, in seconds.
#[expect(clippy::cast_precision_loss, reason = "a queue has at most some thousand places")]
pub fn ticked(longest: f64, waiting: usize) {
    metrics::gauge!(TICK_DURATION.name).set(longest);
    metrics::gauge!(INLET_WAITING.name).set(waiting as f64);
}
