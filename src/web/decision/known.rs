//! What a decision names, held against what there is: a misspelt name would match nothing, and nobody would notice.

use std::collections::BTreeSet;

use crate::event::{Covers, Marker, Silence};
use crate::signal::{ConnectionView, Snapshot, foreign};

/// Refuses a label that no alert has, `own` of the operator's rules included.
pub(super) fn check(silence: &Silence, own: &BTreeSet<Box<str>>) -> Result<(), String> {
    let labels = silence.matchers.keys().map(|label| &**label);
    foreign(labels, own).map_or(Ok(()), |problem| Err(format!("`matchers`: {problem}")))
}

/// A warning when `silence` names what is not known now. It may come later: nothing is refused for that.
pub(in crate::web) fn silence(silence: &Silence, snapshot: &Snapshot) -> Option<String> {
    let named = silence.matchers.iter().map(|(label, value)| (&**label, &**value));
    warning(named, snapshot)
}

/// The same of a marker.
pub(in crate::web) fn marker(marker: &Marker, snapshot: &Snapshot) -> Option<String> {
    match &marker.work.covers {
        Covers::All => None,
        Covers::ConnectionType(name) => warning([("connection_type", &**name)], snapshot),
        Covers::Tier(name) => warning([("tier", &**name)], snapshot),
        Covers::Connections(ids) => {
            warning(ids.iter().map(|id| ("connection_id", id.as_str())), snapshot)
        }
    }
}

fn warning<'a>(
    named: impl IntoIterator<Item = (&'a str, &'a str)>,
    snapshot: &Snapshot,
) -> Option<String> {
    let unknown = named.into_iter().filter(|(label, value)| !is_known(label, value, snapshot));
    let words: Vec<_> = unknown.map(|(label, value)| format!("{label}={value}")).collect();
    let words = words.join(", ");
    (!words.is_empty()).then(|| format!("nothing that is known now is {words}; check the spelling"))
}

/// Whether something has this label; those that stand for no list of what there is always are.
fn is_known(label: &str, value: &str, snapshot: &Snapshot) -> bool {
    let any =
        |fits: &dyn Fn(&ConnectionView) -> bool| snapshot.connections.iter().any(|view| fits(view));
    match label {
        "connection_id" => any(&|view| view.label() == value),
        "connection_type" => any(&|view| view.connection_type() == value),
        "organization_id" => any(&|view| {
            let info = view.info.as_deref().and_then(|info| info.organization_id.as_ref());
            info.is_some_and(|id| id.as_str() == value)
        }),
        "tier" => snapshot.tiers.iter().any(|tier| *tier.tier == *value),
        "limit" => snapshot.limits.iter().any(|limit| *limit.limit == *value),
        _ => true,
    }
}
