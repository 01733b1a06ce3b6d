//! The bytes on the disk are Kafka's, and what is wrong with a small file is said clearly.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use expect_test::{Expect, expect};

use super::super::testing::{Batch, DIRECTORY, TestDisk, header, lead, new_log, now};
use super::super::{checkpoint, clean_marker, partition_metadata, producers::Producers, snapshot};
use crate::host::{OpenMode, Storage};
use crate::types::{BrokerEpoch, Offset, TopicId, TopicPartition};

fn put(disk: &TestDisk, path: &str, content: &[u8]) {
    let file = disk.open(path, OpenMode::Create).unwrap();
    file.set_len(0).unwrap();
    file.write_at(0, &[content]).unwrap();
}

#[test]
fn indexes_point_to_batches_as_kafka_dump_log_expects() {
    let (disk, mut log) = new_log(2_000);
    for batch in 0..20 {
        lead(&mut log, 1, Batch::of(2).at(1_000 + 10 * batch).sized(30));
    }
    let files = disk.files();
    let mut entries = 0;
    for (name, content) in files.iter().filter(|(name, _)| name.ends_with(".index")) {
        let batches = &files[&name.replace(".index", ".log")];
        let base = header(&Bytes::copy_from_slice(batches)).base_offset;
        let mut index = &content[..];
        while index.has_remaining() {
            let offset = base.plus(i64::from(index.get_u32()));
            let position = usize::try_from(index.get_u32()).unwrap();
            let batch = header(&Bytes::copy_from_slice(&batches[position..]));
            assert_eq!(batch.last_offset(), offset, "{name}");
            entries += 1;
        }
    }
    assert!(entries >= 6, "{entries} entries");
    let mut times = &files[&format!("{DIRECTORY}/{:020}.timeindex", 0)][..];
    let mut last = 0;
    while times.has_remaining() {
        let (timestamp, offset) = (times.get_i64(), i64::from(times.get_u32()));
        assert!(timestamp > last);
        assert_eq!(timestamp, 1_000 + 10 * (offset / 2) + 1, "the batch of offset {offset}");
        last = timestamp;
    }
    assert!(last > 1_000, "a segment that is complete names its youngest batch");
}

#[test]
fn the_leader_epoch_checkpoint_is_text() {
    let (disk, mut log) = new_log(10_000);
    lead(&mut log, 1, Batch::of(3));
    lead(&mut log, 7, Batch::of(3));
    let text = disk.files()[&format!("{DIRECTORY}/leader-epoch-checkpoint")].clone();
    expect![[r"
        0
        2
        1 0
        7 3
    "]]
    .assert_eq(&String::from_utf8(text).unwrap());
}

#[test]
fn snapshots_are_read_as_they_are_written() {
    let mut producers = Producers::default();
    for sequence in 0..8 {
        producers
            .note(&header(&Batch::of(3).by(5, 2, sequence * 3).held(i64::from(sequence) * 3, 1)));
    }
    producers.note(&header(&Batch::of(2).by(8, 0, i32::MAX).held(24, 1)));
    let bytes = snapshot::encode(&producers);
    assert_eq!(snapshot::decode(&bytes).unwrap(), producers);
    assert_eq!(bytes.len(), 2 + 4 + 4 + 46 * (5 + 1));
    assert_eq!(bytes[..2], [0, 1], "version 1");
    for position in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x10;
        assert!(snapshot::decode(&flipped).is_err(), "byte {position}");
        assert!(snapshot::decode(&bytes[..position]).is_err(), "cut at {position}");
    }
}

#[test]
fn checkpoints_are_read_as_they_are_written() {
    let disk = TestDisk::new();
    let path = "data/recovery-point-offset-checkpoint";
    assert_eq!(checkpoint::read(&*disk, path).unwrap(), BTreeMap::new(), "a missing one is empty");
    let offsets: BTreeMap<TopicPartition, Offset> =
        [("orders", 0, 12), ("orders", 11, 0), ("a.b_c-d", 3, i64::MAX)]
            .map(|(topic, partition, offset)| {
                (TopicPartition::new(topic, partition), Offset(offset))
            })
            .into();
    now(checkpoint::write(&*disk, path, &offsets)).unwrap();
    assert_eq!(checkpoint::read(&*disk, path).unwrap(), offsets);
    expect![[r"
        0
        3
        a.b_c-d 3 9223372036854775807
        orders 0 12
        orders 11 0
    "]]
    .assert_eq(&String::from_utf8(disk.files()[path].clone()).unwrap());
    assert_eq!(disk.files().len(), 1, "nothing is left beside it");
    now(checkpoint::write(&*disk, path, &BTreeMap::new())).unwrap();
    assert_eq!(checkpoint::read(&*disk, path).unwrap(), BTreeMap::new());
}

#[test]
fn a_broken_checkpoint_names_file_and_line() {
    let disk = TestDisk::new();
    let check = |content: &str, expected: Expect| {
        put(&disk, "hw", content.as_bytes());
        expected.assert_eq(&checkpoint::read(&*disk, "hw").unwrap_err().to_string());
    };
    check("", expect!["hw line 1: the file ends here"]);
    check("1\n0\n", expect!["hw line 1: the version is not 0"]);
    check("0\nmany\n", expect![[r#"hw line 2: "many" is not a number in range"#]]);
    check("0\n2\na 0 1\n", expect!["hw line 4: the file ends here"]);
    check("0\n1\na 0 1", expect!["hw line 3: the file ends here"]);
    check("0\n1\na 0\n", expect!["hw line 3: expected 3 fields"]);
    check("0\n1\na 0 -4\n", expect!["hw line 3: negative numbers"]);
    check("0\n2\na 0 1\na 0 2\n", expect!["hw line 4: the partition is listed twice"]);
    check("0\n1\na 0 1\nb 0 1\n", expect!["hw line 4: more lines than the file says it has"]);
    check(
        "0\n99999999999999999999\n",
        expect![[r#"hw line 2: "99999999999999999999" is not a number in range"#]],
    );
    put(&disk, "hw", b"0\n1\na 0 \xff\n");
    assert!(checkpoint::read(&*disk, "hw").unwrap_err().to_string().contains("not text"));
}

#[test]
fn the_clean_marker_is_taken_once() {
    let disk = TestDisk::new();
    assert_eq!(now(clean_marker::take(&*disk, "data")).unwrap(), None);
    now(clean_marker::write(&*disk, "data", BrokerEpoch(77))).unwrap();
    assert_eq!(
        String::from_utf8(disk.files()["data/.kafka_cleanshutdown"].clone()).unwrap(),
        r#"{"version":0,"brokerEpoch":77}"#
    );
    assert_eq!(now(clean_marker::take(&*disk, "data")).unwrap(), Some(BrokerEpoch(77)));
    assert_eq!(now(clean_marker::take(&*disk, "data")).unwrap(), None);
    put(&disk, "data/.kafka_cleanshutdown", b"\0\0\0");
    assert!(now(clean_marker::take(&*disk, "data")).is_err());
    assert_eq!(now(clean_marker::take(&*disk, "data")).unwrap(), None, "gone all the same");
}

#[test]
fn partition_metadata_names_the_topic() {
    let disk = TestDisk::new();
    assert_eq!(partition_metadata::read(&*disk, DIRECTORY).unwrap(), None);
    let topic = TopicId::from_words(1, 2);
    now(partition_metadata::write(&*disk, DIRECTORY, topic)).unwrap();
    assert_eq!(partition_metadata::read(&*disk, DIRECTORY).unwrap(), Some(topic));
    expect![[r"
        version: 0
        topic_id: AAAAAAAAAAEAAAAAAAAAAg
    "]]
    .assert_eq(
        &String::from_utf8(disk.files()[&format!("{DIRECTORY}/partition.metadata")].clone())
            .unwrap(),
    );
    put(&disk, &format!("{DIRECTORY}/partition.metadata"), b"version: 0\ntopic_id: short\n");
    let error = partition_metadata::read(&*disk, DIRECTORY).unwrap_err().to_string();
    assert_eq!(error, format!("{DIRECTORY}/partition.metadata line 2: no topic id"));
}
