//! Classes of `error.code`: the label `cause`. WorkOS publishes no list of codes, so the table is configuration with good
//! defaults, and a code that it does not know is a class of its own, `unknown`, not an error.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Most classes that an operator may add: each is a label value on every connection.
pub const OWN_CLASSES_MAX: usize = 32;

/// The class of codes that no table knows.
pub const UNKNOWN: &str = "unknown";

/// Codes by class; `*` at the end of a code stands for any rest. From the redirect codes of WorkOS's authorize endpoint,
/// codes seen in its samples, and what identity providers answer.
const DEFAULTS: [(&str, &[&str]); 13] = [
    (
        "assertion",
        &[
            "invalid_saml_response",
            "saml_assertion_*",
            "audience_mismatch",
            "clock_skew",
            "invalid_issuer",
        ],
    ),
    (
        "attribute_mapping",
        &["profile_attribute_*", "attribute_*", "profile_not_allowed_outside_organization"],
    ),
    ("blocked", &["blocked", "access_blocked", "ip_not_allowed"]),
    ("certificate", &["saml_certificate_*", "certificate_*", "idp_certificate_*"]),
    (
        "configuration",
        &[
            "connection_*",
            "organization_invalid",
            "ambiguous_connection_selector",
            "invalid_connection_selector",
            "domain_connection_selector_not_allowed",
            "redirect_uri_invalid",
            "domain_not_allowed",
        ],
    ),
    ("csrf", &["csrf_*", "state_mismatch"]),
    ("denied", &["access_denied", "user_denied", "consent_required", "consent_denied"]),
    ("grant", &["invalid_grant", "grant_*", "invite_expired"]),
    ("not_allowed", &["authentication_method_not_allowed", "idp_initiated_sso_disabled", "mfa_*"]),
    ("provider_error", &["idp_*", "oauth_failed", "authentication_error"]),
    ("rate_limited", &["rate_limited", "rate_limit_*", "too_many_requests"]),
    ("server_error", &["server_error", "upstream_*", "internal_error"]),
    ("signature", &["signature_*", "invalid_signature"]),
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
    #[error("`{0}` is not a class name; use lower-case letters, digits and _, e.g. `legacy_idp`")]
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
            if class.is_empty() || class.len() > 40 || !class.chars().all(tidy) {
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
    fn a_table_that_would_not_make_tidy_labels_is_refused() {
        let with = |class: &str, code: &str| {
            Causes::new(&Config::from([(class.to_owned(), vec![code.to_owned()])]))
        };
        assert!(matches!(with("Big Class", "x"), Err(CausesError::Name(_))));
        assert!(matches!(with("fine", "*"), Err(CausesError::Code(_))));
        let many: Config = (0..33).map(|n| (format!("c{n}"), Vec::new())).collect();
        assert!(matches!(Causes::new(&many), Err(CausesError::Many(33))));
    }
}
