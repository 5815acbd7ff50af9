//! The monitors of ssowatch itself: whether it lives, hears, is heard, and keeps what it has.

use super::monitor::{Kind, Missing, Monitor, Severity};
use super::monitors::metric;

pub(super) fn monitors() -> Vec<Monitor> {
    [hearing(), telling(), keeping()].into_iter().flatten().collect()
}

/// Whether it lives and hears.
fn hearing() -> Vec<Monitor> {
    vec![
        Monitor {
            name: "ssowatch-down".to_owned(),
            alert: "SsowatchDown",
            title: "ssowatch: it is down, or sends nothing",
            kind: Kind::Metric {
                query: "max(last_10m):max:ssowatch.incidents{alertname:watchdog,state:firing}"
                    .to_owned(),
                above: false,
                critical: 1.0,
                missing: Missing::Trouble(20),
            },
            severity: Severity::Page,
            what: "The alert that always fires is missing.",
            impact: "Nobody watches the sign-ins.",
            recovery: "ssowatch watches again.",
        },
        Monitor {
            name: "source-lagging".to_owned(),
            alert: "SourceLagging",
            title: "ssowatch: events from {{source.name}} come late",
            // A source that has delivered nothing for ten minutes has no lag.
            kind: Kind::Metric {
                query: "min(last_10m):max:ssowatch.source_lag_seconds{*} by {source}".to_owned(),
                above: true,
                critical: 300.0,
                missing: Missing::OverOnceKnown,
            },
            severity: Severity::Page,
            what: "For ten minutes every delivery from {{source.name}} has been more than five minutes old.",
            impact: "Whatever breaks is found that much later.",
            recovery: "Events come in time.",
        },
        Monitor {
            name: "events-rejected".to_owned(),
            alert: "EventsRejected",
            title: "ssowatch: input from {{source.name}} is rejected",
            kind: metric(
                "sum(last_15m):sum:ssowatch.events_rejected{*} by {source}.as_count()".to_owned(),
                20.0,
            ),
            severity: Severity::Ticket,
            what: "More than 20 things from {{source.name}} were rejected in 15 minutes; the tag reason says why.",
            impact: "What is rejected is not counted, so rates may be wrong.",
            recovery: "Little or nothing is rejected.",
        },
    ]
}

/// Whether it is heard.
fn telling() -> Vec<Monitor> {
    vec![
        Monitor {
            name: "sink-dropping".to_owned(),
            alert: "SinkFailing",
            title: "ssowatch: {{sink.name}} loses data",
            kind: metric("sum(last_15m):sum:ssowatch.sink_dropped{!reason:backfilled} by {sink}.as_count()".to_owned(), 0.0),
            severity: Severity::Page,
            what: "ssowatch has given up things that {{sink.name}} did not take.",
            impact: "They are missing there for good.",
            recovery: "Nothing has been given up for 15 minutes.",
        },
        Monitor {
            name: "receiver-failing".to_owned(),
            alert: "ReceiverFailing",
            title: "ssowatch: {{receiver.name}} takes no notifications",
            kind: metric("sum(last_15m):sum:ssowatch.notifications{result IN (held,dropped)} by {receiver}.as_count()".to_owned(), 0.0),
            severity: Severity::Page,
            what: "{{receiver.name}} has refused notifications.",
            impact: "Whoever is paged by it is not told.",
            recovery: "Nothing has been refused for 15 minutes.",
        },
        Monitor {
            name: "receiver-unreachable".to_owned(),
            alert: "ReceiverFailing",
            title: "ssowatch: {{receiver.name}} cannot be reached",
            // Of what cannot be sent the tries are 30 s to 5 min apart.
            kind: metric("sum(last_30m):sum:ssowatch.notifications{result:retried} by {receiver}.as_count()".to_owned(), 4.0),
            severity: Severity::Page,
            what: "More than four tries to tell {{receiver.name}} failed in 30 minutes: it cannot be reached, or answers with errors.",
            impact: "Whoever is paged by it is not told, or late.",
            recovery: "At most four tries failed in 30 minutes.",
        },
    ]
}

/// Whether it keeps what it takes, and what it is told.
fn keeping() -> Vec<Monitor> {
    vec![
        Monitor {
            name: "journal-failing".to_owned(),
            alert: "JournalFailing",
            title: "ssowatch: it cannot write its journal",
            // One batch that fails is sent again by whoever sent it.
            kind: metric(
                "sum(last_10m):sum:ssowatch.journal_failures{*}.as_count()".to_owned(),
                5.0,
            ),
            severity: Severity::Page,
            what: "More than five batches were not written in ten minutes. Nothing in them was accepted, and senders are answered 503.",
            impact: "Nobody judges what does not come in.",
            recovery: "At most five batches failed in ten minutes.",
        },
        Monitor {
            name: "config-rejected".to_owned(),
            alert: "ConfigRejected",
            title: "ssowatch: it runs with an old configuration",
            kind: Kind::Metric {
                query: "max(last_15m):min:ssowatch.config_last_reload_successful{*}".to_owned(),
                above: false,
                critical: 1.0,
                missing: Missing::Over,
            },
            severity: Severity::Ticket,
            what: "The configuration that was loaded last cannot be used.",
            impact: "What was meant to change did not, and the next start fails.",
            recovery: "A good configuration was loaded.",
        },
        Monitor {
            name: "damage-found".to_owned(),
            alert: "DamageFound",
            title: "ssowatch: it found damage in what it keeps",
            // The end of a journal that a crash broke off was never acknowledged.
            kind: metric(
                "sum(last_1h):sum:ssowatch.damage_found{!what:journal_tail}.as_count()".to_owned(),
                0.0,
            ),
            severity: Severity::Ticket,
            what: "A file in data_dir, or what is kept in NATS, was broken, and was done without. The tag what says which; the log says what that costs.",
            impact: "Events that were acknowledged may be missing in the totals, or the search for sign-ins has lost what was before.",
            recovery: "Nothing more has been found for an hour.",
        },
    ]
}
