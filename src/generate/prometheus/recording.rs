//! Series that alerts need: connections with their names, and sign-ins by connection and by identity provider.

use super::{Group, Record};

/// Every connection once. One that no source has named has no names, and must not get lost in a join for that; one on whose
/// names two instances disagree has none either, because a join with two partners is an error that silences the whole rule.
const NAMES: &str = "
  (
      max by (connection_id, connection_name, connection_type, organization_id, organization_name) (sso_connection_info)
    unless on (connection_id)
      count by (connection_id) (
        max by (connection_id, connection_name, connection_type, organization_id, organization_name) (sso_connection_info)
      ) > 1
  )
or on (connection_id)
  max by (connection_id) (0 * sso_sessions_started_total + 1)";

pub(super) fn group() -> Group {
    Group {
        name: "ssowatch.recording",
        alerts: Vec::new(),
        records: vec![
            Record::new("connection:sso_connection_info:names", NAMES),
            Record::new(
                "connection:sso_sessions_finished:increase5m",
                "sum by (connection_id) (increase(sso_sessions_finished_total[5m]))",
            ),
            Record::new(
                "connection:sso_sessions_failed:increase5m",
                "sum by (connection_id) (increase(sso_sessions_finished_total{outcome=\"failed\"}[5m]))",
            ),
            Record::new(
                "connection:sso_sessions_timed_out:increase5m",
                "sum by (connection_id) (increase(sso_sessions_finished_total{outcome=\"timed_out\"}[5m]))",
            ),
            Record::new(
                "connection_type:sso_sessions_finished:increase5m",
                &by_type("connection:sso_sessions_finished:increase5m"),
            ),
            Record::new(
                "connection_type:sso_sessions_failed:increase5m",
                &by_type("connection:sso_sessions_failed:increase5m"),
            ),
        ],
    }
}

fn by_type(per_connection: &str) -> String {
    format!(
        "
sum by (connection_type) (
    {per_connection}
  * on (connection_id) group_left (connection_type)
    connection:sso_connection_info:names
)"
    )
}
