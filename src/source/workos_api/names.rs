//! Which events are asked for. The API refuses a request with a name that it does not know, and
//! which names it knows differs by its version: what it refuses is left out and tried again later.

/// Sign-ins: what pages are about.
const SIGN_INS: usize = 4;

/// Every event of which ssowatch reads more than the name, sign-ins first.
pub(super) const ALL: [&str; 23] = [
    "authentication.sso_started",
    "authentication.sso_succeeded",
    "authentication.sso_failed",
    "authentication.sso_timed_out",
    "authentication.email_verification_failed",
    "authentication.email_verification_succeeded",
    "authentication.magic_auth_failed",
    "authentication.magic_auth_succeeded",
    "authentication.mfa_failed",
    "authentication.mfa_succeeded",
    "authentication.oauth_failed",
    "authentication.oauth_succeeded",
    "authentication.passkey_failed",
    "authentication.passkey_succeeded",
    "authentication.password_failed",
    "authentication.password_succeeded",
    "authentication.radar_risk_detected",
    "authentication.reauthentication_succeeded",
    "connection.activated",
    "connection.deactivated",
    "connection.deleted",
    "connection.saml_certificate_renewal_required",
    "connection.saml_certificate_renewed",
];

/// The names of the next request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names(Vec<&'static str>);

impl Default for Names {
    fn default() -> Self {
        Self(ALL.to_vec())
    }
}

impl Names {
    /// As the parameter `events` takes them.
    pub(super) fn joined(&self) -> String {
        self.0.join(",")
    }

    /// Whether any is left out.
    pub(super) fn is_partial(&self) -> bool {
        self.0.len() < ALL.len()
    }

    /// Leaves out what a refusal is about, and says what. `words` are those of the answer,
    /// `about_names` whether it blames the parameter as a whole: when no name can be told,
    /// sign-ins alone remain. `None`: it is about something else, or nothing would be left to ask
    /// for.
    pub(super) fn leave_out(
        &mut self,
        words: &str,
        about_names: bool,
    ) -> Option<Vec<&'static str>> {
        let (mut out, mut rest): (Vec<_>, Vec<_>) =
            self.0.iter().partition(|name| says(words, name));
        // An answer that repeats the whole parameter tells no name.
        if about_names && (out.is_empty() || rest.is_empty()) {
            (rest, out) = self.0.iter().partition(|name| ALL[..SIGN_INS].contains(name));
        }
        if out.is_empty() || rest.is_empty() {
            return None;
        }
        self.0 = rest;
        Some(out)
    }
}

/// Whether `name` stands in `words`, and not only as a part of a longer name.
fn says(words: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    words.match_indices(name).any(|(at, _)| {
        let after = &words[at + name.len()..];
        // A full stop may end the sentence.
        let ends = !after.trim_start_matches('.').starts_with(is_part);
        ends && !words[..at].ends_with(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_is_left_out_whatever_the_words_around_it() {
        let workos = "Invalid name parameter, received: 'authentication.passkey_succeeded'. You must pass in valid event names";
        let cases = [
            (workos, false, vec!["authentication.passkey_succeeded"]),
            (
                "unknown: connection.deleted, connection.activated.",
                false,
                vec!["connection.activated", "connection.deleted"],
            ),
            ("unknown: my.connection.deleted connection.deleted_again", false, vec![]),
            ("Validation failed.", false, vec![]),
            ("Validation failed.", true, ALL[SIGN_INS..].to_vec()),
        ];
        for (words, about_names, want) in cases {
            let mut names = Names::default();
            assert_eq!(names.leave_out(words, about_names).unwrap_or_default(), want, "{words}");
            assert_eq!(names.is_partial(), !want.is_empty());
            assert_eq!(names.0.len() + want.len(), ALL.len());
        }
    }

    #[test]
    fn something_is_always_asked_for() {
        let mut names = Names::default();
        assert_eq!(names.leave_out(&ALL.join(" "), false), None);
        assert!(names.leave_out(&ALL.join(","), true).is_some());
        assert_eq!(names.leave_out("", true), None);
        assert_eq!(names.joined(), ALL[..SIGN_INS].join(","));
    }
}
