//! What a decision names, held against what there is: a misspelt name would match nothing, and nobody would notice.

use crate::event::{Covers, Marker, Silence};
use crate::signal::{ConnectionView, Snapshot, Vocabulary};

/// Refuses a label that no alert has.
pub(super) fn check(silence: &Silence, vocabulary: &Vocabulary) -> Result<(), String> {
    let labels = silence.matchers.keys().map(|label| &**label);
    vocabulary.foreign(labels).map_or(Ok(()), |problem| Err(format!("`matchers`: {problem}")))
}

/// A warning when `silence` names what is not known now. It may come later: nothing is refused for that.
pub(in crate::web) fn silence(
    silence: &Silence,
    snapshot: &Snapshot,
    vocabulary: &Vocabulary,
) -> Option<String> {
    let named = silence.matchers.iter().map(|(label, value)| (&**label, &**value));
    warning(named, |label, value| {
        vocabulary.instead_of(label, value).is_none() && is_known(label, value, snapshot)
    })
}

/// The same of a marker.
pub(in crate::web) fn marker(marker: &Marker, snapshot: &Snapshot) -> Option<String> {
    let is_known = |label: &str, value: &str| is_known(label, value, snapshot);
    match &marker.work.covers {
        Covers::All => None,
        Covers::ConnectionType(name) => warning([("connection_type", &**name)], is_known),
        Covers::Tier(name) => warning([("tier", &**name)], is_known),
        Covers::Connections(ids) => {
            warning(ids.iter().map(|id| ("connection_id", id.as_str())), is_known)
        }
    }
}

fn warning<'a>(
    named: impl IntoIterator<Item = (&'a str, &'a str)>,
    is_known: impl Fn(&str, &str) -> bool,
) -> Option<String> {
    let unknown = named.into_iter().filter(|(label, value)| !is_known(label, value));
    let words: Vec<_> = unknown.map(|(label, value)| format!("{label}={value}")).collect();
    let words = words.join(", ");
    (!words.is_empty()).then(|| format!("nothing that is known now is {words}; check the spelling"))
}

/// Whether something that is there now has this label; the values of others follow from the configuration.
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
        _ => true,
    }
}
