//! Tokens, and the sessions that accept them.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use runtime::clock::now_seconds;
use schemas::{Role, SessionId, UserId};
use serde_json::json;
use sessions::{Claims, SessionsConfig};

/// A signing key and the configuration that trusts it.
pub(crate) struct Keys {
    signing: EncodingKey,
    pub(crate) config: SessionsConfig,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k1", "x": x});
        let config = SessionsConfig {
            jwks: Some(json!({"keys": [jwk]}).to_string()),
            jwks_file: None,
            jwks_url: None,
            jwt_issuer: "orderflow".to_owned(),
            jwt_audience: "orderflow".to_owned(),
        };
        Self { signing: EncodingKey::from_ed_der(der.as_ref()), config }
    }

    /// A token of this user for so many seconds; the log-in is named after them.
    pub(crate) fn token(&self, user: &UserId, seconds: i64) -> String {
        self.token_as(Role::User, user, seconds)
    }

    /// The same of somebody in this role.
    pub(crate) fn token_as(&self, role: Role, user: &UserId, seconds: i64) -> String {
        let iat = now_seconds();
        let claims = Claims {
            sub: user.clone(),
            id: user.clone(),
            email: Some("ada@example.org".to_owned()),
            role,
            iat,
            exp: iat + seconds,
            iss: "orderflow".to_owned(),
            aud: "orderflow".to_owned(),
            jti: format!("t{seconds}"),
            sid: session(seconds),
            sv: 1,
        };
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &self.signing).unwrap()
    }
}

/// The log-in of the tokens of so many seconds.
pub(crate) fn session(seconds: i64) -> SessionId {
    SessionId::parse(&format!("s{seconds}")).unwrap()
}
