//! Names: directories as everybody sees them, as the platter has them, and the journal between.
//!
//! A creation, rename or removal is visible at once and durable once its directory is synced. At a
//! power cut the journal survives up to some point, in order: a rename that survives brings every
//! earlier unsynced operation with it. Syncing a directory commits its own operations and those
//! they depend on, not the rest of the disk, so a directory that the program forgot is found out.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use super::inode::Inode;

/// A file, shared by its names and its handles.
pub(super) type FileRef = Arc<Mutex<Inode>>;

type Directory = BTreeMap<String, Entry>;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A directory, by number.
    Directory(u64),
    /// A file.
    File(FileRef),
}

/// A place for a name: the directory's number and the name in it.
type Place = (u64, String);

#[derive(Debug)]
struct Operation {
    number: u64,
    /// The name that goes away.
    removes: Option<Place>,
    /// The name that appears, and what it stands for.
    adds: Option<(Place, Entry)>,
}

/// The name space of a disk.
#[derive(Debug)]
pub(super) struct Tree {
    live: BTreeMap<u64, Directory>,
    durable: BTreeMap<u64, Directory>,
    journal: Vec<Operation>,
    next_directory: u64,
    next_operation: u64,
}

const ROOT: u64 = 0;

impl Tree {
    pub(super) fn new() -> Self {
        let empty = BTreeMap::from([(ROOT, Directory::new())]);
        Self {
            live: empty.clone(),
            durable: empty,
            journal: Vec::new(),
            next_directory: ROOT + 1,
            next_operation: 0,
        }
    }

    /// What is at `path`.
    pub(super) fn find(&self, path: &str) -> io::Result<Entry> {
        let mut entry = Entry::Directory(ROOT);
        for part in parts(path)? {
            let Entry::Directory(number) = entry else { return Err(error(libc::ENOTDIR)) };
            let found = self.live.get(&number).and_then(|directory| directory.get(part));
            entry = found.ok_or_else(|| error(libc::ENOENT))?.clone();
        }
        Ok(entry)
    }

    /// The number of the directory at `path`.
    pub(super) fn directory(&self, path: &str) -> io::Result<u64> {
        match self.find(path)? {
            Entry::Directory(number) => Ok(number),
            Entry::File(_) => Err(error(libc::ENOTDIR)),
        }
    }

    /// The place that `path` names, whose directory exists.
    fn place(&self, path: &str) -> io::Result<Place> {
        let parts = parts(path)?;
        let (name, parents) = parts.split_last().ok_or_else(|| error(libc::EINVAL))?;
        Ok((self.directory(&parents.join("/"))?, (*name).to_owned()))
    }

    fn at(&self, place: &Place) -> Option<&Entry> {
        self.live.get(&place.0)?.get(&place.1)
    }

    /// The names in a directory, sorted.
    pub(super) fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let number = self.directory(path)?;
        Ok(self.live.get(&number).map(|names| names.keys().cloned().collect()).unwrap_or_default())
    }

    /// Puts a new file at `path`, where nothing is.
    pub(super) fn create(&mut self, path: &str, file: FileRef) -> io::Result<()> {
        let place = self.place(path)?;
        self.perform(None, Some((place, Entry::File(file))));
        Ok(())
    }

    /// Makes the directory and its parents. Says how many were made.
    pub(super) fn create_dir_all(&mut self, path: &str) -> io::Result<u64> {
        let mut made = 0;
        let mut parent = ROOT;
        let parts = parts(path)?;
        for (depth, part) in parts.iter().enumerate() {
            let place = (parent, (*part).to_owned());
            parent = match self.at(&place) {
                Some(Entry::Directory(number)) => *number,
                // As mkdir has it: the last part exists, an earlier one is no directory.
                Some(Entry::File(_)) if depth + 1 == parts.len() => {
                    return Err(error(libc::EEXIST));
                }
                Some(Entry::File(_)) => return Err(error(libc::ENOTDIR)),
                None => {
                    let number = self.next_directory;
                    self.next_directory += 1;
                    self.live.insert(number, Directory::new());
                    self.perform(None, Some((place, Entry::Directory(number))));
                    made += 1;
                    number
                }
            };
        }
        Ok(made)
    }

    /// Moves a file or directory, replacing what may be replaced.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (source, target) = (self.place(from)?, self.place(to)?);
        let moved = self.at(&source).ok_or_else(|| error(libc::ENOENT))?.clone();
        if let Entry::Directory(number) = moved
            && source != target
            && self.is_within(target.0, number)
        {
            return Err(error(libc::EINVAL));
        }
        match (&moved, self.at(&target)) {
            (_, None) | (Entry::File(_), Some(Entry::File(_))) => {}
            (Entry::Directory(from), Some(Entry::Directory(to))) => {
                let occupied = self.live.get(to).is_some_and(|names| !names.is_empty());
                if occupied && from != to {
                    return Err(error(libc::ENOTEMPTY));
                }
            }
            (Entry::File(_), Some(Entry::Directory(to))) => {
                let above = self.is_within(source.0, *to);
                return Err(error(if above { libc::ENOTEMPTY } else { libc::EISDIR }));
            }
            (Entry::Directory(_), Some(Entry::File(_))) => return Err(error(libc::ENOTDIR)),
        }
        if source != target {
            self.perform(Some(source), Some((target, moved)));
        }
        Ok(())
    }

    /// Whether `directory` is `above` or lies within it.
    fn is_within(&self, directory: u64, above: u64) -> bool {
        let mut open = vec![above];
        while let Some(number) = open.pop() {
            if number == directory {
                return true;
            }
            let entries = self.live.get(&number).into_iter().flat_map(BTreeMap::values);
            open.extend(entries.filter_map(|entry| match entry {
                Entry::Directory(child) => Some(*child),
                Entry::File(_) => None,
            }));
        }
        false
    }

    /// Takes a file's name away. Its handles go on reading and writing it.
    pub(super) fn remove_file(&mut self, path: &str) -> io::Result<()> {
        let place = self.place(path)?;
        match self.at(&place) {
            None => return Err(error(libc::ENOENT)),
            Some(Entry::Directory(_)) => return Err(error(libc::EISDIR)),
            Some(Entry::File(_)) => {}
        }
        self.perform(Some(place), None);
        Ok(())
    }

    fn perform(&mut self, removes: Option<Place>, adds: Option<(Place, Entry)>) {
        let number = self.next_operation;
        self.next_operation += 1;
        let operation = Operation { number, removes, adds };
        operation.apply(&mut self.live);
        self.journal.push(operation);
    }

    /// All operations so far are below this number.
    pub(super) fn mark(&self) -> u64 {
        self.next_operation
    }

    /// The operations below `mark` that `directory` depends on have reached the platter.
    pub(super) fn saved(&mut self, directory: u64, mark: u64) {
        let mut directories = BTreeSet::from([directory]);
        let mut wanted = BTreeSet::new();
        // Backwards, for the names it moved in from elsewhere bring their own past along.
        for operation in self.journal.iter().rev().filter(|operation| operation.number < mark) {
            if operation.places().any(|place| directories.contains(&place.0)) {
                directories.extend(operation.places().map(|place| place.0));
                wanted.insert(operation.number);
            }
        }
        for operation in self.journal.extract_if(.., |op| wanted.contains(&op.number)) {
            operation.apply(&mut self.durable);
        }
    }

    /// How many operations a power cut could take.
    pub(super) fn unsaved(&self) -> usize {
        self.journal.len()
    }

    /// The power goes; the first `surviving` operations of the journal are on the platter.
    /// Returns the number of those that are not.
    pub(super) fn power_cut(&mut self, surviving: usize) -> u64 {
        let lost = self.journal.len().saturating_sub(surviving);
        for operation in self.journal.drain(..).take(surviving) {
            operation.apply(&mut self.durable);
        }
        self.forget_unreachable();
        self.live = self.durable.clone();
        u64::try_from(lost).expect("a length fits 64 bits")
    }

    fn forget_unreachable(&mut self) {
        let mut reachable = BTreeSet::from([ROOT]);
        let mut open = vec![ROOT];
        while let Some(number) = open.pop() {
            for entry in self.durable.entry(number).or_default().values() {
                if let Entry::Directory(child) = entry {
                    reachable.insert(*child);
                    open.push(*child);
                }
            }
        }
        self.durable.retain(|number, _| reachable.contains(number));
    }

    /// Every file that has a name, with its path, in the order of their paths' parts.
    pub(super) fn files(&self) -> Vec<(String, FileRef)> {
        let mut found = Vec::new();
        self.collect(ROOT, "", &mut found);
        found
    }

    fn collect(&self, number: u64, path: &str, found: &mut Vec<(String, FileRef)>) {
        for (name, entry) in self.live.get(&number).into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            match entry {
                Entry::Directory(child) => self.collect(*child, &path, found),
                Entry::File(file) => found.push((path, Arc::clone(file))),
            }
        }
    }
}

impl Operation {
    fn places(&self) -> impl Iterator<Item = &Place> {
        self.removes.iter().chain(self.adds.iter().map(|(place, _)| place))
    }

    fn apply(&self, directories: &mut BTreeMap<u64, Directory>) {
        if let Some((directory, name)) = &self.removes {
            directories.entry(*directory).or_default().remove(name);
        }
        if let Some(((directory, name), entry)) = &self.adds {
            directories.entry(*directory).or_default().insert(name.clone(), entry.clone());
        }
    }
}

/// The parts of a path. There is no way up: a path names a place below the root.
fn parts(path: &str) -> io::Result<Vec<&str>> {
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.contains(&"..") { Err(error(libc::EINVAL)) } else { Ok(parts) }
}

pub(super) fn error(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}
