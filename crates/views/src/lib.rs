//! Views: what answers show, and the pure folds that make them from events. A fold has no effect handle, so a replay
//! cannot act. A view's JSON is byte for byte what the query API sends.

mod history;
mod order;
mod product;
mod stock;
mod user;
mod view;

pub use history::{HistoryEntry, HistoryView};
pub use order::{OrderItem, OrderLinks, OrderView};
pub use product::ProductView;
pub use stock::StockView;
pub use user::{UserSort, UserView};
pub use view::{Listing, Projection, Text, Unfoldable, View};
