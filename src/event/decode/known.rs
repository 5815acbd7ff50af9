//! What WorkOS documents of its events (its `OpenAPI` document 0.61), and what is beyond it.
//!
//! Fields that are documented and not read are skipped by name; only what is not documented costs anything.

use super::lenient::Text;

/// Names and words that are remembered of an object; more says nothing more.
const MET_MAX: usize = 8;

/// Longest name or word that is shown, in bytes, and the digits that it may have: WorkOS's longest has 38 bytes and one digit,
/// ids, times and telephone numbers have more.
const SHOWN_BYTES_MAX: usize = 48;
const SHOWN_DIGITS_MAX: usize = 4;

/// What stands for a name or a word that is not shown: it may be an id, or somebody's.
const HIDDEN: &str = "?";

/// `data.type` of authentication events.
pub(super) const METHODS: &[&str] = &[
    "sso",
    "password",
    "oauth",
    "magic_auth",
    "mfa",
    "passkey",
    "email_verification",
    "reauthentication",
];

/// `data.status`: of authentication events, and of connections.
pub(super) const STATUSES: &[&str] =
    &["started", "succeeded", "failed", "timed_out", "linked", "unlinked"];

/// `context.actor.source`.
pub(super) const ACTORS: &[&str] = &["api", "dashboard", "admin_portal", "system"];

/// `state` of a connection.
pub(super) const STATES: &[&str] = &["active", "inactive", "draft", "validating", "deleting"];

/// `certificate_type`.
pub(super) const CERTIFICATES: &[&str] =
    &["ResponseSigning", "RequestSigning", "ResponseEncryption"];

/// `connection_type`.
#[rustfmt::skip]
pub(super) const CONNECTIONS: &[&str] = &[
    "ADFSSAML", "AdpOidc", "AppleOAuth", "Auth0Migration", "Auth0SAML", "AzureSAML", "BitbucketOAuth", "CasSAML", "ClassLinkSAML",
    "CleverOIDC", "CloudflareSAML", "CyberArkSAML", "DiscordOAuth", "DuoSAML", "EntraIdOIDC", "GenericOIDC", "GenericSAML",
    "GitHubOAuth", "GitLabOAuth", "GithubOAuth", "GoogleOAuth", "GoogleOIDC", "GoogleSAML", "GrokOAuth", "IntuitOAuth",
    "JumpCloudSAML", "KeycloakSAML", "LastPassSAML", "LinkedInOAuth", "LoginGovOidc", "MagicLink", "MicrosoftOAuth",
    "MiniOrangeSAML", "NetIqSAML", "OktaOIDC", "OktaSAML", "OneLoginSAML", "OracleSAML", "PingFederateSAML", "PingOneSAML",
    "RipplingSAML", "SalesforceOAuth", "SalesforceSAML", "ShibbolethGenericSAML", "ShibbolethSAML", "SimpleSamlPhpSAML",
    "SlackOAuth", "TestIdp", "VMwareSAML", "VercelMarketplaceOAuth", "VercelOAuth", "XOAuth", "XeroOAuth",
];

/// Types of events, sorted.
#[rustfmt::skip]
const TYPES: &[&str] = &[
    "action.authentication.denied", "action.user_registration.denied", "agent.registration.claim.attempt.created",
    "agent.registration.claim.completed", "agent.registration.created", "agent.registration.credential.issued",
    "agent.registration.deleted", "agent.registration.expired", "agent.registration.organization.switched",
    "agent.registration.refreshed", "agent.registration.revoked", "api_key.created", "api_key.revoked", "api_key.updated",
    "authentication.email_verification_failed", "authentication.email_verification_succeeded",
    "authentication.magic_auth_failed", "authentication.magic_auth_succeeded", "authentication.mfa_failed",
    "authentication.mfa_succeeded", "authentication.oauth_failed", "authentication.oauth_succeeded",
    "authentication.passkey_failed", "authentication.passkey_succeeded", "authentication.password_failed",
    "authentication.password_succeeded", "authentication.radar_risk_detected", "authentication.reauthentication_succeeded",
    "authentication.sso_failed", "authentication.sso_started", "authentication.sso_succeeded", "authentication.sso_timed_out",
    "connection.activated", "connection.deactivated", "connection.deleted", "connection.saml_certificate_renewal_required",
    "connection.saml_certificate_renewed", "dsync.activated", "dsync.deleted", "dsync.group.created", "dsync.group.deleted",
    "dsync.group.updated", "dsync.group.user_added", "dsync.group.user_removed", "dsync.token.created", "dsync.token.revoked",
    "dsync.user.created", "dsync.user.deleted", "dsync.user.updated", "email_verification.created", "flag.created",
    "flag.deleted", "flag.rule_updated", "flag.updated", "group.created", "group.deleted", "group.member_added",
    "group.member_removed", "group.updated", "invitation.accepted", "invitation.created", "invitation.resent",
    "invitation.revoked", "magic_auth.created", "organization.created", "organization.deleted", "organization.updated",
    "organization_domain.created", "organization_domain.deleted", "organization_domain.updated",
    "organization_domain.verification_failed", "organization_domain.verified", "organization_membership.created",
    "organization_membership.deleted", "organization_membership.updated", "organization_role.created",
    "organization_role.deleted", "organization_role.updated", "password_reset.created", "password_reset.succeeded",
    "permission.created", "permission.deleted", "permission.updated", "pipes.connected_account.connected",
    "pipes.connected_account.connection_failed", "pipes.connected_account.disconnected",
    "pipes.connected_account.reauthorization_needed", "radar.challenge_created", "role.created", "role.deleted",
    "role.updated", "session.created", "session.revoked", "user.created", "user.deleted", "user.updated",
    "vault.byok_key.deleted", "vault.byok_key.verification_completed", "vault.data.created", "vault.data.deleted",
    "vault.data.read", "vault.data.updated", "vault.dek.decrypted", "vault.dek.read", "vault.kek.created",
    "vault.kek.deleted", "vault.metadata.read", "vault.names.listed", "waitlist_user.approved", "waitlist_user.created",
    "waitlist_user.denied",
];

/// Whether the type is documented.
pub(super) fn is_type(name: &str) -> bool {
    TYPES.binary_search(&name).is_ok()
}

/// `text` as it may be shown and remembered: a name as programs give them.
pub(super) fn shown(text: &str) -> &str {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = !text.is_empty() && text.len() <= SHOWN_BYTES_MAX && text.bytes().all(letters);
    if plain && digits <= SHOWN_DIGITS_MAX { text } else { HIDDEN }
}

/// What was met in an object that is not known. Nearly always nothing, and then a pointer is all that it costs.
#[derive(Debug, Default)]
pub(super) struct Unknown(Option<Box<Met>>);

#[derive(Debug, Default)]
struct Met {
    fields: Vec<Box<str>>,
    words: Vec<(&'static str, Box<str>)>,
}

impl Unknown {
    /// A field that is not documented.
    #[cold]
    pub(super) fn field(&mut self, key: &str) {
        let fields = &mut self.0.get_or_insert_default().fields;
        let name = shown(key);
        if fields.len() < MET_MAX && !fields.iter().any(|met| **met == *name) {
            fields.push(name.into());
        }
    }

    /// What `field` says, which is one of `known`.
    pub(super) fn check(&mut self, field: &'static str, text: &Text<'_>, known: &[&str]) {
        let Text::Str(word) = text else { return };
        if !known.contains(&word.as_ref()) {
            self.word(field, word);
        }
    }

    #[cold]
    fn word(&mut self, field: &'static str, word: &str) {
        if word.trim().is_empty() {
            return;
        }
        let words = &mut self.0.get_or_insert_default().words;
        let word = shown(word.trim());
        if words.len() < MET_MAX && !words.iter().any(|met| met.0 == field && *met.1 == *word) {
            words.push((field, word.into()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|met| &met.fields).map(AsRef::as_ref)
    }

    pub(super) fn words(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().flat_map(|met| &met.words).map(|(field, word)| (*field, &**word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_types_are_found_and_no_other() {
        assert!(TYPES.is_sorted());
        assert!(is_type("authentication.sso_failed") && is_type("vault.kek.created"));
        assert!(!is_type("authentication.sso_paused") && !is_type(""));
    }

    #[test]
    fn what_may_be_somebodys_is_not_shown() {
        for name in ["login_hint", "containerId", "data.b-1", "SAML2.0", &"x".repeat(48)] {
            assert_eq!(shown(name), name);
        }
        let ids = "conn_01FKJ843CVE8F7BXQSPFH0M53V";
        let long = "x".repeat(49);
        for name in
            ["", "todd@example.com", "Todd Jones", ids, "15551234567", "Gr\u{fc}\u{df}e", &long]
        {
            assert_eq!(shown(name), HIDDEN, "{name}");
        }
    }

    #[test]
    fn an_object_with_names_without_end_is_remembered_by_some() {
        let mut unknown = Unknown::default();
        for n in 0..100 {
            unknown.field(&format!("f{n}"));
            unknown.check("type", &Text::Str(format!("t{}", n / 2).into()), METHODS);
        }
        assert_eq!((unknown.fields().count(), unknown.words().count()), (MET_MAX, MET_MAX));
    }
}
