//! What can be asked of one order while it goes on.

use read_model::RedisConfig;
use schemas::OrderId;

use super::explain::order;

/// About orders.
#[derive(Debug, clap::Subcommand)]
pub enum OrderCommand {
    /// Shows what happened to an order, one line per event, and what happens to it from now on, until it has ended.
    Watch {
        /// The order's id.
        #[arg(value_parser = order)]
        order: OrderId,
        /// Where the views are.
        #[command(flatten)]
        redis: RedisConfig,
    },
}
