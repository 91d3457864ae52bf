//! What can be asked of one order.

use read_model::RedisConfig;
use runtime::Secret;
use schemas::{OrderId, Sku, UserId};

use super::explain::order;
use super::people::user;

/// About orders.
#[derive(Debug, clap::Subcommand)]
pub enum OrderCommand {
    /// Places an order through the gateway, as its user would. With the key that the plan names it is placed once, however
    /// often the command is repeated.
    Place(PlaceCommand),
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

/// What is ordered, by whom, and where.
#[derive(Debug, clap::Args)]
pub struct PlaceCommand {
    /// Whose order it is: the token's bearer, unless that is an admin.
    #[arg(long, value_parser = user)]
    pub user: UserId,
    /// A SKU and how many pieces, as `tea-green=2`; may be repeated.
    #[arg(long = "item", value_name = "SKU=QTY", required = true, value_parser = line)]
    pub items: Vec<Line>,
    /// What it is paid with, as the payment provider calls it; the provider's test card if it is left out.
    #[arg(long, value_name = "PM")]
    pub payment_method: Option<String>,
    /// The idempotency key; a new one if it is left out.
    #[arg(long)]
    pub key: Option<String>,
    /// Where the gateway is.
    #[arg(long, env = "GATEWAY_URL")]
    pub gateway: String,
    /// An access token, as a log-in or `ops token` gives it.
    #[arg(long, env = "ACCESS_TOKEN", hide_env_values = true)]
    pub token: Secret,
    /// Act instead of only saying what would be done.
    #[arg(long)]
    pub execute: bool,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: u32,
}

fn line(text: &str) -> Result<Line, String> {
    let parsed = text.rsplit_once('=').and_then(|(sku, quantity)| {
        let (sku, quantity) = (Sku::parse(sku).ok()?, quantity.parse().ok().filter(|quantity| *quantity > 0)?);
        Some(Line { sku, quantity })
    });
    parsed.ok_or_else(|| "a SKU and a number of pieces are expected, as tea-green=2".to_owned())
}
