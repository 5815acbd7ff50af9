//! The JSON Schema of the configuration, and the reference that is made from it.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::Config;

/// How deep keys are nested at most: the schema has no cycles, and this holds it to that.
const DEPTH_MAX: usize = 8;

/// The JSON Schema of the configuration, for editors.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

/// The configuration reference in Markdown: every key with its type and meaning.
#[must_use]
pub fn reference() -> String {
    let schema = schema();
    let mut text = "# Configuration\n\nMade from the JSON Schema of the configuration (`ssowatch generate schema`).\n\n\
        One YAML file, given with `--config`. Every key is optional unless its meaning says otherwise, and without a file the\n\
        defaults hold. [`ssowatch.example.yaml`](ssowatch.example.yaml) shows them in use.\n\n\
        - An unknown key, a key without a value, a wrong type or a bad range is an error that names file, line, column, key and remedy (exit code 2).\n\
        - `${NAME}` in a text takes an environment variable; a missing one is an error. Its value is taken as it is, whatever\n\
        \x20\x20characters it has. `$${` stands for `${`. Keys, numbers and switches take no variables.\n\
        - A secret key `x` has a twin `x_file`: a file that holds the secret, read anew when it is needed.\n\
        - A file has at most 1 MiB.\n\n\
        | key | type | meaning |\n| --- | --- | --- |\n"
        .to_owned();
    let walk = Walk { definitions: schema["$defs"].as_object().cloned().unwrap_or_default() };
    walk.keys(&mut text, "", &schema, DEPTH_MAX);
    text
}

struct Walk {
    definitions: Map<String, Value>,
}

impl Walk {
    /// Rows for the keys of `schema`, which stands at `prefix`.
    fn keys(&self, text: &mut String, prefix: &str, schema: &Value, depth: usize) {
        assert!(depth > 0, "the configuration nests at most {DEPTH_MAX} keys");
        let schema = self.resolve(schema);
        for variant in schema["oneOf"].as_array().into_iter().flatten() {
            self.keys(text, prefix, variant, depth - 1);
        }
        for (key, inside) in schema["properties"].as_object().into_iter().flatten() {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            let meaning =
                inside["description"].as_str().or(self.resolve(inside)["description"].as_str());
            let meaning = meaning.unwrap_or_default().replace('\n', " ").replace('|', "\\|");
            writeln!(text, "| `{name}` | {} | {meaning} |", self.kind(inside))
                .expect("memory grows");
            let shape = self.resolve(inside);
            let items = &shape["items"];
            if items.is_object() {
                self.keys(text, &format!("{name}[]"), items, depth - 1);
            } else {
                self.keys(text, &name, inside, depth - 1);
            }
        }
    }

    /// The schema itself behind references and `null` alternatives.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            return self.definitions.get(name).map_or(schema, |inside| self.resolve(inside));
        }
        let alternatives = schema["anyOf"].as_array().into_iter().flatten();
        let mut real = alternatives.filter(|inside| inside["type"] != "null");
        match (real.next(), real.next()) {
            (Some(only), None) => self.resolve(only),
            _ => schema,
        }
    }

    fn kind(&self, schema: &Value) -> String {
        let named = schema["$ref"].as_str().or_else(|| {
            schema["anyOf"].as_array()?.iter().find_map(|inside| inside["$ref"].as_str())
        });
        match named.and_then(|path| path.rsplit('/').next()) {
            Some("Period") => return "length of time".to_owned(),
            Some("ByteSize") => return "size".to_owned(),
            Some("Secret") => return "secret".to_owned(),
            _ => {}
        }
        let schema = self.resolve(schema);
        let words: Vec<_> = words(schema);
        if !words.is_empty() {
            return words.join(", ");
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => {
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")
            }
            kind => kind.as_str(),
        };
        match kind {
            Some("string") => "text".to_owned(),
            Some("array") => format!("list of {}", self.kind(&schema["items"])),
            Some("boolean") => "true, false".to_owned(),
            None | Some("object") => "keys".to_owned(),
            Some(kind) => kind.to_owned(),
        }
    }
}

/// The words of an enum.
fn words(schema: &Value) -> Vec<String> {
    let plain = schema["enum"].as_array().into_iter().flatten();
    let described = schema["oneOf"].as_array().into_iter().flatten();
    let described = described.flat_map(|one| match one["enum"].as_array() {
        Some(words) => words.iter().collect(),
        None => vec![&one["const"]],
    });
    plain.chain(described).filter_map(Value::as_str).map(|word| format!("`{word}`")).collect()
}
