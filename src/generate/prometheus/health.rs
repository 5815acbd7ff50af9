//! The watchman's own health: whether it lives, looks, hears in time, and is heard.

use super::{Alert, Group, grown};

/// What a source delivered, events that another source had delivered before included: those show that it works.
/// `range` with its brackets.
fn delivered(range: &str) -> String {
    format!(
        "sum by (source) (increase(ssowatch_events_received_total{range}) + increase(ssowatch_events_duplicate_total{range}))"
    )
}

/// Whether a counter of things that should not happen has grown in ten minutes.
fn counted(series: &str, by: &str) -> String {
    format!("  sum by ({by}) {} > 0", grown(series, "10m"))
}

pub(super) fn group() -> Group {
    let mut alerts = life();
    alerts.extend(journal());
    alerts.extend(hearing());
    alerts.extend(telling());
    Group { name: "ssowatch.health", records: Vec::new(), alerts }
}

fn life() -> Vec<Alert> {
    vec![
        Alert {
            name: "SsowatchDown",
            severity: "page",
            scope: "none",
            hold: "3m",
            keep: "2m",
            expr: "absent(ssowatch_build_info)".to_owned(),
            summary: "ssowatch is down or Prometheus cannot scrape it",
            description: "No instance of ssowatch has been scraped for three minutes. Nobody watches the sign-ins, and its own notifications may not be sent either.",
        },
        Alert {
            name: "SsowatchNotWatching",
            severity: "page",
            scope: "none",
            hold: "10m",
            keep: "2m",
            // A standby need not watch; JournalNotOwned tells when there are only standbys.
            expr: "ssowatch_build_info\n\
                unless on (job, instance) ssowatch_incidents{alertname=\"Watchdog\", state=\"firing\"}\n\
                unless on (job, instance) ssowatch_journal_owner == 0\n\
                or ssowatch_time_ahead_seconds > 30"
                .to_owned(),
            summary: "ssowatch on {{ $labels.instance }} answers but does not watch",
            description: "The process serves /metrics, but its engine judges nothing: it is still reading its journal, or cannot, and its alert Watchdog is missing; or its time stands ahead of the machine's clock, which was set back.",
        },
    ]
}

/// The journal: who owns it, and whether it takes what comes.
fn journal() -> Vec<Alert> {
    vec![
        Alert {
            name: "JournalNotOwned",
            severity: "page",
            scope: "none",
            // A take-over takes up to 15 s.
            hold: "2m",
            keep: "2m",
            expr: "sum by (namespace, job) (ssowatch_journal_owner) == 0".to_owned(),
            summary: "No instance of ssowatch owns the journal",
            description: "All instances stand by: NATS does not answer or has too few servers. Nobody judges the sign-ins, and nobody is paged by ssowatch.",
        },
        Alert {
            name: "JournalOwnedTwice",
            severity: "ticket",
            scope: "none",
            // After a take-over the owner before may be scraped a little earlier than its successor.
            hold: "5m",
            keep: "5m",
            expr: "sum by (namespace, job) (ssowatch_journal_owner) > 1".to_owned(),
            summary: "{{ $value }} instances of ssowatch own a journal",
            description: "Each judges and pages by itself, so that one trouble may page twice, and sums on boards count twice what both were sent.",
        },
        Alert {
            name: "JournalFailing",
            severity: "page",
            scope: "none",
            // One batch that fails is sent again by whoever sent it.
            hold: "5m",
            keep: "5m",
            expr: "sum by (namespace, job, instance) (increase(ssowatch_journal_failures_total[5m])) > 0".to_owned(),
            summary: "ssowatch on {{ $labels.instance }} cannot write its journal",
            description: "For over five minutes batches have failed. Nothing in them was accepted, and senders are answered 503: a full or broken disk, or NATS.",
        },
        Alert {
            name: "DamageFound",
            severity: "ticket",
            scope: "none",
            hold: "",
            keep: "1h",
            // A journal that ends in a broken frame is what every crash leaves of a batch that was never acknowledged.
            expr: counted(
                "ssowatch_damage_found_total{what!=\"journal_tail\"}",
                "namespace, job, instance",
            ),
            summary: "ssowatch on {{ $labels.instance }} found damage in what it keeps",
            description: "A file in data_dir, or what is kept in NATS, was broken, and was done without. What that costs is in the log; ssowatch_damage_found_total has by its label what was hit.",
        },
        Alert {
            name: "ConfigRejected",
            severity: "ticket",
            scope: "none",
            hold: "10m",
            keep: "2m",
            expr: "min by (namespace, job, instance) (ssowatch_config_last_reload_successful) == 0".to_owned(),
            summary: "ssowatch on {{ $labels.instance }} runs with an old configuration",
            description: "The configuration that was loaded last cannot be used; the one before stays in force until the next start, which fails.",
        },
    ]
}

fn hearing() -> Vec<Alert> {
    vec![
        Alert {
            name: "SourceLagging",
            severity: "page",
            scope: "source",
            hold: "",
            keep: "5m",
            // The lag is that of the last delivery, so it says something only while deliveries come. A series that has just begun,
            // and a backlog that is read (ten minutes of it in less than five), are a start or the end of an outage.
            expr: format!(
                "
  max by (source) (min_over_time(ssowatch_source_lag_seconds[10m])) > 300
and
  max by (source) (ssowatch_source_lag_seconds offset 10m) > 300
and
  max by (source) (ssowatch_source_lag_seconds offset 10m) - max by (source) (ssowatch_source_lag_seconds) <= 600
and
  {} > 0",
                delivered("[10m]"),
            ),
            summary: "Events from {{ $labels.source }} come {{ $value | humanizeDuration }} late",
            description: "For ten minutes every delivery has been more than five minutes old. Whatever breaks now is found that much later.",
        },
        Alert {
            name: "EventsRejected",
            severity: "ticket",
            scope: "source",
            hold: "",
            keep: "15m",
            expr: format!(
                "
  sum by (source) {rejected}
/
  (sum by (source) {rejected} + {delivered})
> 0.01
and
  sum by (source) {rejected} >= 10",
                rejected = grown("ssowatch_events_rejected_total", "15m"),
                delivered = delivered("[15m]"),
            ),
            summary: "{{ $value | humanizePercentage }} of the input from {{ $labels.source }} is rejected",
            description: "What is rejected is not counted, so rates may be wrong. The label reason of ssowatch_events_rejected_total says why.",
        },
        Alert {
            name: "EventsLate",
            severity: "ticket",
            scope: "source",
            hold: "",
            keep: "15m",
            expr: format!(
                "
  sum by (source) {late} / {delivered} > 0.05
and
  {delivered} >= 100
and
  (max by (source) (max_over_time(ssowatch_source_lag_seconds[30m])) or 0 * {delivered}) <= 3600",
                late = grown("ssowatch_events_late_total", "30m"),
                delivered = delivered("[30m]"),
            ),
            summary: "{{ $value | humanizePercentage }} of the events from {{ $labels.source }} come too late to alert on",
            description: "They are in the totals, but their windows were closed when they came. After a gap in the delivery this is expected for a while; a backlog of more than an hour counts for nothing here.",
        },
    ]
}

fn telling() -> Vec<Alert> {
    vec![Alert {
        name: "ReceiverFailing",
        severity: "page",
        scope: "receiver",
        hold: "",
        keep: "10m",
        // One try that fails is nothing; three and no success is a receiver that hears nothing.
        expr: format!(
            "
{}
or
  (
      sum by (receiver) {retried} >= 3
    unless
      sum by (receiver) {accepted} > 0
  )",
            counted("ssowatch_notifications_total{result=~\"held|dropped\"}", "receiver"),
            retried = grown("ssowatch_notifications_total{result=\"retried\"}", "10m"),
            accepted = grown("ssowatch_notifications_total{result=\"accepted\"}", "10m"),
        ),
        summary: "{{ $labels.receiver }} does not take ssowatch's notifications",
        description: "Pages of ssowatch do not arrive there. This alert comes from Prometheus, so it does not need that receiver.",
    }]
}

/// What ssowatch says itself, under the same names and labels: for those who take thresholds in its place. Beside its own alert in one
/// Alertmanager each would end the other.
pub(super) fn own() -> Group {
    let due = 20;
    let alerts = vec![
        Alert {
            name: "SourceStalled",
            severity: "page",
            scope: "source",
            hold: "5m",
            keep: "5m",
            // What came in the two hours before says what was due in fifteen minutes.
            expr: format!(
                "
  {now} == 0
and
  {before} / 8 >= {due}",
                now = delivered("[15m]"),
                before = delivered("[2h] offset 15m"),
            ),
            summary: "No event has come from {{ $labels.source }} for 15 minutes",
            description: "At the rate of the two hours before at least 20 events were due. Either the delivery is broken and ssowatch is blind, or nobody can even begin to sign in.",
        },
        Alert {
            name: "SinkFailing",
            severity: "page",
            scope: "sink",
            hold: "5m",
            keep: "5m",
            // Logs of events that were too old when they came are no loss: a first start has many.
            expr: format!(
                "
  max by (sink) (ssowatch_sink_backlog_seconds) > 300
or
{}",
                counted("ssowatch_sink_dropped_total{reason!=\"backfilled\"}", "sink"),
            ),
            summary: "{{ $labels.sink }} does not take what ssowatch sends",
            description: "The oldest thing that it has not accepted is over five minutes old, or something was given up that was no history. Boards and monitors there are out of date; Datadog refuses points that are over an hour old.",
        },
    ];
    Group { name: "ssowatch.itself", records: Vec::new(), alerts }
}
