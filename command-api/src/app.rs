//! What the routes stand on: the streams of each aggregate, and who may use them.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use accounts::{Accounts, RefreshTokens};
use axum::extract::FromRef;
use domain::order::{Order, OrderCommand, RequestedLine};
use domain::payment::Payment;
use domain::product::Product;
use domain::stock::Stock;
use domain::user::User;
use event_store::EventStore;
use runtime::{Process, Secret};
use schemas::{PaymentMethod, UserId};
use serde::Serialize;
use sessions::{Caller, Sessions};
use vault::Vault;

use crate::cashier::Cashier;
use crate::catalogue::Catalogue;
use crate::fulfilment::{Fulfilments, Participants};
use crate::intent::{CommandHeaders, FingerprintKey, Intent};
use crate::signing::Signing;
use crate::streams::{Creates, Done, Rejected, Streams};
use crate::{Config, Error};

/// The application. Every request clones it several times over, so a clone is one pointer.
#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

/// What is behind that pointer.
#[derive(Debug)]
pub struct Shared {
    /// Every order.
    pub(crate) orders: Streams<Order>,
    /// Every product.
    pub(crate) products: Streams<Product>,
    /// Every stock.
    pub(crate) stock: Streams<Stock>,
    /// Every payment.
    pub(crate) payments: Streams<Payment>,
    /// Carries orders out.
    pub(crate) fulfilments: Fulfilments,
    /// Every user.
    pub(crate) users: Streams<User>,
    /// Names and prices, in memory.
    pub(crate) catalogue: Catalogue,
    /// Who gets in, and how.
    pub(crate) accounts: Accounts,
    /// What prolongs log-ins.
    pub(crate) refresh_tokens: RefreshTokens,
    /// Seals and opens names and addresses.
    pub(crate) vault: Vault,
    /// How long backups of the vault's keys are kept.
    pub(crate) key_backups: Duration,
    /// The event store itself, for the commands that span it and the accounts.
    pub(crate) store: EventStore,
    /// Who is logged in.
    pub(crate) sessions: Sessions,
    /// Makes tokens.
    pub(crate) signing: Signing,
    /// Asks the payment provider.
    pub(crate) cashier: Cashier,
    /// Proves that a webhook comes from the payment provider.
    pub(crate) webhook_secret: Secret,
    /// Fingerprints request bodies.
    pub(crate) fingerprints: FingerprintKey,
}

/// Who works beside HTTP, and shares its streams.
#[derive(Debug, Clone)]
pub(crate) struct Workers {
    /// Carries orders out.
    pub(crate) fulfilments: Fulfilments,
    /// Asks the payment provider.
    pub(crate) cashier: Cashier,
}

impl Workers {
    /// Workers over this store.
    pub(crate) fn new(config: &Config, store: &EventStore) -> Result<Self, payments::Error> {
        let streams = Participants::new(store, config.commands_together);
        let cashier = Cashier::new(&config.payments, store, &streams.payments)?;
        let fulfilments = Fulfilments::new(&config.fulfilment, store, &streams);
        Ok(Self { fulfilments, cashier })
    }
}

/// What somebody wants to order.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// What, and how many.
    pub(crate) lines: Vec<RequestedLine>,
    /// What it is paid with.
    pub(crate) payment_method: Option<PaymentMethod>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl FromRef<App> for Sessions {
    fn from_ref(app: &App) -> Self {
        app.sessions.clone()
    }
}

impl App {
    /// The application over this store, for people who are logged in with these sessions.
    pub async fn new(config: &Config, store: EventStore, sessions: Sessions, process: &Process) -> Result<Self, Error> {
        Self::beside(Workers::new(config, &store)?, config, store, sessions, process).await
    }

    /// The same, on the streams of these workers.
    pub(crate) async fn beside(
        workers: Workers,
        config: &Config,
        store: EventStore,
        sessions: Sessions,
        process: &Process,
    ) -> Result<Self, Error> {
        let Workers { fulfilments, cashier } = workers;
        let streams = fulfilments.streams.clone();
        let products = Streams::new(store.clone());
        let shared = Shared {
            orders: streams.orders,
            catalogue: Catalogue::new(products.clone()),
            products,
            stock: streams.stock,
            payments: streams.payments,
            fulfilments,
            cashier,
            webhook_secret: config.payments.payments_webhook_secret.clone(),
            users: Streams::new(store.clone()),
            accounts: Accounts::new(store.database(), &config.email_key)?,
            refresh_tokens: RefreshTokens::new(store.database()),
            vault: Vault::connect(&config.vault, process).await?,
            key_backups: Duration::from_secs(u64::from(config.vault_backup_days) * 24 * 3600),
            signing: Signing::start(config, &sessions, process)?,
            sessions,
            fingerprints: FingerprintKey::new(config.fingerprint_key.expose()),
            store,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// The intent of a logged-in caller on this route (method and concrete path).
    #[must_use]
    pub(crate) fn intent(
        &self,
        caller: &Caller,
        route: &str,
        headers: &CommandHeaders,
        body: &impl Serialize,
    ) -> Intent {
        Intent::new(caller.user.as_str(), route, headers, self.fingerprints.fingerprint(body))
    }

    /// Places an order on the prices in memory; if that is refused, on those in the store.
    pub(crate) async fn place_order(&self, user: UserId, wish: Wish, intent: Intent) -> Result<Done, Rejected> {
        let Wish { lines, payment_method } = wish;
        let stream = schemas::OrderId::from_bits(intent.new_id()).stream().clone();
        let skus = || lines.iter().map(|line| &line.sku);
        let place = |catalogue| {
            let (user, lines, payment_method) = (user.clone(), lines.clone(), payment_method.clone());
            let command = OrderCommand::Place { user, lines, catalogue, payment_method };
            self.orders.execute(stream.clone(), Creates::FromKey, command, intent.clone())
        };
        match place(self.catalogue.remembered(skus())).await {
            Err(Rejected::Refused(refusal)) if refusal.depends_on_the_catalogue() => {
                place(self.catalogue.read(skus()).await?).await
            }
            outcome => outcome,
        }
    }
}
