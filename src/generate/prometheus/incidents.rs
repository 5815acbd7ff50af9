//! What ssowatch's own detection found, passed on.

use super::{Alert, Group};

/// The name of the alerts. They cannot have the name of what was found: in Prometheus a rule has one name.
pub(super) const NAME: &str = "SsowatchIncident";

/// The runbook is that of what was found.
pub(super) const PAGE: &str = "{{ $labels.incident }}";

pub(super) fn group() -> Group {
    let alert = |severity: &'static str| {
        Alert {
        name: NAME,
        severity,
        scope: "incident",
        // ssowatch has held and weighed it already.
        hold: "",
        keep: "2m",
        expr: format!(
            "
max by (incident) (
  label_replace(ssowatch_incidents{{state=\"firing\", severity=\"{severity}\"}}, \"incident\", \"$1\", \"alertname\", \"(.+)\")
) > 0"
        ),
        summary: "{{ $labels.incident }}: {{ $value }} open",
        description: "ssowatch's status page and GET /api/v1/incidents?state=open say who is hit, since when, and how many sign-ins.",
    }
    };
    Group {
        name: "ssowatch.incidents",
        records: Vec::new(),
        alerts: vec![alert("page"), alert("ticket")],
    }
}
