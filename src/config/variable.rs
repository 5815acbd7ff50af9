//! Environment variables in the configuration: `${NAME}` inside a string, `$${` for a literal `${`.
//!
//! They are put in after the YAML has been parsed, into string values only. So a value with `: #"` or line breaks is just a
//! longer string; it cannot add a key or end a list.

use std::cell::RefCell;

/// Where values come from, and which of them were used, so that they can be taken out of messages.
pub(super) struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    used: RefCell<Vec<(String, String)>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, used: RefCell::default() }
    }

    /// `text` with its variables; `None` when it has none, so that nothing is copied. `file` is the key that takes a file in its place.
    pub(super) fn expand(&self, text: &str, file: Option<&str>) -> Result<Option<String>, String> {
        if !text.contains("${") {
            return Ok(None);
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                out.push_str(before);
                out.push_str("${");
                rest = after;
                continue;
            }
            let (name, tail) = after.split_once('}').ok_or(
                "`${` without `}`; write `${NAME}`, or `$${` for the characters themselves",
            )?;
            out.push_str(before);
            out.push_str(&self.value(name, file)?);
            rest = tail;
        }
        out.push_str(rest);
        Ok(Some(out))
    }

    fn value(&self, name: &str, file: Option<&str>) -> Result<String, String> {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(letters)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err(format!(
                "`${{{name}}}` does not name an environment variable; write `${{NAME}}`, or `$${{` for the characters themselves"
            ));
        }
        let value = (self.lookup)(name).ok_or_else(|| {
            let twin =
                file.map(|key| format!(", or name a file that holds the secret, as `{key}`"));
            let twin = twin.unwrap_or_default();
            format!("the environment variable `{name}` is not set; set it{twin}")
        })?;
        self.used.borrow_mut().push((name.to_owned(), value.clone()));
        Ok(value)
    }

    /// `message` with each value that was put in turned back into its `${NAME}`.
    pub(super) fn redact(&self, message: &str) -> String {
        let mut used = self.used.borrow().clone();
        used.retain(|(_, value)| !value.is_empty());
        // The longest first: a short value may be part of a longer one.
        used.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        used.into_iter().fold(message.to_owned(), |text, (name, value)| {
            let shown = format!("${{{name}}}");
            let escaped = value.escape_debug().to_string();
            text.replace(&escaped, &shown).replace(&value, &shown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_a_doubled_dollar_is_a_dollar() {
        let lookup = |name: &str| (name == "A").then(|| "x: #\"\n${B}".to_owned());
        let variables = Variables::new(&lookup);
        let cases = [
            ("plain", Ok(None)),
            ("$A and $$", Ok(None)),
            ("<${A}>", Ok(Some("<x: #\"\n${B}>"))),
            ("$${A}", Ok(Some("${A}"))),
            ("${A}$${A}${A}", Ok(Some("x: #\"\n${B}${A}x: #\"\n${B}"))),
            ("${MISSING}", Err("`MISSING` is not set")),
            ("${A", Err("without `}`")),
            ("${A:-b}", Err("does not name")),
            ("${}", Err("does not name")),
        ];
        for (text, want) in cases {
            match (variables.expand(text, None), want) {
                (Ok(got), Ok(want)) => assert_eq!(got.as_deref(), want, "{text}"),
                (Err(got), Err(want)) => assert!(got.contains(want), "{text}: {got}"),
                (got, want) => panic!("{text}: {got:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn values_are_taken_out_of_messages_in_either_spelling() {
        let lookup = |_: &str| Some("hun\"ter".to_owned());
        let variables = Variables::new(&lookup);
        variables.expand("${S}", None).unwrap();
        assert_eq!(variables.redact("bad hun\"ter, \"hun\\\"ter\""), "bad ${S}, \"${S}\"");
    }
}
