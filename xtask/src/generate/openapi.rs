//! The HTTP surface of the gateway: what the boxes say of their routes, merged, and what follows from the signatures of
//! their handlers: who must show a token, and which headers come and go.

mod derived;
mod handlers;

use utoipa::openapi::OpenApi;

use crate::Error;
use crate::tidy::Tree;

/// The document as it is served at `/openapi.json`.
pub(super) fn page(tree: &Tree) -> Result<String, Error> {
    let text = document(tree).to_pretty_json().map_err(|source| Error::Derive { page: "openapi.json", source })?;
    Ok(format!("{text}\n"))
}

fn document(tree: &Tree) -> OpenApi {
    let mut document = merged([query_api::openapi(), command_api::openapi(), notifier::openapi(), ops::openapi()]);
    derived::describe(&mut document, &handlers::all(tree));
    document
}

/// The first one's title stands for the whole; paths that two boxes share (by method) are joined.
fn merged<const N: usize>(boxes: [OpenApi; N]) -> OpenApi {
    boxes.into_iter().reduce(OpenApi::merge_from).unwrap_or_default()
}

#[cfg(test)]
mod tests;
