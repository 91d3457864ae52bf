//! Fulfilments, for operators: how far each order is, and which wait for somebody.

use axum::extract::State;
use axum::response::Response;
use read_model::Page;
use runtime::problem::Problem;
use schemas::{Aggregate, FulfilmentStatus};
use sessions::AdminCaller;
use views::Projection;

use crate::App;
use crate::answer::{Answer, Listed};
use crate::app::unreadable;
use crate::described::{FulfilmentPage, Refused};
use crate::parameters::Parameters;
use crate::terms::Terms;

/// Fulfilments, newest first: all of them, or those in one state.
#[utoipa::path(get, path = "/ops/fulfilment", tag = "operators",
    params(("state" = Option<String>, Query, description = "`RESERVING`, `AWAITING_PAYMENT`, `CAPTURING`, \
            `COMMITTING`, `COMPLETED`, `COMPENSATING` or `FAILED`"),
        ("limit" = Option<u64>, Query, description = "50 unless told; more than 100 count as 100"),
        ("cursor" = Option<String>, Query, description = "Where the page starts, as the page before said"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = FulfilmentPage),
        (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn list(
    State(app): State<App>,
    _admin: AdminCaller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    let page = asked(&parameters)?;
    app.reached(&[Projection::Fulfilment], &terms).await?;
    let (entries, next) =
        app.reader.page(Projection::Fulfilment.name(), &page).await.map_err(|error| unreadable(&error))?;
    let documents = entries.into_iter().filter_map(|entry| entry.document.body).collect();
    let answer = Answer::page("fulfilments", Listed { documents, next });
    app.answer(&[Projection::Fulfilment], answer, &terms).await
}

fn asked(parameters: &Parameters) -> Result<Page, Problem> {
    let states: Vec<_> = FulfilmentStatus::ALL.iter().map(|state| state.as_str()).collect();
    let state = parameters.one("state", &format!("one of {}", states.join(", ")), FulfilmentStatus::parse)?;
    let list = state.map_or_else(|| "all".to_owned(), |state| format!("state:{state}"));
    let (limit, after) = (parameters.limit()?, parameters.cursor(Aggregate::Fulfilment)?);
    Ok(Page { list, from: None, to: None, after, limit })
}
