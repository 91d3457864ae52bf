//! The requests that the two seeds document, as their clients send them: only the base URL is another one, orders come
//! with a token, and what somebody claims to be is not believed.

use e2e::client::{LoggedIn, Request};
use serde_json::{Value, json};
use stack::eventually;

use crate::world::{SETTLED, World};

/// The fields that a seed's client finds in this object.
fn check_fields(object: &Value, fields: &[&str]) {
    for field in fields {
        assert!(object.get(field).is_some_and(|value| !value.is_null()), "no {field} in {object}");
    }
}

const USER: [&str; 9] = ["_id", "email", "firstName", "lastName", "role", "isActive", "createdAt", "updatedAt", "__v"];
const ORDER: [&str; 10] =
    ["_id", "orderId", "userId", "status", "totalAmount", "itemCount", "previewSkus", "createdAt", "updatedAt", "__v"];

/// Rows 2.1, 2.2, 2.4, 2.5, 2.7 and 2.8 of the compatible surface.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_requests_of_the_order_service_work_with_a_token() {
    let world = World::enter().await;
    let _ = world.gateway.product(&world.admin, "sku_mouse", 599).await;
    let user = world.gateway.user(&World::name("user_123")).await;
    let create = async |qty: u32| {
        let body = json!({ "userId": user.id, "items": [{ "sku": "sku_mouse", "qty": qty, "price": 599 }] });
        let request = Request::by(&user).with("idempotency-key", "order-001").json(body);
        world.gateway.post("/commands/orders", request).await
    };
    let created = create(2).await.expect(201);
    let id = created.text("orderId");
    assert!(id.starts_with("ord_") && created.text("message").contains("Order created"), "{created:?}");
    let again = create(2).await.expect(200);
    assert_eq!(again.text("orderId"), id);
    assert!(again.text("message").contains("Duplicate request"), "{again:?}");
    let _ = create(3).await.expect(422);

    // The seed's clients know no consistency token: what they read follows a moment later.
    let order = eventually("the order can be read", SETTLED, async || {
        let answer = world.gateway.get(&format!("/queries/orders/{id}"), Request::by(&user)).await;
        (answer.status.as_u16() == 200).then(|| answer.body["order"].clone())
    })
    .await;
    check_fields(&order, &ORDER);
    let told = ["_id", "orderId", "userId", "totalAmount", "itemCount", "previewSkus"].map(|field| &order[field]);
    let expected = [json!(id), json!(id), json!(user.id), json!(1198), json!(2), json!(["sku_mouse"])];
    assert_eq!(told, expected.each_ref());
    for path in ["/queries/orders".to_owned(), format!("/queries/orders?userId={}", user.id)] {
        let list = world.gateway.get(&path, Request::by(&user)).await.expect(200).body;
        assert_eq!((&list["count"], &list["orders"][0]["orderId"]), (&json!(1), &json!(id)), "{list}");
        check_fields(&list["orders"][0], &ORDER);
    }
    let unknown = world.gateway.get("/queries/orders/ord_unknown", Request::by(&user)).await.expect(404);
    check_fields(&unknown.body, &["message"]);
    let wrong = Request::by(&user).json(json!({ "userId": user.id, "items": [] }));
    let wrong = world.gateway.post("/commands/orders", wrong).await.expect(400).body;
    assert_eq!(wrong["message"], json!("Validation failed"));
    check_fields(&wrong["issues"][0], &["path", "code", "message"]);
    let health = world.gateway.get("/health", Request::default()).await.expect(200);
    assert_eq!(health.body["ok"], json!(true));
    let _ = world.settle().await;
}

/// Rows 1.1, 1.2, 1.4 to 1.7, 1.12 and 1.13 of the compatible surface, in the order of the seed's own script.
#[tokio::test(flavor = "multi_thread")]
async fn the_documented_requests_of_the_user_service_work() {
    let world = World::enter().await;
    let (name, password) = (World::name("script"), "correct horse battery");
    let email = format!("{name}@example.com");
    let applicant =
        json!({ "email": email, "password": password, "firstName": "Test", "lastName": "User", "role": "admin" });
    let registered = world.gateway.post("/api/v1/users/register", Request::default().json(applicant)).await.expect(201);
    check_fields(&registered.body["data"], &USER);
    assert_eq!(registered.body["data"]["role"], json!("user"), "nobody makes himself an admin");
    let credentials = Request::default().json(json!({ "email": email, "password": password }));
    let answer = world.gateway.post("/api/v1/users/login", credentials.clone()).await.expect(200);
    check_fields(&answer.body["data"]["user"], &USER);
    let user = LoggedIn::by(&answer);

    let changed = Request::by(&user).json(json!({ "firstName": "Updated" }));
    let changed = world.gateway.put("/api/v1/users/profile", changed).await.expect(200);
    let token = changed.header("consistency-token").expect("a token").to_owned();
    for path in
        ["/api/v1/users/profile".to_owned(), "/api/v1/users/me".to_owned(), format!("/api/v1/users/{}", user.id)]
    {
        let read = Request::by(&user).with("consistency-token", &token);
        let profile = world.gateway.get(&path, read).await.expect(200).body;
        check_fields(&profile, &["success", "data", "message"]);
        check_fields(&profile["data"], &USER);
        assert_eq!(profile["data"]["firstName"], json!("Updated"), "{path}");
    }
    let _ = world.gateway.get("/api/v1/users", Request::by(&user)).await.expect(403);
    let list = "/api/v1/users?page=1&limit=10&sortBy=createdAt&sortOrder=desc";
    let list = world.gateway.get(list, Request::by(&world.admin)).await.expect(200).body;
    assert_eq!(list["users"][0]["_id"], json!(user.id), "the newest comes first: {list}");
    check_fields(&list["pagination"], &["total", "page", "limit", "pages"]);
    for parameter in ["query", "q"] {
        let path = format!("/api/v1/users/search?{parameter}={name}");
        let found = world.gateway.get(&path, Request::by(&world.admin)).await.expect(200).body;
        assert_eq!(found["data"][0]["_id"], json!(user.id), "{parameter}: {found}");
    }
    let path = format!("/api/v1/users/{}", user.id);
    let deleted = world.gateway.delete(&path, Request::by(&world.admin)).await.expect(200);
    assert_eq!(deleted.text("message"), "User deleted successfully");
    let gone = world.gateway.post("/api/v1/users/login", credentials).await.expect(401);
    assert_eq!(gone.text("message"), "Invalid email or password");
    let unknown = world.gateway.get("/api/v1/nothing", Request::default()).await.expect(404);
    assert_eq!(
        (&unknown.body["success"], unknown.text("message").as_str()),
        (&json!(false), "Route not found: GET /api/v1/nothing")
    );
    let health = world.gateway.get("/health", Request::default()).await.expect(200);
    check_fields(&health.body, &["status", "service", "time", "cacheStatus"]);
    let _ = world.settle().await;
}
