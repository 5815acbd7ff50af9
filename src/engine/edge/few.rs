//! Whether few clients have nearly all of what the edge refuses: the limit or the blocklist may do what it is there for.

use super::sign::Sign;
use super::tier::Minute;
use super::trouble::Trouble;
use crate::signal::Talker;

/// Fewer clients are too few for a page, and so are those beside whom the others have no more than this share of what is beyond the usual.
const CLIENTS: usize = 2;
const OTHERS: f64 = 0.1;

/// What the others have as ever wanders, and is more by chance: by so many standard deviations, or requests.
const WANDERS: f64 = 1.25;
const DEVIATIONS: f64 = 3.0;
const CHANCE: f64 = 3.0;

/// Clients with this share of all requests of the hour before stand for everybody: a proxy in front of the edge whose address the log
/// names. Of fewer requests than these nothing is said.
const EVERYBODY: f64 = 0.9;
const EVERYBODYS_REQUESTS: u64 = 100;

/// How many clients have nearly all that is beyond the usual in what was `seen`, where they are few, and 0 where nothing is beyond it any
/// more; `None` also where the log names no clients, and where one of them, with a tenth of it or more, is internal: that is a service of
/// ours behind one address, whom no limit is meant for.
pub(super) fn few(
    clients: u64,
    trouble: Trouble,
    sign: Sign,
    seen: &Minute,
    talkers: &[Talker],
) -> Option<usize> {
    let ours = |talker: &Talker| talker.internal && talker.requests * 10 >= trouble.bad;
    if talkers.iter().take(CLIENTS).any(ours) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    let count = |count: u64| count as f64;
    let bad = count(sign.among(&seen.counts)?);
    let usual = trouble.usual * count(seen.counts.requests);
    let most = (OTHERS * (bad - usual)).max(DEVIATIONS * libm::sqrt(usual)).max(CHANCE);
    let mut others = bad - WANDERS * usual;
    let clients = usize::try_from(clients).unwrap_or(usize::MAX);
    if others > most && clients <= CLIENTS {
        return (clients > 0).then_some(clients);
    }
    let theirs = talkers.iter().map(|talker| count(talker.requests.saturating_sub(talker.over)));
    std::iter::once(0.0).chain(theirs).take(CLIENTS + 1).position(|theirs| {
        others -= theirs;
        others <= most
    })
}

/// Whether these, who have nearly all that is refused, had nearly all requests `before` it.
pub(super) fn stand_for_all(few: &[Talker], before: &Minute) -> bool {
    let all = before.counts.requests;
    let theirs: u64 = few.iter().map(|talker| before.talkers.surely(&talker.name)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
    let share = theirs as f64 / all.max(1) as f64;
    all >= EVERYBODYS_REQUESTS && share >= EVERYBODY
}

#[cfg(test)]
mod tests;
