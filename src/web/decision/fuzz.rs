//! Fuzzing: see `crate::fuzz`.

use super::written::pairs;
use crate::event::Timestamp;

/// Labels as a page sends them, and a body of the API: a silence that passes has an end in the future.
pub(in crate::web) fn silence(text: &str, now: Timestamp) {
    if let Ok(labels) = pairs(text) {
        assert!(labels.keys().all(|label| !label.contains('=')));
    }
    let Ok(wanted) = serde_json::from_str::<super::silence::Wanted>(text) else { return };
    if let Ok(silence) = wanted.silence(now) {
        assert!(silence.until > now && !silence.matchers.is_empty());
    }
}

/// A body of the API: a marker that passes has its end behind its beginning.
pub(in crate::web) fn marker(text: &str, now: Timestamp) {
    let Ok(wanted) = serde_json::from_str::<super::marker::Wanted>(text) else { return };
    if let Ok(marker) = wanted.marker(now) {
        assert!(marker.work.until >= marker.work.from);
    }
}
