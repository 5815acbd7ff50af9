//! What happens at half, nine tenths and one and a half times of what the intake can take.

use std::time::Duration;

use super::daemon::Daemon;
use super::load::{Outcome, Requests, live};
use super::process;
use super::table::{Figure, Goal};

/// Events of a batch.
const BATCH: usize = 500;
/// How long each load lasts, in seconds.
const SECONDS: f64 = 5.0;
/// Senders: more than may be under way, so that a full intake has to say no.
const SENDERS: usize = 64;
const MB: f64 = 1_000_000.0;

/// Batches at shares of the capacity, which a closed loop finds first; then whether all is well again.
pub(crate) fn overload(daemon: &Daemon) -> Vec<Figure> {
    let warm = Requests::pushes(&mut live(1_000, 300_000, 10), 300_000 / BATCH, BATCH);
    let found = warm.closed_loop(daemon.intake, 16);
    #[expect(clippy::cast_precision_loss, reason = "a count of batches")]
    let capacity = warm.bodies().len() as f64 / found.wall.as_secs_f64();
    let mut figures = Vec::new();
    let mut seed = 11;
    for (share, name) in
        [(0.5, "at 50 % of capacity"), (0.9, "at 90 %"), (1.5, "at 150 %"), (0.5, "at 50 % again")]
    {
        seed += 1;
        let before = process::resident_memory(daemon.pid());
        process::forget_peak(daemon.pid());
        let outcome = at(daemon, capacity * share, seed);
        let grown = process::peak_memory(daemon.pid()) - before;
        #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
        let refused = outcome.refused as f64 / outcome.waits.len() as f64 * 100.0;
        let work = |what: &str| format!("POST /v1/events {name}: {what}");
        figures.extend([
            Figure::new(work("p99 of the answer"), outcome.p99_millis(), "ms", Goal::None),
            Figure::new(work("refused"), refused, "%", Goal::None),
            Figure::new(work("memory grows by"), grown / MB, "MB", Goal::None),
        ]);
        std::thread::sleep(Duration::from_secs(1));
    }
    figures
}

fn at(daemon: &Daemon, rate: f64, seed: u64) -> Outcome {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive count of batches"
    )]
    let batches = (rate * SECONDS) as usize;
    let requests = Requests::pushes(&mut live(1_000, batches * BATCH, seed), batches, BATCH);
    requests.open_loop(daemon.intake, SENDERS, rate)
}
