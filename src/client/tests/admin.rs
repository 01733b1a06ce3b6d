//! The administrator: finds the controller, and says what became of each topic.

use std::collections::BTreeMap;

use super::*;

fn created(codes: [ErrorCode; 2]) -> Act {
    use create_topics_response::*;
    Act::Answer(Response::CreateTopics(build(|r: &mut CreateTopicsResponse| {
        r.topics = ["orders", "bills"]
            .into_iter()
            .zip(codes)
            .map(|(name, code)| {
                build(|t: &mut CreatableTopicResult| {
                    (t.name, t.topic_id, t.error_code) =
                        (name.into(), TOPIC_ID.into(), code.code());
                    (t.num_partitions, t.replication_factor) = (3, 2);
                })
            })
            .collect();
    })))
}

fn new_topic(name: &str) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions: Some(3),
        replication_factor: None,
        assignment: BTreeMap::new(),
        configs: BTreeMap::from([("min.insync.replicas".into(), "2".into())]),
    }
}

#[tokio::test(start_paused = true)]
async fn topics_are_created_by_the_controller_wherever_it_moves() {
    let mut controller = 0;
    let stage = Stage::new(move |address, request| match request {
        Request::CreateTopics(request) => {
            assert_eq!(request.topics[0].replication_factor, -1);
            assert_eq!(request.topics[0].configs[0].value, Some("2".into()));
            if address == "b2:9092" {
                created([ErrorCode::None, ErrorCode::TopicAlreadyExists])
            } else {
                created([ErrorCode::NotController; 2])
            }
        }
        _ => {
            controller += 1;
            let Response::Metadata(mut answer) = metadata(1, 5) else { unreachable!() };
            answer.controller_id = controller;
            Act::Answer(Response::Metadata(answer))
        }
    });
    let mut admin = Admin::new(stage.host(), settings());
    let outcome =
        admin.create_topics(&[new_topic("orders"), new_topic("bills")]).await.expect("an answer");
    let topic = CreatedTopic { id: TOPIC_ID, partitions: 3, replication_factor: 2 };
    let expected =
        [("orders".into(), Ok(topic)), ("bills".into(), Err(ErrorCode::TopicAlreadyExists))];
    assert_eq!(outcome, expected);
}

#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_is_lost_is_not_tried_again() {
    let stage = Stage::new(|_, request| match request {
        Request::CreateTopics(_) => Act::HangUp,
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut admin = Admin::new(stage.host(), settings());
    let error = admin.create_topics(&[new_topic("orders")]).await.expect_err("no answer");
    assert!(matches!(&error, AdminError::Call(call) if call.is_indeterminate()), "{error}");
    assert_eq!(stage.heard().matches("CreateTopics").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_controller_nothing_is_asked() {
    let stage = Stage::new(|_, _| {
        let Response::Metadata(mut answer) = metadata(1, 5) else { unreachable!() };
        answer.controller_id = -1;
        Act::Answer(Response::Metadata(answer))
    });
    let mut admin = Admin::new(stage.host(), settings());
    let error = admin.create_topics(&[new_topic("orders")]).await.expect_err("no controller");
    assert!(matches!(error, AdminError::NoController), "{error}");
}

#[tokio::test(start_paused = true)]
async fn elections_are_reported_partition_by_partition() {
    use elect_leaders_response::*;
    let stage = Stage::new(|_, request| match request {
        Request::ElectLeaders(request) => {
            assert_eq!(request.election_type, 1);
            assert_eq!(request.topic_partitions.expect("a list")[0].partitions, [0, 1]);
            Act::Answer(Response::ElectLeaders(build(|r: &mut ElectLeadersResponse| {
                r.replica_election_results = vec![build(|t: &mut ReplicaElectionResult| {
                    t.topic = "orders".into();
                    t.partition_result = [0, ErrorCode::ElectionNotNeeded.code()]
                        .into_iter()
                        .zip(0..)
                        .map(|(code, id)| {
                            build(|p: &mut PartitionResult| {
                                (p.partition_id, p.error_code) = (id, code);
                            })
                        })
                        .collect();
                })];
            })))
        }
        _ => Act::Answer(metadata(1, 5)),
    });
    let mut admin = Admin::new(stage.host(), settings());
    let both = [TopicPartition::new("orders", 0), TopicPartition::new("orders", 1)];
    let outcome = admin.elect_leaders(ElectionType::Unclean, Some(&both)).await.expect("done");
    let [first, second] = both;
    assert_eq!(outcome, [(first, Ok(())), (second, Err(ErrorCode::ElectionNotNeeded))]);
}

#[tokio::test(start_paused = true)]
async fn a_topic_is_described_as_the_cluster_tells_it() {
    let stage = Stage::new(|_, _| Act::Answer(metadata(2, 6)));
    let mut admin = Admin::new(stage.host(), settings());
    let topics = admin.describe(None).await.expect("an answer");
    assert_eq!((&*topics[0].name, topics[0].id, topics[0].error), ("orders", TOPIC_ID, None));
    let partition = &topics[0].partitions[&0];
    assert_eq!(partition.leader, Some(BrokerId(2)));
    assert_eq!(partition.leader_epoch, Some(LeaderEpoch(6)));
    assert_eq!(partition.replicas, [1, 2, 3].map(BrokerId));
    assert_eq!(partition.in_sync_replicas, [1, 2].map(BrokerId));
}
