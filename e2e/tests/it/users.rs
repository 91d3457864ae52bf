//! Users as the first seed's clients know them: rows of its table of features, each under its number.

use e2e::client::{Answer, LoggedIn, Request};
use e2e::remains::{self, Places, Words};
use serde_json::{Value, json};

use crate::forgeries::claims_of;
use crate::keys::{kid_of, published};
use crate::sessions::ended_everywhere;
use crate::standing::suspend;
use crate::world::World;

const PASSWORD: &str = "correct horse battery";

fn applicant(name: &str) -> Value {
    json!({ "email": format!(" {name}@Example.COM "), "password": PASSWORD, "firstName": name, "lastName": "Tester" })
}

async fn registered(world: &World, body: Value) -> Answer {
    world.gateway.post("/api/v1/users/register", Request::default().json(body)).await
}

/// The fields of the issues, which a 400 must have.
fn fields(answer: &Answer) -> Vec<String> {
    let issues = answer.body.get("issues").and_then(Value::as_array).unwrap_or_else(|| panic!("no issues: {answer:?}"));
    issues.iter().map(|issue| issue["path"][0].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_1_registration_keeps_the_seeds_envelope_and_gives_no_role_away() {
    let world = World::enter().await;
    let name = World::name("row-1-1");
    let mut body = applicant(&name);
    body["role"] = json!("admin");
    body["isActive"] = json!(false);
    body["_id"] = json!("usr_00000000000000000000000000000001");
    let answer = registered(&world, body).await.expect(201);
    assert_eq!(
        (&answer.body["success"], &answer.body["message"]),
        (&json!(true), &json!("User registered successfully"))
    );
    let user = answer.body["data"].as_object().expect("a user");
    let keys: Vec<_> = user.keys().map(String::as_str).collect();
    let expected = ["__v", "_id", "createdAt", "email", "firstName", "isActive", "lastName", "role", "updatedAt"];
    assert_eq!(keys, expected, "{user:?}");
    assert_eq!(
        (&user["email"], &user["role"], &user["isActive"]),
        (&json!(format!("{name}@example.com")), &json!("user"), &json!(true))
    );
    assert_ne!(user["_id"], json!("usr_00000000000000000000000000000001"));

    let twice = registered(&world, applicant(&name.to_uppercase())).await.expect(409);
    assert_eq!(twice.text("code"), "email_taken");
    assert_eq!(twice.text("message"), "User with this email already exists");
    let wrong = json!({ "email": "nobody", "password": "short", "firstName": "", "lastName": "\u{7}" });
    assert_eq!(fields(&registered(&world, wrong).await.expect(400)), ["email", "password", "firstName", "lastName"]);
    let operator = json!({ "email": { "$gt": "" }, "password": PASSWORD, "firstName": "a", "lastName": "b" });
    let _ = registered(&world, operator).await.expect(400);
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_2_a_log_in_keeps_the_seeds_envelope_and_signs_the_seeds_claims_for_a_quarter_of_an_hour() {
    let world = World::enter().await;
    let name = World::name("row-1-2");
    let user = world.gateway.user(&name).await;
    let email = format!("{name}@example.com");
    let log_in = async |body: Value| world.gateway.post("/api/v1/users/login", Request::default().json(body)).await;
    let answer = log_in(json!({ "email": email.to_uppercase(), "password": PASSWORD })).await.expect(200);
    assert_eq!((&answer.body["success"], answer.text("message").as_str()), (&json!(true), "Login successful"));
    assert_eq!(
        (&answer.body["data"]["user"]["_id"], &answer.body["data"]["expiresIn"]),
        (&json!(user.id), &json!(900))
    );

    let user = LoggedIn::by(&answer);
    assert!(published(&world).await.contains(&kid_of(&user)), "its key is published");
    let claims = claims_of(&user.token);
    for (claim, value) in [("sub", &user.id), ("id", &user.id), ("email", &email), ("role", &"user".to_owned())] {
        assert_eq!(claims[claim], json!(value), "{claim} of {claims}");
    }
    for claim in ["iss", "aud", "jti", "sid"] {
        assert!(claims[claim].is_string(), "{claim} of {claims}");
    }
    assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(until, from)| until - from), Some(900));

    for (what, email, password) in
        [("a wrong password", &email, "wrong horse battery"), ("nobody", &"nobody@example.com".to_owned(), PASSWORD)]
    {
        let refused = log_in(json!({ "email": email, "password": password })).await.expect(401);
        assert_eq!(refused.text("message"), "Invalid email or password", "{what}");
    }
    for wrong in [json!({ "email": email }), json!({ "email": { "$gt": "" }, "password": PASSWORD }), json!([])] {
        assert_eq!(log_in(wrong).await.expect(400).text("code"), "validation_failed");
    }
    let nothing = world.gateway.post("/api/v1/users/login", Request::default()).await.expect(400);
    assert_eq!(nothing.text("code"), "body_required");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_3_whoever_shows_no_good_token_is_told_why_and_no_token_is_ever_logged() {
    let world = World::enter().await;
    let refused = async |token: Option<&str>| {
        let request = Request { token: token.map(str::to_owned), ..Request::default() };
        world.gateway.get("/api/v1/users/profile", request).await.expect(401).text("message")
    };
    assert_eq!(refused(None).await, "Authentication token is required");
    assert_eq!(refused(Some("not.a.token")).await, "Invalid token: jwt malformed");
    let (suspended, erased) =
        (world.gateway.user(&World::name("row-1-3")).await, world.gateway.user(&World::name("row-1-3")).await);
    suspend(&world, &suspended).await;
    let path = format!("/api/v1/users/{}", erased.id);
    let _ = world.gateway.delete(&path, Request::by(&world.admin)).await.expect(200);
    for gone in [&suspended, &erased] {
        ended_everywhere(&world, gone).await;
        assert_eq!(refused(Some(&gone.token)).await, "Invalid token: session has ended");
    }
    // The seed logged the first fifteen letters, which are the same in all tokens.
    let shown = [&suspended, &erased].map(|user| [&user.token[..15], signature(user), user.refresh.as_str()]);
    let secrets = Words::new(&[shown.as_flattened(), &[PASSWORD]].concat());
    let logs = remains::in_files(&world.system.folder().join("logs"), &secrets);
    assert_eq!(logs, Places::new());
}

fn signature(user: &LoggedIn) -> &str {
    user.token.rsplit('.').next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_4_a_profile_changes_by_its_allow_list_only() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("row-1-4")).await;
    let everything = json!({
        "firstName": "Grace", "role": "admin", "isActive": false, "password": "another horse battery", "__v": 99,
        "createdAt": "2000-01-01T00:00:00Z", "_id": "usr_1", "$set": { "role": "admin" },
    });
    for path in ["/api/v1/users/profile", "/api/v1/users/me"] {
        let changed = world.gateway.put(path, Request::by(&user).json(everything.clone())).await.expect(200);
        assert_eq!(changed.text("message"), "Profile updated successfully");
        let data = &changed.body["data"];
        assert_eq!(
            (&data["_id"], &data["firstName"], &data["lastName"]),
            (&json!(user.id), &json!("Grace"), &json!("Tester"))
        );
        assert_eq!(
            (&data["role"], &data["isActive"], &data["__v"]),
            (&json!("user"), &json!(true), &json!(2)),
            "{path}"
        );
        let token = changed.header("consistency-token").expect("a token").to_owned();
        let shown = world.gateway.get(path, Request::by(&user).with("consistency-token", token)).await.expect(200);
        assert_eq!(&shown.body["data"], data, "what the command answers is what the query shows");
    }
    let wrong = json!({ "firstName": "", "email": "nowhere" });
    let refused = world.gateway.put("/api/v1/users/profile", Request::by(&user).json(wrong)).await.expect(400);
    assert_eq!(fields(&refused), ["email", "firstName"]);
    let _ = world.gateway.put("/api/v1/users/profile", Request::default().json(json!({}))).await.expect(401);
    let stale = Request::by(&user).with("if-match", "\"1\"").json(json!({ "firstName": "Ada" }));
    let _ = world.gateway.put("/api/v1/users/profile", stale).await.expect(412);
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_4_another_address_is_unique_frees_the_old_one_and_logs_in() {
    let world = World::enter().await;
    let (old, new, taken) = (World::name("old"), World::name("new"), World::name("taken"));
    let user = world.gateway.user(&old).await;
    let _ = world.gateway.user(&taken).await;
    let change = |name: &str, key: &str| {
        let body = json!({ "email": format!("{name}@example.com") });
        Request::by(&user).with("idempotency-key", key).json(body)
    };
    let refused = world.gateway.put("/api/v1/users/profile", change(&taken, "a")).await.expect(409);
    assert_eq!(refused.text("code"), "email_taken");
    let changed = world.gateway.put("/api/v1/users/profile", change(&new, "b")).await.expect(200);
    assert_eq!(changed.body["data"]["email"], json!(format!("{new}@example.com")));
    let again = world.gateway.put("/api/v1/users/profile", change(&new, "b")).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), again.header("etag")), (Some("true"), changed.header("etag")));
    let reused = world.gateway.put("/api/v1/users/profile", change(&old, "b")).await.expect(422);
    assert_eq!(reused.text("code"), "idempotency_key_reused");

    let moved = world.gateway.log_in(&format!("{new}@example.com"), PASSWORD).await;
    assert_eq!(moved.id, user.id);
    let other = world.gateway.user(&old).await;
    assert_ne!(other.id, user.id, "the old address is free");
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_1_7_only_admins_erase_and_nobody_erases_the_last_of_them() {
    let world = World::enter().await;
    let name = World::name("row-1-7");
    let (user, other) = (world.gateway.user(&name).await, world.gateway.user(&World::name("other")).await);
    let path = format!("/api/v1/users/{}", user.id);
    let _ = world.gateway.delete(&path, Request::default()).await.expect(401);
    let refused = world.gateway.delete(&path, Request::by(&other)).await.expect(403);
    assert_eq!(refused.text("message"), "Admin access required");
    for unknown in ["/api/v1/users/usr_00000000000000000000000000000000", "/api/v1/users/nonsense"] {
        let _ = world.gateway.delete(unknown, Request::by(&world.admin)).await.expect(404);
    }
    let last = world.gateway.delete(&format!("/api/v1/users/{}", world.admin.id), Request::by(&world.admin)).await;
    assert_eq!(last.expect(409).text("code"), "last_admin");

    let erased = world.gateway.delete(&path, Request::by(&world.admin)).await.expect(200);
    assert_eq!((&erased.body["success"], erased.text("message").as_str()), (&json!(true), "User deleted successfully"));
    let receipt = &erased.body["data"];
    assert_eq!(receipt["userId"], json!(user.id));
    for field in ["keyDestroyedAt", "keyInOperationLogUntil", "keyInBackupsUntil"] {
        assert!(receipt[field].is_string(), "{field} of {receipt}");
    }
    let again = world.gateway.delete(&path, Request::by(&world.admin)).await.expect(200);
    assert_eq!(again.body["data"]["keyDestroyedAt"], receipt["keyDestroyedAt"]);

    let successor = world.gateway.user(&name).await;
    assert_ne!(successor.id, user.id, "the address is free");
    let _ = world.settle().await;
}
