//! ApiVersions (18), versions 0–4: what this node speaks (KIP-511).

use crate::protocol::api;
use crate::protocol::messages::ApiVersionsResponse;

/// Lists every API that clients may use, with the versions from our table.
pub(super) fn handle() -> ApiVersionsResponse {
    api::advertised_versions()
}
