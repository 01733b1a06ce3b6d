//! Who is asked about the cluster, and in which order.

use super::*;

#[tokio::test(start_paused = true)]
async fn who_did_not_answer_is_asked_last() {
    let stage = Stage::new(|address, _| {
        if address == "b3:9092" { Act::Answer(metadata(3, 5)) } else { Act::StaySilent }
    });
    let addresses = ["b1:9092", "b2:9092", "b3:9092"];
    let bootstrap = addresses.map(Arc::from).to_vec();
    let mut cluster = Cluster::new(stage.host(), ClientSettings { bootstrap, ..settings() });
    let topics = [Arc::from("orders")];
    let mut took = Vec::new();
    for _ in 0..4 {
        let since = stage.elapsed();
        let deadline = stage.host().clock.now() + Duration::from_secs(30);
        cluster.refresh(&topics, deadline).await.expect("b3 answers");
        took.push((stage.elapsed() - since).as_secs());
    }
    // Three seconds for each of the two that stay silent, and never again.
    assert_eq!(took, [6, 0, 0, 0], "{}", stage.heard());
}
