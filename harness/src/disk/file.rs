//! An open file: reads, writes and the fsync that makes them last.

use std::fmt;
use std::io;

use super::SimDisk;
use super::inode::Inode;
use super::tree::{FileRef, error};
use crate::gate::lock;

/// An open file. Positions and lengths are in bytes.
#[derive(Clone)]
pub struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) file: FileRef,
}

impl SimFile {
    /// Reads up to `length` bytes at `position`; fewer only at the end of the file.
    ///
    /// # Errors
    /// EIO.
    pub fn read_at(&self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut device = self.disk.device()?;
        device.may_read()?;
        let file = lock(&self.file);
        let begin = usize::try_from(position).unwrap_or(usize::MAX).min(file.length());
        let end = begin.saturating_add(length).min(file.length());
        Ok(file.content()[begin..end].to_vec())
    }

    /// Writes the parts one after the other, beginning at `position`.
    ///
    /// # Errors
    /// EIO or ENOSPC, after which some first bytes may have been written.
    pub fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        let mut device = self.disk.device()?;
        let mut file = lock(&self.file);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let position = usize::try_from(position).map_err(|_| error(libc::EFBIG))?;
        let end = position.checked_add(length).ok_or_else(|| error(libc::EFBIG))?;
        if let Err(failed) = device.may_write() {
            let written = device.latency.index(length + 1);
            if file.growth(position + written) == 0 {
                write_prefix(&mut file, position, parts, written);
            }
            return Err(failed);
        }
        let (growth, free) = (file.growth(end), device.free());
        if u64::try_from(growth).is_ok_and(|growth| growth > free) {
            device.tally.writes_refused_full += 1;
            let missing = growth - usize::try_from(free).expect("less than the growth");
            write_prefix(&mut file, position, parts, length.saturating_sub(missing));
            self.disk.changed(&mut device);
            return Err(error(libc::ENOSPC));
        }
        file.write(position, parts);
        drop(file);
        self.disk.changed(&mut device);
        Ok(())
    }

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// EIO or ENOSPC.
    pub fn set_len(&self, length: u64) -> io::Result<()> {
        let mut device = self.disk.device()?;
        device.may_write()?;
        let length = usize::try_from(length).map_err(|_| error(libc::EFBIG))?;
        let mut file = lock(&self.file);
        if u64::try_from(file.growth(length)).is_ok_and(|growth| growth > device.free()) {
            device.tally.writes_refused_full += 1;
            return Err(error(libc::ENOSPC));
        }
        file.resize(length);
        drop(file);
        self.disk.changed(&mut device);
        Ok(())
    }

    /// The file's length in bytes.
    ///
    /// # Errors
    /// ESTALE, if the node was restarted since.
    pub fn size(&self) -> io::Result<u64> {
        let _device = self.disk.device()?;
        Ok(u64::try_from(lock(&self.file).length()).expect("a length fits 64 bits"))
    }

    /// Waits until everything written before the call is on the platter.
    ///
    /// # Errors
    /// EIO: what was written before is not on the platter and, though it reads well, never will be.
    pub async fn sync(&self) -> io::Result<()> {
        let (mark, delay) = {
            let mut device = self.disk.device()?;
            (lock(&self.file).mark(), device.sync_time())
        };
        tokio::time::sleep(delay).await;
        let outcome = self.settle(mark);
        self.disk.gate.pass().await;
        outcome
    }

    fn settle(&self, mark: u64) -> io::Result<()> {
        let mut device = self.disk.device()?;
        let mut file = lock(&self.file);
        if file.is_dirty() && device.fails_sync() {
            device.tally.syncs_failed += 1;
            file.doom(mark);
            return Err(error(libc::EIO));
        }
        file.saved(mark);
        drop(file);
        self.disk.changed(&mut device);
        Ok(())
    }
}

/// Writes the first `length` bytes of the parts.
fn write_prefix(file: &mut Inode, position: usize, parts: &[&[u8]], length: usize) {
    let whole = parts.concat();
    file.write(position, &[&whole[..length]]);
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = lock(&self.file).length();
        f.debug_struct("SimFile").field("length", &length).finish_non_exhaustive()
    }
}
