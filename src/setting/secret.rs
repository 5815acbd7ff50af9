//! A secret of the configuration: where it comes from, and that it is never seen.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// Something that must not be seen: cannot be printed. Either the value itself or a file that holds it, which is read
/// anew whenever the value is needed, so that a rotated secret counts without a restart.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Origin);

#[derive(Clone, PartialEq, Eq)]
enum Origin {
    Inline(String),
    File(PathBuf),
}

/// A secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Both `x` and `x_file` are there.
    #[error("`{0}` and `{0}_file` are both set; keep one")]
    Both(&'static str),
    /// Its file cannot be read.
    #[error("cannot read the secret file {path}: {error}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is empty.
    #[error("the secret is empty{0}")]
    Empty(String),
    /// It should be a URL.
    #[error("the secret is not a URL of http or https; write e.g. https://example.com/hook")]
    NoUrl,
}

impl Secret {
    /// The name of the type in serde: a key that has it, `x`, has the twin `x_file`.
    pub const TYPE: &str = "Secret";

    /// A secret given as its value.
    #[must_use]
    pub fn inline(value: &str) -> Self {
        Self(Origin::Inline(value.to_owned()))
    }

    /// A secret kept in a file; white space at its end is not part of it.
    #[must_use]
    pub fn file(path: PathBuf) -> Self {
        Self(Origin::File(path))
    }

    /// Joins the keys `field` and `field_file` of a configuration; `Ok(None)` when neither is there.
    pub fn one_of(
        field: &'static str,
        value: Option<Self>,
        file: Option<PathBuf>,
    ) -> Result<Option<Self>, SecretError> {
        match (value, file) {
            (Some(_), Some(_)) => Err(SecretError::Both(field)),
            (value, None) => Ok(value),
            (None, Some(path)) => Ok(Some(Self::file(path))),
        }
    }

    /// The value, read now.
    pub fn reveal(&self) -> Result<String, SecretError> {
        match &self.0 {
            Origin::Inline(value) if value.is_empty() => Err(SecretError::Empty(String::new())),
            Origin::Inline(value) => Ok(value.clone()),
            Origin::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| SecretError::Unreadable { path: path.clone(), error })?;
                let value = text.trim_end();
                if value.is_empty() {
                    return Err(SecretError::Empty(format!(": {}", path.display())));
                }
                Ok(value.to_owned())
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Compares what was given with a secret. Takes the same time wherever the texts differ.
#[must_use]
pub fn same(given: &str, wanted: &str) -> bool {
    let differs = given.bytes().zip(wanted.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    differs == 0 && given.len() == wanted.len()
}

/// Said of `$NAME` in place of a secret. The name is not repeated: it may be a secret after all.
const MISSED_VARIABLE: &str = "is `$` and a name, which is not replaced; write `${NAME}` for an environment variable, or put a \
    secret that looks so into a file, named by the `_file` twin";

/// Whether a word is what a shell (`$NAME`) or Kubernetes (`$(NAME)`) would replace. Capitals only: other words may be secrets.
fn is_variable(word: &str) -> bool {
    let Some(name) = word.strip_prefix('$') else { return false };
    let name = name.strip_prefix('(').and_then(|name| name.strip_suffix(')')).unwrap_or(name);
    let capital = |c: char| c.is_ascii_uppercase() || c == '_';
    name.starts_with(capital) && name.chars().all(|c| capital(c) || c.is_ascii_digit())
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        // As of a file: what was made with `echo` ends with a line break.
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(de::Error::custom("the secret is empty"));
        }
        if text.split_whitespace().any(is_variable) {
            return Err(de::Error::custom(MISSED_VARIABLE));
        }
        Ok(Self(Origin::Inline(text.to_owned())))
    }
}

/// A secret's text as it is written, under a name that tells whoever deserializes that a file can take its place.
#[derive(Deserialize)]
#[serde(rename = "Secret")]
struct Text(String);

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "A secret; ${NAME} takes an environment variable, the twin key with _file a file."})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_printed() {
        let secret = Secret::inline("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.reveal().unwrap(), "hunter2");
    }

    #[test]
    fn a_secret_ends_before_its_line_does() {
        let secret: Secret = serde_json::from_str(r#""key \r\n""#).unwrap();
        assert_eq!(secret.reveal().unwrap(), "key ");
        assert!(serde_json::from_str::<Secret>(r#""\n""#).is_err());
    }

    #[test]
    fn a_variable_that_was_missed_is_no_secret() {
        for text in ["$DD_API_KEY", "$X\n", "$(DD_API_KEY)", "Bearer $OTLP_TOKEN"] {
            let error = serde_json::from_value::<Secret>(text.into()).unwrap_err().to_string();
            assert!(error.contains("write `${NAME}`") && !error.contains("KEY"), "{text}: {error}");
        }
        for text in ["$ecret", "$", "$$", "$A-B", "a$B", "$1", "$(date)", "$()", "100$ B"] {
            assert!(serde_json::from_value::<Secret>(text.into()).is_ok(), "{text}");
        }
    }

    #[test]
    fn secret_files_are_read_anew_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let secret = Secret::file(path.clone());
        assert!(secret.reveal().unwrap_err().to_string().contains("cannot read"));
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(secret.reveal().unwrap(), "one");
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(secret.reveal().unwrap(), "two");
    }
}
