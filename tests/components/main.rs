//! ssowatch beside the real things: the programs that it feeds, and the official clients of the services that feed it.
//!
//! `make setup` installs them. A missing one fails its tests: none is skipped.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod alertmanager;
mod artefacts;
mod bad_input;
mod batches;
mod boards;
mod browser;
mod bytes;
mod chart;
mod component;
mod daemon;
mod datadog;
mod events;
mod http;
mod installed;
mod logrotate;
mod otlp;
mod payloads;
mod privacy;
mod prometheus;
mod promtool;
mod recorder;
mod reload;
mod rules;
mod script;
mod status_page;
mod wait;
mod webhook;
mod workos_api;
