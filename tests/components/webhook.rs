//! Webhooks that are signed and verified by the official Python SDK.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::script::Script;
use crate::{events, http, wait};

const SECRET: &str = "whsec_components";
const SAMPLE: &str = include_str!("../fixtures/workos/authentication_sso_failed.sdk.json");

/// The SDK.
struct Sdk(Script);

impl Sdk {
    /// The header for `body`, signed `age` milliseconds ago.
    fn sign(&mut self, secret: &str, body: &str, age: i64) -> String {
        let at = events::now_millis() - age;
        let request = json!({"do": "sign", "secret": secret, "body": body, "at": at});
        self.0.ask(&request).as_str().unwrap().to_owned()
    }

    /// Whether it takes `body` for what WorkOS sent.
    fn accepts(&mut self, body: &str, header: Option<&str>) -> bool {
        let request = json!({"do": "verify", "secret": SECRET, "body": body, "header": header});
        self.0.ask(&request).get("id").is_some()
    }
}

#[test]
fn a_webhook_is_taken_when_the_official_sdk_takes_it_and_refused_when_it_refuses() {
    let mut sdk = Sdk(Script::start("workos_sdk.py"));
    let config = format!("sources: {{ workos_webhook: {{ secret: {SECRET} }} }}\n");
    let daemon = Daemon::start(&config);
    let header = sdk.sign(SECRET, SAMPLE, 0);
    let (stamp, signature) = header.split_once(", v1=").unwrap();
    let later = stamp.strip_prefix("t=").unwrap().parse::<i64>().unwrap() + 1;
    let flipped = if signature.ends_with('0') { '1' } else { '0' };
    let changed = SAMPLE.replace("sso_failed", "sso_succeeded");
    let spaced = SAMPLE.replace("\": ", "\" : ");
    let compact = serde_json::from_str::<Value>(SAMPLE).unwrap().to_string();
    let minute = 60_000;
    let cases: [(&str, &str, Option<String>, u16, &str); 13] = [
        ("as it was signed", SAMPLE, Some(header.clone()), 200, ""),
        ("sent again", SAMPLE, Some(header.clone()), 200, ""),
        ("signed two minutes ago", SAMPLE, Some(sdk.sign(SECRET, SAMPLE, 2 * minute)), 200, ""),
        ("body changed", &changed, Some(header.clone()), 401, "signature_mismatch"),
        ("body with other white space", &spaced, Some(header.clone()), 401, "signature_mismatch"),
        ("body encoded again", &compact, Some(header.clone()), 401, "signature_mismatch"),
        (
            "time changed",
            SAMPLE,
            Some(format!("t={later}, v1={signature}")),
            401,
            "signature_mismatch",
        ),
        (
            "signature changed",
            SAMPLE,
            Some(format!("{}{flipped}", &header[..header.len() - 1])),
            401,
            "signature_mismatch",
        ),
        (
            "another secret",
            SAMPLE,
            Some(sdk.sign("whsec_other", SAMPLE, 0)),
            401,
            "signature_mismatch",
        ),
        ("stale", SAMPLE, Some(sdk.sign(SECRET, SAMPLE, 4 * minute)), 401, "signature_stale"),
        (
            "from the future",
            SAMPLE,
            Some(sdk.sign(SECRET, SAMPLE, -4 * minute)),
            401,
            "signature_stale",
        ),
        ("no signature", SAMPLE, None, 401, "signature_missing"),
        ("half a header", SAMPLE, Some(stamp.to_owned()), 401, "signature_missing"),
    ];
    let url = format!("{}/webhooks/workos", daemon.intake);
    let mut wanted = BTreeMap::new();
    for (name, body, header, status, reason) in cases {
        assert_eq!(sdk.accepts(body, header.as_deref()), status == 200, "{name}: the SDK");
        let mut request = http::client().post(&url).body(body.to_owned());
        if let Some(header) = header {
            request = request.header("WorkOS-Signature", header);
        }
        let answer = http::try_send(request).unwrap();
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        *wanted.entry(reason).or_insert(0) += 1;
    }
    wanted.remove("");
    for (reason, count) in wanted {
        wait::until(&format!("{count} of {reason}"), || {
            (daemon.rejected("workos_webhook", reason) == count).then_some(())
        });
    }
}
