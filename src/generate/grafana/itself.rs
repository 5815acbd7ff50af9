//! Panels about ssowatch itself.

use super::Row;
use super::panel::{Panel, Target};

pub(super) fn row() -> Row {
    let panels = [hearing(), telling(), working(), owning()].into_iter().flatten();
    Row { title: "ssowatch itself", panels: panels.map(|panel| panel.wide(8)).collect() }
}

fn a_minute(by: &str, series: &str) -> String {
    format!("60 * sum by ({by}) (rate({series}[$__rate_interval]))")
}

fn hearing() -> Vec<Panel> {
    vec![
        Panel::stacked(
            "Events received, a minute",
            "short",
            vec![Target::new(a_minute("source", "ssowatch_events_received_total"), "{{source}}")],
        )
        .about("By source, each event once."),
        Panel::lines(
            "Delivery lag",
            "s",
            vec![Target::new("max by (source) (ssowatch_source_lag_seconds)", "{{source}}")],
        )
        .about("Age of the newest event when it was delivered: whatever breaks is found that much later.")
        .steps(&[(60.0, "yellow"), (300.0, "red")]),
        Panel::lines(
            "Since the newest event",
            "s",
            vec![Target::new(
                "time() - max by (source) (ssowatch_source_last_event_timestamp_seconds)",
                "{{source}}",
            )],
        )
        .about("A line that rises while people sign in is a source that has stalled."),
        Panel::stacked(
            "Duplicate, late and rejected, a minute",
            "short",
            vec![
                Target::new(a_minute("source", "ssowatch_events_duplicate_total"), "duplicate, {{source}}"),
                Target::new(a_minute("source", "ssowatch_events_late_total"), "late, {{source}}"),
                Target::new(
                    a_minute("source, reason", "ssowatch_events_rejected_total"),
                    "rejected, {{source}}: {{reason}}",
                ),
            ],
        )
        .about("Duplicates are harmless. Late events are in the totals but not in the windows; rejected ones are nowhere."),
        Panel::stacked(
            "Events by type, a minute",
            "short",
            vec![Target::new(a_minute("type", "sso_authentication_events_total"), "{{type}}")],
        )
        .about("By their WorkOS name."),
        Panel::lines("Journal", "bytes", vec![Target::new("max(ssowatch_journal_bytes)", "size")])
            .about("Size on disk; `journal.embedded.max_bytes` bounds it."),
    ]
}

fn telling() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Sink backlog",
            "s",
            vec![Target::new("max by (sink) (ssowatch_sink_backlog_seconds)", "{{sink}}")],
        )
        .about("Age of the oldest thing that a sink has not accepted.")
        .steps(&[(60.0, "yellow"), (300.0, "red")]),
        Panel::stacked(
            "Requests to sinks, a minute",
            "short",
            vec![
                Target::new(
                    a_minute("sink, result", "ssowatch_sink_requests_total"),
                    "{{sink}}: {{result}}",
                ),
                Target::new(
                    a_minute("sink, reason", "ssowatch_sink_dropped_total"),
                    "{{sink}}: items given up, {{reason}}",
                ),
            ],
        )
        .about("By result; items that were given up are missing there for good."),
        Panel::stacked(
            "Notifications, a minute",
            "short",
            vec![Target::new(
                a_minute("receiver, result", "ssowatch_notifications_total"),
                "{{receiver}}: {{result}}",
            )],
        )
        .about("By receiver and result; `held` and `dropped` mean that somebody is not told."),
    ]
}

fn working() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Longest tick",
            "s",
            vec![Target::new("max(ssowatch_tick_seconds)", "longest")],
        )
        .about("Alerts are late by that much.")
        .steps(&[(0.5, "yellow"), (1.0, "red")]),
        Panel::lines(
            "Deliveries that wait",
            "short",
            vec![Target::new("max(ssowatch_inlet_waiting)", "waiting for the disk")],
        )
        .about("At 1,024 senders are answered 503 and come again.")
        .steps(&[(512.0, "yellow"), (1_024.0, "red")]),
        Panel::lines(
            "Entries that the search misses",
            "short",
            vec![Target::new("max(ssowatch_archive_waiting)", "not in the archive")],
        )
        .about("The archive of sign-ins works beside what is taken in; a full disk stops it."),
        Panel::lines(
            "Memory",
            "bytes",
            vec![Target::new("max(ssowatch_memory_bytes)", "resident")],
        )
        .about(
            "It grows with connections, and with events a day; docs/performance.md has figures.",
        ),
        Panel::lines(
            "Processor",
            "short",
            vec![Target::new("sum(rate(ssowatch_cpu_seconds_total[$__rate_interval]))", "cores")],
        )
        .about("Cores in use."),
        Panel::lines(
            "Open files and connections",
            "short",
            vec![Target::new("max(ssowatch_open_files)", "open")],
        )
        .about("A line that only rises is a leak, or senders that never close."),
        Panel::stacked(
            "Refused and broken, a minute",
            "short",
            vec![
                Target::new(
                    a_minute("listener, status", "ssowatch_requests_refused_total"),
                    "{{listener}}: {{status}}",
                ),
                Target::new(
                    a_minute("listener, reason", "ssowatch_connections_broken_total"),
                    "{{listener}}: {{reason}}",
                ),
            ],
        )
        .about("Requests that were answered with an error, and connections that came to nothing."),
    ]
}

fn owning() -> Vec<Panel> {
    vec![
        Panel::stacked(
            "Owner of the journal",
            "short",
            vec![Target::new("sum by (instance) (ssowatch_journal_owner)", "{{instance}}")],
        )
        .about("Of the instances that share a journal one owns it, judges and pages; the others stand by. The height is always 1."),
        Panel::lines(
            "Take-overs, and what waits for the owner",
            "short",
            vec![
                Target::new("sum(increase(ssowatch_journal_takeovers_total[1h]))", "take-overs, an hour"),
                Target::new("max(ssowatch_intake_waiting) or vector(0)", "messages of standbys"),
            ],
        )
        .about("Owners that change often are short of processor, or far from NATS."),
        Panel::lines(
            "Configuration in force",
            "short",
            vec![Target::new("min by (instance) (ssowatch_config_last_reload_successful)", "{{instance}}")],
        )
        .about("0: what was loaded last cannot be used, and the one before stays in force."),
    ]
}
