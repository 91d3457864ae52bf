//! Who asks: one key pair for the whole binary, and tokens signed with it.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::{Role, SessionId, UserId};
use serde_json::json;
use sessions::Claims;

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

/// A customer.
pub(crate) const ADA: &str = "usr_ada";
/// Another one.
pub(crate) const BOB: &str = "usr_bob";
/// Who runs the shop.
pub(crate) const ADMIN: &str = "usr_admin";

/// The public half, as `JWKS` wants it.
pub(crate) fn jwks() -> String {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key().as_ref());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k1", "x": x}]}).to_string()
}

/// The private half, as `JWT_PRIVATE_KEY` wants it.
pub(crate) fn private_key() -> String {
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&*KEY).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()))
}

/// A token as log-in gives it; only [`ADMIN`] is an admin.
pub(crate) fn token(id: &str) -> String {
    let (user, now) = (UserId::parse(id).unwrap(), runtime::clock::now_seconds());
    let claims = Claims {
        sub: user.clone(),
        id: user,
        email: None,
        role: if id == ADMIN { Role::Admin } else { Role::User },
        iat: now,
        exp: now + 900,
        iss: "orderflow".to_owned(),
        aud: "orderflow".to_owned(),
        jti: "t1".to_owned(),
        sid: SessionId::parse("s1").unwrap(),
        sv: 1,
    };
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&*KEY).unwrap();
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(der.as_ref())).unwrap()
}
