//! Prometheus's own tool, on files.

use std::path::Path;
use std::process::Command;

use crate::installed;

/// Runs `promtool` with `arguments` in `folder`; what it says unless it is content.
pub(crate) fn complaint(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut promtool = Command::new(installed::program("promtool"));
    let output = promtool.args(arguments).current_dir(folder).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}
