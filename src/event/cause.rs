//! Classes of `error.code`: the label `cause`. WorkOS publishes no list of codes, so the table is
//! configuration with good defaults, and a code that it does not know is a class of its own, `unknown`, not
//! an error.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most classes that an operator may add: each is a label value on every connection.
pub const OWN_CLASSES_MAX: usize = 32;

/// Longest name of a class, in bytes: a label value that people read.
const CLASS_BYTES_MAX: usize = 40;

/// The class of codes that no table knows.
pub const UNKNOWN: &str = "unknown";

/// Codes by class; `*` at the end of a code stands for any rest. From the redirect codes of WorkOS's
/// authorize endpoint, codes seen in its samples, and what identity providers answer.
const DEFAULTS: [(&str, &[&str]); 15] = [
    (
        "assertion",
        &[
            "assertion_*",
            "audience_*",
            "clock_skew",
            "id_token_*",
            "invalid_assertion*",
            "invalid_audience",
            "invalid_id_token",
            "invalid_issuer",
            "invalid_recipient",
            "invalid_saml_*",
            "issuer_*",
            "malformed_*",
            "saml_*",
        ],
    ),
    (
        "attribute_mapping",
        &[
            "attribute_*",
            "invalid_attribute*",
            "missing_attribute*",
            "missing_required_attribute*",
            "profile_attribute_*",
            "profile_not_allowed_outside_organization",
        ],
    ),
    (
        "blocked",
        &[
            "access_blocked",
            "blocked",
            "blocked_*",
            "blocklist*",
            "ip_blocked",
            "ip_not_allowed",
            "radar_*",
            "user_blocked",
        ],
    ),
    (
        "certificate",
        &[
            "certificate_*",
            "expired_certificate",
            "idp_certificate_*",
            "invalid_certificate*",
            "saml_certificate_*",
            "x509_*",
        ],
    ),
    (
        "configuration",
        &[
            "ambiguous_connection_selector",
            "connection_*",
            "domain_connection_selector_not_allowed",
            "domain_not_allowed",
            "invalid_client",
            "invalid_connection_*",
            "invalid_redirect_uri",
            "invalid_request",
            "invalid_scope",
            "organization_*",
            "redirect_uri_*",
            "unauthorized_client",
            "unsupported_response_type",
        ],
    ),
    (
        "credentials",
        &[
            "authentication_factor_*",
            "invalid_credentials",
            "invalid_one_time_code",
            "invalid_password",
            "one_time_code_*",
            "password_*",
        ],
    ),
    ("csrf", &["csrf_*", "invalid_csrf*", "invalid_state", "missing_state", "state_*"]),
    (
        "denied",
        &[
            "access_denied",
            "authorization_declined",
            "consent_*",
            "user_canceled",
            "user_cancelled",
            "user_denied",
            "user_denied_*",
        ],
    ),
    (
        "grant",
        &[
            "authorization_code_*",
            "code_expired",
            "grant_*",
            "invalid_code",
            "invalid_grant",
            "invitation_*",
            "invite_*",
        ],
    ),
    (
        "not_allowed",
        &[
            "authentication_method_not_allowed",
            "email_verification_required",
            "idp_initiated_sso_disabled",
            "mfa_*",
            "sso_required",
        ],
    ),
    (
        "provider_error",
        &[
            "account_selection_required",
            "authentication_error",
            "identity_provider_*",
            "idp_*",
            "interaction_required",
            "login_required",
            "oauth_*",
            "provider_*",
            "temporarily_unavailable",
        ],
    ),
    ("rate_limited", &["rate_limit*", "ratelimited", "too_many_requests"]),
    ("server_error", &["internal_*", "server_error", "service_unavailable", "upstream_*"]),
    ("signature", &["invalid_signature", "saml_signature_*", "signature_*", "unsigned_*"]),
    (
        "timeout",
        &["session_expired", "session_timed_out", "session_timeout", "timed_out", "timeout"],
    ),
];

/// The operator's additions: class to codes, `*` at the end of a code stands for any rest.
pub type Config = BTreeMap<String, Vec<String>>;

/// From `error.code` to its class.
#[derive(Clone, Debug)]
pub struct Causes {
    exact: HashMap<Box<str>, Arc<str>>,
    /// Longest first, so that the first fit is the best.
    prefixes: Vec<(Box<str>, Arc<str>)>,
    unknown: Arc<str>,
}

/// The operator's table cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CausesError {
    /// A class name that could not be a tidy label value.
    #[error(
        "`{0}` is not a class name; use a lower-case letter, then such letters, digits and _, e.g. `legacy_idp`"
    )]
    Name(String),
    /// Too many.
    #[error(
        "{0} classes are too many; at most {OWN_CLASSES_MAX}, each is a time series per connection"
    )]
    Many(usize),
    /// A code that fits everything or nothing.
    #[error("`{0}` is not a code; write the code itself, or its beginning and `*`")]
    Code(String),
}

impl Default for Causes {
    fn default() -> Self {
        Self::new(&Config::new()).expect("the default table is sound")
    }
}

impl Causes {
    /// The default table with the operator's additions, which win over it.
    pub fn new(own: &Config) -> Result<Self, CausesError> {
        if own.len() > OWN_CLASSES_MAX {
            return Err(CausesError::Many(own.len()));
        }
        let mut causes =
            Self { exact: HashMap::new(), prefixes: Vec::new(), unknown: UNKNOWN.into() };
        for (class, codes) in own {
            let tidy = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            let begins = class.starts_with(|c: char| c.is_ascii_lowercase());
            if !begins || class.len() > CLASS_BYTES_MAX || !class.chars().all(tidy) {
                return Err(CausesError::Name(class.clone()));
            }
            for code in codes {
                causes.add(class, code)?;
            }
        }
        for (class, codes) in DEFAULTS {
            for code in codes {
                causes.add(class, code)?;
            }
        }
        causes.prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Ok(causes)
    }

    fn add(&mut self, class: &str, code: &str) -> Result<(), CausesError> {
        let prefix = code.strip_suffix('*');
        let text = prefix.unwrap_or(code);
        if text.is_empty() || text.contains('*') {
            return Err(CausesError::Code(code.to_owned()));
        }
        if prefix.is_some() {
            if !self.prefixes.iter().any(|(known, _)| **known == *text) {
                self.prefixes.push((text.into(), class.into()));
            }
        } else {
            self.exact.entry(text.into()).or_insert_with(|| class.into());
        }
        Ok(())
    }

    /// The class of `code`: an exact entry, else the longest prefix, else [`UNKNOWN`].
    #[must_use]
    pub fn class(&self, code: &str) -> Arc<str> {
        if let Some(class) = self.exact.get(code) {
            return Arc::clone(class);
        }
        let fit = self.prefixes.iter().find(|(prefix, _)| code.starts_with(&**prefix));
        Arc::clone(fit.map_or(&self.unknown, |(_, class)| class))
    }

    /// Whether the user said no: trouble of that person, not of the connection.
    #[must_use]
    pub fn is_denied(&self, code: &str) -> bool {
        &*self.class(code) == "denied"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_classes_and_unknown_ones_their_own() {
        let own = Config::from([(
            "legacy".to_owned(),
            vec!["adfs_*".to_owned(), "server_error".to_owned()],
        )]);
        let causes = Causes::new(&own).unwrap();
        let table = [
            ("saml_certificate_expired", "certificate"),
            ("invalid_saml_response", "assertion"),
            ("access_denied", "denied"),
            ("connection_unlinked", "configuration"),
            ("adfs_500", "legacy"),
            ("server_error", "legacy"),
            ("never_seen", "unknown"),
            ("", "unknown"),
        ];
        for (code, want) in table {
            assert_eq!(&*causes.class(code), want, "{code}");
        }
        assert!(causes.is_denied("user_denied") && !causes.is_denied("server_error"));
    }

    #[test]
    fn every_code_that_is_documented_or_seen_has_a_class() {
        let table = [
            ("access_denied", "denied"),
            ("ambiguous_connection_selector", "configuration"),
            ("authentication_method_not_allowed", "not_allowed"),
            ("blocked", "blocked"),
            ("connection_domain_invalid", "configuration"),
            ("connection_invalid", "configuration"),
            ("connection_strategy_invalid", "configuration"),
            ("connection_unlinked", "configuration"),
            ("domain_connection_selector_not_allowed", "configuration"),
            ("idp_error", "provider_error"),
            ("idp_initiated_sso_disabled", "not_allowed"),
            ("invalid_connection_selector", "configuration"),
            ("invalid_grant", "grant"),
            ("invalid_issuer", "assertion"),
            ("invalid_saml_response", "assertion"),
            ("invite_expired", "grant"),
            ("mfa_challenge_failed", "not_allowed"),
            ("oauth_failed", "provider_error"),
            ("organization_invalid", "configuration"),
            ("profile_attribute_missing", "attribute_mapping"),
            ("profile_not_allowed_outside_organization", "attribute_mapping"),
            ("redirect_uri_invalid", "configuration"),
            ("saml_certificate_expired", "certificate"),
            ("saml_signature_invalid", "signature"),
            ("server_error", "server_error"),
            ("upstream_connect_error", "server_error"),
        ];
        let causes = Causes::default();
        for (code, want) in table {
            assert_eq!(&*causes.class(code), want, "{code}");
            assert_eq!(causes.is_denied(code), want == "denied", "{code}");
        }
    }

    #[test]
    fn an_exact_code_wins_over_a_prefix_and_a_longer_prefix_over_a_shorter() {
        let own = Config::from([
            ("mine".to_owned(), vec!["adfs_*".to_owned(), "adfs_42".to_owned()]),
            ("mine_too".to_owned(), vec!["adfs_4*".to_owned()]),
            ("denied".to_owned(), vec!["left_early".to_owned()]),
        ]);
        let causes = Causes::new(&own).unwrap();
        for (code, want) in [("adfs_1", "mine"), ("adfs_41", "mine_too"), ("adfs_42", "mine")] {
            assert_eq!(&*causes.class(code), want, "{code}");
        }
        assert!(causes.is_denied("left_early"));
    }

    #[test]
    fn a_table_that_would_not_make_tidy_labels_is_refused() {
        let with = |class: &str, code: &str| {
            Causes::new(&Config::from([(class.to_owned(), vec![code.to_owned()])]))
        };
        assert!(matches!(with("Big Class", "x"), Err(CausesError::Name(_))));
        assert!(matches!(with("1st", "x"), Err(CausesError::Name(_))));
        assert!(matches!(with(&"c".repeat(41), "x"), Err(CausesError::Name(_))));
        assert!(matches!(with("fine", "a*b"), Err(CausesError::Code(_))));
        assert!(matches!(with("fine", "*"), Err(CausesError::Code(_))));
        let many: Config = (0..33).map(|n| (format!("c{n}"), Vec::new())).collect();
        assert!(matches!(Causes::new(&many), Err(CausesError::Many(33))));
    }
}
