//! The tables of `docs/bad-input.md`, made from what really happened.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// One bad input, and what became of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) sent: String,
    pub(super) answer: String,
    pub(super) moved: String,
}

/// Fails, or with `INSTA_UPDATE=always` rewrites it, when a section of the document is not what its rows say.
pub(super) fn assert_documented(sections: &[(&str, Vec<Row>)]) {
    // Tests run side by side and each rewrites its own sections.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let lock = ONE_AT_A_TIME.lock();
    let wrong: Vec<_> =
        sections.iter().filter_map(|(name, rows)| differs(name, rows).err()).collect();
    drop(lock);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn differs(name: &str, rows: &[Row]) -> Result<(), String> {
    let still: Vec<_> = rows.iter().filter(|row| row.moved.starts_with("NOT ")).collect();
    if !still.is_empty() {
        return Err(format!("section `{name}`: not counted as they should be: {still:#?}"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bad-input.md");
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->\n"));
    let text = fs::read_to_string(&path).unwrap();
    let from = text.find(&begin).unwrap_or_else(|| panic!("no `{}`", begin.trim())) + begin.len();
    let to = text.find(&end).unwrap_or_else(|| panic!("no `{}`", end.trim()));
    let (want, got) = (rendered(rows), &text[from..to]);
    if got == want {
        return Ok(());
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, format!("{}{want}{}", &text[..from], &text[to..])).unwrap();
        return Ok(());
    }
    let first = want.lines().zip(got.lines()).find(|(want, got)| want != got);
    Err(format!(
        "section `{name}` of docs/bad-input.md is not what happened; look at it, then run `make golden`: {first:#?}"
    ))
}

fn rendered(rows: &[Row]) -> String {
    let mut text = "| input | sent | answer | moved |\n| --- | --- | --- | --- |\n".to_owned();
    for Row { name, sent, answer, moved } in rows {
        let cells = [(*name).to_owned(), sent.clone(), answer.clone(), format!("`{moved}`")];
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        writeln!(text, "| {} |", cells.join(" | ")).unwrap();
    }
    text
}
