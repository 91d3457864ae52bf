//! A new admin, and a token in his or her name.

use accounts::{Accounts, Email};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use runtime::Secret;
use schemas::{UserId, Version};
use serde_json::{Value, json};
use sessions::Claims;
use stack::testing;
use tokio::process::Command;

use crate::republish::store;

const MASTER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const EMAIL_KEY: &str = "one key for all addresses";

/// What a command answers for programs, which must have ended with this code.
async fn ops(words: &[&str], mongodb: &str, code: i32) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(words).args(["--output", "json"]).env("MONGODB_URI", mongodb).env("EMAIL_KEY", EMAIL_KEY);
    let vault = testing::mongo().await.database("people_vault");
    command.env("VAULT_MONGODB_URI", vault).env("VAULT_MASTER_KEY", MASTER);
    let output = command.output().await.unwrap();
    assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a token says, if one of these keys signed it for us.
fn read(token: &str, keys: &JwkSet) -> Claims {
    let mut checks = Validation::new(Algorithm::EdDSA);
    checks.set_audience(&["orderflow"]);
    checks.set_issuer(&["orderflow"]);
    decode::<Claims>(token, &DecodingKey::from_jwk(&keys.keys[0]).unwrap(), &checks).unwrap().claims
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_is_made_by_execute_only_once_and_a_token_speaks_for_users_alone() {
    let (store, mongodb, process) = store("people").await;
    let accounts = Accounts::new(store.database(), &Secret::from(EMAIL_KEY)).unwrap();
    let email = Email::parse("ada@example.org").unwrap();
    let create = ["user", "create-admin", "--email", "ada@example.org"];

    let plan = ops(&create, &mongodb, 0).await;
    assert_eq!((&plan["executed"], &plan["items"][0]["action"]), (&json!(false), &json!("create")));
    assert_eq!(accounts.owner(&email).await.unwrap(), None, "a plan makes nobody");
    let execute = [&create[..], &["--execute"]].concat();
    let made = ops(&execute, &mongodb, 0).await;
    let user = UserId::parse(made["user"].as_str().unwrap()).unwrap();
    let password = Secret::from(made["oneTimePassword"].as_str().unwrap());
    let account = accounts.log_in(&email, &password).await.unwrap().unwrap();
    assert!(account.id == user && account.one_time_until.is_some());
    let commits = store.tail(user.stream(), Version::FIRST).await.unwrap();
    let [commit] = &commits[..] else { unreachable!("{commits:?}") };
    assert_eq!((&*commit.events[0].name, &*commit.commands[0].caller), ("UserRegistered", "ops"));
    assert!(!format!("{commit:?}").contains("ada@example.org"), "the address is sealed");
    let refused = ops(&execute, &mongodb, 2).await;
    assert_eq!((&refused["executed"], &refused["items"][0]["action"]), (&json!(false), &json!("refuse")));

    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().to_str().unwrap();
    let _made = ops(&["keys", "generate", "--out", keys, "--execute"], &mongodb, 0).await;
    let public = std::fs::read_to_string(folder.path().join("jwks.json")).unwrap();
    let answer = ops(&["token", "--user", user.as_str(), "--keys", keys], &mongodb, 0).await;
    let claims = read(answer["token"].as_str().unwrap(), &serde_json::from_str(&public).unwrap());
    assert_eq!((&claims.sub, json!(claims.role), claims.sv), (&user, json!("admin"), 1));
    assert_eq!((&answer["user"], &answer["role"]), (&json!(user), &json!("admin")));
    let nobody = UserId::from_bits(1);
    let _refused = ops(&["token", "--user", nobody.as_str(), "--keys", keys], &mongodb, 2).await;
    process.shutdown.request();
}
