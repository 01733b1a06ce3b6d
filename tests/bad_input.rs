//! What a broker may be given that it should not be given: by the network, and by its own disk.

#[path = "sockets/clients.rs"]
mod clients;
#[path = "bad_input/damage.rs"]
mod damage;
#[path = "bad_input/frames.rs"]
mod frames;
#[path = "sockets/hex.rs"]
mod hex;
#[path = "sockets/machine.rs"]
mod machine;
#[path = "bad_input/memory.rs"]
mod memory;
#[path = "sockets/node.rs"]
mod node;
#[path = "bad_input/victim.rs"]
mod victim;
#[path = "sockets/wire.rs"]
mod wire;

use std::cell::RefCell;

use clients::{append, create_topic, read_to, topic, values};
use hex::hex;
use highwater::types::{Acks, Offset};
use machine::Machine;
use node::Node;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use victim::Victim;

/// The controllers' log, below the data directory.
const QUORUM_LOG: &str = "__cluster_metadata-0/quorum.log";

/// Frames whose numbers promise more than any machine holds. The first seven end a process that
/// believes in them while it reads; the others are well formed, and ask for it.
const BOMBS: [(&str, &str); 14] = [
    ("metadata 0 with 2^31-1 topics", "0003 0000 00000001 ffff 7fffffff"),
    ("metadata 0 with 54 million topics", "0003 0000 00000001 ffff 03380000"),
    ("metadata 12 with 2^31-2 topics", "0003 000c 00000001 ffff 00 ffffffff07"),
    (
        "fetch 4 with 2^31-1 topics",
        "0001 0004 00000001 ffff ffffffff 00000000 00000000 7fffffff 00 7fffffff",
    ),
    ("produce 9 with 2^31-2 topics", "0000 0009 00000001 ffff 00 00 ffff 00000000 ffffffff07"),
    ("tags without end", "0012 0003 00000001 ffff ffffffff0f"),
    ("raft entries without end", "2711 0000 00000001 ffff 00 02 04 06 04 05 06 ffffffff0f"),
    ("a header of three bytes", "0003 00"),
    ("nothing", ""),
    (
        "2^31-1 partitions",
        "0013 0002 00000001 ffff 00000001 0003 626967 7fffffff 0001 00000000 00000000 00001388 00",
    ),
    (
        "a million partitions",
        "0013 0002 00000001 ffff 00000001 0003 626967 000f4240 0001 00000000 00000000 00001388 00",
    ),
    (
        "32767 replicas",
        "0013 0002 00000001 ffff 00000001 0003 626967 00000001 7fff 00000000 00000000 00001388 00",
    ),
    (
        "partition 2^31-1 in an assignment",
        "0013 0002 00000001 ffff 00000001 0003 626967 ffffffff ffff
         00000001 7fffffff 00000001 00000001 00000000 00001388 00",
    ),
    (
        "a fetch of 2 GiB that waits for as much",
        "0001 0004 00000001 ffff ffffffff 00000001 7fffffff 7fffffff 00
         00000001 0006 66757a7a6564 00000001 00000000 0000000000000000 7fffffff",
    ),
];

#[tokio::test]
async fn no_number_in_a_frame_makes_the_broker_large() {
    let mut victim = Victim::start().await;
    for (what, digits) in BOMBS {
        let frame = frames::with_length(&hex(digits));
        victim.survives(&frame).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    }
}

/// What a frame of some hundred kilobytes may say in earnest, and cost more than that.
#[tokio::test]
async fn no_list_of_names_makes_the_broker_large_or_slow() {
    let mut victim = Victim::start().await;
    let ask_for_empty_names = [hex("0003 0001 00000001 ffff 000186a0"), vec![0; 200_000]].concat();
    let create = |topics: u32, partitions: u32| {
        let mut frame = hex("0013 0004 00000001 ffff");
        frame.extend(topics.to_be_bytes());
        for topic in 0..topics {
            frame.extend([0, 5]);
            frame.extend(format!("{topic:05}").as_bytes());
            frame.extend(partitions.to_be_bytes());
            frame.extend(hex("0001 00000000 00000000"));
        }
        // Only to be checked, not to be done.
        frame.extend(hex("00001388 01"));
        frame
    };
    let lists = [
        ("100 000 topics without a name", ask_for_empty_names),
        ("1000 topics of 10 000 partitions each", create(1000, 10_000)),
        ("60 000 topics of one partition", create(60_000, 1)),
    ];
    for (round, (what, frame)) in lists.into_iter().enumerate() {
        let frame = frames::with_length(&frame);
        victim.survives(&frame).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        let client = clients::settings(&[&victim.node.address]);
        create_topic(&victim.machine, client, topic(&format!("next-{round}"), 1, &[])).await;
    }
}

/// A length is a promise of bytes, and promises take no memory, on however many connections.
#[tokio::test]
async fn announced_frames_take_no_memory_until_they_come() {
    let mut victim = Victim::start().await;
    let address = victim.node.address.clone();
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut stream = victim.machine.host.network.connect(&address).await.expect("accepted");
        let hundred_mebibytes = [6, 0x40, 0, 0, 0, 3];
        tokio::io::AsyncWriteExt::write_all(&mut stream, &hundred_mebibytes).await.expect("sent");
        waiting.push(stream);
    }
    victim.survives(&[]).await.expect("50 of them are together still small");
    drop(waiting);
    victim.survives(&[]).await.expect("nobody waits for frames of connections that are gone");
}

#[test]
fn no_bytes_bring_the_broker_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let victim = RefCell::new(runtime.block_on(Victim::start()));
    for frame in frames::good_frames() {
        runtime.block_on(victim.borrow_mut().survives(&frame)).expect("nothing is wrong with it");
    }
    let config = Config { cases: 1500, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&frames::bad_bytes(), |bytes| {
        let outcome = runtime.block_on(victim.borrow_mut().survives(&bytes));
        outcome.map_err(TestCaseError::fail)
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(writes_and_reads(&victim.borrow()));
}

/// After all that, a good client finds nothing amiss.
async fn writes_and_reads(victim: &Victim) {
    let client = clients::settings(&[&victim.node.address]);
    let orders = create_topic(&victim.machine, client.clone(), topic("orders", 1, &[])).await;
    let mut producer = clients::producer(&victim.machine, client.clone(), Acks::All);
    assert_eq!(append(&mut producer, &orders, "still here").await, Offset(0));
    let records = read_to(&victim.machine, client, &orders, Offset(0)).await;
    assert_eq!(values(&records), ["still here"]);
}

/// Small segments, so that there are several, with an index entry for every batch; and a session
/// that does not outlive a kill for long.
const SMALL_SEGMENTS: &str = "\
log.segment.bytes=1024
log.index.interval.bytes=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=300
";

/// The files that say how far a log goes may say anything, and the last batch may be rotten: what
/// was written before it is served, and the operator reads on standard error what was found.
#[tokio::test]
async fn what_is_whole_is_served_whatever_is_damaged_around_it() {
    let machine = Machine::new();
    let mut node = Node::alone(&machine, "damaged", SMALL_SEGMENTS).await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let orders = create_topic(&machine, client.clone(), topic("orders", 1, &[])).await;
    let mut producer = clients::producer(&machine, client.clone(), Acks::All);
    for number in 0..40 {
        append(&mut producer, &orders, format!("record-{number}")).await;
    }
    // A clean stop writes every checkpoint; what comes after it is in no checkpoint.
    assert!(node.stop(&machine).await.success());
    node.start(&machine).await;
    for number in 40..50 {
        append(&mut producer, &orders, format!("record-{number}")).await;
    }
    node.kill();

    let directory = node.data.join("orders-0");
    let logs = damage::segments(&directory, "log");
    assert!(logs.len() > 3, "only {} segments", logs.len());
    damage::flip_bit(logs.last().unwrap(), 5);
    let checkpoints = [
        "replication-offset-checkpoint",
        "recovery-point-offset-checkpoint",
        "log-start-offset-checkpoint",
        "orders-0/leader-epoch-checkpoint",
    ];
    for checkpoint in checkpoints {
        damage::garble(&node.data.join(checkpoint));
    }
    let half_a_frame = [0, 0, 0, 100, 1, 2, 3, 4, 5, 6, 7];
    damage::append(&node.data.join(QUORUM_LOG), &half_a_frame);

    node.start(&machine).await;
    let records = read_to(&machine, client.clone(), &orders, Offset(48)).await;
    let written: Vec<String> = (0..49).map(|number| format!("record-{number}")).collect();
    assert_eq!(values(&records), written);
    // The old producer would be told that its last record is gone.
    let mut another = clients::producer(&machine, client, Acks::All);
    assert_eq!(append(&mut another, &orders, "next").await, Offset(49));
    let said = node.said();
    let found = ["orders-0", "checksum", "torn frame"];
    for word in checkpoints.into_iter().chain(found) {
        assert!(said.contains(word), "not a word about {word}:\n{said}");
    }
}

/// After a clean stop no log is scanned, but nothing in an index is believed unseen.
#[tokio::test]
async fn indexes_are_rebuilt_from_their_segments() {
    let machine = Machine::new();
    let mut node = Node::alone(&machine, "indexed", SMALL_SEGMENTS).await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let orders = create_topic(&machine, client.clone(), topic("orders", 1, &[])).await;
    let mut producer = clients::producer(&machine, client.clone(), Acks::All);
    for number in 0..60 {
        append(&mut producer, &orders, format!("record-{number}")).await;
    }
    assert!(node.stop(&machine).await.success());
    let directory = node.data.join("orders-0");
    let indexes = damage::segments(&directory, "index");
    assert!(indexes.len() > 4, "only {} segments", indexes.len());
    damage::cut(&indexes[0], 5);
    damage::garble(&indexes[1]);
    damage::flip_bit(&indexes[2], 1);
    std::fs::remove_file(&indexes[3]).unwrap();
    damage::garble(&damage::segments(&directory, "timeindex")[0]);

    node.start(&machine).await;
    let written: Vec<String> = (0..60).map(|number| format!("record-{number}")).collect();
    let records = read_to(&machine, client, &orders, Offset(59)).await;
    assert_eq!(values(&records), written);
    for index in &indexes[..4] {
        let told = format!("the index of orders-0/{}.log", index.file_stem().unwrap().display());
        assert!(node.said().contains(&told), "not a word about {told}:\n{}", node.said());
    }
}

/// A marker that cannot be read vouches for nothing: the logs are scanned as after a crash.
#[tokio::test]
async fn a_garbled_marker_of_a_clean_stop_counts_as_none() {
    let machine = Machine::new();
    let mut node = Node::alone(&machine, "marked", "").await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let orders = create_topic(&machine, client.clone(), topic("orders", 1, &[])).await;
    let mut producer = clients::producer(&machine, client.clone(), Acks::All);
    append(&mut producer, &orders, "one").await;
    append(&mut producer, &orders, "two").await;
    assert!(node.stop(&machine).await.success());
    damage::garble(&node.data.join(".kafka_cleanshutdown"));
    damage::garble(&node.data.join("recovery-point-offset-checkpoint"));
    damage::flip_bit(&damage::segments(&node.data.join("orders-0"), "log")[0], 5);

    node.start(&machine).await;
    let records = read_to(&machine, client, &orders, Offset(0)).await;
    assert_eq!(values(&records), ["one"], "the second batch is rotten, and a scan finds it");
    assert!(node.said().contains("marker"), "{}", node.said());
}

/// A frame in the middle was synced before the next was written: it holds promises to other
/// voters, and a node that has forgotten them must not vote.
#[tokio::test]
async fn a_quorum_log_with_a_damaged_middle_is_refused() {
    let machine = Machine::new();
    let mut node = Node::alone(&machine, "voter", "").await;
    node.start(&machine).await;
    let client = clients::settings(&[&node.address]);
    create_topic(&machine, client, topic("orders", 1, &[])).await;
    node.kill();
    let path = node.data.join(QUORUM_LOG);
    let size = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
    // In the body of the first frame, behind its length and its checksum.
    damage::flip_bit(&path, size - 9);

    let status = node.start_in_vain(&machine).await;
    assert!(!status.success());
    let said = node.said();
    assert!(said.contains("the frame at byte 0 is damaged"), "{said}");
    assert!(said.contains(QUORUM_LOG), "{said}");
}
