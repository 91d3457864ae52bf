//! Refusals: a rule says no. Never a failure of the machine, and never logged as one.

use schemas::{FulfilmentStatus, Money, OrderStatus, PaymentStatus, Sku, Timestamp};

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
    /// The order's state does not allow it.
    #[error("an order that is {from} cannot become {to}")]
    OrderCannotBecome {
        /// The order's state.
        from: OrderStatus,
        /// The state that was asked for.
        to: OrderStatus,
    },
    /// The SKU is taken.
    #[error("this SKU is registered already")]
    ProductExists,
    /// There is no such product.
    #[error("there is no such product")]
    ProductNotFound,
    /// The product is not sold any more.
    #[error("{sku} is discontinued")]
    ProductDiscontinued {
        /// Which SKU.
        sku: Sku,
    },
    /// The stock on hand would be beyond [`crate::MAX_AMOUNT`].
    #[error("the stock on hand would become too large")]
    StockTooLarge,
    /// The stock on hand would not cover what is held.
    #[error("there are {on_hand} pieces on hand, and {held} of them are held for orders: fewer cannot be left")]
    StockTooSmall {
        /// How many pieces are there.
        on_hand: i64,
        /// How many of them must stay.
        held: i64,
    },
    /// The order holds another number of pieces, or holds them until another time.
    #[error("this order has another reservation already, of {held} pieces: the number or the time is not the same")]
    ReservationDiffers {
        /// How many it holds.
        held: i64,
    },
    /// The order holds no pieces: they were never reserved, or the reservation is settled.
    #[error("no pieces are held for this order")]
    ReservationNotHeld,
    /// The order may hold its pieces for longer.
    #[error("the pieces are held for this order until {until}")]
    ReservationNotDue {
        /// From when on the reservation may expire.
        until: Timestamp,
    },
    /// There is a payment of this order already, and it is another one.
    #[error("this order has another payment already")]
    PaymentExists,
    /// There is no such payment.
    #[error("there is no such payment")]
    PaymentNotFound,
    /// A payment of nothing, or of less.
    #[error("a payment must be of more than nothing")]
    NothingToPay,
    /// The money is not set aside, or is being let go.
    #[error("a payment that is {status} cannot be captured")]
    PaymentNotCapturable {
        /// The payment's state.
        status: PaymentStatus,
    },
    /// The money was taken, or is being taken.
    #[error("a payment that is {status} cannot be voided any more")]
    PaymentNotVoidable {
        /// The payment's state.
        status: PaymentStatus,
    },
    /// The money was not taken.
    #[error("a payment that is {status} cannot be refunded")]
    PaymentNotRefundable {
        /// The payment's state.
        status: PaymentStatus,
    },
    /// Everything was given back, or nothing was asked for.
    #[error("there is nothing to refund")]
    NothingToRefund,
    /// More is asked back than is left of what was taken.
    #[error("only {} {} of this payment can still be refunded", left.amount, left.currency)]
    RefundTooLarge {
        /// What can still be asked back.
        left: Money,
    },
    /// A refund of this id was asked for already, of another amount.
    #[error("this refund id was used before for another amount")]
    RefundIdReused,
    /// Nobody asked for this refund.
    #[error("this payment has no such refund")]
    RefundNotFound,
    /// The provider reports what does not fit what is known.
    #[error("a payment that is {status} cannot have come to this")]
    UnexpectedOutcome {
        /// The payment's state.
        status: PaymentStatus,
    },
    /// There is a user of this id already.
    #[error("this user is registered already")]
    AlreadyRegistered,
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// There is no fulfilment of such an order.
    #[error("there is no fulfilment of such an order")]
    FulfilmentNotFound,
    /// The fulfilment's state does not allow it.
    #[error("a fulfilment that is {status} does not allow this")]
    FulfilmentNotOperable {
        /// The fulfilment's state.
        status: FulfilmentStatus,
    },
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
            Self::OrderCannotBecome { .. } => "order_status_conflict",
            Self::ProductExists => "product_exists",
            Self::ProductNotFound => "product_not_found",
            Self::ProductDiscontinued { .. } => "product_discontinued",
            Self::StockTooLarge => "stock_too_large",
            Self::StockTooSmall { .. } => "stock_too_small",
            Self::ReservationDiffers { .. } => "reservation_differs",
            Self::ReservationNotHeld => "reservation_not_held",
            Self::ReservationNotDue { .. } => "reservation_not_due",
            Self::PaymentExists => "payment_exists",
            Self::PaymentNotFound => "payment_not_found",
            Self::NothingToPay => "nothing_to_pay",
            Self::PaymentNotCapturable { .. } => "payment_not_capturable",
            Self::PaymentNotVoidable { .. } => "payment_not_voidable",
            Self::PaymentNotRefundable { .. } => "payment_not_refundable",
            Self::NothingToRefund => "nothing_to_refund",
            Self::RefundTooLarge { .. } => "refund_too_large",
            Self::RefundIdReused => "refund_id_reused",
            Self::RefundNotFound => "refund_not_found",
            Self::UnexpectedOutcome { .. } => "unexpected_outcome",
            Self::AlreadyRegistered => "already_registered",
            Self::UserNotFound => "user_not_found",
            Self::FulfilmentNotFound => "fulfilment_not_found",
            Self::FulfilmentNotOperable { .. } => "fulfilment_not_operable",
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
            | Self::OrderCannotBecome { .. }
            | Self::ProductExists
            | Self::ProductNotFound
            | Self::ProductDiscontinued { .. }
            | Self::StockTooLarge
            | Self::StockTooSmall { .. }
            | Self::ReservationDiffers { .. }
            | Self::ReservationNotHeld
            | Self::ReservationNotDue { .. }
            | Self::PaymentExists
            | Self::PaymentNotFound
            | Self::NothingToPay
            | Self::PaymentNotCapturable { .. }
            | Self::PaymentNotVoidable { .. }
            | Self::PaymentNotRefundable { .. }
            | Self::NothingToRefund
            | Self::RefundTooLarge { .. }
            | Self::RefundIdReused
            | Self::RefundNotFound
            | Self::UnexpectedOutcome { .. }
            | Self::AlreadyRegistered
            | Self::UserNotFound
            | Self::FulfilmentNotFound
            | Self::FulfilmentNotOperable { .. }
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
            | Self::PricesDisagree { .. }
            | Self::NothingToPay => RefusalKind::Invalid,
            Self::OrderNotFound
            | Self::ProductNotFound
            | Self::PaymentNotFound
            | Self::RefundNotFound
            | Self::UserNotFound
            | Self::FulfilmentNotFound => RefusalKind::NotFound,
            Self::UnknownProduct { .. }
            | Self::PriceChanged { .. }
            | Self::MixedCurrencies
            | Self::TotalTooLarge
            | Self::OrderExists
            | Self::OrderNotCancellable { .. }
            | Self::OrderCannotBecome { .. }
            | Self::ProductExists
            | Self::ProductDiscontinued { .. }
            | Self::StockTooLarge
            | Self::StockTooSmall { .. }
            | Self::ReservationDiffers { .. }
            | Self::ReservationNotHeld
            | Self::ReservationNotDue { .. }
            | Self::PaymentExists
            | Self::PaymentNotCapturable { .. }
            | Self::PaymentNotVoidable { .. }
            | Self::PaymentNotRefundable { .. }
            | Self::NothingToRefund
            | Self::RefundTooLarge { .. }
            | Self::RefundIdReused
            | Self::UnexpectedOutcome { .. }
            | Self::AlreadyRegistered
            | Self::FulfilmentNotOperable { .. }
            | Self::LastAdmin
            | Self::UserSuspended
            | Self::BasicRole => RefusalKind::Conflict,
            Self::OwnRole => RefusalKind::Forbidden,
        }
    }
}
