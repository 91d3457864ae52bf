//! `ops keys generate`: an Ed25519 key pair for access tokens. The private key is readable by its owner only.

mod rotate;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::Error;
use crate::plan::{Action, Item, Plan};

pub(crate) use rotate::jwt as rotate_jwt;

/// The private key, for the command API's `JWT_PRIVATE_KEY_FILE`.
pub(crate) const PRIVATE: (&str, &str) = ("jwt.pem", "Ed25519 private key, PKCS#8 PEM");
/// The public keys, for every service's `JWKS_FILE`.
pub(crate) const PUBLIC: (&str, &str) = ("jwks.json", "the public key as a JSON Web Key Set");

/// Writes both files; refuses if either is there already.
pub(crate) fn generate(out: &Path, execute: bool) -> Result<Plan, Error> {
    let item = |(name, what): (&str, &str)| {
        let path = out.join(name);
        let (action, state) = if path.exists() { (Action::Refuse, "is there already") } else { (Action::Create, what) };
        Item::new(path.display().to_string(), action, state)
    };
    let plan = Plan { executed: execute, items: vec![item(PRIVATE), item(PUBLIC)] };
    if plan.is_refused() || !execute {
        return Ok(Plan { executed: false, ..plan });
    }
    let pair = Pair::new()?;
    std::fs::create_dir_all(out).map_err(|source| Error::Write { path: out.to_path_buf(), source })?;
    write(&out.join(PRIVATE.0), 0o600, &pair.pem()?)?;
    write(&out.join(PUBLIC.0), 0o644, &format!("{}\n", json!({ "keys": [pair.jwk()] })))?;
    Ok(plan)
}

/// A key pair in the forms in which it lies in files.
struct Pair(Ed25519KeyPair);

impl Pair {
    fn new() -> Result<Self, Error> {
        Ed25519KeyPair::generate().map(Self).map_err(|_| Error::Key)
    }

    fn pem(&self) -> Result<String, Error> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_| Error::Key)?;
        Ok(format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref())))
    }

    /// RFC 8037; the key's id is its thumbprint by RFC 7638, so the same key always has the same id.
    fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x })
    }
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_path_buf(), source };
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::os::unix::fs::PermissionsExt as _;

    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};

    use super::*;

    #[test]
    fn the_two_files_are_one_pair_and_the_private_one_is_private() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), true).unwrap();
        let private = folder.path().join("jwt.pem");
        assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);

        let signing = EncodingKey::from_ed_pem(&std::fs::read(private).unwrap()).unwrap();
        let claims = json!({ "sub": "usr_1", "exp": 4_000_000_000_u32 });
        let token = encode(&Header::new(Algorithm::EdDSA), &claims, &signing).unwrap();
        let text = std::fs::read_to_string(folder.path().join("jwks.json")).unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&text).unwrap();
        let checking = DecodingKey::from_jwk(&set.keys[0]).unwrap();
        let read = decode::<Value>(token, &checking, &Validation::new(Algorithm::EdDSA)).unwrap();
        assert_eq!(read.claims, claims);
    }

    #[test]
    fn a_key_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), true).unwrap();
        let before = std::fs::read(folder.path().join("jwt.pem")).unwrap();
        assert!(generate(folder.path(), true).unwrap().is_refused());
        assert_eq!(std::fs::read(folder.path().join("jwt.pem")).unwrap(), before);
    }

    #[test]
    fn a_plan_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let plan = generate(folder.path(), false).unwrap();
        assert!(!plan.executed && !plan.is_refused());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
