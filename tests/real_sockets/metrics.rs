//! The metrics listener: what Prometheus gets, and what others get who ask for something else.

use std::collections::BTreeSet;
use std::time::Duration;

use expect_test::expect;
use highwater::host::Stream;
use highwater::types::{Acks, Offset};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use workloads::alerts::exposition::{Sample, parse};

use crate::clients::{self, PATIENCE, append, create_topic, producer, read_to, topic};
use crate::machine::Machine;
use crate::node::Node;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// A node of its own whose metrics are served.
async fn start(machine: &Machine) -> (Node, String) {
    let [port] = machine.free_ports().await;
    let address = format!("127.0.0.1:{port}");
    let settings = format!("metrics.listener=HTTP://{address}\n");
    let mut node = Node::alone(machine, "broker", &settings).await;
    node.start(machine).await;
    (node, address)
}

async fn connect(machine: &Machine, address: &str) -> Box<dyn Stream> {
    machine.host.network.connect(address).await.expect("the listener accepts connections")
}

/// Sends these bytes, and reads whatever comes until the node closes the connection.
async fn ask(machine: &Machine, address: &str, request: &[u8]) -> String {
    let mut stream = connect(machine, address).await;
    let mut answer = Vec::new();
    let exchange = async {
        stream.write_all(request).await?;
        stream.read_to_end(&mut answer).await
    };
    let answered = machine.host.within(ANSWER_MAX, exchange).await;
    answered.expect("the node answers in time").expect("the connection is not reset");
    String::from_utf8(answer).expect("text")
}

async fn scrape(machine: &Machine, address: &str) -> String {
    let answer = ask(machine, address, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (head, page) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let length = format!("Content-Length: {}", page.len());
    assert!(head.lines().any(|line| line == length), "{head}");
    page.to_owned()
}

/// The value of a metric that has these labels among its own.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let has = |sample: &&Sample| {
        let known =
            |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|v| v == value);
        sample.name == name && labels.iter().all(known)
    };
    let found: Vec<&Sample> = samples.iter().filter(has).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}");
    found[0].value
}

#[tokio::test]
async fn prometheus_finds_kafkas_metrics_under_their_customary_names() {
    let machine = Machine::new();
    let (_node, address) = start(&machine).await;
    let page = scrape(&machine, &address).await;
    let types: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    expect![[r#"
        kafka_network_requestmetrics_totaltimems gauge
        kafka_network_requestmetrics_totaltimems_count gauge
        kafka_server_replicamanager_partitioncount gauge
        kafka_server_replicamanager_leadercount gauge
        kafka_server_replicamanager_underreplicatedpartitions gauge
        kafka_server_replicamanager_underminisrpartitioncount gauge
        kafka_server_replicamanager_atminisrpartitioncount gauge
        kafka_server_replicamanager_offlinereplicacount gauge
        kafka_server_replicamanager_reassigningpartitions gauge
        kafka_server_replicamanager_produceridcount gauge
        kafka_server_replicamanager_isrshrinks counter
        kafka_server_replicamanager_isrexpands counter
        kafka_server_replicamanager_failedisrupdates counter
        kafka_server_brokertopicmetrics_replicationbytesin counter
        kafka_server_brokertopicmetrics_replicationbytesout counter
        kafka_cluster_partition_underreplicated gauge
        kafka_cluster_partition_underminisr gauge
        kafka_cluster_partition_atminisr gauge
        kafka_cluster_partition_insyncreplicascount gauge
        kafka_cluster_partition_replicascount gauge
        kafka_cluster_partition_laststableoffsetlag gauge
        kafka_server_delayedoperationpurgatory_purgatorysize gauge
        kafka_log_logmanager_offlinelogdirectorycount gauge
        kafka_server_replicafetchermanager_maxlag gauge
        kafka_server_replicafetchermanager_failedpartitionscount gauge
        kafka_server_fetcherlagmetrics_consumerlag gauge
        kafka_server_replicafetchermanager_deadthreadcount gauge
        kafka_server_replicafetchermanager_minfetchrate gauge
        kafka_server_fetcherstats_requests counter
        kafka_server_fetcherstats_bytes counter
        kafka_controller_kafkacontroller_activecontrollercount gauge
        kafka_controller_kafkacontroller_activebrokercount gauge
        kafka_controller_kafkacontroller_fencedbrokercount gauge
        kafka_controller_kafkacontroller_globaltopiccount gauge
        kafka_controller_kafkacontroller_globalpartitioncount gauge
        kafka_controller_kafkacontroller_offlinepartitionscount gauge
        kafka_controller_kafkacontroller_preferredreplicaimbalancecount gauge
        kafka_controller_kafkacontroller_lastappliedrecordoffset gauge
        kafka_controller_kafkacontroller_lastappliedrecordlagms gauge
        kafka_controller_kafkacontroller_metadataerrorcount gauge
        kafka_controller_kafkacontroller_timedoutbrokerheartbeatcount gauge
        kafka_controller_kafkacontroller_newactivecontrollerscount gauge
        kafka_controller_controllerstats_uncleanleaderelections counter
        kafka_controller_controllerstats_electionfromeligibleleaderreplicas counter
        kafka_controller_controllerstats_leaderelectionrateandtimems gauge
        kafka_controller_controllerstats_leaderelectionrateandtimems_count gauge"#]]
    .assert_eq(&types.join("\n"));
}

#[tokio::test]
async fn numbers_tell_what_has_happened() {
    let machine = Machine::new();
    let (node, address) = start(&machine).await;
    let client = clients::settings(&[&node.address]);
    let orders = create_topic(&machine, client.clone(), topic("orders", 1, &[])).await;
    let mut producer = producer(&machine, client.clone(), Acks::All);
    for number in 0..20 {
        append(&mut producer, &orders, number.to_string()).await;
    }
    read_to(&machine, client, &orders, Offset(19)).await;

    let page = scrape(&machine, &address).await;
    let samples = parse(&page).unwrap_or_else(|error| panic!("{error}"));
    let partition = [("topic", "orders"), ("partition", "0")];
    for (name, labels, expected) in [
        ("kafka_server_replicamanager_leadercount", &[][..], 1.0),
        ("kafka_server_replicamanager_underreplicatedpartitions", &[], 0.0),
        ("kafka_server_replicamanager_atminisrpartitioncount", &[], 1.0),
        ("kafka_server_replicamanager_produceridcount", &[], 1.0),
        ("kafka_cluster_partition_insyncreplicascount", &partition, 1.0),
        ("kafka_cluster_partition_replicascount", &partition, 1.0),
        ("kafka_controller_kafkacontroller_activecontrollercount", &[], 1.0),
        ("kafka_controller_kafkacontroller_activebrokercount", &[], 1.0),
        ("kafka_controller_kafkacontroller_globaltopiccount", &[], 1.0),
        ("kafka_controller_kafkacontroller_offlinepartitionscount", &[], 0.0),
    ] {
        assert_eq!(value(&samples, name, labels), expected, "{name}");
    }
    let produced = [("request", "Produce")];
    let produced = value(&samples, "kafka_network_requestmetrics_totaltimems_count", &produced);
    assert!(produced >= 20.0, "{produced}: more only if an answer was late");
    let slowest = [("request", "Produce"), ("quantile", "0.999")];
    let slowest = value(&samples, "kafka_network_requestmetrics_totaltimems", &slowest);
    assert!(slowest <= PATIENCE.as_secs_f64() * 1000.0, "{slowest} ms");
}

#[tokio::test]
async fn whoever_asks_for_something_else_is_told_so_and_the_node_lives_on() {
    let machine = Machine::new();
    let (mut node, address) = start(&machine).await;
    let long = format!("GET /metrics HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(20_000));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("DELETE /metrics HTTP/1.1\r\n\r\n", "405"),
        ("\u{16}\u{3}\u{1}\r\n\r\n", "400"),
        (&long, "431"),
    ] {
        let answer = ask(&machine, &address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    // One that says nothing at all holds up neither the next one nor the node's end.
    let _silent = connect(&machine, &address).await;
    let page = scrape(&machine, &address).await;
    let names: BTreeSet<&str> =
        page.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    assert!(names.contains("kafka_server_replicamanager_leadercount"), "{names:?}");
    assert!(node.stop(&machine).await.success());
}
