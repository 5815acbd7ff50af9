//! What `--connections` names: connections as the API gives them, so that they have names in a replay, too.

use std::path::Path;

use anyhow::{Context, anyhow};
use serde::Deserialize;
use serde_json::Value;

use crate::event::{ConnectionId, ConnectionInfo, OrganizationId};

/// Said of a file that is something else.
const SHAPE: &str = "write {\"connections\": [{\"connection_id\": \"conn_1\", \"name\": \"…\"}]}, as GET /api/v1/connections answers, or the list alone";

/// One of them; what else the API says of it is not needed.
#[derive(Deserialize)]
struct Known {
    connection_id: String,
    organization_id: Option<String>,
    organization_name: Option<String>,
    connection_type: Option<String>,
    name: Option<String>,
    state: Option<String>,
}

/// Reads the file at `path`.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<ConnectionInfo>> {
    let place = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    parse(&text).map_err(|problem| anyhow!("{place}: {problem}"))
}

fn parse(text: &str) -> Result<Vec<ConnectionInfo>, String> {
    let mut file: Value =
        serde_json::from_str(text).map_err(|error| format!("is no JSON ({error}); {SHAPE}"))?;
    let list = match &mut file {
        Value::Object(answer) => answer.remove("connections"),
        Value::Array(_) => Some(file),
        _ => None,
    };
    let Some(Value::Array(list)) = list else {
        return Err(format!("has no list of connections; {SHAPE}"));
    };
    let mut connections = Vec::with_capacity(list.len());
    for (index, one) in list.into_iter().enumerate() {
        let known: Known = serde_json::from_value(one)
            .map_err(|error| format!("number {} of the list: {error}; {SHAPE}", index + 1))?;
        // The API lists sign-ins without a connection under this name; there is nothing to know of them.
        if known.connection_id != "unknown" {
            connections.push(known.info());
        }
    }
    Ok(connections)
}

impl Known {
    fn info(self) -> ConnectionInfo {
        ConnectionInfo {
            id: ConnectionId::new(&self.connection_id),
            organization_id: self.organization_id.as_deref().map(OrganizationId::new),
            organization_name: self.organization_name.map(Into::into),
            connection_type: self.connection_type.map(Into::into),
            name: self.name.map(Into::into),
            state: self.state.map(Into::into),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_and_a_list_are_read_and_what_else_there_is_is_told_its_shape() {
        let one = r#"{"connection_id": "conn_1", "name": "Acme", "windows": {}}"#;
        let none = r#"{"connection_id": "unknown"}"#;
        for text in
            [format!("{{\"total\": 2, \"connections\": [{one}, {none}]}}"), format!("[{one}]")]
        {
            let read = parse(&text).unwrap();
            assert_eq!((read.len(), read[0].name.as_deref()), (1, Some("Acme")), "{text}");
        }
        for (text, words) in [
            ("conn_1\n", "is no JSON (expected value at line 1 column 1); write {"),
            ("{\"incidents\": []}", "has no list of connections; write {"),
            ("{\"connections\": {}}", "has no list of connections; write {"),
            ("7", "has no list of connections; write {"),
            (
                "[{\"connection_id\": \"a\"}, {\"id\": \"b\"}]",
                "number 2 of the list: missing field `connection_id`; write {",
            ),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(words), "{text}: {problem}");
        }
    }
}
