//! The edge in the JSON API.

use serde_json::{Map, Value, json};

use crate::signal::{KeyView, LimitView, Snapshot, Talker, TierView, TierWindow, WINDOWS};

/// Tiers: what happened in the windows, and to whom.
pub(super) fn tiers(snapshot: &Snapshot) -> Value {
    let tiers: Vec<_> = snapshot.tiers.iter().map(|tier| tier_json(tier)).collect();
    json!({ "tiers": tiers })
}

/// Declared limits: how near, and whom they would refuse.
pub(super) fn limits(snapshot: &Snapshot) -> Value {
    let limits: Vec<_> = snapshot.limits.iter().map(limit_json).collect();
    json!({ "limits": limits })
}

fn tier_json(tier: &TierView) -> Value {
    let windows = WINDOWS.iter().zip(&tier.windows);
    let windows: Map<_, _> =
        windows.map(|((label, _), window)| ((*label).to_owned(), window_json(window))).collect();
    let requests: u64 = tier.requests.iter().map(|(_, count)| count).sum();
    json!({
        "tier": tier.tier, "requests": requests, "windows": windows,
        "last_request_at": tier.last_at.map(|at| at.to_string()),
    })
}

fn window_json(window: &TierWindow) -> Value {
    let counts = &window.counts;
    let talkers: Vec<_> = window.talkers.iter().map(talker_json).collect();
    json!({
        "requests": counts.requests, "internal": counts.internal, "internal_share": counts.internal_share(),
        "errors_5xx": counts.errors, "limited_429": counts.limited, "blocked_403": counts.blocked,
        "too_long_414": counts.too_long, "long_uris": counts.long_uris,
        "limited_clients": window.limited_clients, "blocked_clients": window.blocked_clients,
        "talkers": talkers,
    })
}

fn talker_json(talker: &Talker) -> Value {
    json!({
        "client": talker.name.as_str(), "internal": talker.internal, "requests": talker.requests,
        "requests_over_at_most": talker.over,
    })
}

/// A declared limit as the API gives it.
fn limit_json(limit: &LimitView) -> Value {
    let keys: Vec<_> = limit.keys.iter().map(key_json).collect();
    json!({
        "limit": limit.limit, "quota": limit.quota, "utilization": limit.utilization, "requests": limit.requests,
        "requests_not_held": limit.unnamed, "exceeded": limit.exceeded, "refused_keys": limit.refused_keys,
        "first_refused_at": limit.first_refused_at.map(|at| at.to_string()), "keys": keys,
    })
}

fn key_json(key: &KeyView) -> Value {
    json!({
        "key": key.key.as_str(), "utilization": key.utilization, "peak": key.peak, "requests": key.requests,
        "refused": key.refused, "first_refused_at": key.first_refused_at.map(|at| at.to_string()),
        "last_refused_at": key.last_refused_at.map(|at| at.to_string()),
    })
}
