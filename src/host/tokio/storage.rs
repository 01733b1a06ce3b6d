//! The file system below one directory.
//!
//! Data calls go straight to the page cache with `pread` and `pwrite`; only what waits for the
//! device runs on tokio's blocking pool.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::host::{BoxFuture, File, OpenMode, Storage};

/// Held as long as a process uses the directory, as Kafka does.
const LOCK: &str = ".lock";

/// Writes of several parts up to this many bytes are put together first: copying them costs less
/// than a second call into the kernel.
const COALESCE_MAX: usize = 64 * 1024;

/// A directory as the root of all paths.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    /// The lock goes when the file is closed, however the process ends.
    _lock: fs::File,
}

impl Directory {
    /// Makes the directory if need be and locks it.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("data directory {}: {error}", root.display()))
        };
        fs::create_dir_all(root).map_err(named)?;
        let lock = OpenMode::Create.options().open(root.join(LOCK)).map_err(named)?;
        lock.try_lock().map_err(|refused| match refused {
            fs::TryLockError::WouldBlock => named(io::Error::new(
                io::ErrorKind::WouldBlock,
                "in use by another process, which holds .lock",
            )),
            fs::TryLockError::Error(error) => named(error),
        })?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Where `path` is on this machine. A path that leads out of the directory is refused, whoever
    /// came up with it.
    fn locate(&self, path: &str) -> io::Result<PathBuf> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if inside {
            Ok(self.root.join(path))
        } else {
            let reason = format!("path '{path}' leads out of the data directory");
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
    }
}

impl OpenMode {
    fn options(self) -> fs::OpenOptions {
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true);
        match self {
            Self::Existing => {}
            Self::Create => {
                options.create(true).truncate(false);
            }
            Self::CreateNew => {
                options.create_new(true);
            }
        }
        options
    }
}

impl Storage for Directory {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn File>> {
        let file = mode.options().open(self.locate(path)?)?;
        Ok(Arc::new(DiskFile { file: Arc::new(file) }))
    }

    fn create_dir_all(&self, path: &str) -> io::Result<()> {
        fs::create_dir_all(self.locate(path)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.locate(from)?, self.locate(to)?)
    }

    fn remove_file(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.locate(path)?)
    }

    /// Leaves out the lock, and names that are not Unicode: neither can be one of the broker's.
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let directory = self.locate(directory)?;
        let at_root = directory == self.root;
        let mut names = Vec::new();
        for entry in fs::read_dir(directory)? {
            if let Ok(name) = entry?.file_name().into_string()
                && !(at_root && name == LOCK)
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn exists(&self, path: &str) -> bool {
        self.locate(path).is_ok_and(|path| path.exists())
    }

    fn sync_dir<'a>(&'a self, directory: &'a str) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            let directory = self.locate(directory)?;
            waiting(move || fs::File::open(directory)?.sync_all()).await
        })
    }
}

#[derive(Debug)]
struct DiskFile {
    file: Arc<fs::File>,
}

impl File for DiskFile {
    fn read_at(&self, position: u64, len: usize) -> io::Result<Bytes> {
        // Whoever asks for "up to a mebibyte" at the end of the file pays for what is there.
        let available = self.size()?.saturating_sub(position);
        let len = len.min(usize::try_from(available).unwrap_or(usize::MAX));
        let mut buffer = vec![0; len];
        let mut filled = 0;
        while filled < len {
            let at = position + u64::try_from(filled).expect("a length in memory fits");
            match self.file.read_at(&mut buffer[filled..], at) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer.truncate(filled);
        Ok(buffer.into())
    }

    fn write_at(&self, position: u64, parts: &[&[u8]]) -> io::Result<()> {
        if parts.len() > 1 && parts.iter().map(|part| part.len()).sum::<usize>() <= COALESCE_MAX {
            return self.file.write_all_at(&parts.concat(), position);
        }
        let mut position = position;
        for part in parts {
            self.file.write_all_at(part, position)?;
            position += u64::try_from(part.len()).expect("a length in memory fits");
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn sync(&self) -> BoxFuture<'_, io::Result<()>> {
        let file = Arc::clone(&self.file);
        Box::pin(waiting(move || file.sync_all()))
    }
}

/// Runs a call that waits for the device where it does not hold up other tasks.
async fn waiting(call: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    ::tokio::task::spawn_blocking(call).await.unwrap_or_else(|stopped| {
        // The runtime is going down: nothing is known about what reached the device.
        Err(io::Error::other(stopped))
    })
}

#[cfg(test)]
mod tests;
