//! The protocol as clients see it: bytes in, bytes out, over a socket.
//!
//! Requests are written by hand in the versions that old clients use (librdkafka 2.0 in kcat,
//! aiokafka, rskafka) and in flexible ones. The first four bytes of each answer are the correlation
//! id; the frame's length is left out.

#[path = "protocol/broker.rs"]
mod broker;
#[path = "protocol/dump.rs"]
mod dump;
#[path = "sockets/hex.rs"]
mod hex;
#[path = "sockets/machine.rs"]
mod machine;
#[path = "sockets/wire.rs"]
mod wire;

use expect_test::expect;

use broker::Broker;
use hex::hex;

const API_VERSIONS_0: &str = "0012 0000 00000001 0004 74657374";
const API_VERSIONS_3: &str = "0012 0003 00000002 0004 74657374 00 05 74657374 04 312e30 00";

/// A batch of one record, "hello", with its checksum computed elsewhere.
const BATCH: &str = "
    0000000000000000 0000003d ffffffff 02 e641a44b 0000 00000000 0000018bcfe56800 0000018bcfe56800
    ffffffffffffffff ffff ffffffff 00000001 16 00 00 00 01 0a 68656c6c6f 00";

/// A Produce request for partition `index` of `topic`.
fn produce(version: i16, acks: i16, (topic, index): (&str, i32), records: &str) -> String {
    let name: String = topic.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "0000 {version:04x} 00000009 ffff ffff {acks:04x} 00001388
         00000001 {:04x} {name} 00000001 {index:08x} {:08x} {records}",
        topic.len(),
        hex(records).len()
    )
}

/// The batch with a checksum that fits.
fn resealed(batch: &str) -> String {
    let mut bytes = hex(batch);
    let sum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&sum.to_be_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn clients_are_told_the_versions_in_the_form_that_they_asked_for() {
    let broker = Broker::start().await;
    expect![[r#"
        00 00 00 01 00 00 00 00 00 09 00 00 00 00 00 0b ................
        00 01 00 04 00 11 00 02 00 01 00 0a 00 03 00 00 ................
        00 0d 00 12 00 00 00 04 00 13 00 02 00 07 00 16 ................
        00 00 00 05 00 17 00 02 00 04 00 2b 00 00 00 02 ...........+....
    "#]]
    .assert_eq(&broker.ask(API_VERSIONS_0).await);
    expect![[r#"
        00 00 00 02 00 00 0a 00 00 00 00 00 0b 00 00 01 ................
        00 04 00 11 00 00 02 00 01 00 0a 00 00 03 00 00 ................
        00 0d 00 00 12 00 00 00 04 00 00 13 00 02 00 07 ................
        00 00 16 00 00 00 05 00 00 17 00 02 00 04 00 00 ................
        2b 00 00 00 02 00 00 00 00 00 00                +..........
    "#]]
    .assert_eq(&broker.ask(API_VERSIONS_3).await);
}

/// KIP-511: whoever asks in a version from the future gets an answer that anybody can read, and the
/// connection lives on. For every other request there is no such way out.
#[tokio::test]
async fn a_client_from_the_future_learns_how_far_to_step_down() {
    let broker = Broker::start().await;
    let version_5 = "0012 0005 00000003 0004 74657374 00 05 74657374 04 312e30 00";
    expect![[r#"
        00 00 00 03 00 23 00 00 00 01 00 12 00 00 00 04 .....#..........
    "#]]
    .assert_eq(&broker.ask(version_5).await);

    let mut wire = broker.connect().await;
    wire.send(&hex("0012 7fff 00000004")).await;
    assert_eq!(wire.receive().await.unwrap()[..6], hex("00000004 0023"), "error 35");
    wire.send(&hex(API_VERSIONS_3)).await;
    assert_eq!(wire.receive().await.unwrap()[..6], hex("00000002 0000"));

    assert!(broker.closes_on("0003 000e 00000001 ffff 00 00 00 00 00").await, "Metadata 14");
    assert!(broker.closes_on(&produce(2, 1, ("orders", 0), BATCH)).await, "Produce 2");
    assert!(broker.closes_on("0008 0002 00000001 ffff 00000000").await, "OffsetCommit");
}

/// As in KRaft, each listener serves its own requests, says so, and hangs up on all others.
#[tokio::test]
async fn brokers_and_controllers_serve_their_own_requests() {
    let broker = Broker::start().await;
    expect![[r#"
        00 00 00 01 00 00 00 00 00 09 00 12 00 00 00 04 ................
        00 13 00 02 00 07 00 2b 00 00 00 02 00 38 00 02 .......+.....8..
        00 03 00 3e 00 00 00 04 00 3f 00 00 00 01 00 43 ...>.....?.....C
        00 00 00 00 27 10 00 00 00 00 27 11 00 00 00 00 ....'.....'.....
    "#]]
    .assert_eq(&broker.ask_controller(API_VERSIONS_0).await);
    let heartbeat =
        "003f 0000 00000001 ffff 00 00000001 0000000000000001 0000000000000001 00 00 00";
    let list_brokers = "0003 0001 00000004 ffff 00000000";
    assert!(broker.closes_on(heartbeat).await);
    assert!(broker.controller_closes_on(list_brokers).await);
    assert!(broker.controller_closes_on(&produce(7, 1, ("orders", 0), BATCH)).await);
    // STALE_BROKER_EPOCH (77): asked where it belongs, it is understood.
    expect![[r#"
        00 00 00 01 00 00 00 00 00 00 4d 00 01 00 00    ..........M....
    "#]]
    .assert_eq(&broker.ask_controller(heartbeat).await);
}

/// Negative and zero leave no time, and nothing is done (REQUEST_TIMED_OUT, 7). What is asked for
/// with a month's time is there at once.
#[tokio::test]
async fn a_topic_whose_time_is_over_is_not_created() {
    let broker = Broker::start().await.with_orders().await;
    let create = |timeout_ms: i32, name: &str| {
        let name: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "0013 0003 00000001 ffff
             00000001 0004 {name} 00000001 0001 00000000 00000000 {timeout_ms:08x} 00"
        )
    };
    let mut told = String::new();
    for (timeout_ms, name) in [(-1, "logs"), (0, "logs"), (i32::MAX, "logs"), (-1, "more")] {
        told.push_str(&broker.ask(&create(timeout_ms, name)).await);
    }
    expect![[r#"
        00 00 00 01 00 00 00 00 00 00 00 01 00 04 6c 6f ..............lo
        67 73 00 07 ff ff                               gs....
        00 00 00 01 00 00 00 00 00 00 00 01 00 04 6c 6f ..............lo
        67 73 00 07 ff ff                               gs....
        00 00 00 01 00 00 00 00 00 00 00 01 00 04 6c 6f ..............lo
        67 73 00 00 ff ff                               gs....
        00 00 00 01 00 00 00 00 00 00 00 01 00 04 6d 6f ..............mo
        72 65 00 07 ff ff                               re....
    "#]]
    .assert_eq(&told);
    let elect = "002b 0000 00000001 ffff 00000001 0006 6f7264657273 00000001 00000000 ffffffff";
    expect![[r#"
        00 00 00 01 00 00 00 00 00 00 00 01 00 06 6f 72 ..............or
        64 65 72 73 00 00 00 01 00 00 00 00 00 07 ff ff ders............
    "#]]
    .assert_eq(&broker.ask(elect).await);
}

#[tokio::test]
async fn metadata_describes_the_cluster() {
    let broker = Broker::start().await.with_orders().await;
    let all_topics = "0003 0001 00000004 ffff ffffffff";
    expect![[r#"
        00 00 00 04 00 00 00 01 00 00 00 01 00 0b 62 72 ..............br
        6f 6b 65 72 2e 74 65 73 74 00 00 23 84 ff ff 00 oker.test..#....
        00 00 01 00 00 00 01 00 00 00 06 6f 72 64 65 72 ...........order
        73 00 00 00 00 01 00 00 00 00 00 00 00 00 00 01 s...............
        00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 ................
    "#]]
    .assert_eq(&broker.ask(all_topics).await);
    let no_topic = "0003 0001 00000004 ffff 00000000";
    expect![[r#"
        00 00 00 04 00 00 00 01 00 00 00 01 00 0b 62 72 ..............br
        6f 6b 65 72 2e 74 65 73 74 00 00 23 84 ff ff 00 oker.test..#....
        00 00 01 00 00 00 00                            .......
    "#]]
    .assert_eq(&broker.ask(no_topic).await);
    let orders = "0003 000c 00000005 ffff 00 02 00000000000000000000000000000000
                  07 6f7264657273 00 00 00 00";
    expect![[r#"
        00 00 00 05 00 00 00 00 00 02 00 00 00 01 0c 62 ...............b
        72 6f 6b 65 72 2e 74 65 73 74 00 00 23 84 00 00 roker.test..#...
        17 28 74 68 65 20 6e 61 6d 65 20 6f 66 20 74 68 .(the name of th
        65 20 63 6c 75 73 29 00 00 00 01 02 00 00 07 6f e clus)........o
        72 64 65 72 73 f5 08 d3 2c d3 5f 45 dc a9 20 bc rders...,._E.. .
        4c 57 ae 9f 57 00 02 00 00 00 00 00 00 00 00 00 LW..W...........
        01 00 00 00 00 02 00 00 00 01 02 00 00 00 01 01 ................
        00 80 00 00 00 00 00                            .......
    "#]]
    .assert_eq(&broker.ask(orders).await);
}

#[tokio::test]
async fn metadata_tells_unknown_topics_from_impossible_ones() {
    let broker = Broker::start().await;
    let by_name = "0003 0004 00000006 ffff 00000001 0007 6e6f7768657265 00";
    expect![[r#"
        00 00 00 06 00 00 00 00 00 00 00 01 00 00 00 01 ................
        00 0b 62 72 6f 6b 65 72 2e 74 65 73 74 00 00 23 ..broker.test..#
        84 ff ff 00 16 28 74 68 65 20 6e 61 6d 65 20 6f .....(the name o
        66 20 74 68 65 20 63 6c 75 73 29 00 00 00 01 00 f the clus).....
        00 00 01 00 03 00 07 6e 6f 77 68 65 72 65 00 00 .......nowhere..
        00 00 00                                        ...
    "#]]
    .assert_eq(&broker.ask(by_name).await);
    let by_id = "0003 000c 00000006 ffff 00 02 000102030405060708090a0b0c0d0e0f 00 00 00 00 00";
    expect![[r#"
        00 00 00 06 00 00 00 00 00 02 00 00 00 01 0c 62 ...............b
        72 6f 6b 65 72 2e 74 65 73 74 00 00 23 84 00 00 roker.test..#...
        17 28 74 68 65 20 6e 61 6d 65 20 6f 66 20 74 68 .(the name of th
        65 20 63 6c 75 73 29 00 00 00 01 02 00 64 00 00 e clus)......d..
        01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 00 ................
        01 80 00 00 00 00 00                            .......
    "#]]
    .assert_eq(&broker.ask(by_id).await);
    // A client of that age would create the topic by asking; librdkafka hangs on any other code.
    let impossible = "0003 0001 00000006 ffff 00000001 0008 626164206e616d65";
    expect![[r#"
        00 00 00 06 00 00 00 01 00 00 00 01 00 0b 62 72 ..............br
        6f 6b 65 72 2e 74 65 73 74 00 00 23 84 ff ff 00 oker.test..#....
        00 00 01 00 00 00 01 00 11 00 08 62 61 64 20 6e ...........bad n
        61 6d 65 00 00 00 00 00                         ame.....
    "#]]
    .assert_eq(&broker.ask(impossible).await);
}

/// What was produced comes back as it was, but for the offset and the leader epoch in front.
#[tokio::test]
async fn records_come_back_as_they_were_sent() {
    let broker = Broker::start().await.with_orders().await;
    expect![[r#"
        00 00 00 09 00 00 00 01 00 06 6f 72 64 65 72 73 ..........orders
        00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 ................
        00 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 ................
        00 00 00 00 00 00                               ......
    "#]]
    .assert_eq(&broker.ask(&produce(7, 1, ("orders", 0), BATCH)).await);
    expect![[r#"
        00 00 00 09 00 00 00 01 00 06 6f 72 64 65 72 73 ..........orders
        00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 ................
        00 01 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 ................
        00 00 00 00 00 00                               ......
    "#]]
    .assert_eq(&broker.ask(&produce(7, -1, ("orders", 0), BATCH)).await);

    let fetch_4 = "0001 0004 0000000a ffff ffffffff 00000064 00000001 00100000 00
                   00000001 0006 6f7264657273 00000001 00000000 0000000000000001 00100000";
    expect![[r#"
        00 00 00 0a 00 00 00 00 00 00 00 01 00 06 6f 72 ..............or
        64 65 72 73 00 00 00 01 00 00 00 00 00 00 00 00 ders............
        00 00 00 00 00 02 00 00 00 00 00 00 00 02 ff ff ................
        ff ff 00 00 00 49 00 00 00 00 00 00 00 01 00 00 .....I..........
        00 3d 00 00 00 00 02 e6 41 a4 4b 00 00 00 00 00 .=......A.K.....
        00 00 00 01 8b cf e5 68 00 00 00 01 8b cf e5 68 .......h.......h
        00 ff ff ff ff ff ff ff ff ff ff ff ff ff ff 00 ................
        00 00 01 16 00 00 00 01 0a 68 65 6c 6c 6f 00    .........hello.
    "#]]
    .assert_eq(&broker.ask(fetch_4).await);
    let latest = "0002 0002 0000000b ffff ffffffff 00
                  00000001 0006 6f7264657273 00000001 00000000 ffffffffffffffff";
    expect![[r#"
        00 00 00 0b 00 00 00 00 00 00 00 01 00 06 6f 72 ..............or
        64 65 72 73 00 00 00 01 00 00 00 00 00 00 ff ff ders............
        ff ff ff ff ff ff 00 00 00 00 00 00 00 02       ..............
    "#]]
    .assert_eq(&broker.ask(latest).await);
}

#[tokio::test]
async fn a_fetch_beyond_the_end_is_refused() {
    let broker = Broker::start().await.with_orders().await;
    let beyond = "0001 000b 0000000a ffff ffffffff 00000064 00000001 00100000 00 00000000 ffffffff
                  00000001 0006 6f7264657273
                  00000001 00000000 ffffffff 0000000000000007 ffffffffffffffff 00100000
                  00000000 0000";
    expect![[r#"
        00 00 00 0a 00 00 00 00 00 00 00 00 00 00 00 00 ................
        00 01 00 06 6f 72 64 65 72 73 00 00 00 01 00 00 ....orders......
        00 00 00 01 ff ff ff ff ff ff ff ff ff ff ff ff ................
        ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ................
        ff ff ff ff 00 00 00 00                         ........
    "#]]
    .assert_eq(&broker.ask(beyond).await);
}

#[tokio::test]
async fn a_producer_is_told_what_is_wrong() {
    let broker = Broker::start().await.with_orders().await;
    let spoiled = BATCH.replace("68656c6c6f", "68656c6c70");
    let old_magic = BATCH.replace(" 02 e641a44b", " 01 e641a44b");
    let two_batches = [BATCH, BATCH].concat();
    let miscounted = resealed(&BATCH.replace("00000001 16", "00000002 16"));
    let control = resealed(&BATCH.replace("e641a44b 0000", "e641a44b 0020"));
    let large =
        resealed(&BATCH.replace("0000003d", "000007e7").replace(" 16 ", &"00".repeat(1963)));
    let mistakes = [
        ("unknown topic", produce(7, 1, ("nowhere", 0), BATCH)),
        ("unknown partition", produce(7, 1, ("orders", 5), BATCH)),
        ("acks=2", produce(7, 2, ("orders", 0), BATCH)),
        ("wrong checksum", produce(7, 1, ("orders", 0), &spoiled)),
        ("old format", produce(7, 1, ("orders", 0), &old_magic)),
        ("two batches", produce(7, 1, ("orders", 0), &two_batches)),
        ("wrong count", produce(7, 1, ("orders", 0), &miscounted)),
        ("no records", produce(7, 1, ("orders", 0), "")),
        ("control batch", produce(7, 1, ("orders", 0), &control)),
        ("too large", produce(7, 1, ("orders", 0), &large)),
    ];
    let mut told = String::new();
    for (what, request) in mistakes {
        let mut wire = broker.connect().await;
        wire.send(&hex(&request)).await;
        let answer = wire.receive().await.expect("an answer");
        // Behind correlation id, count, name, count and index.
        let name = usize::from(u16::from_be_bytes([answer[8], answer[9]]));
        let code = &answer[10 + name + 8..10 + name + 10];
        told.push_str(&format!("{what}: {}\n", i16::from_be_bytes([code[0], code[1]])));
    }
    expect![[r#"
        unknown topic: 3
        unknown partition: 3
        acks=2: 21
        wrong checksum: 2
        old format: 87
        two batches: 87
        wrong count: 87
        no records: 87
        control batch: 87
        too large: 10
    "#]]
    .assert_eq(&told);
    expect![[r#"
        00 00 00 09 00 00 00 01 00 07 6e 6f 77 68 65 72 ..........nowher
        65 00 00 00 01 00 00 00 00 00 03 ff ff ff ff ff e...............
        ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ................
        ff ff ff 00 00 00 00                            .......
    "#]]
    .assert_eq(&broker.ask(&produce(7, 1, ("nowhere", 0), BATCH)).await);
}

/// R27: nobody waits for an answer to acks=0, and one would be taken for the next request's.
#[tokio::test]
async fn acks_0_is_never_answered() {
    let broker = Broker::start().await.with_orders().await;
    let mut wire = broker.connect().await;
    wire.send(&hex(&produce(7, 0, ("orders", 0), BATCH))).await;
    wire.send(&hex(API_VERSIONS_0)).await;
    let answer = wire.receive().await.expect("an answer to the second request");
    assert_eq!(answer[..4], hex("00000001"));

    // The one way to tell such a producer of an error is to close the connection.
    assert!(broker.closes_on(&produce(7, 0, ("nowhere", 0), BATCH)).await);
}

/// Clients match answers to requests by their order.
#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    let broker = Broker::start().await.with_orders().await;
    let mut wire = broker.connect().await;
    let mut bytes = Vec::new();
    for number in 0..30_u32 {
        let frame = match number % 3 {
            0 => hex("0012 0000 00000000 ffff"),
            1 => hex("0003 0001 00000000 ffff ffffffff"),
            _ => hex(&produce(7, -1, ("orders", 0), BATCH)),
        };
        let length = u32::try_from(frame.len()).expect("short");
        bytes.extend(length.to_be_bytes());
        bytes.extend(&frame[..4]);
        bytes.extend(number.to_be_bytes());
        bytes.extend(&frame[8..]);
    }
    // Neither the first cut nor the second is where a frame ends.
    for part in [&bytes[..3], &bytes[3..100], &bytes[100..]] {
        wire.send_bytes(part).await;
    }
    for number in 0..30_u32 {
        let answer = wire.receive().await.expect("an answer to each");
        assert_eq!(answer[..4], number.to_be_bytes());
    }
}

#[tokio::test]
async fn lengths_that_cannot_be_close_the_connection() {
    let broker = Broker::start().await;
    for length in ["ffffffff", "80000000", "7fffffff", "06400001"] {
        let mut wire = broker.connect().await;
        wire.send_bytes(&hex(length)).await;
        assert_eq!(wire.receive().await, None, "length {length}");
    }
}

#[tokio::test]
async fn producer_ids_are_given_out_one_by_one() {
    let broker = Broker::start().await;
    let init_0 = "0016 0000 0000000c ffff ffff 0000ea60";
    expect![[r#"
        00 00 00 0c 00 00 00 00 00 00 00 00 00 00 00 00 ................
        00 00 00 00                                     ....
    "#]]
    .assert_eq(&broker.ask(init_0).await);
    expect![[r#"
        00 00 00 0c 00 00 00 00 00 00 00 00 00 00 00 00 ................
        00 01 00 00                                     ....
    "#]]
    .assert_eq(&broker.ask(init_0).await);
}
