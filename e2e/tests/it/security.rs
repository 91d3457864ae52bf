//! Who may do what: every route of the API, asked by everybody there can be.

use std::collections::BTreeSet;
use std::time::Duration;

use e2e::client::{LoggedIn, Request};
use reqwest::Method;
use schemas::OrderId;
use serde_json::{Value, json};

use crate::forgeries::Forger;
use crate::fulfilment;
use crate::sessions::ended_everywhere;
use crate::standing::suspend;
use crate::world::{SETTLED, World};

/// What the API consists of, as published.
const OPENAPI: &str = include_str!("../../../docs/generated/openapi.json");

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Whoever comes, also with a token that is not good.
    Anyone,
    /// Whoever is logged in.
    Users,
    /// Whose it is, and admins; to others it does not exist.
    Owner,
    /// Admins.
    Admins,
    /// The payment provider, who proves itself by a signature: nobody with a token.
    Provider,
}

use For::{Admins, Anyone, Owner, Provider, Users};

/// Every route, and for whom it is. A route that is missing here fails the test, and so does a row without a route.
const TABLE: [(&str, &str, For); 56] = [
    ("GET", "/.well-known/jwks.json", Anyone),
    ("GET", "/api/v1/users", Admins),
    ("GET", "/api/v1/users/me", Users),
    ("GET", "/api/v1/users/profile", Users),
    ("GET", "/api/v1/users/search", Admins),
    ("GET", "/api/v1/users/{id}", Owner),
    ("PUT", "/api/v1/users/me", Users),
    ("PUT", "/api/v1/users/profile", Users),
    ("POST", "/api/v1/users/login", Anyone),
    ("POST", "/api/v1/users/logout", Users),
    ("POST", "/api/v1/users/password", Users),
    ("POST", "/api/v1/users/refresh", Anyone),
    ("POST", "/api/v1/users/register", Anyone),
    ("POST", "/api/v1/users/{id}/password", Admins),
    ("POST", "/api/v1/users/{id}/reinstate", Admins),
    ("POST", "/api/v1/users/{id}/roles", Admins),
    ("POST", "/api/v1/users/{id}/suspend", Admins),
    ("GET", "/asyncapi.yaml", Anyone),
    ("POST", "/commands/orders", Users),
    ("POST", "/commands/orders/{id}/cancel", Owner),
    ("POST", "/commands/orders/{id}/deliver", Admins),
    ("POST", "/commands/orders/{id}/ship", Admins),
    ("POST", "/commands/payments/{id}/refund", Admins),
    ("POST", "/commands/products", Admins),
    ("POST", "/commands/products/{sku}/discontinue", Admins),
    ("POST", "/commands/products/{sku}/price", Admins),
    ("POST", "/commands/products/{sku}/rename", Admins),
    ("POST", "/commands/products/{sku}/stock", Admins),
    ("GET", "/events", Users),
    ("GET", "/health", Anyone),
    ("GET", "/health/live", Anyone),
    ("GET", "/health/ready", Anyone),
    ("GET", "/ops/explain/{order}", Admins),
    ("GET", "/ops/fulfilment", Admins),
    ("POST", "/ops/fulfilment/{order}/abort", Admins),
    ("POST", "/ops/fulfilment/{order}/compensate", Admins),
    ("POST", "/ops/fulfilment/{order}/retry", Admins),
    ("GET", "/ops/parked", Admins),
    ("POST", "/ops/parked/{projection}/{stream}/discard", Admins),
    ("POST", "/ops/parked/{projection}/{stream}/redrive", Admins),
    ("GET", "/ops/pipeline", Admins),
    ("GET", "/ops/projections", Admins),
    ("POST", "/ops/projections/{projection}/pause", Admins),
    ("POST", "/ops/projections/{projection}/rollback", Admins),
    ("POST", "/ops/projections/{projection}/switch", Admins),
    ("GET", "/queries/orders", Users),
    ("GET", "/queries/orders/{id}", Owner),
    ("GET", "/queries/orders/{id}/diff", Owner),
    ("GET", "/queries/orders/{id}/history", Owner),
    ("GET", "/queries/payments/{id}", Owner),
    ("GET", "/queries/products", Users),
    ("GET", "/queries/products/{sku}", Users),
    ("POST", "/webhooks/payments", Provider),
    ("GET", "/ws", Users),
    ("POST", "/ws/tickets", Users),
    // The last one: nothing more can happen to its victim.
    ("DELETE", "/api/v1/users/{id}", Admins),
];

/// Who comes to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    User,
    Other,
    Admin,
    Suspended,
    Expired,
    Revoked,
}

/// What he or she meets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Refused, with this status.
    Refused(u16),
    /// Let in; what comes of the request, which makes no sense, is the route's business.
    Enters,
}

fn expected(who: Who, route: For) -> Then {
    match (route, who) {
        (Anyone, _)
        | (Users, Who::User | Who::Other | Who::Admin)
        | (Owner, Who::User | Who::Admin)
        | (Admins, Who::Admin) => Then::Enters,
        (Owner, Who::Other) => Then::Refused(404),
        (Admins, Who::User | Who::Other) => Then::Refused(403),
        (Provider, _) => Then::Refused(401),
        (_, Who::Nobody | Who::Suspended | Who::Expired | Who::Revoked) => Then::Refused(401),
    }
}

/// Seen to fail when every user passes for an admin (`sessions-take-users-for-admins`).
#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_is_for_and_nobody_else() {
    let world = World::enter().await;
    let scene = Scene::set(&world).await;
    let mut wrong = Vec::new();
    for (method, path, route) in TABLE {
        for (who, token) in &scene.tokens {
            let status = scene.status(method, path, token.as_deref()).await;
            let met = match status {
                401 | 403 | 404 => Then::Refused(status),
                500.. => panic!("{method} {path} answers {status}"),
                _ => Then::Enters,
            };
            if met != expected(*who, route) {
                wrong.push(format!("{method} {path} {who:?}: {status}, not {:?}", expected(*who, route)));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_table_of_routes_names_every_route_of_the_api_and_no_other() {
    let api: Value = serde_json::from_str(OPENAPI).expect("JSON");
    let paths = api.get("paths").and_then(Value::as_object).expect("paths");
    let methods = |item: &Value| item.as_object().into_iter().flat_map(|item| item.keys().cloned()).collect::<Vec<_>>();
    let routes = paths.iter().flat_map(|(path, item)| methods(item).into_iter().map(move |method| (method, path)));
    let routes: BTreeSet<_> = routes.map(|(method, path)| format!("{} {path}", method.to_uppercase())).collect();
    let table: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    assert_eq!(table, routes);
}

/// Somebody of each kind, and something that belongs to the user.
struct Scene {
    http: reqwest::Client,
    gateway: String,
    tokens: Vec<(Who, Option<String>)>,
    order: OrderId,
    sku: String,
    user: LoggedIn,
    /// Somebody to whom anything may happen.
    victim: LoggedIn,
}

impl Scene {
    async fn set(world: &World) -> Self {
        let person = async |what| world.gateway.user(&World::name(what)).await;
        let (user, other) = (person("user").await, person("other").await);
        let victim = person("victim").await;
        let (suspended, revoked) = (person("suspended").await, person("revoked").await);
        suspend(world, &suspended).await;
        let _ = world.gateway.post("/api/v1/users/logout", Request::by(&revoked)).await.expect(204);
        for gone in [&suspended, &revoked] {
            ended_everywhere(world, gone).await;
        }
        let expired = Forger::of(world).await.expired(&user);
        let sku = fulfilment::product(world, "SAFE", 10).await;
        let order = fulfilment::place(world, &user, &sku, "pm_card_visa").await;
        fulfilment::becomes(world, &order, "PAID").await;
        for path in [format!("/queries/orders/{order}/history"), format!("/queries/payments/{}", order.payment())] {
            let shown = async || {
                let answer = world.gateway.get(&path, Request::by(&user)).await;
                (answer.status == 200).then_some(())
            };
            stack::eventually(&format!("{path} is there"), SETTLED, shown).await;
        }
        let tokens = vec![
            (Who::Nobody, None),
            (Who::User, Some(user.token.clone())),
            (Who::Other, Some(other.token)),
            (Who::Admin, Some(world.admin.token.clone())),
            (Who::Suspended, Some(suspended.token)),
            (Who::Expired, Some(expired)),
            (Who::Revoked, Some(revoked.token)),
        ];
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("an HTTP client");
        Self { http, gateway: world.system.gateway().to_owned(), tokens, order, sku, user, victim }
    }

    /// The status alone: a stream of events never ends. Bodies are such that no route can make sense of them, unless it
    /// is left to the route whose it is.
    async fn status(&self, method: &str, path: &str, token: Option<&str>) -> u16 {
        let (order, payment) = (self.order.to_string(), self.order.payment().to_string());
        let id = match (path.contains("/users/"), method) {
            (true, "GET") => &self.user.id,
            (true, _) => &self.victim.id,
            (false, _) if path.contains("/payments/") => &payment,
            (false, _) => &order,
        };
        let path = path.replace("{id}", id).replace("{order}", &order).replace("{sku}", &self.sku);
        let path = path.replace("{projection}", "orders").replace("{stream}", &order);
        let url = format!("{}{path}", self.gateway);
        let method: Method = method.parse().expect("a method");
        let body = if path.ends_with("/cancel") { json!({}) } else { json!({ "nonsense": true }) };
        let mut request = self.http.request(method.clone(), &url);
        if method != Method::GET {
            request = request.json(&body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}")).status().as_u16()
    }
}
