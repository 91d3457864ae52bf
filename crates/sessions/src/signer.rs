//! Signs access tokens, with a key whose public half the JWKS must hold.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use runtime::clock;
use runtime::problem::Problem;
use schemas::{Role, SessionId, UserId};
use uuid::Uuid;

use crate::{Claims, TOKEN_LIFETIME};

/// Signs tokens with one Ed25519 key.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    header: Header,
    audience: Audience,
}

/// Who issues the tokens, and for whom.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The claim `iss`.
    pub issuer: Box<str>,
    /// The claim `aud`.
    pub audience: Box<str>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.header.kid).finish_non_exhaustive()
    }
}

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not an Ed25519 private key.
    #[error("JWT_PRIVATE_KEY is not an Ed25519 private key in PKCS#8 PEM; make one with: ops keys generate")]
    Private(#[source] jsonwebtoken::errors::Error),
    /// The key set is not one.
    #[error("JWKS is not a JSON Web Key Set; make one with: ops keys generate")]
    Set(#[source] serde_json::Error),
    /// Nobody could check our tokens.
    #[error("JWKS does not hold the public half of JWT_PRIVATE_KEY, so nobody could check our tokens")]
    NotPublished,
    /// Its file cannot be read.
    #[error("cannot read JWT_PRIVATE_KEY_FILE")]
    File(#[source] std::io::Error),
    /// Signing failed; a defect.
    #[error("a token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Whom a token speaks for.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The user.
    pub user: UserId,
    /// His or her e-mail, as the seed's clients expect it in the token; not known to whoever cannot open it.
    pub email: Option<String>,
    /// What he or she may do.
    pub role: Role,
    /// The log-in that the token belongs to.
    pub session: SessionId,
    /// The user's session version at log-in.
    pub session_version: i64,
}

impl Signer {
    /// Reads the private key and finds its public half in the key set, by signing and checking a token.
    pub fn new(private_pem: &str, jwks: &str, audience: Audience) -> Result<Self, KeyError> {
        let key = EncodingKey::from_ed_pem(private_pem.as_bytes()).map_err(KeyError::Private)?;
        let keys: JwkSet = serde_json::from_str(jwks).map_err(KeyError::Set)?;
        let probe = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &serde_json::json!({}), &key);
        let probe = probe.map_err(KeyError::Sign)?;
        let mut checks = Validation::new(Algorithm::EdDSA);
        checks.required_spec_claims.clear();
        checks.validate_exp = false;
        let ours = keys.keys.iter().find(|jwk| {
            DecodingKey::from_jwk(jwk)
                .is_ok_and(|public| jsonwebtoken::decode::<serde_json::Value>(&probe, &public, &checks).is_ok())
        });
        let kid = ours.and_then(|jwk| jwk.common.key_id.clone()).ok_or(KeyError::NotPublished)?;
        let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
        Ok(Self { key, header, audience })
    }

    /// The name of the key.
    #[must_use]
    pub fn kid(&self) -> &str {
        self.header.kid.as_deref().unwrap_or_default()
    }

    /// A token for this bearer, good for [`TOKEN_LIFETIME`] from now.
    pub fn sign(&self, bearer: &Bearer) -> Result<String, KeyError> {
        let now = clock::now_seconds();
        let claims = Claims {
            sub: bearer.user.clone(),
            id: bearer.user.clone(),
            email: bearer.email.clone(),
            role: bearer.role,
            iat: now,
            exp: now.saturating_add(i64::try_from(TOKEN_LIFETIME.as_secs()).unwrap_or(0)),
            iss: self.audience.issuer.to_string(),
            aud: self.audience.audience.to_string(),
            jti: Uuid::now_v7().simple().to_string(),
            sid: bearer.session.clone(),
            sv: bearer.session_version,
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).map_err(KeyError::Sign)
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        tracing::error!(error = runtime::chain(&error), "A token could not be signed: {error}");
        Self::internal()
    }
}
