//! A disk in memory that forgets what was not synced, tears what was being written, fails, fills up and dies.

mod mounted;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use self::mounted::Mounted;
use crate::journal::Disk;

/// What is damaged at the end of a torn write: a sector.
const SECTOR_BYTES: usize = 512;

/// The disk. It outlives the processes that use it.
#[derive(Clone, Debug)]
pub(in crate::app) struct Platter {
    state: Arc<Mutex<State>>,
    /// Told when the machine dies in the middle of an operation.
    pub(in crate::app) died: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    /// Names as they are after a power cut, unless more of `renamed` came through.
    durable_names: BTreeMap<PathBuf, usize>,
    /// What was done to names since the folder was synced.
    renamed: Vec<Renamed>,
    /// Counts mounts: what a dead process still holds works no more.
    mount: u64,
    locked: bool,
    trouble: Trouble,
}

/// What is wrong with the disk.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(in crate::app) struct Trouble {
    /// The machine dies in the middle of the operation that changes the disk after so many.
    pub(in crate::app) dies_after: Option<u32>,
    /// Bytes that fit.
    pub(in crate::app) room: Option<usize>,
    /// One of so many syncs fails.
    pub(in crate::app) failing_syncs: Option<u32>,
}

#[derive(Debug, Default)]
struct Node {
    bytes: Vec<u8>,
    /// So many bytes at the beginning are durable.
    synced: usize,
    /// What durably follows them, where the file was cut and not synced since.
    cut_off: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Renamed {
    Made(PathBuf, usize),
    Moved(PathBuf, PathBuf),
    Gone(PathBuf),
}

impl Platter {
    pub(in crate::app) fn new(random: fastrand::Rng) -> Self {
        let state = State {
            random,
            nodes: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            renamed: Vec::new(),
            mount: 0,
            locked: false,
            trouble: Trouble::default(),
        };
        Self { state: Arc::new(Mutex::new(state)), died: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// For a new process; the one before is dead.
    pub(in crate::app) fn mount(&self) -> Arc<dyn Disk> {
        let mut state = self.state();
        state.mount += 1;
        state.locked = false;
        Arc::new(Mounted { platter: self.clone(), mount: state.mount })
    }

    pub(in crate::app) fn trouble(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    /// Bytes of all files.
    pub(in crate::app) fn bytes(&self) -> usize {
        self.state().bytes()
    }

    /// The process ends at once; what it wrote stays.
    pub(in crate::app) fn kill(&self) {
        self.state().mount += 1;
    }

    /// The power goes: of what was not synced some is there, some is not, and some is garbage.
    pub(in crate::app) fn cut_power(&self) {
        let mut state = self.state();
        state.mount += 1;
        let State { random, nodes, names, durable_names, renamed, .. } = &mut *state;
        for change in renamed.drain(..random.usize(..=renamed.len())) {
            change.apply(durable_names);
        }
        renamed.clear();
        names.clone_from(durable_names);
        for node in nodes {
            node.lose(random);
        }
    }

    /// Leaves garbage at the end of the newest segment under `folder`, as bad hardware does; with `cut` it takes the place of
    /// what was there.
    pub(in crate::app) fn spoil_tail(&self, folder: &Path, bytes_max: usize, cut: bool) {
        let mut state = self.state();
        let State { random, nodes, names, .. } = &mut *state;
        let newest = names.iter().rfind(|(path, _)| {
            path.starts_with(folder) && path.extension().is_some_and(|e| e == "journal")
        });
        let Some((_, node)) = newest else { return };
        let node = &mut nodes[*node];
        let garbage: Vec<u8> = (0..random.usize(1..=bytes_max)).map(|_| random.u8(..)).collect();
        if cut {
            let kept = node.bytes.len().saturating_sub(garbage.len());
            node.bytes.truncate(kept);
        }
        node.bytes.extend(garbage);
        node.synced = node.bytes.len();
    }
}

impl Node {
    fn cut(&mut self, length: usize) {
        if length < self.synced {
            let mut tail = self.bytes[length..self.synced].to_vec();
            tail.append(&mut self.cut_off);
            self.cut_off = tail;
            self.synced = length;
        }
        self.bytes.truncate(length);
    }

    fn sync(&mut self) {
        self.synced = self.bytes.len();
        self.cut_off.clear();
    }

    fn lose(&mut self, random: &mut fastrand::Rng) {
        if !self.cut_off.is_empty() && random.bool() {
            self.bytes.truncate(self.synced);
            self.bytes.append(&mut self.cut_off);
        } else {
            let kept = random.usize(self.synced..=self.bytes.len());
            self.bytes.truncate(kept);
            if kept > self.synced && random.bool() {
                let from = self.synced.max(kept.saturating_sub(SECTOR_BYTES));
                self.bytes[from..].fill(0);
            }
        }
        self.sync();
    }
}

impl Renamed {
    fn apply(self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Made(path, node) => {
                names.insert(path, node);
            }
            Self::Moved(from, to) => {
                if let Some(node) = names.remove(&from) {
                    names.insert(to, node);
                }
            }
            Self::Gone(path) => {
                names.remove(&path);
            }
        }
    }
}

impl State {
    fn bytes(&self) -> usize {
        self.names.values().map(|node| self.nodes[*node].bytes.len()).sum()
    }

    fn alive(&self, mount: u64) -> io::Result<()> {
        if self.mount == mount { Ok(()) } else { Err(io::Error::other("the process is dead")) }
    }

    /// Whether the machine dies in this operation.
    fn dies(&mut self) -> bool {
        match &mut self.trouble.dies_after {
            Some(0) => {
                self.trouble.dies_after = None;
                self.mount += 1;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }

    fn node(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&mut self, change: Renamed) {
        change.clone().apply(&mut self.names);
        self.renamed.push(change);
    }
}

impl Platter {
    /// The state for an operation of `mount` that changes the disk.
    fn change(&self, mount: u64) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        state.alive(mount)?;
        if state.dies() {
            self.died.notify_one();
            return Err(io::Error::other("the machine died"));
        }
        Ok(state)
    }
}
