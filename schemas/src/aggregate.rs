//! The aggregates, and what each is called at every station: id prefix, topic, Avro namespace.

/// A kind of stream. A stream id starts with its aggregate's prefix, so the id alone tells where it belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Aggregate {
    /// A customer's order, `ord_…`.
    Order,
    /// A product of the catalogue, `prd_<sku>`.
    Product,
    /// The stock of one SKU, `stk_<sku>`.
    Stock,
    /// What is paid for one order, `pay_…`.
    Payment,
    /// A registered user, `usr_…`.
    User,
    /// The fulfilment of an order, `ful_…`.
    Fulfilment,
}

impl Aggregate {
    /// Every aggregate, in the order in which docs and tools list them.
    pub const ALL: [Self; 6] = [Self::Order, Self::Product, Self::Stock, Self::Payment, Self::User, Self::Fulfilment];

    /// The first four characters of every stream id of this aggregate.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Order => "ord_",
            Self::Product => "prd_",
            Self::Stock => "stk_",
            Self::Payment => "pay_",
            Self::User => "usr_",
            Self::Fulfilment => "ful_",
        }
    }

    /// The Kafka topic that carries this aggregate's events.
    #[must_use]
    pub const fn topic(self) -> &'static str {
        match self {
            Self::Order => "orders.events.v1",
            Self::Product => "products.events.v1",
            Self::Stock => "stock.events.v1",
            Self::Payment => "payments.events.v1",
            Self::User => "users.events.v1",
            Self::Fulfilment => "fulfilment.events.v1",
        }
    }

    /// The Avro namespace of this aggregate's records.
    #[must_use]
    pub const fn namespace(self) -> &'static str {
        match self {
            Self::Order => "orderflow.order",
            Self::Product => "orderflow.product",
            Self::Stock => "orderflow.stock",
            Self::Payment => "orderflow.payment",
            Self::User => "orderflow.user",
            Self::Fulfilment => "orderflow.fulfilment",
        }
    }

    /// The one word that names it at every station: files, folders, and the end of its namespace.
    #[must_use]
    pub fn noun(self) -> &'static str {
        self.namespace().rsplit('.').next().unwrap_or_default()
    }

    /// What its streams are called together, as people ask for them: the first word of its topic.
    #[must_use]
    pub fn plural(self) -> &'static str {
        self.topic().split('.').next().unwrap_or_default()
    }

    /// The aggregate whose streams are called so together, if any.
    #[must_use]
    pub fn of_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.plural() == plural)
    }

    /// The aggregate whose topic this is, if any.
    #[must_use]
    pub fn of_topic(topic: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|aggregate| aggregate.topic() == topic)
    }
}
