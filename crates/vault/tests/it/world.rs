//! A database of keys of the test's own, and what lies in it.

use bson::{Document, doc};
use futures::TryStreamExt as _;
use mongodb::Client;
use runtime::Secret;
use schemas::{PersonalField, Sealed, UserId};
use stack::testing;
use uuid::Uuid;
use vault::{Error, Vault, VaultConfig};

/// A master key, and the one that replaces it.
pub(crate) const OLD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
pub(crate) const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// One database of keys.
pub(crate) struct World {
    uri: String,
    pub(crate) vault: Vault,
}

impl World {
    /// An empty database of the shared server.
    pub(crate) async fn new() -> Self {
        let name = format!("vault_{}", Uuid::now_v7().simple());
        Self::at(testing::mongo().await.database(&name)).await
    }

    pub(crate) async fn at(uri: String) -> Self {
        let vault = vault(&uri, OLD).await;
        Self { uri, vault }
    }

    /// The vault of another process, which remembers nothing, with these master keys.
    pub(crate) async fn other(&self, masters: &str) -> Vault {
        vault(&self.uri, masters).await
    }

    /// Everything that is stored.
    pub(crate) async fn stored(&self) -> Vec<Document> {
        let client = Client::with_uri_str(&self.uri).await.unwrap();
        let keys = client.default_database().unwrap().collection::<Document>("keys");
        keys.find(doc! {}).await.unwrap().try_collect().await.unwrap()
    }

    pub(crate) async fn seal(&self, user: &UserId, clear: &str) -> Sealed {
        self.vault.seal(user, PersonalField::FirstName, clear).await.unwrap()
    }
}

async fn vault(uri: &str, masters: &str) -> Vault {
    let config = VaultConfig { vault_mongodb_uri: Secret::from(uri), vault_master_key: Secret::from(masters) };
    Vault::unwatched(&config).await.unwrap()
}

/// What this vault reads in a first name.
pub(crate) async fn read(vault: &Vault, user: &UserId, sealed: &Sealed) -> Result<String, Error> {
    let mut sealed = Sealed::parse(sealed.as_str()).unwrap();
    vault.open(user, PersonalField::FirstName, &mut sealed).await?;
    Ok(sealed.clear().unwrap().to_owned())
}

pub(crate) fn user() -> UserId {
    UserId::from_bits(Uuid::now_v7().as_u128())
}
