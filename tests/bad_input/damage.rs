//! What disks do to files: flipped bits, files cut short, contents of somebody else's.

use std::fs;
use std::path::{Path, PathBuf};

/// Turns one bit over, so many bytes before the end.
pub(crate) fn flip_bit(path: &Path, before_end: usize) {
    let mut bytes = read(path);
    let at = bytes.len() - before_end;
    bytes[at] ^= 0x10;
    write(path, &bytes);
}

/// Cuts the file down to `length` bytes.
pub(crate) fn cut(path: &Path, length: usize) {
    let bytes = read(path);
    assert!(length < bytes.len(), "{} has only {} bytes", path.display(), bytes.len());
    write(path, &bytes[..length]);
}

/// Puts bytes behind the end, as of a write that did not come to its own.
pub(crate) fn append(path: &Path, more: &[u8]) {
    write(path, &[&read(path), more].concat());
}

/// Replaces what the file says by what no program wrote.
pub(crate) fn garble(path: &Path) {
    assert!(path.exists(), "there is no {}", path.display());
    write(path, b"0\n\xff\xfe7 rubbish\0\n-1 -1\n");
}

/// The files of a partition with this suffix, in order.
pub(crate) fn segments(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the partition has a directory");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == suffix));
    paths.sort();
    paths
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
