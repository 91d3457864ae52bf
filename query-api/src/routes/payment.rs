//! Payments: one by its id, and their part in answers about orders.

use axum::extract::State;
use axum::response::Response;
use read_model::{Document, Entry};
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{OrderId, PaymentId, StreamId, Version};
use sessions::Caller;
use views::Projection;

use crate::App;
use crate::answer::{Answer, Shown};
use crate::app::unreadable;
use crate::described::{OnePayment, Refused};
use crate::terms::Terms;

/// One payment, as its owner or an admin sees it.
#[utoipa::path(get, path = "/queries/payments/{id}", tag = "payments",
    params(("id" = String, Path, description = "The payment: the order's id with `pay_` in place of `ord_`"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OnePayment), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Params(id): Params<PaymentId>,
    terms: Terms,
) -> Result<Response, Problem> {
    let found = app.documents(&[(Projection::Payments, id.stream())], &terms).await?;
    let shown = found.into_iter().next().and_then(Shown::of).map(|shown| shown.visible_to(&caller)).transpose()?;
    let unknown = || Problem::not_found("payment_not_found", "Payment not found");
    let payment = shown.flatten().ok_or_else(unknown)?;
    let answer = Answer::wrapped("payment", &payment.body, &[payment.version]);
    app.answer(&[Projection::Payments], answer, &terms).await
}

/// The payment of an order, as the order's answer shows it, and as of which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) version: Version,
    /// A JSON object, or `null`.
    json: Vec<u8>,
}

impl Payment {
    /// An order that nobody was asked to pay yet has no payment.
    pub(super) fn of(document: Option<Document>) -> Self {
        match Shown::of(document) {
            Some(Shown { version, body }) => Self { version, json: body },
            None => Self { version: Version::NONE, json: b"null".to_vec() },
        }
    }

    /// The order with its payment.
    pub(super) fn joined_to(&self, order: Shown) -> Shown {
        order.with_field("payment", &self.json)
    }
}

impl App {
    /// The payment of every order of a page, in its order.
    pub(super) async fn payments(&self, orders: &[Entry]) -> Result<Vec<Payment>, Problem> {
        let streams: Vec<_> = orders.iter().filter_map(|entry| payment_of(&entry.at.stream)).collect();
        let wanted: Vec<_> = streams.iter().map(|stream| (Projection::Payments.name(), stream)).collect();
        let found = self.reader.documents(&wanted).await.map_err(|error| unreadable(&error))?;
        Ok(found.into_iter().map(Payment::of).collect())
    }
}

/// The payment's stream beside an order's.
fn payment_of(order: &StreamId) -> Option<StreamId> {
    OrderId::parse(order.as_str()).ok().map(|order| order.payment().stream().clone())
}
