//! What alerts of the edge say: who, how much, since when, how much against normal, and what is likely behind it.

use std::fmt::Write;

use super::limit::{Limit, Shadow};
use super::near::NAMED_MAX;
use super::sign::Sign;
use super::trouble::Trouble;
use crate::engine::words::{add, clock, percent, together};
use crate::engine::worst::Worst;
use crate::event::{Personal, Timestamp};
use crate::signal::{Talker, TierCounts};

/// `Limit api (200/s, burst 50): h:0123… uses 86 % of it, and 2 others are near, since about 16:05:20 UTC`.
pub(super) fn near_summary(
    limit: &Limit,
    near: &[(&Personal, f64)],
    since: Timestamp,
    now: Timestamp,
) -> String {
    let mut text = format!("Limit {} ({})", limit.name, limit.words);
    if let Some((name, used)) = near.first() {
        add(&mut text, format_args!(": {} uses {} of it", name.as_str(), percent(*used)));
    }
    match near.len() {
        0 | 1 => {}
        2 => text.push_str(", and 1 other is near"),
        more => add(&mut text, format_args!(", and {} others are near", more - 1)),
    }
    add(&mut text, format_args!(", since about {}", clock(since, now)));
    text
}

/// Who else, and whether anyone would have been refused yet.
pub(super) fn near_description(
    limit: &Limit,
    shadow: &Shadow,
    near: &[(&Personal, f64)],
    now: Timestamp,
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
                clock(first, now)
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

/// What is told of a tier.
pub(super) struct Told<'a> {
    pub(super) tier: &'a str,
    pub(super) sign: Sign,
    pub(super) trouble: Trouble,
    /// Different clients that were hit.
    pub(super) clients: Option<u64>,
    /// How many of them have nearly all that is beyond the usual, where they are few.
    pub(super) few: Option<usize>,
    /// The callers that were hit most, or have most requests.
    pub(super) talkers: Vec<Talker>,
    pub(super) routes: Vec<(Box<str>, u64)>,
    /// From when on clients, callers and routes are known; `None`: only of the last hour.
    pub(super) from: Option<Timestamp>,
    /// Everything since the trouble began.
    pub(super) counts: TierCounts,
    pub(super) slow_micros: Option<u64>,
    /// Alerts that began at about the same time, and others that are open at the tier.
    pub(super) together: Vec<(Box<str>, Timestamp)>,
    pub(super) beside: Vec<(Box<str>, Timestamp)>,
    /// The worst minute of it.
    pub(super) worst: Worst,
    pub(super) now: Timestamp,
}

/// `web: 812 of 2431 requests got 429 (33 %; 0.1 % is usual), by 14 clients, since about 16:05:20 UTC`.
pub(super) fn tier_summary(told: &Told<'_>, since: Timestamp) -> String {
    let mut text = shown(told);
    let (share, usual) = (percent(told.trouble.share()), share_of(told.trouble.usual));
    add(&mut text, format_args!(" ({share}; {usual} is usual)"));
    match told.clients {
        Some(1) => text.push_str(", by 1 client"),
        Some(clients) => add(&mut text, format_args!(", by {clients} clients")),
        None => {}
    }
    if let (Some(few @ 1..), Some(3..)) = (told.few, told.clients) {
        add(&mut text, format_args!(", nearly all beyond the usual by {few} of them"));
    }
    if told.clients.is_some() && told.from.is_none() {
        text.push_str(" in the last hour");
    }
    add(&mut text, format_args!(", since about {}", clock(since, told.now)));
    text
}

/// `web: 532 of 887 requests got 5xx (60 %) since about 10:30:05 UTC, in an incident that had 4.5 %`.
pub(super) fn worse_summary(told: &Told<'_>, since: Timestamp, before: f64) -> String {
    let mut text = shown(told);
    let (share, before, clock) =
        (percent(told.trouble.share()), share_of(before), clock(since, told.now));
    add(
        &mut text,
        format_args!(" ({share}) since about {clock}, in an incident that had {before}"),
    );
    text
}

/// How many of how many requests at which tier show what.
fn shown(told: &Told<'_>) -> String {
    let Trouble { requests, bad, .. } = told.trouble;
    let what = match told.sign {
        Sign::Errors => "got 5xx".to_owned(),
        Sign::Slow => format!("took longer than {}", length(told.slow_micros.unwrap_or(0))),
        Sign::Limited => "got 429".to_owned(),
        Sign::Blocked => "got 403".to_owned(),
        Sign::TooLong => "have a URI that is too long, or nearly".to_owned(),
        Sign::Internal => "are internal".to_owned(),
        Sign::Abandoned => "were given up before an answer".to_owned(),
        Sign::Refused => "got a 4xx (403, 414 and 429 aside)".to_owned(),
    };
    format!("{}: {bad} of {requests} requests {what}", told.tier)
}

/// Where, who, and what is likely behind it.
pub(super) fn tier_description(told: &Told<'_>) -> String {
    let mut counted = Vec::new();
    let list = |items: Vec<String>| items.join(", ");
    if !told.routes.is_empty() {
        let routes = told.routes.iter().map(|(route, count)| format!("{route} {count}"));
        counted.push(format!("routes: {}", list(routes.collect())));
    }
    let named = told.talkers.iter().filter(|talker| talker.is_known()).take(NAMED_MAX);
    let named = named.map(|talker| {
        let inside = if talker.internal { " (internal)" } else { "" };
        format!("{}{inside} {}", talker.name.as_str(), talker.requests)
    });
    let named: Vec<_> = named.collect();
    if !named.is_empty() {
        let whose = match told.sign {
            Sign::Limited | Sign::Blocked => "hit most",
            Sign::TooLong => "sent most",
            Sign::Internal => "busiest of them",
            _ => "busiest callers",
        };
        counted.push(format!("{whose}: {}", list(named)));
    }
    let mut text = String::new();
    if !counted.is_empty() {
        let window = told.from.map_or_else(
            || "In the last hour".to_owned(),
            |from| format!("Since {}", clock(from, told.now)),
        );
        add(&mut text, format_args!("{window}, {}. ", counted.join("; ")));
    }
    text.push_str(likely(told));
    together(&mut text, &told.together, told.now);
    for (name, since) in &told.beside {
        let since = clock(*since, told.now);
        add(&mut text, format_args!(" {name} is open at this tier since about {since}."));
    }
    text
}

/// Said where nobody can be counted.
const CLIENTS_UNKNOWN: &str =
    "The log does not tell which clients are hit: it names none, or a proxy in place of them.";

/// What is likely behind it.
fn likely(told: &Told<'_>) -> &'static str {
    let bad: u64 = told.talkers.iter().map(|talker| talker.requests).sum();
    let internal: u64 =
        told.talkers.iter().filter(|talker| talker.internal).map(|talker| talker.requests).sum();
    let largest = told.talkers.first().map_or(0, |talker| talker.requests);
    let worst = told.routes.first().map_or("", |(route, _)| &**route);
    match told.sign {
        Sign::Limited if internal * 2 > bad => {
            "Internal callers are hit most: a rate limit meets a migration, a batch job or a deployment."
        }
        Sign::Limited if told.clients.is_none() => CLIENTS_UNKNOWN,
        Sign::Limited if told.clients.is_some_and(|clients| clients > 1) && largest * 2 <= bad => {
            "Many clients are hit: the limit is too tight for today's traffic, or they share a key."
        }
        Sign::Limited => {
            "One caller is hit most: it retries without waiting, or has grown out of its limit."
        }
        Sign::Blocked if told.counts.too_long + told.counts.long_uris > 0 => {
            "URIs are too long, or nearly, on the same tier: a blocklist may be fed by 414s."
        }
        Sign::Blocked if told.clients.is_none() => CLIENTS_UNKNOWN,
        Sign::Blocked
            if told.few.is_none() && told.clients.is_some_and(|clients| clients >= 10) =>
        {
            "Many clients are hit: a blocklist or a new rule meets customers."
        }
        Sign::Blocked => "Few clients are hit: a blocklist or a rule meets them alone.",
        Sign::Errors
            if worst.starts_with("502") || worst.starts_with("503") || worst.starts_with("504") =>
        {
            "The edge answers itself: what is behind it is down, overloaded or too slow."
        }
        Sign::Errors => {
            "The application answers: look at its newest deployment and its dependencies."
        }
        Sign::Abandoned => "Clients leave before they are answered: what is behind the edge hangs.",
        Sign::Refused if worst.starts_with("401") || worst.starts_with("407") => {
            "Nobody is let in any more: look at keys, certificates, clocks and whoever checks them."
        }
        Sign::Refused => {
            "Requests that used to be fine are refused: look at the newest deployment, of routes or of what stands before the application."
        }
        Sign::Slow => "Requests take longer than nineteen in twenty used to.",
        Sign::TooLong => {
            "Cookies or query strings have grown, e.g. with a new route or a longer redirect."
        }
        Sign::Internal => {
            "Internal callers come in through the public edge: a service has lost its internal address."
        }
    }
}

/// `0.75 s`, `250 ms`.
fn length(micros: u64) -> String {
    let millis = micros / 1000;
    if millis < 1000 {
        format!("{millis} ms")
    } else {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    }
}

/// Small shares need more digits than [`percent`] has.
fn share_of(share: f64) -> String {
    if share < 0.001 { format!("{:.2} %", share * 100.0) } else { percent(share) }
}
