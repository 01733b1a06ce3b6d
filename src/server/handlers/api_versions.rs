//! ApiVersions (18), versions 0–4: what is spoken on this listener (KIP-511).

use crate::protocol::api::{self, ListenerKind};
use crate::protocol::messages::ApiVersionsResponse;

/// Lists every API that the listener serves, with the versions from our table.
pub(super) fn handle(listener: ListenerKind) -> ApiVersionsResponse {
    api::advertised_versions(listener)
}
