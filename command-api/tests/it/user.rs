//! Users: register, log in, log out.

use serde_json::{Value, json};

use crate::stage::{By, Reply, Stage, by};

const REGISTER: &str = "/api/v1/users/register";
const LOG_IN: &str = "/api/v1/users/login";
const PASSWORD: &str = "correct horse battery";

fn ada() -> Value {
    json!({"email": "Ada@Example.com", "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"})
}

async fn log_in(stage: &Stage, email: &str, password: &str) -> Reply {
    stage.post(LOG_IN, by(""), json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn a_user_registers_and_logs_in_in_the_seeds_words() {
    let stage = Stage::open().await;
    let registered = stage.post(REGISTER, by(""), ada()).await;
    assert_eq!((registered.status, &registered.body["success"]), (201, &json!(true)), "{registered:?}");
    assert_eq!(registered.text("message"), "User registered successfully");
    let user = &registered.body["data"];
    assert_eq!((&user["email"], &user["firstName"]), (&json!("ada@example.com"), &json!("Ada")));
    assert_eq!((&user["role"], &user["isActive"], &user["__v"]), (&json!("user"), &json!(true), &json!(1)));
    assert!(user.get("password").is_none() && user.get("passwordHash").is_none());
    let logged_in = log_in(&stage, "ADA@example.com ", PASSWORD).await;
    assert_eq!((logged_in.status, logged_in.text("message")), (200, "Login successful"));
    assert_eq!(logged_in.body["data"]["user"], *user);
    assert_eq!(logged_in.body["data"]["expiresIn"], 900);
    assert_eq!(stage.events(user["_id"].as_str().unwrap()).await, ["UserRegistered"]);
}

#[tokio::test]
async fn a_registration_that_is_sent_again_tells_of_its_user_to_who_has_the_password_only() {
    let stage = Stage::open().await;
    let keyed = By { user: "", headers: &[("idempotency-key", "register-1")] };
    assert_eq!(stage.post(REGISTER, keyed, ada()).await.status, 201);
    let again = stage.post(REGISTER, keyed, ada()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
    let mut strange = ada();
    strange["password"] = json!("wrong horse battery");
    assert_eq!(stage.post(REGISTER, keyed, strange).await.problem(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_alike() {
    let stage = Stage::open().await;
    assert_eq!(stage.post(REGISTER, by(""), ada()).await.status, 201);
    for (email, password) in
        [("ada@example.com", "wrong horse battery"), ("nobody@example.com", PASSWORD), ("nonsense", PASSWORD)]
    {
        let reply = log_in(&stage, email, password).await;
        assert_eq!(reply.problem(), (401, "wrong_credentials"), "{email}");
        assert_eq!(reply.text("message"), "Invalid email or password");
    }
    let operator = json!({"email": {"$gt": ""}, "password": PASSWORD});
    assert_eq!(stage.post(LOG_IN, by(""), operator).await.problem(), (400, "validation_failed"));
}

#[tokio::test]
async fn an_address_is_registered_once_in_any_case_of_letters() {
    let stage = Stage::open().await;
    assert_eq!(stage.post(REGISTER, by(""), ada()).await.status, 201);
    let again = json!({"email": "ADA@EXAMPLE.COM", "password": PASSWORD, "firstName": "B", "lastName": "C"});
    let taken = stage.post(REGISTER, by(""), again).await;
    assert_eq!(taken.problem(), (409, "email_taken"));
    assert_eq!(taken.text("message"), "User with this email already exists");
}

#[tokio::test]
async fn a_registration_sent_again_with_its_key_makes_one_user() {
    let stage = Stage::open().await;
    let keyed = By { user: "", headers: &[("idempotency-key", "k")] };
    let (first, retry) = (stage.post(REGISTER, keyed, ada()).await, stage.post(REGISTER, keyed, ada()).await);
    assert_eq!((first.status, retry.status), (201, 200), "{retry:?}");
    assert_eq!(first.body["data"]["_id"], retry.body["data"]["_id"]);
    let mut other = ada();
    other["lastName"] = json!("Byron");
    assert_eq!(stage.post(REGISTER, keyed, other).await.problem(), (422, "idempotency_key_reused"));
}

#[tokio::test]
async fn every_mistake_of_a_registration_is_told() {
    let stage = Stage::open().await;
    let bad = json!({"email": "ada", "password": "short", "firstName": "", "lastName": "x".repeat(101)});
    let expected = [
        (r#"["email"]"#.to_owned(), "invalid_email"),
        (r#"["password"]"#.to_owned(), "invalid_password"),
        (r#"["firstName"]"#.to_owned(), "invalid_name"),
        (r#"["lastName"]"#.to_owned(), "invalid_name"),
    ];
    assert_eq!(stage.post(REGISTER, by(""), bad).await.issues(), expected);
}

#[tokio::test]
async fn logging_out_ends_one_session_or_all_of_them() {
    let stage = Stage::open().await;
    let registered = stage.post(REGISTER, by(""), ada()).await;
    let user = registered.body["data"]["_id"].as_str().unwrap().to_owned();
    let log_out = async |body: Value| stage.post("/api/v1/users/logout", by(&user), body).await.status;
    assert_eq!(log_out(json!({})).await, 204);
    assert_eq!(log_out(json!({"everywhere": true})).await, 204);
    assert_eq!(stage.events(&user).await, ["UserRegistered", "UserSessionEnded", "UserSessionsRevoked"]);
    assert_eq!(stage.send("/api/v1/users/logout", by(""), None).await.problem(), (401, "token_required"));
}
