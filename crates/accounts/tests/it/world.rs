//! A database of the test's own, and people who want accounts in it.

use accounts::{Account, Accounts, Created, Email, Error, Password, RefreshTokens};
use mongodb::options::{ReadConcern, WriteConcern};
use mongodb::{Client, ClientSession};
use runtime::{Secret, clock};
use schemas::{Timestamp, UserId};
use stack::testing;
use uuid::Uuid;

/// The accounts of one database.
pub(crate) struct World {
    pub(crate) client: Client,
    pub(crate) accounts: Accounts,
}

impl World {
    /// An empty database of the shared server.
    pub(crate) async fn new() -> Self {
        let name = format!("accounts_{}", Uuid::now_v7().simple());
        Self::at(&testing::mongo().await.database(&name)).await
    }

    pub(crate) async fn at(url: &str) -> Self {
        let mut options = mongodb::options::ClientOptions::parse(url).await.unwrap();
        options.read_concern = Some(ReadConcern::majority());
        options.write_concern = Some(WriteConcern::majority());
        options.server_selection_timeout = Some(std::time::Duration::from_secs(3));
        options.max_pool_size = Some(64);
        let client = Client::with_options(options).unwrap();
        let database = client.default_database().unwrap();
        let accounts = Accounts::new(&database, &Secret::from("a key for e-mail addresses")).unwrap();
        Self { client, accounts }
    }

    pub(crate) fn refresh_tokens(&self) -> RefreshTokens {
        RefreshTokens::new(&self.client.default_database().unwrap())
    }

    pub(crate) async fn transaction(&self) -> ClientSession {
        let mut session = self.client.start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        session
    }

    /// Registers somebody as the command API does: hash, transaction, commit.
    pub(crate) async fn register(&self, account: &Account, email: &str, password: &str) -> Result<Created, Error> {
        let hash = self.accounts.hash(&Password::parse(password).unwrap()).await?;
        let mut session = self.transaction().await;
        let created = self.accounts.create(&mut session, account, &address(email), &hash).await?;
        if created == Created::Yes {
            session.commit_transaction().await.unwrap();
        }
        Ok(created)
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Result<Option<Account>, Error> {
        self.accounts.log_in(&Email::parse(email).unwrap(), &Secret::from(password)).await
    }
}

/// Somebody.
pub(crate) fn account() -> Account {
    let now = Timestamp::from_micros(clock::now_micros());
    Account { id: UserId::from_bits(Uuid::now_v7().as_u128()), created_at: now, updated_at: now, one_time_until: None }
}

/// An address.
pub(crate) fn address(text: &str) -> Email {
    Email::parse(text).unwrap()
}
