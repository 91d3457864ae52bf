//! Orders: one, its history and its past, and the caller's or everybody's.

pub(super) mod past;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::try_join_all;
use read_model::{Cursor, Document, Entry, Page};
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{Aggregate, OrderId, OrderStatus, Role, UserId};
use sessions::Caller;
use views::Projection;

use super::payment::Payment;
use crate::App;
use crate::answer::{Answer, Listed, Shown};
use crate::app::unreadable;
use crate::described::{OneOrder, OrderHistory, OrderPage, Refused};
use crate::parameters::Parameters;
use crate::terms::Terms;
use past::Moment;

/// What an answer about orders comes from.
const OVER: [Projection; 2] = [Projection::Orders, Projection::Payments];

/// How many users one question may name.
const MAX_USERS: usize = 20;

/// One order, as its owner or an admin sees it, now or as it was.
#[utoipa::path(get, path = "/queries/orders/{id}", tag = "orders",
    params(("id" = String, Path, description = "The order"),
        ("version" = Option<u32>, Query, description = "The order as it was after this many events, without its payment"),
        ("as_of" = Option<String>, Query, description = "The order as it was at this instant, without its payment; RFC 3339"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that; \
            `feed-cursor`: answer in `Feed-Cursor` from where to listen for what comes after")),
    responses((status = 200, body = OneOrder), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Params(id): Params<OrderId>,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    match Moment::asked(&parameters)? {
        Some(moment) => app.past_order(&id, moment, &caller, &terms).await,
        None => app.present_order(&id, &caller, &terms).await,
    }
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
    let history = app.history(&id, &caller, &terms).await?;
    let answer = Answer::plain(history.body, &[history.version]);
    app.answer(&[Projection::History], answer, &terms).await
}

/// The caller's orders, newest first; for an admin everybody's, or those of the users named.
#[utoipa::path(get, path = "/queries/orders", tag = "orders",
    params(("userId" = Option<Vec<String>>, Query,
            description = "Whose, up to 20 users; anybody but an admin may name himself only"),
        ("status" = Option<String>, Query, description = "`CREATED`, `RESERVED`, `PAID`, `SHIPPED`, \
            `DELIVERED`, `CANCELLED` or `REJECTED`"),
        ("from" = Option<String>, Query, description = "Placed at this instant or later; RFC 3339"),
        ("to" = Option<String>, Query, description = "Placed at this instant or earlier; RFC 3339"),
        ("limit" = Option<u64>, Query, description = "50 unless told; more than 100 count as 100"),
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
    app.reached(&OVER, &terms).await?;
    let mark = app.mark(&OVER, &terms).await?;
    let answer = Answer::page("orders", app.orders(&pages).await?);
    let answer = answer.listening_from(app.since(mark, &caller).await?);
    app.answer(&OVER, answer, &terms).await
}

/// An order's document, or its history's, if the caller may see it.
fn visible(found: Option<Document>, caller: &Caller) -> Result<Shown, Problem> {
    let shown = Shown::of(found).map(|shown| shown.visible_to(caller)).transpose()?;
    shown.flatten().ok_or_else(|| Problem::not_found("order_not_found", "Order not found"))
}

impl App {
    /// Answers an order as it is, with its payment.
    async fn present_order(&self, id: &OrderId, caller: &Caller, terms: &Terms) -> Result<Response, Problem> {
        let mark = self.mark(&OVER, terms).await?;
        let (order, payment) = self.order(id, caller, terms).await?;
        let versions = [order.version, payment.version];
        let answer = Answer::wrapped("order", &payment.joined_to(order).body, &versions);
        let answer = answer.listening_from(self.since(mark, caller).await?);
        self.answer(&OVER, answer, terms).await
    }

    /// An order's history as it is stored, if the caller may see it.
    async fn history(&self, id: &OrderId, caller: &Caller, terms: &Terms) -> Result<Shown, Problem> {
        let found = self.documents(&[(Projection::History, id.stream())], terms).await?;
        visible(found.into_iter().next().flatten(), caller)
    }

    /// An order and its payment, read together, if the caller may see them.
    async fn order(&self, id: &OrderId, caller: &Caller, terms: &Terms) -> Result<(Shown, Payment), Problem> {
        let payment = id.payment();
        let wanted = [(Projection::Orders, id.stream()), (Projection::Payments, payment.stream())];
        let mut found = self.documents(&wanted, terms).await?.into_iter();
        let order = visible(found.next().flatten(), caller)?;
        Ok((order, Payment::of(found.next().flatten())))
    }

    /// One page out of several lists that share no order, as if they were one list; then the payment of each order in
    /// one more round trip.
    async fn orders(&self, pages: &[Page]) -> Result<Listed, Problem> {
        let reads = pages.iter().map(|page| self.reader.page(Projection::Orders.name(), page));
        let found = try_join_all(reads).await.map_err(|error| unreadable(&error))?;
        let limit = pages.first().map_or(0, |page| page.limit);
        let (entries, next) = merged(found, limit);
        let payments = self.payments(&entries).await?;
        let mut listed = Listed { next, ..Listed::default() };
        for (Entry { document, .. }, payment) in entries.into_iter().zip(payments) {
            let order = Shown::of(Some(document)).map(|order| payment.joined_to(order));
            listed.documents.extend(order.map(|order| order.body));
        }
        Ok(listed)
    }
}

/// The newest entries of all pages, and where to go on if any of them has more.
fn merged(found: Vec<(Vec<Entry>, Option<Cursor>)>, limit: usize) -> (Vec<Entry>, Option<Cursor>) {
    let more_behind = found.iter().any(|(_, next)| next.is_some());
    let mut entries: Vec<_> = found.into_iter().flat_map(|(entries, _)| entries).collect();
    entries.sort_by(|a, b| (b.at.score, &b.at.stream).cmp(&(a.at.score, &a.at.stream)));
    let more = more_behind || entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more).map(|entry| entry.at.clone());
    (entries, next)
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
    let statuses = OrderStatus::ALL.map(OrderStatus::as_str).join(", ");
    let status = parameters.one("status", &format!("one of {statuses}"), OrderStatus::parse)?;
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

#[cfg(test)]
mod tests {
    use super::MAX_USERS;

    #[test]
    fn it_is_described_how_many_users_a_question_may_name() {
        let told = format!("up to {MAX_USERS} users");
        assert!(serde_json::to_string(&crate::openapi()).is_ok_and(|described| described.contains(&told)), "{told}");
    }
}
