//! Reads back what a scrape answers: the exposition text that ssowatch itself writes.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Samples by the name that stands before their labels.
pub(super) type Scrape = BTreeMap<String, Series>;

/// The samples of one name.
pub(super) type Series = Arc<Vec<Sample>>;

/// One line.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Sample {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// Reads the text. A line that is none, or whose value is not a finite number, is left out: OTLP
/// could not carry it.
pub(super) fn parse(text: &str) -> Scrape {
    let mut scrape: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, sample)) = sample(line) {
            match scrape.get_mut(name) {
                Some(samples) => samples.push(sample),
                None => drop(scrape.insert(name.to_owned(), vec![sample])),
            }
        }
    }
    scrape.into_iter().map(|(name, samples)| (name, Arc::new(samples))).collect()
}

fn sample(line: &str) -> Option<(&str, Sample)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while let Some(after) =
            rest.strip_prefix(',').or(Some(rest)).filter(|at| !at.starts_with('}'))
        {
            let (label, quoted) = after.split_once("=\"")?;
            let (value, left) = unquote(quoted)?;
            labels.push((label.to_owned(), value));
            rest = left;
        }
        rest = rest.strip_prefix('}')?;
    }
    let value: f64 = rest.trim().parse().ok()?;
    value.is_finite().then_some((name, Sample { labels, value }))
}

/// The value up to its closing quote, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_labels_and_rubbish_is_left_out() {
        let text = "# HELP a b\n# TYPE a counter\na 1\nb{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 2.5\nb{x=\"2\",y=\"\"} NaN\nb{} 3\nrubbish\n";
        let scrape = parse(text);
        assert_eq!(scrape["a"][0], Sample { labels: vec![], value: 1.0 });
        let labels = vec![("x".into(), "1".into()), ("y".into(), "a\"b\\c\nd".into())];
        assert_eq!(
            *scrape["b"],
            [Sample { labels, value: 2.5 }, Sample { labels: vec![], value: 3.0 }]
        );
        assert_eq!(scrape.len(), 2);
    }
}
