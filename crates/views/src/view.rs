//! What a view is, and the names of all projections.

use schemas::{Aggregate, EncodeError, Event, Recorded};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One document per stream, folded from that stream's events alone.
///
/// A fold gets the document and the event, and gives a document: nothing that could act, and no way to wait for anybody
/// who could. So whoever replays events, however often, repeats no effect:
///
/// ```
/// use schemas::{OrderEvent, Recorded};
/// use views::{OrderView, Unfoldable, View};
///
/// type Fold = fn(Option<OrderView>, &Recorded<OrderEvent>) -> Result<Option<OrderView>, Unfoldable>;
/// let _fold: Fold = OrderView::apply;
/// ```
///
/// What could act is not there at all: this crate knows neither the payment provider, nor a store, nor a log.
///
/// ```compile_fail
/// use payments::Provider;
/// ```
///
/// ```compile_fail
/// use event_store::EventStore;
/// ```
///
/// ```compile_fail
/// use bus::Producer;
/// ```
pub trait View: Sized + Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync + 'static {
    /// The projection that keeps these views.
    const PROJECTION: Projection;
    /// The events that it is folded from.
    type Event: Event;

    /// The view after one more event; `None` leaves a tombstone.
    ///
    /// The caller hands over a stream's events in order of version, each once; the fold only sees that the first
    /// creates and no later one does.
    fn apply(view: Option<Self>, recorded: &Recorded<Self::Event>) -> Result<Option<Self>, Unfoldable>;

    /// The lists that this view stands in, with its place in each.
    fn lists(&self) -> Vec<Listing>;

    /// The texts under which this view is found, and by which it is sorted.
    fn texts(&self) -> Vec<Text> {
        Vec::new()
    }
}

/// A view's membership in a sorted list; the member is the view's stream id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The list's name within the projection: `all`, `user:usr_1`.
    pub list: String,
    /// Where it stands: higher is newer.
    pub score: i64,
}

impl Listing {
    pub(crate) fn new(list: impl Into<String>, score: i64) -> Self {
        Self { list: list.into(), score }
    }
}

/// A view's membership in an index of texts, which is ordered by text, then by stream id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// The index's name within the projection; no list has the same.
    pub index: String,
    /// The text; no zero byte is in it.
    pub text: String,
}

/// Each kind of view, kept up to date by a consumer group of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Projection {
    /// Orders as they stand.
    Orders,
    /// What happened to an order, event by event.
    History,
    /// The catalogue.
    Products,
    /// How many pieces there are.
    Stock,
    /// What is paid for orders.
    Payments,
    /// How far each order is carried out.
    Fulfilment,
    /// Users, in clear.
    Users,
}

impl Projection {
    /// Every projection.
    pub const ALL: [Self; 7] =
        [Self::Orders, Self::History, Self::Products, Self::Stock, Self::Payments, Self::Users, Self::Fulfilment];

    /// Its name in keys, consumer groups, configuration and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::History => "history",
            Self::Products => "products",
            Self::Stock => "stock",
            Self::Payments => "payments",
            Self::Fulfilment => "fulfilment",
            Self::Users => "users",
        }
    }

    /// How its views look, as a number that grows whenever the same events come to other documents, lists or texts than
    /// before. Views of another shape are never written on: they are filled beside the old ones.
    #[must_use]
    pub const fn shape(self) -> u32 {
        match self {
            Self::Orders
            | Self::History
            | Self::Products
            | Self::Stock
            | Self::Payments
            | Self::Fulfilment
            | Self::Users => 1,
        }
    }

    /// The aggregate whose events it is folded from.
    #[must_use]
    pub const fn aggregate(self) -> Aggregate {
        match self {
            Self::Orders | Self::History => Aggregate::Order,
            Self::Products => Aggregate::Product,
            Self::Stock => Aggregate::Stock,
            Self::Payments => Aggregate::Payment,
            Self::Fulfilment => Aggregate::Fulfilment,
            Self::Users => Aggregate::User,
        }
    }

    /// The projection of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|projection| projection.name() == name)
    }
}

/// What the expression comes to with the type of view that the projection of this value keeps; the expression calls the
/// type by the given name.
///
/// ```
/// use views::{Projection, View};
///
/// let named = |projection| views::with_view!(projection, V => V::PROJECTION.name());
/// assert_eq!(Projection::ALL.map(named), Projection::ALL.map(Projection::name));
/// ```
#[macro_export]
macro_rules! with_view {
    ($projection:expr, $view:ident => $expression:expr) => {
        $crate::with_view!(@ $projection, $view, $expression;
            Orders: OrderView,
            History: HistoryView,
            Products: ProductView,
            Stock: StockView,
            Payments: PaymentView,
            Fulfilment: FulfilmentView,
            Users: UserView,
        )
    };
    (@ $projection:expr, $view:ident, $expression:expr; $($name:ident: $type:ident,)+) => {
        match $projection {
            $($crate::Projection::$name => {
                type $view = $crate::$type;
                $expression
            })+
        }
    };
}

/// An event does not fit the view that it should be applied to. The stream must not go on without a person's look.
#[derive(Debug, thiserror::Error)]
pub enum Unfoldable {
    /// It changes what nothing created.
    #[error("{event} happened to something that does not exist")]
    Missing {
        /// The event's name.
        event: &'static str,
    },
    /// It creates what exists, or changes what has ended.
    #[error("{event} cannot happen to what the events before it made")]
    Impossible {
        /// The event's name.
        event: &'static str,
    },
    /// The stream's id is not of the kind that these events have.
    #[error("{event} cannot happen to the stream {stream}")]
    Stream {
        /// The event's name.
        event: &'static str,
        /// The stream's id.
        stream: schemas::StreamId,
    },
    /// A sum is beyond what a number holds.
    #[error("{event} makes a number too large")]
    Overflow {
        /// The event's name.
        event: &'static str,
    },
    /// Its personal data was not opened before.
    #[error("the personal data of {event} is still sealed")]
    Sealed {
        /// The event's name.
        event: &'static str,
    },
    /// Its content cannot be shown.
    #[error("an event cannot be shown")]
    Show(#[from] EncodeError),
}
