//! The little YAML that is written.

use std::fmt::Write as _;

/// YAML with indentation, made line by line.
#[derive(Debug, Default)]
pub(super) struct Yaml(String);

impl Yaml {
    pub(super) fn new(comment: &str) -> Self {
        let mut yaml = Self::default();
        yaml.comment(0, comment);
        yaml
    }

    /// Each line of `text` as a comment.
    pub(super) fn comment(&mut self, indent: usize, text: &str) {
        for line in text.lines() {
            self.line(indent, format!("# {line}").trim_end());
        }
    }

    /// A line as it is.
    pub(super) fn line(&mut self, indent: usize, line: &str) {
        writeln!(self.0, "{:indent$}{line}", "").expect("memory grows");
    }

    /// `key: "text"`. A JSON string is a YAML string.
    pub(super) fn text(&mut self, indent: usize, key: &str, text: &str) {
        let text = serde_json::to_string(text).expect("text is JSON");
        self.line(indent, &format!("{key}: {text}"));
    }

    /// `key: |-` and the lines of `text`. Where the first one is indented itself, the indentation must be said.
    pub(super) fn block(&mut self, indent: usize, key: &str, text: &str) {
        let said = if text.starts_with(' ') { "2" } else { "" };
        self.line(indent, &format!("{key}: |{said}-"));
        for line in text.lines() {
            self.line(indent + 2, line.trim_end());
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}
