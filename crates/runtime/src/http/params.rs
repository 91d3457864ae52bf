//! Path and query parameters whose mistakes are answered as problems.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::body::mistake;
use crate::problem::Problem;

/// The path's parameters. One that cannot be an id of its kind names nothing: 404.
#[derive(Debug, Clone, Copy, Default)]
pub struct Params<T>(pub T);

/// The query string's parameters. A mistake is 400 with its name in `issues`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Search<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(params)| Self(params))
            .map_err(|_| Problem::not_found("not_found", format!("Nothing is at {}", parts.uri.path())))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Search<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query.map(|Query(search)| Self(search)).map_err(|rejection| explain(&rejection))
    }
}

/// The parameter and its mistake, which lie beneath axum's own error.
fn explain(rejection: &QueryRejection) -> Problem {
    type Located = serde_path_to_error::Error<serde::de::value::Error>;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(rejection);
    while let Some(error) = cause {
        if let Some(located) = error.downcast_ref::<Located>() {
            return mistake(located.path(), &located.inner().to_string());
        }
        cause = error.source();
    }
    Problem::validation().with_issue(Vec::new(), "invalid_value", rejection.body_text())
}
