//! What the operator's monitoring says while the cluster suffers, and that it is silent otherwise.
//!
//! The rules are those of `src/monitoring/alerts.yml`, evaluated in virtual time on what the nodes'
//! metrics listeners answer to a scraper in the simulated network.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::prelude::*;
use serde_json::Value;
use workloads::alerts::rules::Rules;
use workloads::prelude::*;

/// A scrape may just have been missed, and so may the next evaluation.
const SCRAPE: Duration = secs(15);

/// A broker that crashes leaves its partitions with too few replicas. Somebody is woken up a minute
/// after the controllers have noticed, and may go back to bed once it has caught up again.
#[test]
fn crashed_broker_is_alerted_until_it_has_caught_up() {
    scenario(brokers(3).min_in_sync_replicas(2).monitored(), |cluster| {
        cluster.monitor();
        let orders = cluster.create_topic("orders", ReplicationFactor(3));
        let load = cluster.start(append_read(&orders).pace(millis(500)));
        cluster.run_for(secs(60));
        assert_eq!(cluster.alerts(), []);

        let (crashed, crash) = (cluster.leader_of(&orders), cluster.now());
        cluster.crash(crashed);
        let alert = cluster.wait_for_alert("UnderReplicatedPartitions");
        assert_eq!(alert.severity, Severity::Critical);
        assert!(alert.fired_at - crash <= SESSION_TIMEOUT + secs(4) + secs(60) + SCRAPE);
        cluster.wait_for_alert("BrokerDown");
        assert!(!cluster.is_firing("UnderMinInSyncReplicas"));

        cluster.restart(crashed);
        cluster.wait_until("all alerts are resolved", |c| !c.is_alarmed());
        assert!(cluster.all_in_sync(&orders));
        load.finish(cluster).must_be_valid();
    });
}

/// When all replicas of a partition are gone nobody leads it: the worst that there is. The brokers
/// that could count it as under-replicated are down, so it is the controllers that must tell.
#[test]
fn partition_without_any_replica_is_alerted_as_offline() {
    scenario(brokers(6).min_in_sync_replicas(2).monitored(), |cluster| {
        cluster.monitor();
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        for node in &others {
            cluster.crash(*node);
        }
        let alert = cluster.wait_for_alert("OfflinePartitions");
        assert_eq!((alert.severity, alert.value), (Severity::Critical, 1.0));
        assert!(!cluster.is_firing("UnderReplicatedPartitions"));

        for node in others {
            cluster.restart(node);
        }
        cluster.wait_until("it is led again", |c| !c.is_firing("OfflinePartitions"));
        cluster.wait_until("every replica is in sync", |c| c.all_in_sync(&orders));
    });
}

/// Two of three replicas down: the third refuses what it cannot promise, and says so.
#[test]
fn last_replica_in_sync_is_alerted_as_too_few() {
    scenario(brokers(6).min_in_sync_replicas(2).monitored(), |cluster| {
        cluster.monitor();
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let followers = cluster.followers_of(&orders);
        for node in &followers {
            cluster.crash(*node);
        }
        let alert = cluster.wait_for_alert("UnderMinInSyncReplicas");
        assert_eq!(alert.severity, Severity::Critical);

        for node in followers {
            cluster.restart(node);
        }
        cluster.wait_until("all alerts are resolved", |c| !c.is_alarmed());
    });
}

/// Without a majority of the controllers the brokers go on serving what they lead. That nobody
/// could elect another leader is not seen by clients, only here.
#[test]
fn lost_majority_of_controllers_is_alerted() {
    scenario(brokers(6).min_in_sync_replicas(2).monitored(), |cluster| {
        cluster.monitor();
        let (controllers, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let load = cluster.start(append_read(&orders).pace(millis(500)));
        load.wait_for_acknowledgements(cluster, 20);
        for node in &controllers[..2] {
            cluster.crash(*node);
        }
        let alert = cluster.wait_for_alert("ActiveControllerCount");
        assert_eq!((alert.severity, alert.value), (Severity::Critical, 0.0));
        load.wait_for_acknowledgements(cluster, 20);

        for node in &controllers[..2] {
            cluster.restart(*node);
        }
        cluster.wait_until("all alerts are resolved", |c| !c.is_alarmed());
        load.finish(cluster).must_be_valid();
    });
}

/// A follower on a slow link that is far behind is put out of the in-sync set, so nobody waits for
/// it. That it does not come back is for the morning, and is over when the link is mended.
#[test]
fn follower_that_lags_far_behind_is_alerted() {
    // Few records for each long way.
    let settings = brokers(6).min_in_sync_replicas(2).set("replica.fetch.max.bytes", "1");
    scenario(settings.monitored(), |cluster| {
        cluster.monitor();
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        let (leader, slow) = (cluster.leader_of(&orders), cluster.followers_of(&orders)[0]);
        cluster.slow_link(leader, slow, millis(500));
        cluster.fill(&orders, 30_000);

        let alert = cluster.wait_for_alert("ReplicaLag");
        assert_eq!(alert.severity, Severity::Warning);
        let name = cluster.name(slow);
        assert!(alert.labels["instance"].starts_with(name), "{alert}, not {name}");

        cluster.heal();
        cluster.wait_until("all alerts are resolved", |c| !c.is_alarmed());
    });
}

/// Where unclean elections are allowed, a leader may come back without what was acknowledged.
/// Whoever allowed it hears of each one.
#[test]
fn unclean_election_is_alerted() {
    let settings = brokers(6).min_in_sync_replicas(1).unclean_leader_election(true);
    scenario(settings.monitored(), |cluster| {
        cluster.monitor();
        let (_, others) = cluster.by_role();
        let orders = cluster.create_topic_on("orders", &others);
        cluster.run_for(SCRAPE * 2);
        let (leader, followers) = (cluster.leader_of(&orders), cluster.followers_of(&orders));
        for node in &followers {
            cluster.crash(*node);
        }
        cluster.wait_until("the leader is left alone", |c| c.in_sync(&orders) == [leader]);
        cluster.crash(leader);
        cluster.restart(followers[0]);
        let alert = cluster.wait_for_alert("UncleanLeaderElection");
        assert_eq!(alert.severity, Severity::Critical);
        assert!(cluster.times(Sometimes::ElectedUncleanly) > 0);
    });
}

/// A cluster whose simulation steps are long: for much time in which little happens.
struct Slowly(ClusterSettings);

impl Setup for Slowly {
    type System = Brokers;

    fn build(&self, seed: Seed) -> Brokers {
        self.0.build(seed)
    }

    fn options(&self) -> Options {
        Options::new().tick(millis(50))
    }
}

/// An hour under load in which nothing is wrong is an hour without any alert, and not one replica
/// is put out of sync. An alert that fires without a reason is one that nobody reads.
#[test]
fn hour_without_faults_is_an_hour_without_alerts() {
    scenario(Slowly(brokers(3).min_in_sync_replicas(2).monitored()), |cluster| {
        cluster.monitor();
        let orders = cluster.create_topic_with("orders", (3, ReplicationFactor(3)), &[]);
        let load = cluster.start(append_read(&orders).pace(secs(2)));
        cluster.run_for(secs(3600));

        assert_eq!(cluster.alerts(), []);
        assert_eq!(cluster.total("kafka_server_replicamanager_isrshrinks_total"), 0.0);
        assert_eq!(cluster.total("kafka_server_replicamanager_leadercount"), 3.0);
        assert!(cluster.total("kafka_network_requestmetrics_totaltimems_count") > 10_000.0);
        load.finish(cluster).must_be_valid();
    });
}

/// A rule or a panel that asks for a number which no node tells would be silent for ever.
#[test]
fn every_number_that_rules_and_dashboard_ask_for_is_told() {
    const DASHBOARD: &str = include_str!("../../src/monitoring/dashboard.json");
    scenario(brokers(3).min_in_sync_replicas(2), |cluster| {
        cluster.create_topic("orders", ReplicationFactor(3));
        cluster.run_for(secs(5));
        let pages = cluster.system().pages().expect("pages can be read");
        let told: BTreeSet<&str> =
            pages.iter().flat_map(|(_, page)| page).map(|sample| sample.name.as_str()).collect();

        let rules = Rules::of_the_operator();
        let mut asked: BTreeSet<&str> =
            rules.rules.iter().flat_map(|rule| rule.expression.metrics()).collect();
        assert!(asked.remove("up"), "that one is the scraper's own");
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        asked.extend(DASHBOARD.split(|c| !is_word(c)).filter(|word| word.starts_with("kafka_")));
        let untold: Vec<_> = asked.difference(&told).collect();
        assert!(asked.len() > 30 && untold.is_empty(), "nobody tells {untold:?}");
    });
}

/// The dashboard can be imported: panels have numbers of their own, places and units, and all of
/// them take the datasource that is chosen at the top.
#[test]
fn dashboard_is_well_formed() {
    let text = include_str!("../../src/monitoring/dashboard.json");
    let dashboard: Value = serde_json::from_str(text).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("it has panels");
    let ids: BTreeSet<i64> = panels.iter().filter_map(|panel| panel["id"].as_i64()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let title = &panel["title"];
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["gridPos"]["w"].as_i64().is_some_and(|width| width <= 24), "{title}");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}");
        let targets = panel["targets"].as_array().expect("a panel asks for something");
        assert!(targets.iter().all(|target| target["expr"].is_string()), "{title}");
    }
}
