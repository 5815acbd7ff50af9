//! Scenarios are read like a configuration: with the place of each mistake, and its remedy.

use std::path::Path;

use super::{ConfigError, parse_yaml, text_of};
use crate::simulate::{Scenario, library};

/// The built-in scenario of this name, or else the one in this file.
pub fn scenario(name_or_file: &str) -> Result<Scenario, ConfigError> {
    if let Some(text) = library::text(name_or_file) {
        return parse(name_or_file, text);
    }
    if !Path::new(name_or_file).exists() {
        let known: Vec<_> = library::names().collect();
        let problem =
            format!("no such file, and no built-in scenario; built in are {}", known.join(", "));
        return Err(ConfigError { place: name_or_file.to_owned(), problem });
    }
    parse(name_or_file, &text_of(Path::new(name_or_file))?)
}

/// Scenarios hold no secrets, so no environment variable is taken.
pub(crate) fn parse(place: &str, text: &str) -> Result<Scenario, ConfigError> {
    parse_yaml(place, text, &|_| None, Scenario::check)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named_with_their_place_and_a_remedy() {
        let text = library::text("demo-certificate").unwrap();
        let with = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            parse("file.yaml", &text.replacen(from, to, 1)).unwrap_err().to_string()
        };
        let cases = [
            ("rank: 3", "rank: 17", "file.yaml:17:", "ranks are 1 to 16"),
            ("duration: 40m", "duration: soon", "file.yaml:8:", "e.g. 90s, 25m"),
            ("zipf_s: 0.6", "zipf: 0.6", "file.yaml:12:", "did you mean `zipf_s`"),
            ("hard_fail: 1.0", "hard_fail: 1.5", "file.yaml:17:", "0 to 1"),
            (
                "at: +5m",
                "at: +300m",
                "file.yaml:17:",
                "`faults[0].at`: the fault `certificate` begins 5h after `start`, and the scenario ends after 40m",
            ),
            ("select: {rank: 3}", "select: {idp: octa}", "file.yaml:17:", "okta, entra"),
            ("sso-scenario/v1", "sso-scenario/v2", "file.yaml:1:", "sso-scenario/v1"),
            ("start: 2026-01-15T16:00:00Z", "start: noon", "file.yaml:7:", "2025-10-10T16:05:00Z"),
            ("start: 2026-01-15T16:00:00Z", "start: +5m", "file.yaml:7:", "a date and time"),
        ];
        for (from, to, place, remedy) in cases {
            let error = with(from, to);
            assert!(error.starts_with(place) && error.contains(remedy), "{to}: {error}");
        }
        let error = scenario("cert-expiry").unwrap_err().to_string();
        assert!(error.contains("cert-expiry-busy"), "{error}");
    }
}
