//! Datadog: monitors, a service level objective and boards, as the API takes them.
//!
//! Names are the dotted ones, tag values in lower case, as Datadog keeps them. A monitor that refers to another thing by its
//! id has `${name}` in its place, which Terraform's `templatefile` fills in.

mod board;
mod edge;
mod itself;
mod monitor;
mod monitors;
mod objective;
mod overview;
mod single;
mod widget;

use serde_json::Value;

use super::{Artefact, Inputs, need, pretty};

/// Where the monitors are.
const MONITORS: &str = "alerts/datadog";

/// The Terraform example, which applies every file of the folder.
const TERRAFORM: &str = include_str!("../../../alerts/datadog/terraform/main.tf");

/// The monitors, the objective and the Terraform example.
pub(super) fn monitors(inputs: &Inputs<'_>) -> Vec<Artefact> {
    let mut artefacts: Vec<_> = monitors::all()
        .into_iter()
        .filter(|monitor| monitor.queries().all(|query| need::met(query, inputs.catalog)))
        .map(|monitor| artefact(&monitor.name, &monitor.json(inputs.links)))
        .collect();
    artefacts.push(artefact("slo-sign-ins", &objective::json()));
    artefacts.push(Artefact {
        path: format!("{MONITORS}/terraform/main.tf"),
        content: TERRAFORM.to_owned(),
    });
    artefacts
}

fn artefact(name: &str, value: &Value) -> Artefact {
    Artefact { path: format!("{MONITORS}/{name}.json"), content: pretty(value) }
}

/// The boards.
pub(super) fn boards(inputs: &Inputs<'_>) -> Vec<Artefact> {
    [overview::board(), single::board()]
        .into_iter()
        .map(|board| Artefact {
            path: format!("dashboards/datadog/{}.json", board.name),
            content: pretty(&board.json(inputs)),
        })
        .collect()
}

#[cfg(test)]
mod tests;
