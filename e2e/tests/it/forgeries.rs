//! Tokens and cursors that somebody made up.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use e2e::client::{LoggedIn, Request, order_of};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use reqwest::Method;
use serde_json::{Value, json};
use stack::eventually;

use crate::world::World;

/// Signs whatever it likes, with the key of the system itself.
pub(crate) struct Forger {
    key: EncodingKey,
    header: Header,
    /// What a good token says.
    claims: Value,
    /// The public keys.
    published: Vec<Vec<u8>>,
}

impl Forger {
    pub(crate) async fn of(world: &World) -> Self {
        let pem = std::fs::read(world.system.signing_key()).expect("the private key");
        let key = EncodingKey::from_ed_pem(&pem).expect("an Ed25519 key");
        let probe = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &json!({}), &key).expect("a token");
        // Another test may just have replaced the key.
        let (kid, published) = eventually("the key is published", Duration::from_secs(30), async || {
            let answer = world.gateway.get("/.well-known/jwks.json", Request::default()).await.expect(200);
            let set: JwkSet = serde_json::from_value(answer.body).expect("a key set");
            let public = |jwk: &Jwk| DecodingKey::from_jwk(jwk).expect("a public key");
            let fits = |jwk: &&Jwk| jsonwebtoken::decode::<Value>(&probe, &public(jwk), &lenient()).is_ok();
            let kid = set.keys.iter().find(fits)?.common.key_id.clone()?;
            let bytes = set.keys.iter().map(|jwk| public(jwk).try_get_as_bytes().expect("a public key").to_vec());
            Some((kid, bytes.collect()))
        })
        .await;
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        Self { key, header, claims: claims_of(&world.admin.token), published }
    }

    /// A token of this user that was good an hour ago.
    pub(crate) fn expired(&self, user: &LoggedIn) -> String {
        let now = runtime::clock::now_seconds();
        let mut claims = claims_of(&user.token);
        (claims["iat"], claims["exp"]) = (json!(now - 4_500), json!(now - 3_600));
        self.sign(&self.header, &claims)
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key).expect("a token")
    }

    /// The admin's token with one claim changed, or without it.
    fn claiming(&self, claim: &str, value: Option<Value>) -> String {
        let mut claims = self.claims.clone();
        let claims_of = claims.as_object_mut().expect("claims");
        match value {
            Some(value) => claims_of.insert(claim.to_owned(), value),
            None => claims_of.remove(claim),
        };
        self.sign(&self.header, &claims)
    }

    /// The admin's token, checked with a public key as if that were a shared secret.
    fn shared(&self, secret: &[u8]) -> String {
        let header = Header { alg: Algorithm::HS256, ..self.header.clone() };
        jsonwebtoken::encode(&header, &self.claims, &EncodingKey::from_secret(secret)).expect("a token")
    }

    fn unsigned(&self, algorithm: &str) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        format!("{}.{}.", part(&json!({ "alg": algorithm, "kid": self.header.kid })), part(&self.claims))
    }
}

/// Accepts what it can read.
fn lenient() -> Validation {
    let mut checks = Validation::new(Algorithm::EdDSA);
    (checks.validate_aud, checks.validate_exp) = (false, false);
    checks.required_spec_claims.clear();
    checks
}

pub(crate) fn claims_of(token: &str) -> Value {
    jsonwebtoken::dangerous::insecure_decode::<Value>(token).expect("a token's claims").claims
}

#[tokio::test(flavor = "multi_thread")]
async fn no_service_accepts_a_forged_token() {
    let world = World::enter().await;
    let forger = Forger::of(&world).await;
    let now = runtime::clock::now_seconds();
    let unknown = Header { kid: Some("unknown".to_owned()), ..forger.header.clone() };
    let nameless = Header { kid: None, ..forger.header.clone() };
    let mut forged = vec![
        ("no signature", forger.unsigned("none")),
        ("no signature in capitals", forger.unsigned("NONE")),
        ("an empty signature", forger.unsigned("EdDSA")),
        ("an unknown key", forger.sign(&unknown, &forger.claims)),
        ("no key", forger.sign(&nameless, &forger.claims)),
        ("another issuer", forger.claiming("iss", Some(json!("elsewhere")))),
        ("no issuer", forger.claiming("iss", None)),
        ("another audience", forger.claiming("aud", Some(json!("elsewhere")))),
        ("no audience", forger.claiming("aud", None)),
        ("an expiry in the past", forger.claiming("exp", Some(json!(now - 60)))),
        ("no expiry", forger.claiming("exp", None)),
        ("an old token with a late expiry", forger.claiming("iat", Some(json!(now - 3_600)))),
    ];
    for public in &forger.published {
        forged.push(("the public key as a secret", forger.shared(public)));
        forged.push(("the public key's text as a secret", forger.shared(URL_SAFE_NO_PAD.encode(public).as_bytes())));
    }
    let genuine = forger.claiming("jti", Some(json!("forged"))); // Only the key makes a token, and here it is known.
    for (path, method) in
        [("/queries/orders", Method::GET), ("/ws/tickets", Method::POST), ("/commands/products", Method::POST)]
    {
        let shown = |token: &str| Request { token: Some(token.to_owned()), ..Request::default() };
        let good = world.gateway.send(method.clone(), path, shown(&genuine)).await.expect("an answer");
        assert_ne!(good.status.as_u16(), 401, "{path}: this test proves nothing: {good:?}");
        for (what, token) in &forged {
            let answer = world.gateway.send(method.clone(), path, shown(token)).await.expect("an answer");
            assert_eq!(answer.status.as_u16(), 401, "{what} on {path}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_cursor_is_refused_and_never_shows_what_is_not_ones_own() {
    let world = World::enter().await;
    let sku = World::name("CURSOR");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let (user, other) =
        (world.gateway.user(&World::name("pager")).await, world.gateway.user(&World::name("other")).await);
    let mut token = String::new();
    for whose in [&other, &user, &other, &user] {
        let place = Request::by(whose).json(order_of(whose, &sku, 1));
        token = world.gateway.post("/commands/orders", place).await.expect(201).text("consistencyToken");
    }
    let page = Request::by(&user).with("consistency-token", &token);
    let page = world.gateway.get("/queries/orders?limit=1", page).await.expect(200);
    let cursor = page.text("cursor");
    let mut refused = 0;
    for index in 0..cursor.len() {
        let mut tampered = cursor.clone().into_bytes();
        tampered[index] = if tampered[index] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).expect("ASCII");
        let answer = world.gateway.get(&format!("/queries/orders?cursor={tampered}"), Request::by(&user)).await;
        match answer.status.as_u16() {
            400 => refused += 1,
            200 => {
                let orders = answer.body.get("orders").and_then(Value::as_array).expect("orders");
                let own = orders.iter().all(|order| order.get("userId") == Some(&json!(user.id)));
                assert!(own, "a foreign order: {answer:?}");
            }
            _ => panic!("{answer:?}"),
        }
    }
    assert!(refused > 0, "no tampered cursor was refused");
    for nonsense in ["A", "%00", "..%2F..", "eyJzIjoxfQ", &format!("{cursor}{cursor}")] {
        let answer = world.gateway.get(&format!("/queries/orders?cursor={nonsense}"), Request::by(&user)).await;
        assert_eq!((answer.status.as_u16(), answer.text("code").as_str()), (400, "bad_cursor"), "{nonsense}");
    }
}
