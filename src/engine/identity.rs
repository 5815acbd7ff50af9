//! By which name an alert's incident is known.

use super::alert::Key;
use super::fnv::fnv;
use crate::event::Timestamp;
use crate::signal::Scope;

/// Unique: the alert and the second at which it began.
pub(super) fn identity(key: &Key, now: Timestamp) -> Box<str> {
    format!("{}-{}", dedup_key(key), now.seconds()).into()
}

/// The same for the same alert on the same scope, for ever: receivers know an incident by it. The severity is no part of it,
/// so that a ticket that becomes a page stays one incident.
pub(super) fn dedup_key(key: &Key) -> String {
    folded(&named(key))
}

/// That of an incident which must be told apart from one that has [`dedup_key`] still.
pub(super) fn dedup_key_of(key: &Key, began: Timestamp) -> Box<str> {
    folded(&format!("{}\0{}", named(key), began.seconds())).into()
}

fn named(key: &Key) -> String {
    let thing = match &key.scope {
        Scope::Connection(id) => id.as_ref().map_or("unknown", |id| id.as_str()),
        Scope::ConnectionType(name)
        | Scope::Source(name)
        | Scope::Sink(name)
        | Scope::Tier(name)
        | Scope::Limit(name) => name,
        Scope::Fleet | Scope::None => "",
    };
    format!("{}\0{}\0{thing}", key.alertname, key.scope.as_str())
}

fn folded(text: &str) -> String {
    let hash = fnv(text);
    #[expect(clippy::cast_possible_truncation, reason = "folds 128 bits into 64")]
    let folded = (hash >> 64) as u64 ^ hash as u64;
    format!("{folded:016x}")
}
