//! From one master key to the next, by `--execute` only.

use runtime::Secret;
use schemas::{PersonalField, Sealed, UserId};
use serde_json::Value;
use stack::testing;
use tokio::process::Command;
use vault::{Vault, VaultConfig};

const OLD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

async fn vault(uri: &str, masters: &str) -> Vault {
    let config = VaultConfig { vault_mongodb_uri: Secret::from(uri), vault_master_key: Secret::from(masters) };
    Vault::unwatched(&config).await.unwrap()
}

/// The actions of the answer, which must have ended with this code.
async fn rotate(uri: &str, masters: &str, execute: &[&str], code: i32) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(["keys", "rotate", "master", "--output", "json"]).args(execute);
    let output = command.env("VAULT_MONGODB_URI", uri).env("VAULT_MASTER_KEY", masters).output().await.unwrap();
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = answer["items"].as_array().unwrap();
    let mut actions: Vec<_> = items.iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect();
    actions.sort();
    actions
}

#[tokio::test]
async fn every_users_key_is_wrapped_under_the_newest_master_key_by_execute_only() {
    let uri = testing::mongo().await.database("vault_rotation");
    let both = format!("{OLD},{NEW}");
    let ada = UserId::from_bits(1);
    let sealed = vault(&uri, OLD).await.seal(&ada, PersonalField::FirstName, "Ada").await.unwrap();

    assert_eq!(rotate(&uri, NEW, &["--execute"], 2).await, ["none", "refuse"], "the old one is not configured");
    assert_eq!(rotate(&uri, &both, &[], 0).await, ["change", "none"]);
    assert_eq!(rotate(&uri, &both, &[], 0).await, ["change", "none"], "a plan does nothing");
    assert_eq!(rotate(&uri, &both, &["--execute"], 0).await, ["change", "none"]);
    assert_eq!(rotate(&uri, NEW, &["--execute"], 0).await, ["none"]);

    let mut received = Sealed::parse(sealed.as_str()).unwrap();
    vault(&uri, NEW).await.open(&ada, PersonalField::FirstName, &mut received).await.unwrap();
    assert_eq!(received.clear(), Some("Ada"));
}
