//! Orders: place, ship, deliver, cancel.

use axum::extract::State;
use axum::http::StatusCode;
use domain::Reason;
use domain::order::{Canceller, Carrier, OrderCommand, Quantity, RequestedLine, Tracking};
use domain::product::Price;
use runtime::http::{JsonBody, Params};
use runtime::problem::{PathPart, Problem, ProblemBody};
use schemas::{OrderId, PaymentMethod, Role, Sku, UserId};
use serde::{Deserialize, Serialize};
use sessions::{AdminCaller, Caller};
use utoipa::ToSchema;

use crate::app::{App, Wish};
use crate::caller::actor;
use crate::intent::CommandHeaders;
use crate::reply::{Reply, consistency_token};
use crate::shape::Shape;
use crate::streams::{Creates, Done};

/// What an order asks for.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlaceOrder {
    /// The owner: the caller, unless an admin orders for somebody.
    user_id: String,
    /// 1 to 100 lines; lines of one SKU are merged.
    items: Vec<Item>,
    /// What it is paid with, as the payment provider calls it: `pm_…`; the provider's test card if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<String>,
}

/// One line.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
struct Item {
    /// Which product.
    sku: String,
    /// How many, 1 to 1,000.
    qty: i64,
    /// What one piece is expected to cost, in minor units; leave it out to accept the catalogue's price.
    price: Option<i64>,
}

/// Why an order is called off.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelOrder {
    /// In the caller's words, up to 500 characters.
    reason: Option<String>,
}

/// The parcel in which an order leaves the house.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShipOrder {
    /// Who carries it, up to 100 characters.
    carrier: String,
    /// Under which number the carrier knows it, up to 100 characters.
    tracking: String,
}

/// Which order was changed, and how to read it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderAnswer {
    /// For people.
    message: &'static str,
    /// The order.
    order_id: String,
    /// Its version after this command.
    version: u32,
    /// Sent along with a query, makes it wait for this change.
    consistency_token: String,
}

/// Places an order at the catalogue's prices.
#[utoipa::path(post, path = "/commands/orders", tag = "orders", request_body = PlaceOrder,
    responses((status = 201, body = OrderAnswer, description = "Placed"),
        (status = 200, body = OrderAnswer, description = "Placed before, with the same Idempotency-Key"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn place(
    State(app): State<App>,
    caller: Caller,
    headers: CommandHeaders,
    JsonBody(body): JsonBody<PlaceOrder>,
) -> Result<Reply<OrderAnswer>, Problem> {
    let (user, wish) = body.check(&caller)?;
    let intent = app.intent(&caller, "POST /commands/orders", &headers, &body);
    let done = app.place_order(user, wish, intent).await?;
    Ok(Reply::created(done.clone(), location(&done), answer(&done, "Order created")))
}

/// Marks a paid order as shipped.
#[utoipa::path(post, path = "/commands/orders/{id}/ship", tag = "orders", request_body = ShipOrder,
    params(("id" = String, Path, description = "The order")),
    responses((status = 200, body = OrderAnswer, description = "Shipped"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn ship(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<OrderId>,
    JsonBody(body): JsonBody<ShipOrder>,
) -> Result<Reply<OrderAnswer>, Problem> {
    let intent = app.intent(&caller, &format!("POST /commands/orders/{id}/ship"), &headers, &body);
    let done = app.orders.execute(id.stream().clone(), Creates::No, body.check()?, intent).await?;
    Ok(Reply::done(done.clone(), location(&done), answer(&done, "Order shipped")))
}

/// Marks a shipped order as delivered.
#[utoipa::path(post, path = "/commands/orders/{id}/deliver", tag = "orders",
    params(("id" = String, Path, description = "The order")),
    responses((status = 200, body = OrderAnswer, description = "Delivered"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn deliver(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<OrderId>,
) -> Result<Reply<OrderAnswer>, Problem> {
    let intent = app.intent(&caller, &format!("POST /commands/orders/{id}/deliver"), &headers, &());
    let done = app.orders.execute(id.stream().clone(), Creates::No, OrderCommand::ConfirmDelivery, intent).await?;
    Ok(Reply::done(done.clone(), location(&done), answer(&done, "Order delivered")))
}

/// Calls an order off, as its owner or an admin.
#[utoipa::path(post, path = "/commands/orders/{id}/cancel", tag = "orders", request_body = Option<CancelOrder>,
    params(("id" = String, Path, description = "The order")),
    responses((status = 200, body = OrderAnswer, description = "Cancelled"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    headers: CommandHeaders,
    Params(id): Params<OrderId>,
    body: Option<JsonBody<CancelOrder>>,
) -> Result<Reply<OrderAnswer>, Problem> {
    let JsonBody(body) = body.unwrap_or_default();
    let command = OrderCommand::Cancel { by: Canceller::Person(actor(&caller)), reason: body.check()? };
    let intent = app.intent(&caller, &format!("POST /commands/orders/{id}/cancel"), &headers, &body);
    let done = app.orders.execute(id.stream().clone(), Creates::No, command, intent).await?;
    Ok(Reply::done(done.clone(), location(&done), answer(&done, "Order cancelled")))
}

impl PlaceOrder {
    fn check(&self, caller: &Caller) -> Result<(UserId, Wish), Problem> {
        let mut shape = Shape::default();
        // Every line is looked at, also behind one with a mistake.
        let lines: Vec<_> = self.items.iter().enumerate().map(|(index, item)| item.check(index, &mut shape)).collect();
        let owner = self.owner(caller, &mut shape)?;
        let method = self.payment_method.as_deref().map(PaymentMethod::parse).transpose();
        let method = shape.take(&["paymentMethod".into()], method);
        let lines: Option<Vec<_>> = lines.into_iter().collect();
        let wish = lines.zip(method).map(|(lines, payment_method)| Wish { lines, payment_method });
        shape.finish(owner.zip(wish))
    }

    /// The order's owner: the caller; for an admin, anybody.
    fn owner(&self, caller: &Caller, shape: &mut Shape) -> Result<Option<UserId>, Problem> {
        match caller.role {
            _ if self.user_id == caller.user.as_str() => Ok(Some(caller.user.clone())),
            Role::User if !self.user_id.is_empty() => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "foreign_user",
                "userId must be your own; only an admin orders for somebody else",
            )),
            Role::Admin | Role::User => Ok(shape.take(&["userId".into()], UserId::parse(&self.user_id))),
        }
    }
}

impl Item {
    fn check(&self, index: usize, shape: &mut Shape) -> Option<RequestedLine> {
        let at = |field: &'static str| [PathPart::from("items"), index.into(), field.into()];
        let sku = shape.take(&at("sku"), Sku::parse(&self.sku));
        let quantity = shape.take(&at("qty"), Quantity::new(self.qty));
        let expected_price = shape.take(&at("price"), self.price.map(Price::amount).transpose());
        Some(RequestedLine { sku: sku?, quantity: quantity?, expected_price: expected_price? })
    }
}

impl CancelOrder {
    fn check(&self) -> Result<Option<Reason>, Problem> {
        let mut shape = Shape::default();
        let reason = self.reason.as_deref().map(Reason::parse).transpose();
        let reason = shape.take(&["reason".into()], reason);
        shape.finish(reason)
    }
}

impl ShipOrder {
    fn check(&self) -> Result<OrderCommand, Problem> {
        let mut shape = Shape::default();
        let carrier = shape.take(&["carrier".into()], Carrier::parse(&self.carrier));
        let tracking = shape.take(&["tracking".into()], Tracking::parse(&self.tracking));
        let whole = carrier.zip(tracking);
        shape.finish(whole.map(|(carrier, tracking)| OrderCommand::Ship { carrier, tracking }))
    }
}

fn location(done: &Done) -> String {
    format!("/queries/orders/{}", done.stream)
}

fn answer(done: &Done, first: &'static str) -> OrderAnswer {
    let message = if done.replayed { "Duplicate request: this is the first answer again" } else { first };
    OrderAnswer {
        message,
        order_id: done.stream.to_string(),
        version: done.version.0,
        consistency_token: consistency_token(done),
    }
}
