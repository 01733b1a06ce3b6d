//! The simulated disk against a real one, and against its own promises.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn disk(seed: u64) -> SimDisk {
    SimDisk::new(Seed(seed), "test", DiskOptions::new())
}

fn remount(disk: &SimDisk) -> SimDisk {
    disk.mount(Gate::new(true))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(work)
}

fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(path, OpenMode::Existing).ok()?;
    Some(file.read_at(0, 1 << 20).unwrap())
}

fn write_new(disk: &SimDisk, path: &str, bytes: &[u8]) -> SimFile {
    let file = disk.open(path, OpenMode::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_at(0, &[bytes]).unwrap();
    file
}

#[derive(Clone, Debug)]
enum Act {
    Open(String, OpenMode),
    Write { slot: usize, position: u64, length: usize },
    Read { slot: usize, position: u64, length: usize },
    SetLen { slot: usize, length: u64 },
    Size { slot: usize },
    Sync { slot: usize },
    Rename(String, String),
    Remove(String),
    MakeDir(String),
    List(String),
    Exists(String),
    SyncDir(String),
}

fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/f", "a/x"])
        .prop_map(str::to_owned)
}

fn mode() -> impl Strategy<Value = OpenMode> {
    prop::sample::select(vec![OpenMode::Existing, OpenMode::Create, OpenMode::CreateNew])
}

fn act() -> impl Strategy<Value = Act> {
    let slot = 0_usize..4;
    prop_oneof![
        4 => (path(), mode()).prop_map(|(path, mode)| Act::Open(path, mode)),
        6 => (slot.clone(), 0_u64..3000, 0_usize..2000)
            .prop_map(|(slot, position, length)| Act::Write { slot, position, length }),
        4 => (slot.clone(), 0_u64..4000, 0_usize..4000)
            .prop_map(|(slot, position, length)| Act::Read { slot, position, length }),
        2 => (slot.clone(), 0_u64..4000).prop_map(|(slot, length)| Act::SetLen { slot, length }),
        1 => slot.clone().prop_map(|slot| Act::Size { slot }),
        2 => slot.prop_map(|slot| Act::Sync { slot }),
        3 => (path(), path()).prop_map(|(from, to)| Act::Rename(from, to)),
        2 => path().prop_map(Act::Remove),
        2 => path().prop_map(Act::MakeDir),
        2 => path().prop_map(Act::List),
        1 => path().prop_map(Act::Exists),
        1 => path().prop_map(Act::SyncDir),
    ]
}

/// What an operation answered, comparable between the two worlds.
type Answer = Result<String, Option<i32>>;

fn answer<T: fmt::Debug>(result: io::Result<T>) -> Answer {
    result.map(|value| format!("{value:?}")).map_err(|failed| failed.raw_os_error())
}

fn bytes(salt: usize, length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from((i * 7 + salt * 13) % 251).unwrap()).collect()
}

/// The simulated side.
struct Simulated {
    disk: SimDisk,
    open: Vec<SimFile>,
}

impl Simulated {
    fn perform(&mut self, act: &Act, salt: usize) -> Answer {
        let file = |slot: usize| self.open.get(slot % self.open.len().max(1));
        match act {
            Act::Open(path, mode) => {
                let opened = self.disk.open(path, *mode);
                answer(opened.map(|file| self.open.push(file)))
            }
            Act::Write { slot, position, length } => file(*slot).map_or(Ok(String::new()), |f| {
                let data = bytes(salt, *length);
                let (head, tail) = data.split_at(*length / 2);
                answer(f.write_at(*position, &[head, tail]))
            }),
            Act::Read { slot, position, length } => {
                file(*slot).map_or(Ok(String::new()), |f| answer(f.read_at(*position, *length)))
            }
            Act::SetLen { slot, length } => {
                file(*slot).map_or(Ok(String::new()), |f| answer(f.set_len(*length)))
            }
            Act::Size { slot } => file(*slot).map_or(Ok(String::new()), |f| answer(f.size())),
            Act::Sync { slot } => file(*slot).map_or(Ok(String::new()), |f| answer(run(f.sync()))),
            Act::Rename(from, to) => answer(self.disk.rename(from, to)),
            Act::Remove(path) => answer(self.disk.remove_file(path)),
            Act::MakeDir(path) => answer(self.disk.create_dir_all(path)),
            Act::List(path) => answer(self.disk.list(path)),
            Act::Exists(path) => Ok(self.disk.exists(path).to_string()),
            Act::SyncDir(path) => answer(run(self.disk.sync_dir(path))),
        }
    }
}

/// The real side, in a temporary directory.
#[expect(clippy::disallowed_types, reason = "the real file system is what is compared with")]
struct Real {
    root: PathBuf,
    open: Vec<std::fs::File>,
}

impl Real {
    fn perform(&mut self, act: &Act, salt: usize) -> Answer {
        let at = |path: &str| self.root.join(path);
        let file = |slot: usize| self.open.get(slot % self.open.len().max(1));
        match act {
            Act::Open(path, mode) => {
                let mut options = std::fs::OpenOptions::new();
                options.read(true).write(true);
                options.create(*mode == OpenMode::Create).create_new(*mode == OpenMode::CreateNew);
                let opened = options.open(at(path));
                answer(opened.map(|file| self.open.push(file)))
            }
            Act::Write { slot, position, length } => file(*slot).map_or(Ok(String::new()), |f| {
                answer(f.write_all_at(&bytes(salt, *length), *position))
            }),
            Act::Read { slot, position, length } => file(*slot).map_or(Ok(String::new()), |f| {
                let mut buffer = vec![0; *length];
                let read = f.read_at(&mut buffer, *position);
                answer(read.map(|read| buffer[..read].to_vec()))
            }),
            Act::SetLen { slot, length } => {
                file(*slot).map_or(Ok(String::new()), |f| answer(f.set_len(*length)))
            }
            Act::Size { slot } => file(*slot)
                .map_or(Ok(String::new()), |f| answer(f.metadata().map(|found| found.len()))),
            Act::Sync { slot } => file(*slot).map_or(Ok(String::new()), |_| answer(Ok(()))),
            Act::Rename(from, to) => answer(std::fs::rename(at(from), at(to))),
            Act::Remove(path) => answer(std::fs::remove_file(at(path))),
            Act::MakeDir(path) => answer(std::fs::create_dir_all(at(path))),
            Act::List(path) => answer(std::fs::read_dir(at(path)).map(|entries| {
                let name = |entry: io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
                let names = entries.map(|entry| name(entry).into_string().unwrap());
                let mut names: Vec<String> = names.collect();
                names.sort();
                names
            })),
            Act::Exists(path) => Ok(at(path).exists().to_string()),
            Act::SyncDir(path) => answer(std::fs::read_dir(at(path)).map(|_| ())),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn answers_are_those_of_the_real_file_system(acts in prop::collection::vec(act(), 1..80)) {
        let root = tempfile::tempdir().unwrap();
        let mut real = Real { root: root.path().to_owned(), open: Vec::new() };
        let mut simulated = Simulated { disk: disk(1), open: Vec::new() };
        for (salt, act) in acts.iter().enumerate() {
            let (expected, got) = (real.perform(act, salt), simulated.perform(act, salt));
            prop_assert_eq!(expected, got, "{:?}", act);
        }
    }

    /// Random changes, some fsynced, then a power cut: each synced byte that was not written
    /// again is there, and every sector shows a state it once had.
    #[test]
    fn what_was_synced_survives_any_power_cut(
        seed in any::<u64>(),
        before in prop::collection::vec((0_u64..4000, 1_usize..1500), 1..8),
        after in prop::collection::vec((0_u64..4000, 0_usize..1500, any::<bool>()), 0..8),
    ) {
        let disk = disk(seed);
        let file = disk.open("f", OpenMode::Create).unwrap();
        for (salt, (position, length)) in before.iter().enumerate() {
            file.write_at(*position, &[&bytes(salt, *length)]).unwrap();
        }
        run(async { file.sync().await.unwrap(); disk.sync_dir("").await.unwrap() });
        let mut states = vec![content(&disk, "f").unwrap()];
        for (salt, (position, length, cut)) in after.iter().enumerate() {
            if *cut {
                file.set_len(*position).unwrap();
            } else {
                file.write_at(*position, &[&bytes(salt + 100, *length)]).unwrap();
            }
            states.push(content(&disk, "f").unwrap());
        }
        disk.power_cut(Loss::Random);
        let left = content(&remount(&disk), "f").unwrap();
        for (sector, found) in left.chunks(512).enumerate() {
            let possible = states.iter().any(|state| {
                let mut then = state.get(sector * 512..).unwrap_or_default().to_vec();
                then.resize(found.len(), 0);
                then == found
            });
            prop_assert!(possible, "sector {} was never like this", sector);
        }
        let lowest = states.iter().map(Vec::len).min().unwrap();
        prop_assert!(left.len() >= lowest);
    }
}

/// Replaces `f` as everybody should: write beside it, fsync, rename, sync the directory.
async fn replace(disk: &SimDisk, bytes: &[u8]) -> io::Result<()> {
    let beside = disk.open("f.tmp", OpenMode::Create)?;
    beside.set_len(0)?;
    beside.write_at(0, &[bytes])?;
    beside.sync().await?;
    disk.rename("f.tmp", "f")?;
    disk.sync_dir("").await
}

#[test]
fn atomic_replace_is_atomic_at_every_crash_point() {
    let (old, new) = (bytes(1, 3000), bytes(2, 5000));
    let mut seen_old = 0;
    for operations in 1..=6 {
        for seed in 0..200 {
            let disk = disk(seed);
            run(replace(&disk, &old)).unwrap();
            assert!(disk.inject(&DiskFault::CutAfter { operations }));
            // The disk fails or the gate shuts once the power is to go.
            let done = run(async {
                tokio::time::timeout(Duration::from_secs(1), replace(&disk, &new)).await
            });
            let completed = matches!(done, Ok(Ok(()))) || operations > 5;
            disk.power_cut(Loss::Random);
            let left = content(&remount(&disk), "f").expect("one of the two is there");
            assert!(left == new || (left == old && !completed), "torn: {} bytes", left.len());
            seen_old += u32::from(left == old);
        }
    }
    assert!(seen_old > 200 && seen_old < 1100, "both outcomes must occur, old: {seen_old}");
}

#[test]
fn rename_without_syncs_may_lose_the_content() {
    let torn = (0..200).any(|seed| {
        let disk = disk(seed);
        run(replace(&disk, &bytes(1, 3000))).unwrap();
        write_new(&disk, "f.tmp", &bytes(2, 5000));
        disk.rename("f.tmp", "f").unwrap();
        disk.power_cut(Loss::Random);
        let left = content(&remount(&disk), "f").unwrap();
        left != bytes(1, 3000) && left != bytes(2, 5000)
    });
    assert!(torn);
}

#[test]
fn killed_process_loses_nothing_and_its_handles_are_dead() {
    let disk = disk(1);
    let file = write_new(&disk, "f", b"never synced");
    disk.kill();
    assert_eq!(file.write_at(0, &[b"x"]).unwrap_err().raw_os_error(), Some(libc::ESTALE));
    assert_eq!(content(&remount(&disk), "f").unwrap(), b"never synced");
}

#[test]
fn power_cut_loses_exactly_the_unsynced_when_told_to() {
    let disk = disk(1);
    let file = write_new(&disk, "f", b"synced");
    run(async {
        file.sync().await.unwrap();
        disk.sync_dir("").await.unwrap();
    });
    file.write_at(6, &[b" and not"]).unwrap();
    write_new(&disk, "g", b"no name");
    disk.power_cut(Loss::Everything);
    let disk = remount(&disk);
    assert_eq!(content(&disk, "f").unwrap(), b"synced");
    assert!(!disk.exists("g"));
    // The creation of `g` is one lost name; its bytes went with it.
    assert_eq!((disk.tally().changes_lost, disk.tally().names_lost), (1, 1));
    assert_eq!(disk.used(), 6);
}

#[test]
fn file_without_a_synced_name_is_gone_though_its_bytes_were_synced() {
    let disk = disk(1);
    let file = write_new(&disk, "f", b"synced");
    run(file.sync()).unwrap();
    disk.power_cut(Loss::Everything);
    assert!(!remount(&disk).exists("f"));
}

#[test]
fn sync_of_a_directory_brings_what_it_depends_on_and_no_more() {
    let disk = disk(1);
    disk.create_dir_all("d").unwrap();
    disk.create_dir_all("other").unwrap();
    run(disk.sync_dir("")).unwrap();
    write_new(&disk, "other/unsynced", b"1");
    write_new(&disk, "d/a", b"2");
    disk.rename("d/a", "d/b").unwrap();
    run(disk.sync_dir("d")).unwrap();
    disk.power_cut(Loss::Everything);
    let disk = remount(&disk);
    assert_eq!(disk.list("d").unwrap(), ["b"]);
    assert!(disk.list("other").unwrap().is_empty());
}

#[test]
fn data_after_a_failed_fsync_reads_well_and_is_never_on_the_platter() {
    let disk = disk(1);
    let file = write_new(&disk, "f", b"");
    run(disk.sync_dir("")).unwrap();
    file.write_at(0, &[b"first"]).unwrap();
    assert!(disk.inject(&DiskFault::FailSyncs { per_mille: 1000 }));
    assert_eq!(run(file.sync()).unwrap_err().raw_os_error(), Some(libc::EIO));
    disk.mend_all();
    file.write_at(5, &[b"second"]).unwrap();
    run(file.sync()).unwrap();
    assert_eq!(content(&disk, "f").unwrap(), b"firstsecond");
    disk.power_cut(Loss::Nothing);
    assert_eq!(content(&remount(&disk), "f").unwrap(), b"\0\0\0\0\0second");
    assert_eq!(disk.tally().syncs_failed, 1);
}

#[test]
fn full_disk_says_so_and_has_room_again_after_a_removal() {
    let disk = disk(1);
    let file = write_new(&disk, "f", &[7; 100]);
    assert!(disk.inject(&DiskFault::Full { free_bytes: 50 }));
    let refused = file.write_at(100, &[&[8; 80]]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.size().unwrap(), 150);
    assert!(file.write_at(0, &[&[9; 150]]).is_ok(), "overwriting needs no space");
    drop(file);
    disk.remove_file("f").unwrap();
    run(disk.sync_dir("")).unwrap();
    assert_eq!(disk.used(), 0);
    write_new(&disk, "g", &[1; 120]);
    assert_eq!(disk.tally().writes_refused_full, 1);
}

#[test]
fn far_away_write_is_refused_rather_than_allocated() {
    let file = write_new(&disk(1), "f", b"");
    assert_eq!(file.write_at(1 << 50, &[b"x"]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.write_at(u64::MAX, &[b"x"]).unwrap_err().raw_os_error(), Some(libc::EFBIG));
    assert!(file.set_len(1 << 50).is_err());
}

#[test]
fn io_errors_and_slow_syncs_strike_as_often_as_told() {
    let disk = disk(1);
    let file = write_new(&disk, "f", &[0; 10]);
    assert!(disk.inject(&DiskFault::FailReads { per_mille: 500 }));
    assert!(disk.inject(&DiskFault::FailWrites { per_mille: 500 }));
    let reads = (0..200).filter(|_| file.read_at(0, 1).is_err()).count();
    let writes = (0..200).filter(|_| file.write_at(0, &[b"abcd"]).is_err()).count();
    assert!((60..140).contains(&reads) && (60..140).contains(&writes));
    disk.mend_all();
    assert!(disk.inject(&DiskFault::SlowSyncs { factor: 1000 }));
    let took = run(async {
        let begun = tokio::time::Instant::now();
        file.sync().await.unwrap();
        begun.elapsed()
    });
    assert!(took >= Duration::from_secs(1));
    assert_eq!(disk.tally().syncs_slowed, 1);
}

#[test]
fn flipped_bit_stays_flipped() {
    let disk = disk(1);
    let file = write_new(&disk, "f", &[0; 1000]);
    assert!(!disk.inject(&DiskFault::FlipBit), "nothing is durable yet");
    run(async {
        file.sync().await.unwrap();
        disk.sync_dir("").await.unwrap();
    });
    assert!(disk.inject(&DiskFault::FlipBit));
    assert!(disk.flip_bit("f", 3, 0));
    disk.power_cut(Loss::Everything);
    let left = content(&remount(&disk), "f").unwrap();
    assert!(left.iter().filter(|byte| **byte != 0).count() >= 1);
    assert_eq!(disk.tally().bits_flipped, 2);
}

#[test]
fn crash_between_write_and_fsync_can_tear_the_tail_anywhere() {
    let mut lengths = std::collections::BTreeSet::new();
    let mut zeros = false;
    for seed in 0..400 {
        let disk = disk(seed);
        let file = write_new(&disk, "f", &bytes(1, 600));
        run(async {
            file.sync().await.unwrap();
            disk.sync_dir("").await.unwrap();
        });
        file.write_at(600, &[&[0xff; 1400]]).unwrap();
        disk.power_cut(Loss::Random);
        let left = content(&remount(&disk), "f").unwrap();
        assert_eq!(left[..600], bytes(1, 600));
        zeros |= left.len() == 2000 && left[1999] == 0;
        lengths.insert(left.len());
    }
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [600, 1024, 1536, 2000]);
    assert!(zeros, "a length without its data must occur");
}
