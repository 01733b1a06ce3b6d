//! Whole files: read at once, and replaced so that a power cut leaves the old one or the new one.

use std::io;

use super::{OpenMode, SimDisk};

impl SimDisk {
    /// All that a file holds; `None` if there is no such file.
    ///
    /// # Errors
    /// EIO, EISDIR, ENOTDIR.
    pub fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open(path, OpenMode::Existing) {
            Ok(file) => file,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(failed) => return Err(failed),
        };
        file.read_at(0, usize::MAX).map(Some)
    }

    /// Makes `bytes` all that a file holds. When this returns `Ok` they are durable; if it does not,
    /// the file holds them or what it held before, and after a power cut either of the two.
    ///
    /// It is done as everybody must do it: write `{path}.new`, fsync it, rename it, fsync the
    /// directory. Calls for one path must not overlap.
    ///
    /// # Errors
    /// EIO, ENOSPC, EISDIR; ENOENT or ENOTDIR if there is no such directory.
    pub async fn replace(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let new = format!("{path}.new");
        let file = self.open(&new, OpenMode::Create)?;
        file.set_len(0)?;
        file.write_at(0, &[bytes])?;
        file.sync().await?;
        self.rename(&new, path)?;
        self.sync_dir(path.rsplit_once('/').map_or("", |(directory, _)| directory)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{DiskFault, DiskOptions, Loss};
    use crate::seed::Seed;

    #[tokio::test(start_paused = true)]
    async fn replaced_file_is_the_old_one_or_the_new_one() {
        let mut seen = [0_u32; 2];
        for (seed, operations) in (0..40).flat_map(|seed| (1..7).map(move |left| (seed, left))) {
            let disk = SimDisk::new(Seed(seed), "node", DiskOptions::new());
            disk.create_dir_all("a").unwrap();
            disk.sync_dir("").await.unwrap();
            disk.replace("a/b", b"a long old one").await.unwrap();
            assert!(disk.inject(&DiskFault::CutAfter { operations }));
            let replacing = disk.replace("a/b", b"new");
            let durable = tokio::time::timeout(std::time::Duration::from_secs(1), replacing).await;
            disk.power_cut(Loss::Random);
            let disk = disk.mount(crate::gate::Gate::new(true));
            let left = disk.read("a/b").unwrap().unwrap();
            assert!(left == b"new" || left == b"a long old one", "{left:?}");
            assert!(left == b"new" || !matches!(durable, Ok(Ok(()))), "it was durable");
            seen[usize::from(left == b"new")] += 1;
        }
        assert!(seen.iter().all(|times| *times > 10), "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn leftover_of_a_failed_attempt_does_no_harm() {
        let disk = SimDisk::new(Seed(1), "node", DiskOptions::new());
        assert_eq!(disk.read("b").unwrap(), None);
        disk.open("b.new", OpenMode::Create).unwrap().write_at(0, &[b"garbage"]).unwrap();
        disk.replace("b", b"new").await.unwrap();
        assert_eq!(disk.read("b").unwrap().unwrap(), b"new");
        assert_eq!(disk.list("").unwrap(), ["b"]);
    }
}
