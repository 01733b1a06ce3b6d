//! Kafka's defaults hold, and mistakes are told all at once.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::*;

const BROKER: &str = "\
process.roles=broker
node.id=1
listeners=PLAINTEXT://node-1:9092
controller.listener.names=CONTROLLER
controller.quorum.voters=100@node-100:9093
";

fn read(text: &str) -> Result<(Config, Vec<Warning>), ConfigErrors> {
    Config::from_properties(&Properties::parse(text).expect("well formed"))
}

fn config(text: &str) -> Config {
    read(text).expect("usable").0
}

fn refused(text: &str, expected: Expect) {
    expected.assert_eq(&read(text).expect_err("unusable").to_string());
}

#[test]
fn the_embedded_cluster_is_one_node_with_kafkas_defaults() {
    let config = Config::embedded("some, where");
    assert_eq!(config.validate(), Ok(()));
    assert_eq!((config.node_id, config.roles), (NodeId(1), Roles::BrokerAndController));
    assert_eq!(config.log_dir, "some, where");
    let advertised = config.network.advertised.expect("a broker's");
    let controllers = config.network.controller_listener.expect("a controller's");
    assert_eq!(advertised.address(), "127.0.0.1:9092");
    assert_eq!(controllers.to_string(), "CONTROLLER://127.0.0.1:9093");
    assert_eq!(config.quorum.voters[0].to_string(), "1@127.0.0.1:9093");
    assert_eq!(config.network.request_bytes_max, 104_857_600);
    let groups = [
        format!("{:?}", config.controller),
        format!("{:?}", config.broker),
        format!("{:?}", config.topics),
        format!("{:?}", config.log),
        format!("{:?}", config.replication),
    ];
    expect![[r#"
        Controller { session_timeout: 9s
          eligible_leader_replicas: true
          auto_leader_rebalance: true
          leader_imbalance_check_interval: 300s
          unclean_election_interval: 300s }

        Broker { rack: None
          heartbeat_interval: 2s
          auto_create_topics: true }

        TopicDefaults { partitions: 1
          replication_factor: 1
          min_in_sync_replicas: 1
          unclean_leader_election: false
          message_bytes_max: 1048588 }

        LogSettings { segment_bytes: 1073741824
          index_interval_bytes: 4096
          flush_messages: 9223372036854775807
          high_watermark_checkpoint_interval: 5s
          recovery_point_checkpoint_interval: 60s }

        Replication { replica_lag_max: 30s
          fetchers: 1
          fetch_bytes_max: 1048576
          fetch_response_bytes_max: 10485760
          fetch_bytes_min: 1
          fetch_wait_max: 500ms
          fetch_backoff: 1s
          socket_timeout: 30s
          selector: Leader
          wait_for_caught_up_followers: true }"#]]
    .assert_eq(&groups.join("\n\n").replace(", ", "\n  "));
}

#[test]
fn a_broker_and_a_controller_each_have_their_listener() {
    let broker = config(BROKER);
    assert_eq!(broker.roles, Roles::Broker);
    assert_eq!(broker.network.controller_listener, None);
    assert_eq!(broker.network.advertised.expect("a broker's").address(), "node-1:9092");

    let controller = config(
        "process.roles=controller\nnode.id=100\nlisteners=CONTROLLER://:9093\n\
         controller.listener.names=CONTROLLER\ncontroller.quorum.voters=100@node-100:9093",
    );
    assert_eq!(controller.network.broker_listener, None);
    assert_eq!(controller.network.advertised, None);
    let listener = controller.network.controller_listener.expect("a controller's");
    assert_eq!(listener.endpoint.bind_address(), "0.0.0.0:9093");
    assert_eq!(
        controller.quorum.endpoint(NodeId(100)).map(Endpoint::address).as_deref(),
        Some("node-100:9093")
    );
}

#[test]
fn clients_are_told_the_advertised_place() {
    let text = BROKER.replace("node-1:9092", "0.0.0.0:9092");
    let config = config(&format!("{text}advertised.listeners=PLAINTEXT://outside:19092\n"));
    assert_eq!(config.network.advertised.expect("a broker's").address(), "outside:19092");
    refused(
        &text,
        expect![
            "advertised.listeners=0.0.0.0:9092: must be a host that clients can connect to, since listeners takes every one"
        ],
    );
}

#[test]
fn values_are_read_with_their_units() {
    let config = config(&format!(
        "{BROKER}replica.lag.time.max.ms=1500\nleader.imbalance.check.interval.seconds=7\n\
         eligible.leader.replicas.enable=False\nlog.flush.interval.messages=1\n\
         broker.rack= north \nlog.dir=old\nlog.dirs=new\n"
    ));
    assert_eq!(config.replication.replica_lag_max, Duration::from_millis(1500));
    assert_eq!(config.controller.leader_imbalance_check_interval, Duration::from_secs(7));
    assert!(!config.controller.eligible_leader_replicas);
    assert_eq!(config.log.flush_messages, 1);
    assert_eq!(config.broker.rack.as_deref(), Some("north"));
    assert_eq!(config.log_dir, "new");
}

#[test]
fn every_mistake_is_told_at_once() {
    refused(
        "process.roles=brokr\nmin.insync.replicas=0\nunclean.leader.election.enable=yes\n\
         broker.session.timeout.ms=9s\nnum.replica.fetchers=-1\nlog.dirs=/a,/b\n\
         controller.quorum.voters=1@a:1,b:2\nlisteners=localhost:9092",
        expect![[r#"
            process.roles=brokr: must be broker, controller, or broker,controller
            node.id is not set: must be a whole number from 0 to 2147483647
            log.dirs=/a,/b: must be one directory
            listeners=localhost:9092: must be NAME://host:port, with commas between several
            controller.listener.names is not set: must be the name of the controllers' listener
            controller.quorum.voters=1@a:1,b:2: must be id@host:port, with commas between several
            broker.session.timeout.ms=9s: must be a whole number from 1 to 2147483647
            min.insync.replicas=0: must be a whole number from 1 to 2147483647
            unclean.leader.election.enable=yes: must be true or false
            num.replica.fetchers=-1: must be a whole number from 1 to 1024"#]],
    );
}

#[test]
fn rules_between_settings_hold() {
    refused(
        &format!(
            "{BROKER}node.id=100\nbroker.heartbeat.interval.ms=9000\n\
             replica.fetch.wait.max.ms=40000\ninter.broker.listener.name=OTHER\n"
        ),
        expect![[r#"
            inter.broker.listener.name=OTHER: must be PLAINTEXT, the listener for clients
            controller.quorum.voters=100@node-100:9093: must be a list without node.id 100, given process.roles
            replica.lag.time.max.ms=30000: must be at least 40000, given replica.fetch.wait.max.ms
            replica.socket.timeout.ms=30000: must be at least 40000, given replica.fetch.wait.max.ms
            broker.session.timeout.ms=9000: must be at least 9001, given broker.heartbeat.interval.ms"#]],
    );
}

#[test]
fn a_listener_that_would_need_encryption_is_refused() {
    refused(
        &BROKER.replace("PLAINTEXT://node-1", "SSL://node-1"),
        expect![
            "listener.security.protocol.map is not set: must be a map with SSL:PLAINTEXT, the one protocol spoken"
        ],
    );
    let named = BROKER.replace("PLAINTEXT://node-1", "INSIDE://node-1");
    let map = "listener.security.protocol.map=INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT";
    assert_eq!(
        config(&format!("{named}{map}")).network.broker_listener.expect("one").name,
        "INSIDE"
    );
}

#[test]
fn a_controllers_listener_is_no_business_of_a_plain_broker() {
    refused(
        &BROKER.replace("node-1:9092", "node-1:9092,CONTROLLER://node-1:9093"),
        expect![
            "listeners=PLAINTEXT://node-1:9092,CONTROLLER://node-1:9093: must be a list with no listener of controller.listener.names, given process.roles"
        ],
    );
}

#[test]
fn settings_without_effect_are_warned_of() {
    let (_, warnings) =
        read(&format!("{BROKER}num.io.threads=8\ntransaction.state.log.min.isr=1\nmin.isr=2\n"))
            .expect("usable");
    let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    expect![[r#"
        unknown setting min.isr is ignored
        setting num.io.threads is accepted but changes nothing here
        setting transaction.state.log.min.isr is accepted but changes nothing here"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn the_readmes_cluster_of_three_can_be_started() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```properties\n").expect("an example");
    let (first, _) = rest.split_once("```").expect("its end");
    let changes = |node: &str, ports: &str| {
        first
            .replace("node.id=1", &format!("node.id={node}"))
            .replace("node-1", &format!("node-{node}"))
            .replace("PLAINTEXT://127.0.0.1:90", &format!("PLAINTEXT://127.0.0.1:{ports}"))
            .replace("CONTROLLER://127.0.0.1:90", &format!("CONTROLLER://127.0.0.1:{ports}"))
    };
    for (node, ports) in [("1", "90"), ("2", "91"), ("3", "92")] {
        let (config, warnings) = read(&changes(node, ports)).expect("usable");
        assert_eq!(warnings, []);
        let own = config.quorum.endpoint(config.node_id).map(Endpoint::address);
        let listener = config.network.controller_listener.map(|l| l.endpoint.address());
        assert_eq!(own, listener, "the voters name the listener of node {node}");
        assert_eq!(config.topics.min_in_sync_replicas, 2);
    }
}

#[test]
fn metrics_are_served_only_where_one_says() {
    let at = |text: &str| format!("{BROKER}metrics.listener={text}\n");
    assert_eq!(config(BROKER).network.metrics_listener, None);
    let listener = config(&at("http://:9404")).network.metrics_listener.expect("set");
    assert_eq!(listener.endpoint.bind_address(), "0.0.0.0:9404");
    refused(
        &at("HTTPS://node-1:9404"),
        expect!["metrics.listener=HTTPS://node-1:9404: must be HTTP://host:port, or not set"],
    );
    refused(&at("9404"), expect!["metrics.listener=9404: must be HTTP://host:port, or not set"]);
}

#[test]
fn replica_selectors_are_known_by_the_names_of_kafkas_classes() {
    let selector = |class: &str| {
        let text = format!("{BROKER}\nreplica.selector.class={class}\n");
        let properties = Properties::parse(&text).expect("well-formed");
        Config::from_properties(&properties).map(|(config, _)| config.replication.selector)
    };
    let package = "org.apache.kafka.common.replica";
    let rack_aware = selector(&format!("{package}.RackAwareReplicaSelector"));
    assert_eq!(rack_aware, Ok(ReplicaSelector::RackAware));
    assert_eq!(selector(&format!("{package}.LeaderSelector")), Ok(ReplicaSelector::Leader));
    let refused = selector("com.example.Nearest").expect_err("no such class here").to_string();
    assert!(refused.contains("com.example.Nearest"), "{refused}");
    assert!(refused.contains("RackAwareReplicaSelector"), "{refused}");
}
