//! What keeps a daemon from starting: it ends with a code and a sentence, and changes nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::table::Row;
use crate::daemon::Daemon;

/// Ends `run` within its own time; gives code and last sentence, without the folder's name.
fn run(folder: &Path, config: &str) -> String {
    let file = folder.join("refused.yaml");
    fs::write(&file, config).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_ssowatch"))
        .args(["run", "--config", "refused.yaml"])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    let text = text.replace(&format!("{}/", folder.display()), "");
    format!(
        "exit code {}: {}",
        out.status.code().unwrap(),
        text.trim().lines().last().unwrap_or_default()
    )
}

const DOORS: &str =
    "http: { admin: { listen: \"127.0.0.1:0\" }, intake: { listen: \"127.0.0.1:0\" } }\n";

/// Each in a folder where a daemon runs already, which goes on.
pub(super) fn rows() -> Vec<Row> {
    let daemon = Daemon::start("");
    let folder = daemon.path();
    fs::write(folder.join("file"), "").unwrap();
    fs::create_dir_all(folder.join("odd/journal/lock")).unwrap();
    fs::create_dir_all(folder.join("odd2/checkpoint")).unwrap();
    let config = |data_dir: &str, more: &str| format!("data_dir: {data_dir}\n{DOORS}{more}");
    let cases = [
        ("two daemons on one folder", "a second start", config("./data", "")),
        ("a data directory that is a file", "`data_dir: ./file`", config("./file", "")),
        ("a data directory below a file", "`data_dir: ./file/data`", config("./file/data", "")),
        ("a lock that is a folder", "a folder `journal/lock`", config("./odd", "")),
        ("a checkpoint that is a folder", "a folder `checkpoint`", config("./odd2", "")),
        ("a mistake in the configuration", "`colour: red`", config("./other", "colour: red\n")),
        (
            "a certificate that is none",
            "`tls` with the configuration for a certificate",
            "data_dir: ./other\nhttp: { admin: { listen: \"127.0.0.1:0\", tls: { cert_file: refused.yaml, key_file: refused.yaml } }, intake: { listen: \"127.0.0.1:0\" } }\n".to_owned(),
        ),
    ];
    let rows = cases.map(|(name, sent, config)| Row {
        name,
        sent: sent.to_owned(),
        answer: run(folder, &config),
        moved: "up of the daemon that does not start".to_owned(),
    });
    assert_eq!(crate::http::get(&format!("{}/-/ready", daemon.admin)).status, 200);
    rows.into()
}
