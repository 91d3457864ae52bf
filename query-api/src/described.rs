//! What answers look like, for the `OpenAPI` document only: answers themselves are stored bytes. A test holds these
//! against the views.
#![expect(dead_code, reason = "these types are described, never made")]

mod explained;

use runtime::problem::ProblemBody;
use utoipa::ToSchema;

pub(crate) use explained::Explanation;

/// What any route may answer instead.
pub(crate) type Refused = ProblemBody;

/// One order.
#[derive(ToSchema)]
#[schema(as = Order, rename_all = "camelCase")]
pub(crate) struct Order {
    /// The order's id, under the seed's name.
    #[schema(rename = "_id")]
    id: String,
    /// The order's id.
    order_id: String,
    /// Whose order it is.
    user_id: String,
    /// `CREATED`, `RESERVED`, `PAID`, `SHIPPED` or `DELIVERED`, one after the other; `CANCELLED` or `REJECTED` instead.
    status: String,
    /// Minor units of `currency`.
    total_amount: i64,
    /// Sum of all quantities.
    item_count: i64,
    /// The first five SKUs.
    preview_skus: Vec<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// The version, under the seed's name.
    #[schema(rename = "__v")]
    seed_version: u32,
    /// How many events have happened to it.
    version: u32,
    /// One line per SKU.
    items: Vec<Item>,
    /// ISO 4217.
    currency: String,
    /// The parcel, once it is on its way.
    shipment: Option<Shipment>,
    /// Where to read on.
    links: Links,
    /// Its payment; null before it is asked for. An order as it was is shown without it.
    payment: Option<Payment>,
}

/// The parcel that an order left the house in.
#[derive(ToSchema)]
#[schema(as = OrderShipment)]
pub(crate) struct Shipment {
    /// Who carries it.
    carrier: String,
    /// Under which number the carrier knows it.
    tracking: String,
}

/// One line of an order.
#[derive(ToSchema)]
#[schema(as = OrderItem)]
pub(crate) struct Item {
    /// What.
    sku: String,
    /// How many.
    qty: i64,
    /// The product's name when the order was placed.
    name: String,
    /// Minor units for one piece.
    price: i64,
}

/// Where to read on.
#[derive(ToSchema)]
#[schema(as = OrderLinks)]
pub(crate) struct Links {
    /// The path of the order's history.
    history: String,
}

/// What is paid for an order.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Payment {
    /// The payment's id.
    payment_id: String,
    /// The order that is paid.
    order_id: String,
    /// Who pays.
    user_id: String,
    /// `REQUESTED`, `AUTHORIZED`, `CAPTURED`, `PARTIALLY_REFUNDED`, `REFUNDED`, `DECLINED`, `VOIDED`, `EXPIRED`, or
    /// `UNKNOWN` while the provider is asked for an outcome that was lost.
    status: String,
    /// The order's total, in minor units of `currency`.
    amount: i64,
    /// How much of it was taken.
    captured_amount: i64,
    /// How much of that was given back.
    refunded_amount: i64,
    /// ISO 4217.
    currency: String,
    /// What is paid with, as the payment provider calls it.
    payment_method: String,
    /// The last four digits of the card.
    last4: Option<String>,
    /// How the payment provider calls this payment.
    provider_id: Option<String>,
    /// The payment provider's code for why it refused.
    decline_reason: Option<String>,
    /// Every refund that was asked for, the oldest first.
    refunds: Vec<Refund>,
    /// How many events have happened to it.
    version: u32,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

/// Money that is given back.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Refund {
    /// Its id within the payment.
    refund_id: String,
    /// Minor units.
    amount: i64,
    /// `REQUESTED`, `REFUNDED` or `REJECTED`.
    status: String,
}

/// `GET /queries/payments/{id}`.
#[derive(ToSchema)]
pub(crate) struct OnePayment {
    /// The payment.
    payment: Payment,
}

/// `GET /queries/orders/{id}`.
#[derive(ToSchema)]
pub(crate) struct OneOrder {
    /// The order.
    order: Order,
}

/// `GET /queries/orders`.
#[derive(ToSchema)]
pub(crate) struct OrderPage {
    /// How many orders this page holds.
    count: usize,
    /// Newest first.
    orders: Vec<Order>,
    /// Where the next page starts; null at the end.
    cursor: Option<String>,
}

/// `GET /queries/orders/{id}/history`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct OrderHistory {
    /// The order's id.
    order_id: String,
    /// Whose order it is.
    user_id: String,
    /// How many events have happened to it.
    version: u32,
    /// What happened, oldest first.
    events: Vec<HistoryEvent>,
}

/// One event.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct HistoryEvent {
    /// Its place in the stream.
    version: u32,
    /// The record's name: `OrderPlaced`.
    r#type: String,
    /// What the seed applications call it: `order.created`.
    seed_type: Option<String>,
    /// RFC 3339.
    at: String,
    /// The record's content.
    #[schema(value_type = Object)]
    data: String,
}

/// One product of the catalogue.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Product {
    /// Its SKU.
    sku: String,
    /// What people call it.
    name: String,
    /// What one piece costs.
    price: Price,
    /// `ACTIVE` or `DISCONTINUED`; the latter cannot be ordered any more.
    status: String,
    /// How many events have happened to it.
    version: u32,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// Pieces that can still be promised to an order.
    available: i64,
}

/// An amount of money.
#[derive(ToSchema)]
pub(crate) struct Price {
    /// Minor units.
    amount: i64,
    /// ISO 4217.
    currency: String,
}

/// `GET /queries/products/{sku}`.
#[derive(ToSchema)]
pub(crate) struct OneProduct {
    /// The product.
    product: Product,
}

/// `GET /queries/products`.
#[derive(ToSchema)]
pub(crate) struct ProductPage {
    /// How many products this page holds.
    count: usize,
    /// Newest first.
    products: Vec<Product>,
    /// Where the next page starts; null at the end.
    cursor: Option<String>,
}

/// How far an order is carried out.
#[derive(ToSchema)]
#[schema(as = Fulfilment, rename_all = "camelCase")]
pub(crate) struct Fulfilment {
    /// The order.
    order_id: String,
    /// The fulfilment.
    fulfilment_id: String,
    /// Whose order it is.
    user_id: String,
    /// `RESERVING`, `AWAITING_PAYMENT`, `CAPTURING`, `COMMITTING`, `COMPLETED`, `COMPENSATING`; or `FAILED`.
    state: String,
    /// How far it is, or was when it failed.
    phase: String,
    /// Why it waits for an operator.
    failure: Option<String>,
    /// Why it takes back what it did: `out_of_stock`, `payment_failed`, `payment_overdue`, `order_cancelled`, `operator`.
    compensation: Option<String>,
    /// `fulfilled`, `compensated` or `aborted`, once it has ended.
    result: Option<String>,
    /// What the last operator said who intervened.
    reason: Option<String>,
    /// The steps, in the order in which they were decided on.
    steps: Vec<FulfilmentStep>,
    /// How many events have happened to it.
    version: u32,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

/// One step of a fulfilment.
#[derive(ToSchema)]
pub(crate) struct FulfilmentStep {
    /// Its number.
    number: i64,
    /// What is done.
    step: String,
    /// With the stock of which SKU, if it is about stock.
    sku: Option<String>,
    /// `done`, `denied` or `refused`; null as long as that is not known.
    outcome: Option<String>,
}

/// `GET /ops/fulfilment`.
#[derive(ToSchema)]
pub(crate) struct FulfilmentPage {
    /// How many fulfilments this page holds.
    count: usize,
    /// Newest first.
    fulfilments: Vec<Fulfilment>,
    /// Where the next page starts; null at the end.
    cursor: Option<String>,
}

/// One user, with the seed's fields.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct User {
    /// The user's id.
    #[schema(rename = "_id")]
    id: String,
    /// In lower case.
    email: String,
    /// First name.
    first_name: String,
    /// Last name.
    last_name: String,
    /// `user` or `admin`.
    role: String,
    /// Whether he or she may log in.
    is_active: bool,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// How many events have happened to him or her.
    #[schema(rename = "__v")]
    version: u32,
}

/// One user, in the seed's envelope.
#[derive(ToSchema)]
pub(crate) struct OneUser {
    /// Always true.
    success: bool,
    /// The user.
    data: User,
    /// For people.
    message: String,
}

/// Users that were found, in the seed's envelope.
#[derive(ToSchema)]
pub(crate) struct FoundUsers {
    /// Always true.
    success: bool,
    /// At most 20.
    data: Vec<User>,
    /// For people.
    message: String,
}

/// A page of users, in the seed's envelope.
#[derive(ToSchema)]
pub(crate) struct UserPage {
    /// Always true.
    success: bool,
    /// In the order that was asked for.
    users: Vec<User>,
    /// Where the page stands.
    pagination: Pagination,
    /// Where the next page starts; null at the end, and in an order that has no cursors.
    cursor: Option<String>,
    /// For people.
    message: String,
}

/// Where a page stands among all.
#[derive(ToSchema)]
pub(crate) struct Pagination {
    /// How many users there are.
    total: u64,
    /// Which page this is, from 1; null after a cursor.
    page: Option<u64>,
    /// How many users a page has.
    limit: u64,
    /// How many pages there are.
    pages: u64,
}
