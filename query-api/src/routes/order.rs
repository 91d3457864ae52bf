//! Orders: one, its history, and the caller's or everybody's.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::try_join_all;
use read_model::{Cursor, Entry, Page};
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{Aggregate, OrderId, OrderStatus, Role, UserId};
use serde::Deserialize;
use sessions::Caller;
use views::Projection;

use crate::App;
use crate::answer::{Answer, Listed, Shown};
use crate::app::unreadable;
use crate::described::{OneOrder, OrderHistory, OrderPage, Refused};
use crate::parameters::Parameters;
use crate::terms::Terms;

/// How many users one question may name.
const MAX_USERS: usize = 20;

/// One order, as its owner or an admin sees it.
#[utoipa::path(get, path = "/queries/orders/{id}", tag = "orders",
    params(("id" = String, Path, description = "The order"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that; \
            `feed-cursor`: answer in `Feed-Cursor` from where to listen for what comes after")),
    responses((status = 200, body = OneOrder), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Params(id): Params<OrderId>,
    terms: Terms,
) -> Result<Response, Problem> {
    let mark = app.mark(Projection::Orders, &terms).await?;
    let order = app.visible(Projection::Orders, &id, &caller, &terms).await?;
    let answer = Answer::wrapped("order", &order.body, &[order.version]);
    let answer = answer.listening_from(app.since(mark, &caller).await?);
    app.answer(&[Projection::Orders], answer, &terms).await
}

/// What happened to an order, as its owner or an admin sees it.
#[utoipa::path(get, path = "/queries/orders/{id}/history", tag = "orders",
    params(("id" = String, Path, description = "The order"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OrderHistory), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn history(
    State(app): State<App>,
    caller: Caller,
    Params(id): Params<OrderId>,
    terms: Terms,
) -> Result<Response, Problem> {
    let history = app.visible(Projection::History, &id, &caller, &terms).await?;
    let answer = Answer::plain(history.body, &[history.version]);
    app.answer(&[Projection::History], answer, &terms).await
}

/// The caller's orders, newest first; for an admin everybody's, or those of the users named.
#[utoipa::path(get, path = "/queries/orders", tag = "orders",
    params(("userId" = Option<Vec<String>>, Query, description = "Whose; anybody but an admin may name himself only"),
        ("status" = Option<String>, Query, description = "`CREATED` or `CANCELLED`"),
        ("from" = Option<String>, Query, description = "Placed at this instant or later; RFC 3339"),
        ("to" = Option<String>, Query, description = "Placed at this instant or earlier; RFC 3339"),
        ("limit" = Option<u8>, Query, description = "1 to 100, else 50"),
        ("cursor" = Option<String>, Query, description = "Where the page starts, as the page before said"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that; \
            `feed-cursor`: answer in `Feed-Cursor` from where to listen for what comes after")),
    responses((status = 200, body = OrderPage), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    let pages = asked(&parameters, &caller)?;
    app.reached(&[Projection::Orders], &terms).await?;
    let mark = app.mark(Projection::Orders, &terms).await?;
    let answer = Answer::page("orders", app.orders(&pages).await?);
    let answer = answer.listening_from(app.since(mark, &caller).await?);
    app.answer(&[Projection::Orders], answer, &terms).await
}

/// The one field of a stored order, or of its history, that decides who may see it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owned {
    user_id: UserId,
}

impl App {
    /// An order's document, if the caller may see it; somebody else's order is as unknown as one that never was.
    async fn visible(
        &self,
        projection: Projection,
        id: &OrderId,
        caller: &Caller,
        terms: &Terms,
    ) -> Result<Shown, Problem> {
        let found = self.documents(&[(projection, id.stream())], terms).await?;
        let unknown = || Problem::not_found("order_not_found", "Order not found");
        let shown = found.into_iter().next().flatten();
        let shown = Shown::of(shown).ok_or_else(unknown)?;
        let owner: Owned = serde_json::from_slice(&shown.body).map_err(|error| {
            tracing::error!(order.id = %id, error = runtime::chain(&error), "a stored order has no owner");
            Problem::internal()
        })?;
        let may = caller.role == Role::Admin || caller.user == owner.user_id;
        may.then_some(shown).ok_or_else(unknown)
    }

    /// One page out of several lists that share no order, as if they were one list.
    async fn orders(&self, pages: &[Page]) -> Result<Listed, Problem> {
        let reads = pages.iter().map(|page| self.reader.page(Projection::Orders.name(), page));
        let found = try_join_all(reads).await.map_err(|error| unreadable(&error))?;
        let limit = pages.first().map_or(0, |page| page.limit);
        Ok(merged(found, limit))
    }
}

/// The newest entries of all pages, and where to go on if any of them has more.
fn merged(found: Vec<(Vec<Entry>, Option<Cursor>)>, limit: usize) -> Listed {
    let more_behind = found.iter().any(|(_, next)| next.is_some());
    let mut entries: Vec<_> = found.into_iter().flat_map(|(entries, _)| entries).collect();
    entries.sort_by(|a, b| (b.at.score, &b.at.stream).cmp(&(a.at.score, &a.at.stream)));
    let more = more_behind || entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| entry.at.clone());
    let seen = entries.iter().map(|entry| (entry.at.stream.clone(), entry.document.version)).collect();
    let documents = entries.into_iter().filter_map(|entry| entry.document.body).collect();
    Listed { documents, seen, next }
}

/// The pages that hold what is asked: one per user, or one of everybody's.
fn asked(parameters: &Parameters, caller: &Caller) -> Result<Vec<Page>, Problem> {
    let lists = lists(parameters, caller)?;
    let (from, to) = (parameters.instant("from")?, parameters.instant("to")?);
    let (limit, after) = (parameters.limit()?, parameters.cursor(Aggregate::Order)?);
    Ok(lists.into_iter().map(|list| Page { list, from, to, after: after.clone(), limit }).collect())
}

/// The lists to look into, as the order view names them.
fn lists(parameters: &Parameters, caller: &Caller) -> Result<Vec<String>, Problem> {
    let status = parameters.one("status", "CREATED or CANCELLED", OrderStatus::parse)?;
    let of_user = |user: &UserId| match status {
        Some(status) => format!("user:{user}:status:{status}"),
        None => format!("user:{user}"),
    };
    let of_all = || status.map_or_else(|| "all".to_owned(), |status| format!("status:{status}"));
    let users = parameters.several("userId", MAX_USERS)?;
    match caller.role {
        Role::User if users.iter().all(|user| *user == caller.user.as_str()) => Ok(vec![of_user(&caller.user)]),
        Role::User => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "foreign_user",
            "userId must be your own; only an admin sees the orders of somebody else",
        )),
        Role::Admin if users.is_empty() => Ok(vec![of_all()]),
        // What is no user's id has no orders.
        Role::Admin => {
            Ok(users.iter().filter_map(|user| UserId::parse(user).ok()).map(|user| of_user(&user)).collect())
        }
    }
}
