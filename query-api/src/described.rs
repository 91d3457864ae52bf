//! What answers look like, for the `OpenAPI` document only: answers themselves are stored bytes. A test holds these
//! against the views.
#![expect(dead_code, reason = "these types are described, never made")]

use runtime::problem::ProblemBody;
use utoipa::ToSchema;

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
    /// `CREATED` or `CANCELLED`.
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
    /// Null: payments are not part of this release.
    payment: Option<String>,
    /// Where to read on.
    links: Links,
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
