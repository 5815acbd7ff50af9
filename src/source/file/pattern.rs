//! `path` in the configuration, and the arguments of `replay`: a file, a glob or a folder.

use std::io;
use std::path::{Path, PathBuf};

/// Stands for any number of files, which may come and go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(String);

/// A pattern cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("the path is empty; name a file, a glob such as `events/*.ndjson`, or a folder")]
    Empty,
    /// It is neither a path nor a glob.
    #[error("`{pattern}` is not a glob: {error}")]
    Glob {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        error: glob::PatternError,
    },
    /// A folder on the way cannot be read, so that nobody knows what is in it.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Wildcards do not stand for names that begin with a dot, which editors and copying tools give to
/// files that are not finished. Such a file must be named itself.
const OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Pattern {
    /// Reads `text`, which is a path or a glob (`*`, `?`, `[…]`, `**` for folders of any depth).
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if let Err(error) = glob::Pattern::new(text)
            && !Path::new(text).exists()
        {
            return Err(PatternError::Glob { pattern: text.to_owned(), error });
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The files that it stands for now, in the order of their names: none when nothing is there
    /// (yet). What exists under the very name counts before the name's meaning as a glob; a folder
    /// stands for the files right in it.
    pub fn files(&self) -> Result<Vec<PathBuf>, PatternError> {
        let itself = Path::new(&self.0);
        let glob = match itself.metadata() {
            Ok(metadata) if metadata.is_dir() => format!("{}/*", glob::Pattern::escape(&self.0)),
            Ok(_) => return Ok(vec![itself.to_owned()]),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err(PatternError::Unreadable { path: itself.to_owned(), error });
            }
            Err(_) => self.0.clone(),
        };
        let matches = glob::glob_with(&glob, OPTIONS)
            .map_err(|error| PatternError::Glob { pattern: self.0.clone(), error })?;
        let mut files = Vec::new();
        for path in matches {
            let path = path.map_err(|error| PatternError::Unreadable {
                path: error.path().to_owned(),
                error: error.into(),
            })?;
            if path.is_file() {
                files.push(path);
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_globs_and_folders_stand_for_files() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["a/deep", "[b]"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        for name in [
            "a/1.ndjson",
            "a/2.ndjson.gz",
            "a/.3.ndjson.swp",
            "a/deep/4.ndjson",
            "[b]/5.ndjson",
            "a/x[1].ndjson",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let cases: [(&str, &[&str]); 9] = [
            ("a/1.ndjson", &["a/1.ndjson"]),
            ("a/?.ndjson*", &["a/1.ndjson", "a/2.ndjson.gz"]),
            ("a", &["a/1.ndjson", "a/2.ndjson.gz", "a/x[1].ndjson"]),
            ("a/", &["a/1.ndjson", "a/2.ndjson.gz", "a/x[1].ndjson"]),
            ("**/*.ndjson", &["[b]/5.ndjson", "a/1.ndjson", "a/deep/4.ndjson", "a/x[1].ndjson"]),
            ("a/x[1].ndjson", &["a/x[1].ndjson"]),
            ("[b]", &["[b]/5.ndjson"]),
            ("a/.3.ndjson.swp", &["a/.3.ndjson.swp"]),
            ("none/*.ndjson", &[]),
        ];
        for (pattern, want) in cases {
            let text = if pattern == "[b]" || pattern.contains("x[") || !pattern.contains('*') {
                dir.path().join(pattern).to_str().unwrap().to_owned()
            } else {
                format!("{}/{pattern}", dir.path().display())
            };
            let found = Pattern::parse(&text).unwrap().files().unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|path| path.strip_prefix(dir.path()).unwrap().to_str().unwrap())
                .collect();
            assert_eq!(found, want, "{pattern}");
        }
    }

    #[test]
    fn what_cannot_be_a_path_says_what_would_be_right() {
        for (text, words) in [("", "name a file"), ("a/[b", "`a/[b` is not a glob")] {
            let error = Pattern::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
