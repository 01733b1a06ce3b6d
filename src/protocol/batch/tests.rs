//! Batches against bytes written by hand, against an independent implementation, and against
//! rubbish.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::records as independent;
use proptest::prelude::*;

use super::*;

/// Two records at offsets 42 and 43, written byte by byte from the format's description.
const GOLDEN: [u8; 83] = [
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2a, // base offset 42
    0x00, 0x00, 0x00, 0x47, // 71 bytes follow
    0x00, 0x00, 0x00, 0x03, // leader epoch 3
    0x02, // magic
    0xba, 0x93, 0x06, 0x00, // CRC-32C
    0x00, 0x00, // attributes
    0x00, 0x00, 0x00, 0x01, // last offset delta
    0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x00, // base timestamp
    0x00, 0x00, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x05, // max timestamp
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0f, 0xa0, // producer 4000
    0x00, 0x02, // epoch 2
    0x00, 0x00, 0x00, 0x07, // sequence 7
    0x00, 0x00, 0x00, 0x02, // two records
    0x18, 0x00, 0x00, 0x00, // 12 bytes, attributes, +0 ms, +0
    0x02, 0x6b, 0x04, 0x76, 0x31, // "k" is "v1"
    0x02, 0x02, 0x68, 0x01, // one header: "h" is null
    0x10, 0x00, 0x0a, 0x02, // 8 bytes, attributes, +5 ms, +1
    0x01, 0x04, 0x76, 0x32, 0x00, // null is "v2", no header
];

fn golden_builder() -> RecordBatchBuilder {
    let stamp =
        ProducerStamp { id: ProducerId(4000), epoch: ProducerEpoch(2), base_sequence: Sequence(7) };
    let mut batch =
        RecordBatchBuilder::new().appended_at(Offset(42), LeaderEpoch(3)).produced_by(stamp);
    batch.push(NewRecord {
        key: Some(Bytes::from_static(b"k")),
        value: Some(Bytes::from_static(b"v1")),
        headers: vec![RecordHeader { key: Bytes::from_static(b"h"), value: None }],
        timestamp: 1_700_000_000_000,
    });
    batch.push(NewRecord {
        value: Some(Bytes::from_static(b"v2")),
        timestamp: 1_700_000_000_005,
        ..NewRecord::default()
    });
    batch
}

#[test]
fn a_batch_written_by_hand_is_understood_and_written_the_same() {
    let golden = Bytes::from_static(&GOLDEN);
    let header = BatchHeader::parse(&golden).expect("a good header");
    header.verify_crc(&golden).expect("a good checksum");
    assert_eq!(header.size(), GOLDEN.len());
    assert_eq!(header.next_offset(), Offset(44));
    assert_eq!(header.last_sequence(), Sequence(8));
    assert_eq!(header.id().crc, 0xba93_0600);
    let read: Vec<Record> =
        records(&golden).expect("not compressed").collect::<Result<_, _>>().expect("good records");
    assert_eq!(read.len(), 2);
    assert_eq!((read[0].offset, read[0].key.as_deref()), (Offset(42), Some(&b"k"[..])));
    assert_eq!((read[1].offset, read[1].value.as_deref()), (Offset(43), Some(&b"v2"[..])));
    assert_eq!(read[1].timestamp, 1_700_000_000_005);
    assert_eq!(golden_builder().build().expect("small"), golden);
}

#[test]
fn stamping_changes_the_first_16_bytes_and_not_the_checksum() {
    let header = BatchHeader::parse(&GOLDEN).expect("a good header");
    let mut stamped = GOLDEN.to_vec();
    let head = header.stamp_head(Offset(1 << 40), LeaderEpoch(9));
    stamped[..STAMP_BYTES].copy_from_slice(&head);
    let header = BatchHeader::parse(&stamped).expect("still a good header");
    header.verify_crc(&stamped).expect("the checksum does not cover the stamp");
    assert_eq!(header.base_offset, Offset(1 << 40));
    assert_eq!(header.partition_leader_epoch, LeaderEpoch(9));
}

/// The golden batch with some bytes replaced, and its checksum made right again.
fn altered(at: Range<usize>, with: &[u8]) -> Vec<u8> {
    let mut batch = GOLDEN.to_vec();
    batch[at].copy_from_slice(with);
    let crc = crc32c::crc32c(&batch[CRC_END..]);
    batch[CRC_END - 4..CRC_END].copy_from_slice(&crc.to_be_bytes());
    batch
}

#[test]
fn what_a_producer_may_not_send_is_refused_with_its_reason() {
    let refusal = |batch: &[u8]| validate_produced(batch).expect_err("not allowed").to_string();
    let mut flipped = GOLDEN;
    flipped[70] ^= 1;
    let twice = [&GOLDEN[..], &GOLDEN[..]].concat();
    let refusals = [
        ("flipped bit", refusal(&flipped)),
        ("no byte", refusal(&[])),
        ("last byte missing", refusal(&GOLDEN[..82])),
        ("two batches", refusal(&twice)),
        ("magic 1", refusal(&altered(16..17, &[1]))),
        ("no record", refusal(&altered(57..61, &[0; 4]))),
        ("count without delta", refusal(&altered(57..61, &[0, 0, 0, 3]))),
        ("negative delta", refusal(&altered(23..27, &[0xff; 4]))),
        ("control", refusal(&altered(21..23, &[0, 0x20]))),
        ("transactional", refusal(&altered(21..23, &[0, 0x10]))),
        ("codec 5", refusal(&altered(21..23, &[0, 5]))),
        ("no sequence", refusal(&altered(53..57, &[0xff; 4]))),
        ("no producer epoch", refusal(&altered(51..53, &[0xff; 2]))),
        ("length 48", refusal(&altered(8..12, &[0, 0, 0, 48]))),
        ("negative offset", refusal(&altered(0..8, &[0xff; 8]))),
    ];
    let lines: String = refusals.iter().map(|(what, why)| format!("{what}: {why}\n")).collect();
    expect_test::expect![[r#"
        flipped bit: stored checksum 0xba930600 is not the computed 0x8a413e65
        no byte: 0 bytes are fewer than the 61 of a batch header
        last byte missing: batch of 83 bytes ends after 82
        two batches: 83 bytes follow the one batch of 83 bytes
        magic 1: magic 1 is not 2
        no record: 0 records with last offset delta 1
        count without delta: 3 records with last offset delta 1
        negative delta: base offset 42 with last offset delta -1
        control: clients may not write control batches
        transactional: transactional batch of producer 4000 without a transaction
        codec 5: cannot read records compressed with an unknown codec
        no sequence: producer 4000 epoch 2 sequence -1
        no producer epoch: producer 4000 epoch -1 sequence 7
        length 48: batch length 48 is less than a header's
        negative offset: base offset -1 with last offset delta 1
    "#]]
    .assert_eq(&lines);
    validate_produced(&GOLDEN).expect("the batch itself is fine");
}

#[test]
fn batches_in_a_row_end_with_an_error_where_the_last_one_is_cut() {
    let row = Bytes::from([&GOLDEN[..], &GOLDEN[..], &GOLDEN[..40]].concat());
    let ends: Vec<String> = Batches::new(row)
        .map(|batch| match batch {
            Ok(batch) => format!("{} bytes", batch.bytes.len()),
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(ends, ["83 bytes", "83 bytes", "40 bytes are fewer than the 61 of a batch header"]);
}

#[test]
fn a_batch_without_records_is_not_built() {
    assert!(matches!(RecordBatchBuilder::new().build(), Err(BatchError::Count { .. })));
}

#[test]
fn a_header_count_bomb_costs_nothing() {
    let mut body = BytesMut::new();
    body.put_slice(&[0, 0, 0, 1, 1]); // attributes, deltas, no key, no value
    varint::write(i64::from(i32::MAX), &mut body);
    let mut batch = GOLDEN[..HEADER_BYTES].to_vec();
    batch.push(u8::try_from(body.len() * 2).expect("short"));
    batch.extend_from_slice(&body);
    let length = u8::try_from(batch.len() - LENGTH_END).expect("short");
    batch[11] = length;
    let all: Vec<_> = records(&Bytes::from(batch)).expect("not compressed").collect();
    assert_eq!(all, [Err(BatchError::Record { index: 0, reason: "no length of a field" })]);
}

fn some_bytes() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from))
}

fn some_record() -> impl Strategy<Value = NewRecord> {
    let headers = prop::collection::btree_map("[a-z]{0,6}", some_bytes(), 0..3).prop_map(|map| {
        map.into_iter().map(|(key, value)| RecordHeader { key: key.into(), value }).collect()
    });
    (some_bytes(), some_bytes(), headers, 0_i64..1 << 42)
        .prop_map(|(key, value, headers, timestamp)| NewRecord { key, value, headers, timestamp })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_independent_decoder_reads_what_we_write(
        new in prop::collection::vec(some_record(), 1..6),
        base in 0_i64..1 << 50,
    ) {
        let mut builder = RecordBatchBuilder::new().appended_at(Offset(base), LeaderEpoch(4));
        new.iter().cloned().for_each(|record| { builder.push(record); });
        let mut bytes = builder.build().expect("small");
        let ours: Vec<Record> = records(&bytes).expect("plain").map(|r| r.expect("good")).collect();
        let theirs = independent::RecordBatchDecoder::decode(&mut bytes).expect("good").records;
        prop_assert_eq!(ours.len(), new.len());
        for ((our, their), new) in ours.iter().zip(&theirs).zip(&new) {
            prop_assert_eq!(our.offset.0, their.offset);
            prop_assert_eq!(our.timestamp, their.timestamp);
            prop_assert_eq!(our.timestamp, new.timestamp);
            prop_assert_eq!(&our.key, &their.key);
            prop_assert_eq!(&our.value, &their.value);
            prop_assert_eq!(&our.headers, &new.headers);
            let names: Vec<_> = our.headers.iter().map(|h| (&h.key[..], &h.value)).collect();
            let theirs: Vec<_> = their.headers.iter().map(|(k, v)| (k.as_bytes(), v)).collect();
            prop_assert_eq!(names, theirs);
        }
    }

    #[test]
    fn we_read_what_an_independent_encoder_writes(
        new in prop::collection::vec(some_record(), 1..6),
        base in 0_i64..1 << 50,
    ) {
        let theirs: Vec<_> = (base..).zip(&new).map(|(offset, r)| their_record(offset, r)).collect();
        let options = independent::RecordEncodeOptions {
            version: 2,
            compression: independent::Compression::None,
        };
        let mut bytes = BytesMut::new();
        independent::RecordBatchEncoder::encode(&mut bytes, &theirs, &options).expect("good");
        let mut read = Vec::new();
        for batch in Batches::new(bytes.freeze()) {
            let batch = batch.expect("whole");
            batch.header.verify_crc(&batch.bytes).expect("good");
            read.extend(records(&batch.bytes).expect("plain").map(|r| r.expect("good")));
        }
        prop_assert_eq!(read.len(), new.len());
        for (record, new) in read.iter().zip(&new) {
            prop_assert_eq!((&record.key, &record.value), (&new.key, &new.value));
            prop_assert_eq!((&record.headers, record.timestamp), (&new.headers, new.timestamp));
        }
    }

    #[test]
    fn rubbish_ends_in_errors_and_never_in_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        flips in prop::collection::vec((0..GOLDEN.len(), any::<u8>()), 0..4),
        cut in 0..GOLDEN.len(),
    ) {
        let mut spoiled = GOLDEN.to_vec();
        flips.into_iter().for_each(|(at, with)| spoiled[at] = with);
        for bytes in [bytes, spoiled.clone(), spoiled[..cut].to_vec()] {
            let bytes = Bytes::from(bytes);
            let length = bytes.len();
            if let Ok(header) = validate_produced(&bytes) {
                prop_assert_eq!(header.size(), length);
            }
            for batch in Batches::new(bytes.clone()).flatten() {
                prop_assert!(batch.header.next_offset() > batch.header.base_offset);
                let count = records(&batch.bytes).map_or(0, Iterator::count);
                prop_assert!(count <= length);
            }
            if let Ok(all) = records(&bytes) {
                prop_assert!(all.count() <= length + 1);
            }
        }
    }
}

fn their_record(offset: i64, record: &NewRecord) -> independent::Record {
    let headers: IndexMap<_, _> = record
        .headers
        .iter()
        .map(|header| {
            let key = std::str::from_utf8(&header.key).expect("made of letters").to_owned();
            (key.into(), header.value.clone())
        })
        .collect();
    independent::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: independent::TimestampType::Creation,
        offset,
        sequence: -1,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}
