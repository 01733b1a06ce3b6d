//! A disk that forgets: what no fsync covers may be gone after a power cut.
//!
//! One [`SimDisk`] belongs to one node and survives its restarts. Data calls take effect at once,
//! as in a page cache; [`SimFile::sync`] and [`SimDisk::sync_dir`] take the device's time, so that
//! a crash can fall between a write and its fsync. A process that is killed loses nothing, for the
//! operating system lives on. A power cut takes what `damage` says: torn and reordered
//! writes, lengths without data, names that were never synced.
//!
//! Each start of a node mounts the disk anew. Handles of an earlier start are dead: whatever a
//! task of a killed process still tried would fail with ESTALE.

mod damage;
mod faults;
mod file;
mod hardship;
mod inode;
mod tree;
mod whole;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub use damage::Loss;
pub use faults::{DiskFault, DiskTally};
pub use file::SimFile;

use crate::gate::{Gate, lock};
use crate::seed::{Seed, Stream};
use faults::Troubles;
use inode::Inode;
use tree::{Entry, Tree, error};

/// A healthy disk's measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskOptions {
    /// Space in bytes.
    pub capacity: u64,
    /// The fastest fsync.
    pub sync_latency_min: Duration,
    /// The slowest fsync, which is never quite reached.
    pub sync_latency_max: Duration,
}

impl DiskOptions {
    /// 1 GiB, and fsyncs of 1 to 5 ms: a cheap SSD.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capacity: 1 << 30,
            sync_latency_min: Duration::from_millis(1),
            sync_latency_max: Duration::from_millis(5),
        }
    }
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`SimDisk::open`] expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The file exists.
    Existing,
    /// The file is made if it does not exist; what it holds is kept.
    Create,
    /// The file does not exist yet.
    CreateNew,
}

/// A node's disk, as one start of the node has it mounted. Cheap to clone.
#[derive(Clone)]
pub struct SimDisk {
    device: Arc<Mutex<Device>>,
    mount: u64,
    gate: Gate,
}

struct Device {
    options: DiskOptions,
    tree: Tree,
    used: Arc<AtomicU64>,
    mount: u64,
    powerless: bool,
    troubles: Troubles,
    tally: DiskTally,
    latency: Stream,
    damage: Stream,
}

impl SimDisk {
    /// An empty disk, whose dice are the streams `disk/{name}/..` of the seed.
    #[must_use]
    pub fn new(seed: Seed, name: &str, options: DiskOptions) -> Self {
        let device = Device {
            options,
            tree: Tree::new(),
            used: Arc::default(),
            mount: 0,
            powerless: false,
            troubles: Troubles::default(),
            tally: DiskTally::default(),
            latency: seed.stream(&format!("disk/{name}/latency")),
            damage: seed.stream(&format!("disk/{name}/damage")),
        };
        Self { device: Arc::new(Mutex::new(device)), mount: 0, gate: Gate::new(true) }
    }

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// By `mode`: ENOENT or EEXIST; EISDIR; ENOTDIR; EIO when a creation fails.
    pub fn open(&self, path: &str, mode: OpenMode) -> io::Result<SimFile> {
        let mut device = self.device()?;
        let file = match (device.tree.find(path), mode) {
            (Ok(_), OpenMode::CreateNew) => return Err(error(libc::EEXIST)),
            (Ok(Entry::Directory(_)), OpenMode::Existing | OpenMode::Create) => {
                return Err(error(libc::EISDIR));
            }
            (Ok(Entry::File(file)), OpenMode::Existing | OpenMode::Create) => file,
            (Err(missing), OpenMode::Create | OpenMode::CreateNew)
                if missing.kind() == io::ErrorKind::NotFound =>
            {
                let file = Arc::new(Mutex::new(Inode::new(Arc::clone(&device.used))));
                device.may_write()?;
                device.tree.create(path, Arc::clone(&file))?;
                self.changed(&mut device);
                file
            }
            (Err(failed), _) => return Err(failed),
        };
        drop(device);
        Ok(SimFile { disk: self.clone(), file })
    }

    /// Makes a directory and its parents; no error if it exists.
    ///
    /// # Errors
    /// A file is in the way (EEXIST, ENOTDIR), or EIO.
    pub fn create_dir_all(&self, path: &str) -> io::Result<()> {
        let mut device = self.device()?;
        device.may_write()?;
        if device.tree.create_dir_all(path)? > 0 {
            self.changed(&mut device);
        }
        Ok(())
    }

    /// Moves a file or a directory, replacing a file or an empty directory at `to`. Visible at
    /// once, durable when both directories are synced.
    ///
    /// # Errors
    /// As rename(2).
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut device = self.device()?;
        device.may_write()?;
        device.tree.rename(from, to)?;
        self.changed(&mut device);
        Ok(())
    }

    /// Takes a file's name away; open handles keep the file.
    ///
    /// # Errors
    /// ENOENT, EISDIR, ENOTDIR, EIO.
    pub fn remove_file(&self, path: &str) -> io::Result<()> {
        let mut device = self.device()?;
        device.may_write()?;
        device.tree.remove_file(path)?;
        self.changed(&mut device);
        Ok(())
    }

    /// The names in a directory, sorted; the root is the empty path.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR.
    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.device()?.tree.list(directory)
    }

    /// Whether something is at `path`.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.device().is_ok_and(|device| device.tree.find(path).is_ok())
    }

    /// Makes the names in a directory durable, and whatever they depend on. The directory's own
    /// name is its parent's business.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EIO.
    pub async fn sync_dir(&self, directory: &str) -> io::Result<()> {
        let (number, mark, delay) = {
            let mut device = self.device()?;
            let number = device.tree.directory(directory)?;
            (number, device.tree.mark(), device.sync_time())
        };
        tokio::time::sleep(delay).await;
        {
            let mut device = self.device()?;
            if device.fails_sync() {
                device.tally.syncs_failed += 1;
                return Err(error(libc::EIO));
            }
            device.tree.saved(number, mark);
            self.changed(&mut device);
        }
        self.gate.pass().await;
        Ok(())
    }

    /// The device, if this mount is still the one.
    fn device(&self) -> io::Result<MutexGuard<'_, Device>> {
        let device = lock(&self.device);
        if device.mount != self.mount {
            return Err(error(libc::ESTALE));
        }
        if device.powerless {
            return Err(error(libc::EIO));
        }
        Ok(device)
    }

    /// An operation changed the disk; perhaps it was the last before the power goes.
    fn changed(&self, device: &mut Device) {
        if let Some(left) = &mut device.troubles.operations_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                device.powerless = true;
                // Nothing that happens from here to the cut may reach anybody.
                self.gate.shut();
            }
        }
    }
}

impl Device {
    /// Whether a fault that befalls so many of a thousand befalls this operation.
    fn strikes(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.latency.chance(u64::from(per_mille), 1000)
    }

    fn may_read(&mut self) -> io::Result<()> {
        let per_mille = self.troubles.fail_reads;
        if self.strikes(per_mille) {
            self.tally.reads_failed += 1;
            return Err(error(libc::EIO));
        }
        Ok(())
    }

    fn may_write(&mut self) -> io::Result<()> {
        let per_mille = self.troubles.fail_writes;
        if self.strikes(per_mille) {
            self.tally.writes_failed += 1;
            return Err(error(libc::EIO));
        }
        Ok(())
    }

    /// Whether an fsync fails that has something to lose.
    fn fails_sync(&mut self) -> bool {
        let per_mille = self.troubles.fail_syncs;
        self.strikes(per_mille)
    }

    fn sync_time(&mut self) -> Duration {
        let (min, max) = (self.options.sync_latency_min, self.options.sync_latency_max);
        let usual = if min < max { self.latency.millis(min..max) } else { min };
        match self.troubles.slow {
            Some(factor) => {
                self.tally.syncs_slowed += 1;
                usual.saturating_mul(factor)
            }
            None => usual,
        }
    }

    fn free(&self) -> u64 {
        let limit = self.troubles.space_limit.unwrap_or(u64::MAX).min(self.options.capacity);
        limit.saturating_sub(self.used.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").field("mount", &self.mount).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
