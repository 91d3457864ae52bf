//! Which tokens are accepted.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::{Role, UserId};
use serde_json::{Value, json};
use sessions::{Caller, Claims, Rejection};

use crate::world::{Key, NOW, claims};

fn check(key: &Key, token: &str, then: Result<Caller, Rejection>) {
    assert_eq!(key.sessions().verify_at(token, NOW + 1), then, "{token}");
}

fn without(claim: &str) -> Value {
    let mut json = serde_json::to_value(claims(Role::User)).unwrap();
    json.as_object_mut().unwrap().remove(claim).unwrap();
    json
}

#[test]
fn a_good_token_tells_who_shows_it() {
    let key = Key::new();
    let caller = key.sessions().verify_at(&key.sign(&claims(Role::Admin)), NOW + 1).unwrap();
    assert_eq!((caller.user, caller.role), (UserId::from_bits(1), Role::Admin));
    assert_eq!((caller.session.as_str(), caller.session_version), ("s1", 4));
    assert_eq!((caller.email.as_deref(), caller.expires_at), (Some("ada@example.org"), NOW + 900));
}

#[test]
fn a_token_without_signature_is_refused() {
    let key = Key::new();
    let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let body = encode(&serde_json::to_value(claims(Role::Admin)).unwrap());
    for algorithm in ["none", "None", "NONE", ""] {
        let header = encode(&json!({"alg": algorithm, "typ": "JWT", "kid": "k1"}));
        check(&key, &format!("{header}.{body}."), Err(Rejection::Malformed));
    }
    let header = encode(&json!({"alg": "EdDSA", "kid": "k1"}));
    check(&key, &format!("{header}.{body}."), Err(Rejection::WrongSignature));
}

#[test]
fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let key = Key::new();
    let jwk_text = URL_SAFE_NO_PAD.encode(&key.public);
    let jwks = key.config().jwks.unwrap();
    for secret in [key.public.as_slice(), jwk_text.as_bytes(), jwks.as_bytes()] {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let header = Header { kid: Some("k1".to_owned()), ..Header::new(algorithm) };
            let token = jsonwebtoken::encode(&header, &claims(Role::Admin), &EncodingKey::from_secret(secret)).unwrap();
            check(&key, &token, Err(Rejection::WrongAlgorithm));
        }
    }
}

#[test]
fn an_unknown_or_missing_key_id_is_refused() {
    let key = Key::new();
    let json = serde_json::to_value(claims(Role::User)).unwrap();
    for kid in [None, Some("k2"), Some(""), Some("../k1")] {
        check(&key, &key.sign_as(kid, &json), Err(Rejection::UnknownKey));
    }
}

#[test]
fn another_key_under_the_same_name_is_refused() {
    check(&Key::new(), &Key::new().sign(&claims(Role::Admin)), Err(Rejection::WrongSignature));
}

#[test]
fn a_tampered_token_is_refused() {
    let key = Key::new();
    let token = key.sign(&claims(Role::User));
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let admin = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims(Role::Admin)).unwrap());
    check(&key, &format!("{header}.{admin}.{signature}"), Err(Rejection::WrongSignature));
}

#[test]
fn the_wrong_issuer_or_audience_is_refused() {
    let key = Key::new();
    let foreign = Claims { iss: "elsewhere".to_owned(), ..claims(Role::User) };
    check(&key, &key.sign(&foreign), Err(Rejection::WrongIssuer));
    let foreign = Claims { aud: "elsewhere".to_owned(), ..claims(Role::User) };
    check(&key, &key.sign(&foreign), Err(Rejection::WrongAudience));
}

#[test]
fn a_token_that_lacks_a_claim_is_refused() {
    let key = Key::new();
    for claim in ["sub", "id", "role", "iat", "exp", "iss", "aud", "jti", "sid", "sv"] {
        check(&key, &key.sign_json(&without(claim)), Err(Rejection::Malformed));
    }
    let two = Claims { id: UserId::from_bits(2), ..claims(Role::User) };
    check(&key, &key.sign(&two), Err(Rejection::Malformed));
}

#[test]
fn a_role_of_a_newer_release_counts_as_the_lowest() {
    let key = Key::new();
    let mut newer = serde_json::to_value(claims(Role::Admin)).unwrap();
    newer["role"] = json!("auditor");
    assert_eq!(key.sessions().verify_at(&key.sign_json(&newer), NOW + 1).unwrap().role, Role::User);
}

#[test]
fn text_that_is_no_token_is_refused() {
    for text in ["", ".", "..", "a.b.c", "null", "ey.ey.ey", &"a".repeat(10_000), "å.ß.∂"] {
        check(&Key::new(), text, Err(Rejection::Malformed));
    }
}

#[test]
fn an_expired_token_is_refused_but_for_a_small_leeway() {
    let key = Key::new();
    let sessions = key.sessions();
    let token = key.sign(&claims(Role::User));
    assert!(sessions.verify_at(&token, NOW + 904).is_ok());
    assert_eq!(key.sessions().verify_at(&token, NOW + 905), Err(Rejection::Expired));
}

#[test]
fn no_token_outlives_the_memory_of_revocations() {
    let key = Key::new();
    let eternal = key.sign(&Claims { exp: NOW + 1_000_000, ..claims(Role::User) });
    assert_eq!(key.sessions().verify_at(&eternal, NOW + 899).unwrap().expires_at, NOW + 900);
    assert_eq!(key.sessions().verify_at(&eternal, NOW + 905), Err(Rejection::Expired));
}
