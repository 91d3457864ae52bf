//! For tests of routes: a signing key, tokens as a log-in gives them, and the settings that trust them.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use runtime::clock;
use schemas::{Role, SessionId, UserId};
use serde_json::json;

use crate::{Claims, SessionsConfig, TOKEN_LIFETIME};

const ISSUER: &str = "orderflow";
const AUDIENCE: &str = "orderflow";

/// Whoever signs tokens: a fresh key pair under the name `k1`.
#[derive(Debug)]
pub struct Issuer(Ed25519KeyPair);

impl Issuer {
    /// An issuer whom nobody else knows.
    ///
    /// # Panics
    /// When the system has no randomness.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        Self(Ed25519KeyPair::generate().expect("randomness"))
    }

    /// The public half, as `JWKS` wants it.
    #[must_use]
    pub fn jwks(&self) -> String {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "k1", "x": x});
        json!({ "keys": [jwk] }).to_string()
    }

    /// The private half, as `JWT_PRIVATE_KEY` wants it.
    #[must_use]
    pub fn private_key(&self) -> String {
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(self.der()))
    }

    /// Settings that trust this issuer and nobody else.
    #[must_use]
    pub fn config(&self) -> SessionsConfig {
        SessionsConfig {
            jwks: Some(self.jwks()),
            jwks_file: None,
            jwks_url: None,
            jwt_issuer: ISSUER.to_owned(),
            jwt_audience: AUDIENCE.to_owned(),
        }
    }

    /// A token of this user, as his or her first log-in gives it.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn token(&self, user: &UserId, role: Role) -> String {
        self.sign(&claims(user, role))
    }

    /// A token that says this.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn sign(&self, claims: &Claims) -> String {
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(&self.der())).expect("a signature")
    }

    fn der(&self) -> Vec<u8> {
        AsDer::<Pkcs8V1Der<'_>>::as_der(&self.0).expect("a private key").as_ref().to_vec()
    }
}

/// What the token of a first log-in says, issued now.
///
/// # Panics
/// Never: the session's name is valid.
#[must_use]
pub fn claims(user: &UserId, role: Role) -> Claims {
    let now = clock::now_seconds();
    let lifetime = i64::try_from(TOKEN_LIFETIME.as_secs()).expect("some minutes");
    Claims {
        sub: user.clone(),
        id: user.clone(),
        email: None,
        role,
        iat: now,
        exp: now + lifetime,
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        jti: "t1".to_owned(),
        sid: SessionId::parse("s1").expect("a session's name"),
        sv: 1,
    }
}
