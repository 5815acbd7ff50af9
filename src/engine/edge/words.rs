//! What alerts of the edge say: who, how much, since when, how much against normal, and what is likely behind it.

use std::fmt::Write;

use super::limit::{Limit, Shadow};
use super::near::NAMED_MAX;
use crate::engine::words::{add, clock, percent};
use crate::event::{Personal, Timestamp};

/// `Limit api (200/s, burst 50): h:0123… uses 86 % of it, and 2 others are near, since about 16:05:20 UTC`.
pub(super) fn near_summary(limit: &Limit, near: &[(&Personal, f64)], since: Timestamp) -> String {
    let mut text = format!("Limit {} ({})", limit.name, limit.words);
    if let Some((name, used)) = near.first() {
        add(&mut text, format_args!(": {} uses {} of it", name.as_str(), percent(*used)));
    }
    match near.len() {
        0 | 1 => {}
        2 => text.push_str(", and 1 other is near"),
        more => add(&mut text, format_args!(", and {} others are near", more - 1)),
    }
    add(&mut text, format_args!(", since about {}", clock(since)));
    text
}

/// Who else, and whether anyone would have been refused yet.
pub(super) fn near_description(
    limit: &Limit,
    shadow: &Shadow,
    near: &[(&Personal, f64)],
) -> String {
    let mut text = format!("Near is {} of the quota or of the burst.", percent(limit.near));
    if near.len() > 1 {
        let named = near.iter().take(NAMED_MAX);
        let named: Vec<_> =
            named.map(|(name, used)| format!("{} {}", name.as_str(), percent(*used))).collect();
        write!(text, " Nearest: {}.", named.join(", ")).expect("memory grows");
    }
    match (shadow.exceeded(), shadow.first_refused_at()) {
        (refused, Some(first)) if refused > 0 => add(
            &mut text,
            format_args!(
                " The limit would have refused {refused} requests of {}, the first at {}.",
                callers(shadow.refused_keys()),
                clock(first)
            ),
        ),
        _ => text.push_str(" It would have refused nothing so far."),
    }
    text.push_str(" ssowatch itself refuses nothing: it runs the declared limit in shadow.");
    text
}

fn callers(count: usize) -> String {
    if count == 1 { "1 caller".into() } else { format!("{count} callers") }
}
