//! Tables in documents that tests make anew.

use std::fs;
use std::path::Path;

/// Fails when the table of `document` differs from `table` in one of the columns that do not depend on the moment; with
/// `INSTA_UPDATE=always` writes it there instead. A cell with `|` in it has `\|`.
pub(crate) fn assert_documented(document: &str, table: &str, stable: &[usize]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = fs::read_to_string(&path).unwrap();
    let heading = table.lines().next().unwrap();
    let begin = text.find(heading).unwrap_or(text.len());
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, text[..begin].to_owned() + table).unwrap();
        return;
    }
    let rows = |table: &str| -> Vec<String> {
        let chosen = |line: &str| {
            let cells: Vec<_> = line.split(" | ").collect();
            stable.iter().map(|column| cells[*column]).collect::<Vec<_>>().join(" | ")
        };
        table.lines().map(chosen).collect()
    };
    let (want, got) = (rows(table), rows(&text[begin..]));
    for (want, got) in want.iter().zip(&got) {
        assert_eq!(want, got, "{document} is out of date; run this test with INSTA_UPDATE=always");
    }
    assert_eq!(want.len(), got.len(), "{document}: rows");
}

/// A number as it is read: four digits of it, or all before the point.
pub(crate) fn short(number: &str) -> &str {
    match number.split_once('.') {
        Some((whole, rest)) if !rest.contains('e') => {
            let digits = rest.len().min(4_usize.saturating_sub(whole.len()));
            number[..whole.len() + 1 + digits].trim_end_matches('.')
        }
        _ => number,
    }
}
