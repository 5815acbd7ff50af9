//! Logs that name a proxy for everybody who comes through it.

use super::*;
use crate::event::edge::Caller;

/// What is found where so many of 100 requests a second come from one address, the others from one each, and from then on 30 of them are
/// refused, of `refused`.
fn told(proxy: u64, refused: &str) -> Incident {
    let of = |second: i64, bad: u64| {
        let mut tally = second_of(second, bad, 403, false, 0);
        let caller = |name: &str, requests: u64| {
            let blocked = if name == refused { bad } else { 0 };
            let name = Personal::shown(name).unwrap();
            Caller { name, internal: false, requests, limited: 0, blocked, too_long: 0 }
        };
        let others = (proxy..100).map(|number| (format!("c{number:02}"), 1));
        let callers = others.chain([("lb".to_owned(), proxy)]);
        tally.callers.extend(callers.map(|(name, requests)| caller(&name, requests)));
        if bad > 0 {
            tally.blocked.insert(0x9e37_79b9_7f4a_7c15);
        }
        tally
    };
    told_of(|second| of(second, 0), |second| of(second, 30))
}

#[test]
fn a_proxy_from_which_nearly_everybody_comes_says_nothing_of_who_is_hit() {
    for (proxy, refused, severity) in
        [(95, "lb", Severity::Page), (50, "lb", Severity::Ticket), (95, "c99", Severity::Ticket)]
    {
        let found = told(proxy, refused);
        assert_eq!(found.severity, severity, "{proxy} {refused}: {}", found.summary);
        assert_eq!(found.evidence.users.is_none(), severity == Severity::Page, "{}", found.summary);
    }
}
