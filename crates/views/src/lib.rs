//! Views: what answers show, and the pure folds that make them from events. A fold has no effect handle, so a replay
//! cannot act. A view's JSON is byte for byte what the query API sends.

mod explanation;
mod fulfilment;
mod history;
mod order;
mod payment;
mod product;
mod sighting;
mod stock;
mod user;
mod view;

pub use explanation::{Explanation, Hop, Passage, Told};
pub use fulfilment::{FulfilmentStepView, FulfilmentView};
pub use history::{HistoryEntry, HistoryView, Untold};
pub use order::{OrderItem, OrderLinks, OrderShipment, OrderView};
pub use payment::{PaymentView, RefundStatus, RefundView};
pub use product::ProductView;
pub use sighting::{Envelope, Noted, Sighting, Station};
pub use stock::StockView;
pub use user::{UserSort, UserView};
pub use view::{Listing, Projection, Text, Unfoldable, View};
