//! What may come to the intake listener as a webhook.

use ssowatch::source::intake::WEBHOOK_BYTES_MAX;

use super::intake::{elsewhen, post};
use super::world::{Case, SECRET, rejected, signed};
use super::{DAY, MINUTE};
use crate::events::now_millis;

/// A webhook: body, the header that goes with it, and why it is refused.
fn webhook(
    name: &'static str,
    sent: &str,
    text: &str,
    header: Option<String>,
    moved: String,
) -> Case {
    let body = text.as_bytes().to_vec();
    let headers: Vec<_> = header.map(|header| ("workos-signature", header)).into_iter().collect();
    Case {
        name,
        sent: format!("`POST /webhooks/workos`: {sent}"),
        moved,
        act: Box::new(move |world| post(world, "/webhooks/workos", &headers, body)),
    }
}

pub(super) fn webhooks() -> Vec<Case> {
    let of = |reason: &str| rejected("workos_webhook", reason);
    let good = |text: &str| Some(signed(SECRET, text.as_bytes(), 0));
    let future = elsewhen("sso_failed", now_millis() + DAY);
    let large = " ".repeat(WEBHOOK_BYTES_MAX + 1);
    let fresh = elsewhen("sso_failed", now_millis());
    let header = signed(SECRET, fresh.as_bytes(), 0);
    let short = header[..header.len() - 1].to_owned();
    let changed = fresh.replace("sso_failed", "sso_succeeded");
    let again = elsewhen("sso_timed_out", now_millis());
    let mut cases = vec![
        webhook("unsigned", "an event", &fresh, None, of("signature_missing")),
        webhook(
            "a signature of nonsense",
            "`t=now`",
            &fresh,
            Some("t=now".into()),
            of("signature_missing"),
        ),
        webhook(
            "a signature that is cut",
            "63 digits",
            &fresh,
            Some(short),
            of("signature_missing"),
        ),
        webhook(
            "a signature of 30,000 bytes",
            "digits",
            &fresh,
            Some("1".repeat(30_000)),
            of("signature_missing"),
        ),
        webhook(
            "signed by somebody else",
            "an event",
            &fresh,
            Some(signed("whsec_other", fresh.as_bytes(), 0)),
            of("signature_mismatch"),
        ),
        webhook(
            "changed on its way",
            "another body",
            &changed,
            Some(header.clone()),
            of("signature_mismatch"),
        ),
        webhook(
            "signed long ago",
            "10 minutes",
            &fresh,
            Some(signed(SECRET, fresh.as_bytes(), 10 * MINUTE)),
            of("signature_stale"),
        ),
        webhook(
            "signed in the future",
            "in 10 minutes",
            &fresh,
            Some(signed(SECRET, fresh.as_bytes(), -10 * MINUTE)),
            of("signature_stale"),
        ),
        webhook("signed, not JSON", "`{`", "{", good("{"), of("not_json")),
        webhook("signed, not an event", "`{}`", "{}", good("{}"), of("not_an_event")),
        webhook(
            "signed, from the future",
            "tomorrow",
            &future,
            good(&future),
            of("future_timestamp"),
        ),
        webhook("signed, oversized", "256 KiB and a byte", &large, good(&large), of("too_large")),
    ];
    cases.push(Case {
        name: "replayed",
        sent: "`POST /webhooks/workos`: a good one, twice".into(),
        moved: "ssowatch_events_duplicate_total{source=\"workos_webhook\"}".into(),
        act: Box::new(move |world| {
            let headers = [("workos-signature", signed(SECRET, again.as_bytes(), 0))];
            post(world, "/webhooks/workos", &headers, again.clone().into_bytes());
            post(world, "/webhooks/workos", &headers, again.into_bytes())
        }),
    });
    cases
}
