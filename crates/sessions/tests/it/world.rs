//! A signing key, its public half, and the sessions that trust it.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use schemas::{EventId, Recorded, Role, SessionId, Timestamp, UserEvent, UserId, Version};
use serde_json::{Value, json};
use sessions::{Claims, Revocation, Sessions, SessionsConfig};
use uuid::Uuid;

pub(crate) const NOW: i64 = 1_900_000_000;

/// A key pair under the name `k1`.
pub(crate) struct Key {
    pub(crate) signing: EncodingKey,
    pub(crate) public: Vec<u8>,
}

impl Key {
    pub(crate) fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        Self { signing: EncodingKey::from_ed_der(der.as_ref()), public: pair.public_key().as_ref().to_vec() }
    }

    pub(crate) fn jwk(&self, kid: &str) -> Value {
        let x = URL_SAFE_NO_PAD.encode(&self.public);
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x})
    }

    pub(crate) fn sign(&self, claims: &Claims) -> String {
        self.sign_json(&serde_json::to_value(claims).unwrap())
    }

    pub(crate) fn sign_json(&self, claims: &Value) -> String {
        self.sign_as(Some("k1"), claims)
    }

    pub(crate) fn sign_as(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }

    /// Sessions that trust this key.
    pub(crate) fn sessions(&self) -> Sessions {
        Sessions::without_events(&self.config()).unwrap()
    }

    pub(crate) fn config(&self) -> SessionsConfig {
        let jwks = set(&[self.jwk("k1")]);
        SessionsConfig { jwks: Some(jwks), ..nothing() }
    }
}

/// A key set.
pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// No keys at all.
pub(crate) fn nothing() -> SessionsConfig {
    SessionsConfig {
        jwks: None,
        jwks_file: None,
        jwks_url: None,
        jwt_issuer: "orderflow".to_owned(),
        jwt_audience: "shop".to_owned(),
    }
}

/// A user's claims, issued at [`NOW`] for 15 minutes, of session `s1` and session version 4.
pub(crate) fn claims(role: Role) -> Claims {
    Claims {
        sub: UserId::from_bits(1),
        id: UserId::from_bits(1),
        email: Some("ada@example.org".to_owned()),
        role,
        iat: NOW,
        exp: NOW + 900,
        iss: "orderflow".to_owned(),
        aud: "shop".to_owned(),
        jti: "t1".to_owned(),
        sid: SessionId::parse("s1").unwrap(),
        sv: 4,
    }
}

/// The same, issued by the real clock.
pub(crate) fn fresh_claims(role: Role) -> Claims {
    let iat = runtime::clock::now_seconds();
    Claims { iat, exp: iat + 900, ..claims(role) }
}

/// The revocation of user 1's session.
pub(crate) fn ended(session: &str) -> Revocation {
    Revocation::Session { user: UserId::from_bits(1), session: SessionId::parse(session).unwrap() }
}

/// An event of user 1, decided just now.
pub(crate) fn recorded(event: UserEvent) -> Recorded<UserEvent> {
    Recorded {
        stream: UserId::from_bits(1).stream().clone(),
        version: Version(2),
        id: EventId(Uuid::now_v7()),
        at: Timestamp::from_micros(runtime::clock::now_micros()),
        owner: Some(UserId::from_bits(1)),
        correlation: "r1".into(),
        causation: None,
        traceparent: None,
        event,
    }
}
