//! What the documents show is true: configurations are valid, links lead somewhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use ssowatch::config::{Config, schema};

/// The README, the guides beside it, and everything in `docs`.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = [root.to_owned(), root.join("docs")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    files.sort();
    files
}

/// The blocks of `language` in `text`, each with the line on which it begins.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<(usize, &'a str)> {
    let fence = format!("```{language}\n");
    let begins = text.match_indices(&fence).map(|(at, fence)| at + fence.len());
    let block = |at: usize| {
        let end = text[at..].find("```").unwrap() + at;
        (text[..at].lines().count() + 1, &text[at..end])
    };
    begins.map(block).collect()
}

#[test]
fn configurations_in_the_documents_are_valid() {
    let schema = schema();
    let keys = schema["properties"].as_object().unwrap();
    let mut seen = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for (line, block) in blocks(&text, "yaml") {
            let first = block.lines().find(|line| !line.starts_with('#')).unwrap();
            // Other YAML is that of the programs beside ssowatch.
            if !keys.contains_key(first.split(':').next().unwrap()) {
                continue;
            }
            seen += 1;
            let place = format!("{}:{line}", path.display());
            let value = |name: &str| Some(format!("https://example.com/{name}"));
            if let Err(error) = Config::parse(&place, block, value) {
                panic!("{place}: {error}");
            }
        }
    }
    assert!(seen > 1, "only {seen} configurations were found");
}

#[test]
fn links_in_the_documents_lead_to_files_that_are_there() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let file = path.parent().unwrap().join(target);
            let line = text[..at].lines().count();
            assert!(file.exists(), "{}:{line}: {target} is not there", path.display());
        }
    }
}
