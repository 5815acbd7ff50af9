//! A program under test or beside it: started in a folder of its own on free ports, waited for, its output kept for the
//! failure's message, and killed with all its children when the test is done with it.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::{installed, wait};

/// Between finding a free port and taking it, somebody else may take it: then other ports are tried.
const STARTS_MAX: usize = 4;

/// What of a log is shown when a test fails.
const SHOWN_LINES_MAX: usize = 60;

/// A folder that is gone after the test, in which `nobody` can write.
#[derive(Debug)]
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        if installed::as_root() {
            let nobody = Some(installed::NOBODY);
            std::os::unix::fs::chown(dir.path(), nobody, nobody).unwrap();
        }
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of a file with `content`.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }
}

/// A port of 127.0.0.1 on which nobody listens.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A running program. Ends with the test, and with the thread that started it.
#[derive(Debug)]
pub(crate) struct Component {
    name: &'static str,
    child: Child,
    place: Place,
}

impl Component {
    /// Starts what `plan` says, and waits until `ready` gives something. `plan` chooses ports anew when it is called again.
    pub(crate) fn start<P, R>(
        name: &'static str,
        plan: impl Fn(&Place) -> (Command, P),
        ready: impl Fn(&Place, &P) -> Option<R>,
    ) -> (Self, P, R) {
        for _ in 0..STARTS_MAX {
            let place = Place::new();
            let (command, parts) = plan(&place);
            let mut component = Self::spawn(name, place, command);
            let state = wait::until(&format!("{name} gets ready"), || {
                match component.child.try_wait().unwrap() {
                    Some(_) => Some(None),
                    None => ready(&component.place, &parts).map(Some),
                }
            });
            match state {
                Some(state) => return (component, parts, state),
                None if component.log().contains("address already in use") => {}
                None => panic!("{name} ended before it was ready"),
            }
        }
        panic!("{name}: no free port");
    }

    fn spawn(name: &'static str, place: Place, command: Command) -> Self {
        let child = launch(name, &place, command);
        Self { name, child, place }
    }

    /// Its process id: `setpriv` becomes the program that it starts.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Starts `command` in the same folder after [`Component::kill`], and waits until `ready` gives something.
    pub(crate) fn start_again<R>(
        &mut self,
        command: impl Fn(&Place) -> Command,
        ready: impl Fn(&Place) -> Option<R>,
    ) -> R {
        self.child = launch(self.name, &self.place, command(&self.place));
        wait::until(&format!("{} gets ready again", self.name), || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{} ended before it was ready again", self.name);
            ready(&self.place)
        })
    }

    /// The folder that it runs in.
    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// Everything that it wrote.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.place.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end that no program can prepare for.
    pub(crate) fn kill(&mut self) {
        // An error means that it is gone already.
        let _gone = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.child.wait().unwrap();
    }
}

/// Starts a program whose output goes to a new file `log`.
fn launch(name: &str, place: &Place, mut command: Command) -> Child {
    let log = File::create(place.path().join("log")).unwrap();
    command
        .current_dir(place.path())
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        // A group of its own, so that its children die with it.
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"))
}

impl Drop for Component {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let shown = lines[lines.len().saturating_sub(SHOWN_LINES_MAX)..].join("\n");
            eprintln!("--- {} wrote:\n{shown}\n---", self.name);
        }
    }
}
