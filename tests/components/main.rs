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
mod caddy;
mod chart;
mod component;
mod daemon;
mod datadog;
mod edge_scenarios;
mod events;
mod first_alert;
mod gate;
mod haproxy;
mod http;
mod incident;
mod inhibited;
mod installed;
mod logrotate;
mod nats;
mod nats_away;
mod nats_hole;
mod nats_journal;
mod nats_migration;
mod nats_rights;
mod nats_scraped;
mod nats_settings;
mod nats_source;
mod nats_timeline;
mod nginx;
mod otlp;
mod payloads;
mod privacy;
mod prometheus;
mod promtool;
mod published_incident;
mod recorder;
mod reload;
mod rules;
mod rules_live;
mod scenarios;
mod scraped;
mod script;
mod status_page;
mod table;
mod traffic;
mod wait;
mod webhook;
mod workos_api;
