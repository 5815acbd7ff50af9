//! Files that people write.

use crate::config;
use crate::config::Config;

/// Where `${NAME}` leads in a configuration.
const SECRET: &str = "fuzzed-secret-value";

/// A configuration. A mistake has its place, and no message repeats what a variable held.
pub(super) fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read =
        Config::parse("fuzz.yaml", &text, |name| (name == "SECRET").then(|| SECRET.to_owned()));
    match read {
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("fuzz.yaml"), "{error}");
            assert!(!error.contains(SECRET), "{error}");
        }
        Ok(config) => {
            // What is checked once must hold when it is used.
            config.engine().expect("it was checked");
            config.edge_scheme().expect("it was checked");
        }
    }
}

/// A scenario. One that passes has bounds.
pub(super) fn scenario(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(error) = config::parse_scenario("fuzz.yaml", &text) {
        assert!(error.to_string().starts_with("fuzz.yaml"), "{error}");
    }
}
