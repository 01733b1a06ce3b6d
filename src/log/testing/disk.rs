//! A disk in memory that loses what was not fsynced, tears writes and fails on demand.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::Dice;
use crate::host::{BoxFuture, File, OpenMode, Storage};

const SECTOR: usize = 512;

/// What a crash takes away.
#[derive(Clone, Copy, Debug)]
pub(in crate::log) enum Loss {
    /// The process died; the operating system still has everything.
    Nothing,
    /// The power failed: of what was not fsynced, any sectors may be missing, and of the changes to
    /// names, any last ones.
    Power {
        /// Out of 100, how many unsynced sectors survive.
        survival: u64,
    },
}

#[derive(Clone, Debug)]
enum Change {
    Write { position: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Clone, Debug, Default)]
struct Inode {
    content: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Naming {
    Create(String, usize),
    Rename(String, String),
    Remove(String),
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    journal: Vec<Naming>,
    /// How many changes are let through before the disk goes dead.
    fuse: Option<u64>,
    changes: u64,
    /// Writing stops after so many bytes, once.
    fail_write_after: Option<usize>,
    fail_set_len: bool,
    fail_sync: bool,
    syncs: u64,
}

/// The disk. A crash gives a new one, so that nobody writes to the old one's files any more.
#[derive(Debug, Default)]
pub(in crate::log) struct TestDisk {
    state: Arc<Mutex<State>>,
}

impl TestDisk {
    pub(in crate::log) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many changes have been made so far.
    pub(in crate::log) fn changes(&self) -> u64 {
        self.state().changes
    }

    /// How many fsyncs of files and directories have been made so far.
    pub(in crate::log) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Goes dead after `changes` more; the last one may be half done.
    pub(in crate::log) fn die_after(&self, changes: u64) {
        self.state().fuse = Some(changes);
    }

    /// Lets the write that would pass the next `bytes` fail there.
    pub(in crate::log) fn fail_write_after(&self, bytes: usize) {
        self.state().fail_write_after = Some(bytes);
    }

    pub(in crate::log) fn fail_set_len(&self, fail: bool) {
        self.state().fail_set_len = fail;
    }

    pub(in crate::log) fn fail_sync(&self, fail: bool) {
        self.state().fail_sync = fail;
    }

    /// Every file and its content.
    pub(in crate::log) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state
            .names
            .iter()
            .map(|(name, id)| (name.clone(), state.inodes[*id].content.clone()))
            .collect()
    }

    /// Replaces a file's content behind everybody's back, or removes the file.
    pub(in crate::log) fn tamper(&self, path: &str, content: Option<Vec<u8>>) {
        let mut state = self.state();
        match content {
            Some(content) => {
                let id = state.names[path];
                state.inodes[id].durable.clone_from(&content);
                state.inodes[id].content = content;
            }
            None => {
                state.names.remove(path);
                state.durable_names.remove(path);
            }
        }
    }

    /// What the next incarnation finds.
    pub(in crate::log) fn crash(&self, loss: Loss, dice: &mut Dice) -> Arc<Self> {
        let state = self.state();
        let Loss::Power { survival } = loss else {
            return Self::from_files(&state.names, |id| state.inodes[id].content.clone());
        };
        let mut names = state.durable_names.clone();
        let surviving = dice.index(state.journal.len() + 1);
        for naming in &state.journal[..surviving] {
            naming.apply(&mut names);
        }
        Self::from_files(&names, |id| state.inodes[id].after_power_loss(survival, dice))
    }

    fn from_files(
        names: &BTreeMap<String, usize>,
        mut content: impl FnMut(usize) -> Vec<u8>,
    ) -> Arc<Self> {
        let mut state = State::default();
        for (name, id) in names {
            let content = content(*id);
            state.names.insert(name.clone(), state.inodes.len());
            state.inodes.push(Inode { durable: content.clone(), content, unsynced: Vec::new() });
        }
        state.durable_names = state.names.clone();
        Arc::new(Self { state: Arc::new(Mutex::new(state)) })
    }
}

impl Inode {
    fn after_power_loss(&self, survival: u64, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Change::SetLen(len) if dice.below(100) < survival => content.resize(*len, 0),
                Change::SetLen(_) => {}
                Change::Write { position, bytes } => {
                    let mut at = *position;
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let len = (SECTOR - at % SECTOR).min(rest.len());
                        if dice.below(100) < survival {
                            put(&mut content, at, &rest[..len]);
                        }
                        at += len;
                        rest = &rest[len..];
                    }
                }
            }
        }
        content
    }
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { position, bytes } => put(content, *position, bytes),
            Self::SetLen(len) => content.resize(*len, 0),
        }
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, id) => drop(names.insert(name.clone(), *id)),
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
            Self::Remove(name) => drop(names.remove(name)),
        }
    }
}

fn put(content: &mut Vec<u8>, position: usize, bytes: &[u8]) {
    if content.len() < position + bytes.len() {
        content.resize(position + bytes.len(), 0);
    }
    content[position..position + bytes.len()].copy_from_slice(bytes);
}

fn dead() -> io::Error {
    io::Error::other("the disk is dead")
}

impl State {
    /// Counts a change; an error once the fuse has blown.
    fn change(&mut self) -> io::Result<()> {
        self.changes += 1;
        match &mut self.fuse {
            Some(0) => Err(dead()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn name(&mut self, naming: Naming) -> io::Result<()> {
        self.change()?;
        naming.apply(&mut self.names);
        self.journal.push(naming);
        Ok(())
    }
}

impl Storage for TestDisk {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        let id = match (state.names.get(path).copied(), mode) {
            (Some(_), OpenMode::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (None, OpenMode::Existing) => return Err(io::ErrorKind::NotFound.into()),
            (Some(id), OpenMode::Existing | OpenMode::Create) => id,
            (None, OpenMode::Create | OpenMode::CreateNew) => {
                let id = state.inodes.len();
                state.inodes.push(Inode::default());
                state.name(Naming::Create(path.to_owned(), id))?;
                id
            }
        };
        Ok(Arc::new(TestFile { state: Arc::clone(&self.state), id }))
    }

    fn create_dir_all(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.name(Naming::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.name(Naming::Remove(path.to_owned()))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let prefix = format!("{directory}/");
        let state = self.state();
        Ok(state
            .names
            .keys()
            .filter_map(|name| name.strip_prefix(&prefix))
            .map(str::to_owned)
            .collect())
    }

    fn exists(&self, path: &str) -> bool {
        self.state().names.contains_key(path)
    }

    fn sync_dir<'a>(&'a self, _directory: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let mut state = self.state();
            if state.fuse == Some(0) || state.fail_sync {
                return Err(dead());
            }
            state.syncs += 1;
            state.durable_names = state.names.clone();
            state.journal.clear();
            Ok(())
        })
    }
}

#[derive(Debug)]
struct TestFile {
    state: Arc<Mutex<State>>,
    id: usize,
}

impl TestFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl File for TestFile {
    fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        let state = self.state();
        let content = &state.inodes[self.id].content;
        let start = usize::try_from(position).unwrap().min(content.len());
        let end = start.saturating_add(len).min(content.len());
        Ok(Bytes::copy_from_slice(&content[start..end]))
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut state = self.state();
        let mut bytes = parts.concat();
        let position = usize::try_from(position).unwrap();
        let was_alive = state.fuse != Some(0);
        let mut result = state.change();
        if result.is_err() && !was_alive {
            return result;
        }
        if let Some(left) = state.fail_write_after.take() {
            state.fail_write_after = left.checked_sub(bytes.len());
            if bytes.len() > left {
                bytes.truncate(left);
                result = Err(io::ErrorKind::StorageFull.into());
            }
        } else if state.fuse == Some(0) {
            // The change at which the disk dies is half done.
            bytes.truncate(bytes.len() / 2);
            result = Err(dead());
        }
        let inode = &mut state.inodes[self.id];
        put(&mut inode.content, position, &bytes);
        inode.unsynced.push(Change::Write { position, bytes });
        result
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if state.fail_set_len {
            return Err(io::Error::other("the device is stuck"));
        }
        let len = usize::try_from(len).unwrap();
        let inode = &mut state.inodes[self.id];
        inode.content.resize(len, 0);
        inode.unsynced.push(Change::SetLen(len));
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(u64::try_from(self.state().inodes[self.id].content.len()).unwrap())
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(async move {
            let mut state = self.state();
            if state.fuse == Some(0) {
                return Err(dead());
            }
            let fails = state.fail_sync;
            let inode = &mut state.inodes[self.id];
            let changes = std::mem::take(&mut inode.unsynced);
            if fails {
                // As the kernel does it: what was to be written counts as clean from now on.
                return Err(dead());
            }
            for change in &changes {
                change.apply(&mut inode.durable);
            }
            state.syncs += 1;
            Ok(())
        })
    }
}
