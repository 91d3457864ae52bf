//! The HTTP surface of the gateway: what the boxes say of their routes, merged.

use utoipa::openapi::OpenApi;

use crate::Error;

/// The document as it is served at `/openapi.json`.
pub(super) fn page() -> Result<String, Error> {
    let merged = merged([query_api::openapi(), command_api::openapi(), notifier::openapi(), ops::openapi()]);
    let text = merged.to_pretty_json().map_err(|source| Error::Derive { page: "openapi.json", source })?;
    Ok(format!("{text}\n"))
}

/// The first one's title stands for the whole; paths that two boxes share (by method) are joined.
fn merged<const N: usize>(boxes: [OpenApi; N]) -> OpenApi {
    boxes.into_iter().reduce(OpenApi::merge_from).unwrap_or_default()
}
