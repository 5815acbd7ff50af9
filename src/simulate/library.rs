//! The built-in scenarios.

/// The built-in scenarios, by name.
const BUILT_IN: [(&str, &str); 23] = [
    ("demo-certificate", include_str!("../../scenarios/demo-certificate.yaml")),
    (
        "workos-2025-10-10-authkit-28pct",
        include_str!("../../scenarios/01-workos-2025-10-10-authkit-28pct.yaml"),
    ),
    (
        "workos-2025-10-10-sso-018pct",
        include_str!("../../scenarios/02-workos-2025-10-10-sso-018pct.yaml"),
    ),
    (
        "1password-2025-09-23-invites-100pct",
        include_str!("../../scenarios/03-1password-2025-09-23-invites-100pct.yaml"),
    ),
    (
        "1password-2025-09-23-invites-silent",
        include_str!("../../scenarios/04-1password-2025-09-23-invites-silent.yaml"),
    ),
    (
        "1password-2025-09-03-20pct-then-1pct",
        include_str!("../../scenarios/05-1password-2025-09-03-20pct-then-1pct.yaml"),
    ),
    (
        "1password-2025-08-05-rollout-latency-overload",
        include_str!("../../scenarios/06-1password-2025-08-05-rollout-latency-overload.yaml"),
    ),
    (
        "1password-2025-09-24-403-blocklist",
        include_str!("../../scenarios/07-1password-2025-09-24-403-blocklist.yaml"),
    ),
    ("cert-expiry-sparse", include_str!("../../scenarios/08-cert-expiry-sparse.yaml")),
    ("cert-expiry-busy", include_str!("../../scenarios/09-cert-expiry-busy.yaml")),
    ("partial-30pct-users", include_str!("../../scenarios/10-partial-30pct-users.yaml")),
    ("okta-outage", include_str!("../../scenarios/11-okta-outage.yaml")),
    ("slow-burn-1pct", include_str!("../../scenarios/12-slow-burn-1pct.yaml")),
    ("timeouts-8-to-25", include_str!("../../scenarios/13-timeouts-8-to-25.yaml")),
    ("fleet-latency", include_str!("../../scenarios/14-fleet-latency.yaml")),
    ("drought-delivery-broken", include_str!("../../scenarios/15-drought-delivery-broken.yaml")),
    ("stuck-no-terminal", include_str!("../../scenarios/16-stuck-no-terminal.yaml")),
    ("flapping-idp", include_str!("../../scenarios/17-flapping-idp.yaml")),
    ("nopage-retry-storm", include_str!("../../scenarios/18-nopage-retry-storm.yaml")),
    ("nopage-bulk-tests", include_str!("../../scenarios/19-nopage-bulk-tests.yaml")),
    ("nopage-onboarding", include_str!("../../scenarios/20-nopage-onboarding.yaml")),
    ("nopage-migration-window", include_str!("../../scenarios/21-nopage-migration-window.yaml")),
    ("migration-overrun", include_str!("../../scenarios/22-migration-overrun.yaml")),
];

/// The names of the built-in scenarios.
pub fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// The text of the built-in scenario of this name.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::simulate::Scenario;

    /// The built-in scenario of this name.
    pub(in crate::simulate) fn built_in(name: &str) -> Scenario {
        read(text(name).unwrap())
    }

    pub(in crate::simulate) fn read(text: &str) -> Scenario {
        let scenario: Scenario = serde_saphyr::from_str(text).unwrap();
        scenario.check().unwrap();
        scenario
    }

    #[test]
    fn every_scenario_is_built_in_under_its_own_name_and_can_be_used() {
        for (name, text) in BUILT_IN {
            assert_eq!(read(text).name, name);
        }
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios")).unwrap();
        assert_eq!(files.count(), BUILT_IN.len(), "every file in scenarios/ is built in");
    }
}
