//! Entry points for fuzzing: each takes any bytes, and panics when a promise does not hold.
//!
//! Compiled for tests, which run each target on its corpus and some thousand variants of it, and for `make fuzz`, where
//! libFuzzer looks for inputs that reach code which none did before. The corpus is in `fuzz/corpus`.

mod choices;
mod disk;
mod edge;
mod engine;
mod event;
mod settings;
mod store;
#[cfg(test)]
mod tests;

use crate::journal::nats::fuzz::{intake as nats_intake, parts as nats_parts};
use crate::source::edge::syslog::fuzz::syslog;
use crate::source::workos_api::fuzz::events_api;
use crate::web::fuzz::query;

/// Something that takes bytes from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Panics when a promise does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 17] = [
    Target { name: "access_log", run: edge::access_log },
    Target { name: "checkpoint", run: store::checkpoint },
    Target { name: "config", run: settings::config },
    Target { name: "datadog_logs", run: event::datadog_logs },
    Target { name: "decompress", run: event::decompress },
    Target { name: "engine", run: engine::engine },
    Target { name: "events", run: event::events },
    Target { name: "events_api", run: events_api },
    Target { name: "journal", run: store::journal },
    Target { name: "lines", run: event::lines },
    Target { name: "log_format", run: edge::log_format },
    Target { name: "nats_intake", run: nats_intake },
    Target { name: "nats_parts", run: nats_parts },
    Target { name: "query", run: query },
    Target { name: "scenario", run: settings::scenario },
    Target { name: "syslog", run: syslog },
    Target { name: "webhook", run: event::webhook },
];

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|target| target.name == name).map(|target| target.run)
}
