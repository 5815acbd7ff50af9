//! ssowatch stands between an SSO provider's events and the pager.
//!
//! It reads WorkOS authentication events into one journal, folds them through one pure engine, and gives what it knows to
//! Prometheus, Datadog, OTLP and the people on call. `docs/architecture.md` has the picture.

pub mod app;
pub mod archive;
pub mod backtest;
pub mod bus;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod engine;
pub mod event;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod generate;
pub mod journal;
pub mod listener;
mod offload;
pub mod outbound;
pub mod receiver;
pub mod replay;
pub mod setting;
pub mod signal;
pub mod simulate;
pub mod sink;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod web;
