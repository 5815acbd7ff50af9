//! Variables of a board.

use serde_json::{Value, json};

/// A variable whose values a query gives.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) query: String,
    /// Takes value and text out of what the query gives.
    pub(super) regex: &'static str,
    /// Whether several, and all, may be chosen.
    pub(super) several: bool,
}

impl Variable {
    /// Which Prometheus.
    pub(super) fn datasource_json() -> Value {
        json!({
            "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
            "options": [], "regex": "", "hide": 0, "includeAll": false, "multi": false, "refresh": 1,
            "skipUrlSync": false,
        })
    }

    pub(super) fn json(&self) -> Value {
        let mut variable = json!({
            "name": self.name, "label": self.label, "type": "query",
            "datasource": {"type": "prometheus", "uid": "${datasource}"},
            "query": {"query": self.query, "refId": self.name},
            "regex": self.regex, "sort": 5,
            // Anew when the time range changes: connections come and go.
            "refresh": 2,
            "includeAll": self.several, "multi": self.several,
            "options": [], "hide": 0, "skipUrlSync": false,
        });
        if self.several {
            // Not the list of all values, which is too long for a query from a few hundred connections on.
            variable["allValue"] = json!(".*");
            variable["current"] = json!({"selected": true, "text": ["All"], "value": ["$__all"]});
        }
        variable
    }
}

/// The customer, by id, shown by name where it is known.
pub(super) fn organization() -> Variable {
    Variable {
        name: "organization",
        label: "Organization",
        query: "query_result(max by (organization_id, organization_name) (sso_connection_info))"
            .to_owned(),
        regex: "/organization_id=\"(?<value>[^\"]*)\"(?:, organization_name=\"(?<text>[^\"]*)\")?/",
        several: true,
    }
}

/// The connection, by id, shown by name where it is known; those of the chosen organizations.
pub(super) fn connection(several: bool) -> Variable {
    Variable {
        name: "connection",
        label: "Connection",
        query: "query_result(max by (connection_id, connection_name) (sso_connection_info{organization_id=~\"$organization\"}) \
            or on (connection_id) max by (connection_id) (sso_sessions_started_total{organization_id=~\"$organization\"}))"
            .to_owned(),
        regex: "/connection_id=\"(?<value>[^\"]*)\"(?:, connection_name=\"(?<text>[^\"]*)\")?/",
        several,
    }
}

/// The tier of the edge.
pub(super) fn tier() -> Variable {
    Variable {
        name: "tier",
        label: "Tier",
        query: "label_values(edge_requests_total, tier)".to_owned(),
        regex: "",
        several: true,
    }
}
