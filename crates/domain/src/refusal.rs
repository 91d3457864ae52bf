//! Refusals: a rule says no. Never a failure of the machine, and never logged as one.

use schemas::{Money, OrderStatus, Sku};

use crate::order::{MAX_LINES, Quantity};

/// Why a command is refused. `Display` is a sentence for people, [`Refusal::code`] a stable name for programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An order without lines.
    #[error("an order needs at least one line")]
    EmptyOrder,
    /// An order of too many different SKUs.
    #[error("an order has at most {MAX_LINES} lines, this one has {lines}")]
    TooManyLines {
        /// How many it would have.
        lines: usize,
    },
    /// The lines of one SKU together ask for too much.
    #[error("an order has at most {} pieces of one SKU; the lines of {sku} ask for more", Quantity::MAX)]
    QuantityTooLarge {
        /// Which SKU.
        sku: Sku,
    },
    /// Two lines of one SKU expect different prices.
    #[error("the lines of {sku} expect different prices")]
    PricesDisagree {
        /// Which SKU.
        sku: Sku,
    },
    /// The catalogue does not list it.
    #[error("the catalogue has no product {sku}")]
    UnknownProduct {
        /// Which SKU.
        sku: Sku,
    },
    /// The catalogue's price is not the expected one.
    #[error("{sku} costs {} {} now, not {expected}", actual.amount, actual.currency)]
    PriceChanged {
        /// Which SKU.
        sku: Sku,
        /// What the client expected, in minor units.
        expected: i64,
        /// What it costs.
        actual: Money,
    },
    /// The lines are priced in more than one currency.
    #[error("all lines of an order must be priced in one currency")]
    MixedCurrencies,
    /// The order's total is beyond [`crate::MAX_AMOUNT`].
    #[error("the order's total is too large")]
    TotalTooLarge,
    /// There is an order of this id already.
    #[error("this order was placed already")]
    OrderExists,
    /// There is no such order, or it is not the actor's.
    #[error("there is no such order")]
    OrderNotFound,
    /// The order's state does not allow it.
    #[error("an order that is {status} cannot be cancelled")]
    OrderNotCancellable {
        /// The order's state.
        status: OrderStatus,
    },
    /// The SKU is taken.
    #[error("this SKU is registered already")]
    ProductExists,
    /// There is no such product.
    #[error("there is no such product")]
    ProductNotFound,
    /// The stock on hand would be beyond [`crate::MAX_AMOUNT`].
    #[error("the stock on hand would become too large")]
    StockTooLarge,
    /// There is a user of this id already.
    #[error("this user is registered already")]
    AlreadyRegistered,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// Nobody would be left to run the shop.
    #[error("the last admin can be neither demoted nor suspended nor erased")]
    LastAdmin,
    /// The user is suspended.
    #[error("this user is suspended")]
    UserSuspended,
    /// Whoever grants a role would grant it to himself.
    #[error("nobody grants a role to himself")]
    OwnRole,
    /// The role is the one that everybody has.
    #[error("the role user cannot be taken away; suspend the user instead")]
    BasicRole,
}

/// What a caller can do about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The command makes no sense as it stands, whatever the state.
    Invalid,
    /// It is about something that does not exist, or that the actor may not see.
    NotFound,
    /// It is not for this actor to do.
    Forbidden,
    /// It does not fit the present state, and may fit another.
    Conflict,
}

impl Refusal {
    /// A stable name for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyOrder => "empty_order",
            Self::TooManyLines { .. } => "too_many_lines",
            Self::QuantityTooLarge { .. } => "quantity_too_large",
            Self::PricesDisagree { .. } => "prices_disagree",
            Self::UnknownProduct { .. } => "unknown_product",
            Self::PriceChanged { .. } => "price_changed",
            Self::MixedCurrencies => "mixed_currencies",
            Self::TotalTooLarge => "total_too_large",
            Self::OrderExists => "order_exists",
            Self::OrderNotFound => "order_not_found",
            Self::OrderNotCancellable { .. } => "order_not_cancellable",
            Self::ProductExists => "product_exists",
            Self::ProductNotFound => "product_not_found",
            Self::StockTooLarge => "stock_too_large",
            Self::AlreadyRegistered => "already_registered",
            Self::UserNotFound => "user_not_found",
            Self::LastAdmin => "last_admin",
            Self::UserSuspended => "user_suspended",
            Self::OwnRole => "own_role",
            Self::BasicRole => "basic_role",
        }
    }

    /// Whether a newer catalogue could turn it into an acceptance.
    #[must_use]
    pub const fn depends_on_the_catalogue(&self) -> bool {
        match self {
            Self::UnknownProduct { .. } | Self::PriceChanged { .. } | Self::MixedCurrencies | Self::TotalTooLarge => {
                true
            }
            Self::EmptyOrder
            | Self::TooManyLines { .. }
            | Self::QuantityTooLarge { .. }
            | Self::PricesDisagree { .. }
            | Self::OrderExists
            | Self::OrderNotFound
            | Self::OrderNotCancellable { .. }
            | Self::ProductExists
            | Self::ProductNotFound
            | Self::StockTooLarge
            | Self::AlreadyRegistered
            | Self::UserNotFound
            | Self::LastAdmin
            | Self::UserSuspended
            | Self::OwnRole
            | Self::BasicRole => false,
        }
    }

    /// What a caller can do about it.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::EmptyOrder
            | Self::TooManyLines { .. }
            | Self::QuantityTooLarge { .. }
            | Self::PricesDisagree { .. } => RefusalKind::Invalid,
            Self::OrderNotFound | Self::ProductNotFound | Self::UserNotFound => RefusalKind::NotFound,
            Self::UnknownProduct { .. }
            | Self::PriceChanged { .. }
            | Self::MixedCurrencies
            | Self::TotalTooLarge
            | Self::OrderExists
            | Self::OrderNotCancellable { .. }
            | Self::ProductExists
            | Self::StockTooLarge
            | Self::AlreadyRegistered
            | Self::LastAdmin
            | Self::UserSuspended
            | Self::BasicRole => RefusalKind::Conflict,
            Self::OwnRole => RefusalKind::Forbidden,
        }
    }
}
