//! Who asks: tokens as the command API signs them.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::{Role, SessionId, UserId};
use serde_json::json;
use sessions::{Claims, Sessions, SessionsConfig};

static KEY: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().unwrap());

/// A user's token.
pub(crate) fn user(id: &str) -> String {
    token(id, Role::User)
}

/// An admin's token.
pub(crate) fn admin() -> String {
    token("usr_admin", Role::Admin)
}

fn token(id: &str, role: Role) -> String {
    let (user, now) = (UserId::parse(id).unwrap(), runtime::clock::now_seconds());
    let claims = Claims {
        sub: user.clone(),
        id: user,
        email: None,
        role,
        iat: now,
        exp: now + 900,
        iss: "orderflow".to_owned(),
        aud: "orderflow".to_owned(),
        jti: "t1".to_owned(),
        sid: SessionId::parse("s1").unwrap(),
        sv: 0,
    };
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&*KEY).unwrap();
    let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(der.as_ref())).unwrap()
}

/// Sessions that trust these tokens.
pub(crate) fn sessions() -> Sessions {
    let x = URL_SAFE_NO_PAD.encode(KEY.public_key().as_ref());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k1", "x": x});
    let config = SessionsConfig {
        jwks: Some(json!({"keys": [jwk]}).to_string()),
        jwks_file: None,
        jwks_url: None,
        jwt_issuer: "orderflow".to_owned(),
        jwt_audience: "orderflow".to_owned(),
    };
    Sessions::without_events(&config).unwrap()
}
