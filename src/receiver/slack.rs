//! Slack, incoming webhooks. Slack knows no duplicates, so there is one message for each change of state.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Audience, Notification, Pace, Verdicts, config, words};
use crate::outbound::{Request, Verdict};
use crate::setting::{Secret, SecretError};
use crate::signal::Severity;

/// Slack refuses longer texts in a section.
const SECTION_CHARS_MAX: usize = 3000;

/// Slack asks for at most this many characters in the text that notifications on a phone show.
const TEXT_CHARS_MAX: usize = 4000;

/// Headline and summary share a section with a sign and a line break.
const LINE_CHARS_MAX: usize = SECTION_CHARS_MAX / 2 - 50;

/// What its answers mean: 400, 403 and 410 (a channel or a webhook that is gone) are final.
pub(super) const VERDICTS: Verdicts = &[
    (200..=299, Verdict::Accepted),
    (401..=401, Verdict::Hold),
    // A wrong address, or something in between that answers for it: worse to give up for it than to try again slowly.
    (300..=399, Verdict::Hold),
    (404..=405, Verdict::Hold),
    (408..=408, Verdict::Retry),
    (429..=429, Verdict::Retry),
    (500..=599, Verdict::Retry),
];

/// Its pace.
pub(super) const PACE: Pace = Pace {
    batch_max: 1,
    repeat: None,
    // Slack takes about one message a second.
    spacing: Duration::from_secs(1),
    backoff_base: Duration::from_secs(2),
    backoff_max: Duration::from_mins(2),
    rate_limited_wait: Duration::from_secs(30),
};

/// A Slack incoming webhook.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SlackReceiver")]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The incoming webhook's URL, a secret. Required.
    pub webhook_url: Option<Secret>,
    /// A file that holds the URL.
    pub webhook_url_file: Option<PathBuf>,
    /// Name in metrics, logs and records, unique. Default `slack`, then `slack-2` and so on.
    pub name: Option<String>,
    /// Severities that it is told. Default `[page, ticket]`.
    #[serde(default = "config::pages_and_tickets")]
    pub severity: Vec<Severity>,
    /// Labels that an incident must have. Default: none.
    #[serde(default, rename = "match")]
    pub labels: BTreeMap<String, String>,
    /// Whether ends are told. Default true.
    #[serde(default = "config::yes")]
    pub send_resolved: bool,
}

/// The service.
#[derive(Clone, Debug)]
pub(super) struct Slack {
    webhook_url: Secret,
}

impl Config {
    pub(super) fn service(&self, at: &str) -> Result<Slack, String> {
        let (url, file) = (self.webhook_url.as_ref(), self.webhook_url_file.as_ref());
        Ok(Slack { webhook_url: config::address(at, "webhook_url", url, file)? })
    }

    pub(super) fn audience(&self) -> Audience {
        Audience {
            severity: self.severity.clone(),
            labels: self.labels.clone(),
            send_resolved: self.send_resolved,
        }
    }
}

impl Slack {
    /// Where to.
    pub(super) fn address(&self) -> &Secret {
        &self.webhook_url
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        vec![&self.webhook_url]
    }

    pub(super) fn request(&self, notification: &Notification) -> Result<Request, SecretError> {
        let incident = &notification.incident;
        let sign = match (notification.is_end(), incident.severity) {
            (true, _) if incident.course.goes_on() => ":information_source:",
            (true, _) => ":white_check_mark:",
            (false, Severity::Page) => ":rotating_light:",
            (false, Severity::Ticket) => ":warning:",
            (false, Severity::None) => ":information_source:",
        };
        let headline = escaped(&words::headline(notification), LINE_CHARS_MAX);
        let summary = escaped(&incident.summary, LINE_CHARS_MAX);
        let mut blocks = vec![section(&format!("{sign} *{headline}*\n{summary}"))];
        if !incident.description.is_empty() && !notification.is_end() {
            blocks.push(section(&escaped(&incident.description, SECTION_CHARS_MAX)));
        }
        blocks.push(json!({
            "type": "context",
            "elements": [{"type": "mrkdwn", "text": context(notification)}],
        }));
        let text = format!("{headline}: {summary}");
        let body = json!({"text": words::cut(&text, TEXT_CHARS_MAX), "blocks": blocks});
        Ok(words::post(config::revealed(&self.webhook_url)?, &body, vec![]))
    }
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

/// When, for how long, and where to read more.
fn context(notification: &Notification) -> String {
    let (incident, links) = (&notification.incident, &notification.links);
    let since = incident.started_at.to_rfc3339_seconds();
    let time = match words::lasted(incident).filter(|_| notification.is_end()) {
        Some(lasted) => format!("began {since}, lasted {lasted}"),
        None => format!("since about {since}"),
    };
    let mut text = format!("{time} · <{}|Status page>", address(&links.dashboard(incident)));
    if let Some(runbook) = links.runbook(incident) {
        write!(text, " · <{}|Runbook>", address(&runbook)).expect("memory grows");
    }
    text
}

/// `text` without the three characters that mean something to Slack, which could call the whole channel; at
/// most `chars_max` long, and no `&amp;` is cut in two.
fn escaped(text: &str, chars_max: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for c in text.chars() {
        let (piece, width) = match c {
            '&' => ("&amp;", 5),
            '<' => ("&lt;", 4),
            '>' => ("&gt;", 4),
            _ => ("", 1),
        };
        if length + width >= chars_max {
            escaped.push('…');
            break;
        }
        length += width;
        if piece.is_empty() { escaped.push(c) } else { escaped.push_str(piece) }
    }
    escaped
}

/// A URL inside a link, which ends at a bar or a bracket.
fn address(url: &str) -> String {
    url.replace('&', "&amp;").replace('|', "%7C").replace('<', "%3C").replace('>', "%3E")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_call_the_channel_or_end_a_link() {
        assert_eq!(escaped("<!channel> R&D", 99), "&lt;!channel&gt; R&amp;D");
        assert_eq!(address("http://a/?b=1&c=<|>"), "http://a/?b=1&amp;c=%3C%7C%3E");
    }

    #[test]
    fn the_longest_words_fit_into_a_section_after_escaping() {
        for text in ["&", "<", "ä", "a&"] {
            let longest = escaped(&text.repeat(10_000), SECTION_CHARS_MAX);
            let length = longest.chars().count();
            assert!(
                (SECTION_CHARS_MAX - 5..=SECTION_CHARS_MAX).contains(&length),
                "{text}: {length}"
            );
            assert!(longest.ends_with('…') && !longest.ends_with("am…"), "{text}");
        }
    }
}
