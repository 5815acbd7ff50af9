//! Where `make setup` puts things.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user `nobody` of Debian.
pub(crate) const NOBODY: u32 = 65_534;

/// Whether the tests run as root. Servers are then started as `nobody`.
pub(crate) fn as_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The program `name` of a Debian package. Panics when it is missing: its tests must not pass without it.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    // Servers of Debian are in `sbin`, which is not in everybody's `PATH`.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not installed; run `make setup`"))
}

/// A command that runs `program` until the thread that started it ends, however that ends.
pub(crate) fn bound_to_this_thread(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(self::program("setpriv"));
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The same, for a server of a Debian package: as an unprivileged user, when the tests run as root.
pub(crate) fn server(name: &str) -> Command {
    let program = program(name);
    if !as_root() {
        return bound_to_this_thread(program);
    }
    let id = NOBODY.to_string();
    let mut command = Command::new(self::program("setpriv"));
    command.args(["--pdeathsig", "KILL", "--reuid", &id, "--regid", &id, "--clear-groups", "--"]);
    command.arg(program);
    command
}

/// Python with the packages of `requirements.txt`.
pub(crate) fn python() -> PathBuf {
    below("python/bin/python")
}

/// The npm packages of `package.json`.
pub(crate) fn node_modules() -> PathBuf {
    below("node/node_modules")
}

fn below(path: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/components").join(path);
    assert!(file.exists(), "{} is missing; run `make setup`", file.display());
    file
}
