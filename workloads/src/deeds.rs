//! What a schedule of faults may ask an administrator to do in the midst of it all.

use std::sync::Arc;
use std::time::Duration;

use harness::seed::Stream;
use harness::system::Deed;
use highwater::client::{Admin, ClientSettings, ElectionType};
use highwater::types::TopicPartition;

use crate::settings::BROKER_PORT;
use crate::sim_host;

/// Elects the preferred leaders. A planned election removes nobody from the in-sync set and needs
/// no fault, which makes it the most productive disturbance of all.
pub const ELECT_PREFERRED: &str = "elect preferred leaders";

/// Every deed that a schedule may name.
pub const ALL: [&str; 1] = [ELECT_PREFERRED];

/// The deed of that name, if it makes sense now.
pub(crate) fn deed(
    name: &str,
    nodes: &[String],
    partitions: &[TopicPartition],
    _dice: &mut Stream,
) -> Option<Deed> {
    if name != ELECT_PREFERRED || partitions.is_empty() {
        return None;
    }
    let bootstrap: Vec<Arc<str>> =
        nodes.iter().map(|node| format!("{node}:{BROKER_PORT}").into()).collect();
    Some(Box::new(move |env| {
        Box::pin(async move {
            let settings = ClientSettings {
                client_id: "nemesis".into(),
                bootstrap,
                request_timeout: Duration::from_secs(1),
                retry_backoff: Duration::from_millis(100),
            };
            let mut admin = Admin::new(sim_host::client_host(env), settings);
            let outcome = admin.elect_leaders(ElectionType::Preferred, None).await;
            tracing::debug!(?outcome, "preferred election");
        })
    }))
}
