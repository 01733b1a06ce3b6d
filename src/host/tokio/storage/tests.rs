//! The promises of the seam, held against a temporary directory.

use std::io::ErrorKind;

use super::*;

struct Disk {
    _dir: tempfile::TempDir,
    storage: Directory,
}

fn disk() -> Disk {
    let dir = tempfile::tempdir().unwrap();
    let storage = Directory::open(dir.path()).unwrap();
    Disk { _dir: dir, storage }
}

#[tokio::test]
async fn what_is_written_is_read_where_it_was_written() {
    let Disk { storage, _dir } = disk();
    storage.create_dir_all("orders-0").unwrap();
    let file = storage.open("orders-0/log", OpenMode::Create).unwrap();
    let tail = vec![7; COALESCE_MAX + 1];
    file.write_at(0, &[b"head", b"-", b"tail"]).unwrap();
    file.write_at(9, &[b"!", &tail]).unwrap();
    file.sync().await.unwrap();
    storage.sync_dir("orders-0").await.unwrap();

    let again = storage.open("orders-0/log", OpenMode::Existing).unwrap();
    assert_eq!(again.size().unwrap(), 10 + u64::try_from(tail.len()).unwrap());
    assert_eq!(again.read_at(0, 10).unwrap(), "head-tail!");
    assert_eq!(again.read_at(10, usize::MAX).unwrap(), tail, "no more than there is");
    assert_eq!(again.read_at(1 << 40, 5).unwrap(), "", "nothing behind the end");
    again.set_len(4).unwrap();
    assert_eq!(again.read_at(2, 100).unwrap(), "ad");
}

#[test]
fn a_gap_before_a_write_reads_as_zeros() {
    let Disk { storage, _dir } = disk();
    let file = storage.open("log", OpenMode::Create).unwrap();
    file.write_at(3, &[b"x"]).unwrap();
    assert_eq!(file.read_at(0, 9).unwrap(), &b"\0\0\0x"[..]);
}

#[test]
fn modes_say_what_is_expected() {
    let Disk { storage, _dir } = disk();
    let kind = |path, mode| storage.open(path, mode).map(|_| ()).map_err(|error| error.kind());
    assert_eq!(kind("a", OpenMode::Existing), Err(ErrorKind::NotFound));
    assert_eq!(kind("a", OpenMode::CreateNew), Ok(()));
    assert_eq!(kind("a", OpenMode::CreateNew), Err(ErrorKind::AlreadyExists));
    let file = storage.open("a", OpenMode::Existing).unwrap();
    file.write_at(0, &[b"kept"]).unwrap();
    assert_eq!(storage.open("a", OpenMode::Create).unwrap().size().unwrap(), 4);
}

#[test]
fn names_are_listed_sorted_and_can_be_moved_and_removed() {
    let Disk { storage, _dir } = disk();
    for name in ["b", "c", "a"] {
        storage.open(name, OpenMode::CreateNew).unwrap();
    }
    storage.rename("c", "a").unwrap();
    storage.create_dir_all("deep/er").unwrap();
    storage.create_dir_all("deep/er").expect("twice is no error");
    assert_eq!(storage.list("").unwrap(), ["a", "b", "deep"], "and not the lock");
    storage.remove_file("b").unwrap();
    assert!(storage.exists("a") && storage.exists("deep/er") && !storage.exists("b"));
    assert_eq!(storage.list("none").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(storage.remove_file("b").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(storage.rename("b", "d").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn no_path_leads_out_of_the_data_directory() {
    let Disk { storage, _dir } = disk();
    for path in ["../outside", "/etc/passwd", "a/../../b", "./a"] {
        let refused = storage.open(path, OpenMode::Create).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{path}");
        assert!(!storage.exists(path));
    }
}

#[tokio::test]
async fn a_sync_survives_the_removal_of_its_file() {
    let Disk { storage, _dir } = disk();
    let file = storage.open("gone", OpenMode::CreateNew).unwrap();
    file.write_at(0, &[b"x"]).unwrap();
    storage.remove_file("gone").unwrap();
    file.sync().await.expect("the file lives as long as it is open");
    assert_eq!(file.read_at(0, 1).unwrap(), "x");
}
