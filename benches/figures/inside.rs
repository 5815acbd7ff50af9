//! The hot functions without a daemon around them: decoding, folding, and the tick of a large fleet.

use std::time::Instant;

use ssowatch::engine::{Config, Engine};
use ssowatch::event::decode::{Decoder, decode};
use ssowatch::event::{AuthEvent, Entry, Privacy, Record, Source, Treatment};

use super::events::Events;
use super::process;

/// What one event costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) nanos_an_event: f64,
    pub(crate) bytes_a_connection: f64,
}

/// The hot functions, by the names under which the instruction counter is started on them.
pub(crate) const HOT: [&str; 3] = ["decode", "fold", "fold-without-detection"];

/// Measures one of [`HOT`] over `events` events of `connections` connections.
pub(crate) fn hot(function: &str, connections: u64, events: usize) -> Cost {
    let lines = lines(connections, events);
    let privacy = Privacy::new(Treatment::Hash, b"bench");
    if function == "decode" {
        let nanos = timed(events, || {
            let mut decoder = Decoder::new(&privacy);
            for line in &lines {
                std::hint::black_box(decoder.decode(line).expect("an event"));
            }
        });
        return Cost { nanos_an_event: nanos, bytes_a_connection: 0.0 };
    }
    let mut config = Config::default();
    if function == "fold-without-detection" {
        config.detection = None;
    }
    let bytes_a_connection = memory(&config, &lines, &privacy, connections);
    let entries: Vec<Entry> = lines.iter().map(|line| entry(line, &privacy)).collect();
    let mut engine = Engine::new(config);
    let nanos_an_event = timed(events, || entries.iter().for_each(|entry| engine.apply(entry)));
    Cost { nanos_an_event, bytes_a_connection }
}

/// What the engine grows by, for each connection. First of all, before anything else has left free memory behind.
fn memory(config: &Config, lines: &[Vec<u8>], privacy: &Privacy, connections: u64) -> f64 {
    let mut engine = Engine::new(config.clone());
    let before = process::resident_memory(std::process::id());
    for line in lines {
        engine.apply(&entry(line, privacy));
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of connections")]
    let connections = connections as f64;
    let grown = process::resident_memory(std::process::id()) - before;
    drop(std::hint::black_box(engine));
    grown / connections
}

/// The longest tick, in milliseconds, in the last two minutes of a recording of `events` events.
pub(crate) fn longest_tick(connections: u64, events: usize) -> f64 {
    let privacy = Privacy::new(Treatment::Hash, b"bench");
    let mut engine = Engine::new(Config::default());
    let mut source = Events::recorded(connections);
    let mut line = Vec::new();
    let mut next = || {
        line.clear();
        source.write(&mut line);
        entry(line.trim_ascii(), &privacy)
    };
    for _ in 0..events {
        engine.apply(&next());
    }
    let mut ahead = next();
    let mut longest: f64 = 0.0;
    drop(engine.snapshot());
    for _ in 0..120 {
        let second = engine.now().plus_millis(1000);
        while ahead.received_at < second {
            engine.apply(&ahead);
            ahead = next();
        }
        let begun = Instant::now();
        engine.advance(second);
        drop(engine.transitions());
        drop(std::hint::black_box(engine.snapshot()));
        longest = longest.max(begun.elapsed().as_secs_f64());
    }
    longest * 1000.0
}

fn lines(connections: u64, events: usize) -> Vec<Vec<u8>> {
    let mut source = Events::recorded(connections);
    let line = |_| {
        let mut line = Vec::with_capacity(800);
        source.write(&mut line);
        line
    };
    (0..events).map(line).collect()
}

fn entry(line: &[u8], privacy: &Privacy) -> Entry {
    let event: AuthEvent = decode(line, privacy).expect("an event");
    // What is new costs more, and WorkOS sends it once in a while, not with each event.
    assert!(event.novel.is_empty(), "made-up events have what WorkOS has not: {:?}", event.novel);
    Entry { received_at: event.at, record: Record::Event { source: Source::Push, event } }
}

/// Nanoseconds of processor time a turn. By this name the instruction counter is switched on and off.
#[inline(never)]
fn timed(turns: usize, work: impl FnOnce()) -> f64 {
    let begun = process::cpu(std::process::id());
    work();
    #[expect(clippy::cast_precision_loss, reason = "a count of turns")]
    let turns = turns as f64;
    (process::cpu(std::process::id()) - begun) * 1e9 / turns
}
