//! Checks a token's signature and claims. Pure: the time is an argument.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};

use crate::keys::Keys;
use crate::{Claims, Rejection, SessionsConfig};

/// The longest text that is looked at; ours have about 500 bytes.
const LONGEST: usize = 4 * 1024;

/// Checks tokens against keys, and the issuer and the audience of the configuration.
#[derive(Debug)]
pub(crate) struct Verifier {
    validation: Validation,
}

impl Verifier {
    pub(crate) fn new(config: &SessionsConfig) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&config.jwt_issuer]);
        validation.set_audience(&[&config.jwt_audience]);
        // Whoever calls checks the time, also for tokens that were verified before.
        validation.validate_exp = false;
        Self { validation }
    }

    /// The claims of a token that one of these keys signed. They may be too old, and the session may have ended.
    pub(crate) fn verify(&self, keys: &Keys, token: &str, now: i64) -> Result<Claims, Rejection> {
        if token.len() > LONGEST {
            return Err(Rejection::Malformed);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Rejection::Malformed)?;
        if header.alg != Algorithm::EdDSA {
            return Err(Rejection::WrongAlgorithm);
        }
        let key = header.kid.and_then(|kid| keys.find(&kid, now)).ok_or(Rejection::UnknownKey)?;
        let decoded = jsonwebtoken::decode::<Claims>(token, key, &self.validation);
        let claims = decoded.map_err(|error| reason(error.kind()))?.claims;
        if claims.sub == claims.id { Ok(claims) } else { Err(Rejection::Malformed) }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum may grow; whatever is new is a refusal too")]
fn reason(kind: &ErrorKind) -> Rejection {
    match kind {
        ErrorKind::InvalidSignature => Rejection::WrongSignature,
        ErrorKind::InvalidIssuer => Rejection::WrongIssuer,
        ErrorKind::InvalidAudience => Rejection::WrongAudience,
        ErrorKind::InvalidAlgorithm => Rejection::WrongAlgorithm,
        _ => Rejection::Malformed,
    }
}
