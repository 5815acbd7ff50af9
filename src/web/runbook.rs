//! The runbooks, served to whoever follows a link from a notification: no token, nothing of anybody's in them.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The list of pages.
const INDEX: &str = include_str!("../../docs/runbooks/README.md");

/// The pages, by the name of their alert.
const PAGES: [(&str, &str); 36] = [
    ("ConfigRejected", include_str!("../../docs/runbooks/ConfigRejected.md")),
    ("DamageFound", include_str!("../../docs/runbooks/DamageFound.md")),
    ("EdgeAbandoned", include_str!("../../docs/runbooks/EdgeAbandoned.md")),
    ("EdgeBlocked", include_str!("../../docs/runbooks/EdgeBlocked.md")),
    ("EdgeClientErrors", include_str!("../../docs/runbooks/EdgeClientErrors.md")),
    ("EdgeErrors", include_str!("../../docs/runbooks/EdgeErrors.md")),
    ("EdgeInternalTraffic", include_str!("../../docs/runbooks/EdgeInternalTraffic.md")),
    ("EdgeLatencyHigh", include_str!("../../docs/runbooks/EdgeLatencyHigh.md")),
    ("EdgeLimitNear", include_str!("../../docs/runbooks/EdgeLimitNear.md")),
    ("EdgeOutageWorse", include_str!("../../docs/runbooks/EdgeOutageWorse.md")),
    ("EdgeRateLimited", include_str!("../../docs/runbooks/EdgeRateLimited.md")),
    ("EdgeUriTooLong", include_str!("../../docs/runbooks/EdgeUriTooLong.md")),
    ("EventsLate", include_str!("../../docs/runbooks/EventsLate.md")),
    ("EventsRejected", include_str!("../../docs/runbooks/EventsRejected.md")),
    ("JournalFailing", include_str!("../../docs/runbooks/JournalFailing.md")),
    ("JournalNotOwned", include_str!("../../docs/runbooks/JournalNotOwned.md")),
    ("JournalOwnedTwice", include_str!("../../docs/runbooks/JournalOwnedTwice.md")),
    ("ReceiverFailing", include_str!("../../docs/runbooks/ReceiverFailing.md")),
    ("SchemaDrift", include_str!("../../docs/runbooks/SchemaDrift.md")),
    ("SinkFailing", include_str!("../../docs/runbooks/SinkFailing.md")),
    ("SourceLagging", include_str!("../../docs/runbooks/SourceLagging.md")),
    ("SourceStalled", include_str!("../../docs/runbooks/SourceStalled.md")),
    ("SsoCertificateExpiring", include_str!("../../docs/runbooks/SsoCertificateExpiring.md")),
    ("SsoConnectionFailing", include_str!("../../docs/runbooks/SsoConnectionFailing.md")),
    ("SsoConnectionTimingOut", include_str!("../../docs/runbooks/SsoConnectionTimingOut.md")),
    ("SsoErrorBudgetBurn", include_str!("../../docs/runbooks/SsoErrorBudgetBurn.md")),
    ("SsoFleetFailing", include_str!("../../docs/runbooks/SsoFleetFailing.md")),
    ("SsoFleetTimingOut", include_str!("../../docs/runbooks/SsoFleetTimingOut.md")),
    ("SsoLatencyHigh", include_str!("../../docs/runbooks/SsoLatencyHigh.md")),
    ("SsoOutageWorse", include_str!("../../docs/runbooks/SsoOutageWorse.md")),
    ("SsoProviderFailing", include_str!("../../docs/runbooks/SsoProviderFailing.md")),
    ("SsoSlowBurn", include_str!("../../docs/runbooks/SsoSlowBurn.md")),
    ("SsoSuccessDrought", include_str!("../../docs/runbooks/SsoSuccessDrought.md")),
    ("SsowatchDown", include_str!("../../docs/runbooks/SsowatchDown.md")),
    ("SsowatchNotWatching", include_str!("../../docs/runbooks/SsowatchNotWatching.md")),
    ("Watchdog", include_str!("../../docs/runbooks/Watchdog.md")),
];

pub(super) async fn index() -> Response {
    markdown(INDEX)
}

/// The page of an alert, however its letters are written: Datadog makes all of a tag small. For an operator's own rule there is none: `links.runbooks` says where those are.
pub(super) async fn page(Path(name): Path<String>) -> Response {
    let name = name.strip_suffix(".md").unwrap_or(&name);
    match PAGES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
        Some((_, page)) => markdown(page),
        None => {
            super::problem(StatusCode::NOT_FOUND, "no runbook of this name; /runbooks lists them")
        }
    }
}

/// As text: a browser shows it, where it would save Markdown.
fn markdown(page: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], page).into_response()
}
