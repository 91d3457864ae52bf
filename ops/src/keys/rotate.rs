//! `ops keys rotate jwt`: a new key signs, the old one's tokens go on until they expire.
//!
//! The new public key is published before the new private key is there, so nobody meets a token that cannot be checked.
//! Both files are replaced as a whole. Processes that read them from files need no restart; others have
//! [`HANDOVER`] for theirs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use runtime::clock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sessions::TOKEN_LIFETIME;

use super::{PRIVATE, PUBLIC, Pair, write};
use crate::Error;
use crate::plan::{Action, Item, Plan};

/// How long the old key may still sign after the new one was made.
const HANDOVER: Duration = Duration::from_secs(10 * 60);

/// RFC 7517, section 5.
#[derive(Debug, Serialize, Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// What becomes of the published keys.
#[derive(Debug, PartialEq)]
struct Succession {
    kept: Vec<Value>,
    dropped: Vec<Value>,
}

/// Replaces both files; refuses if one is missing.
pub(crate) fn jwt(folder: &Path, now: i64, execute: bool) -> Result<Plan, Error> {
    let (private, public) = (folder.join(PRIVATE.0), folder.join(PUBLIC.0));
    let missing: Vec<_> = [&private, &public].into_iter().filter(|path| !path.exists()).collect();
    if !missing.is_empty() {
        let refused = |path: &&Path| {
            let state = "is not there; make a pair with: ops keys generate";
            Item::new(path.display().to_string(), Action::Refuse, state)
        };
        let items = missing.iter().map(|path| refused(&path.as_path())).collect();
        return Ok(Plan { executed: false, items });
    }
    let text = fs::read_to_string(&public).map_err(|source| Error::Read { path: public.clone(), source })?;
    let set: KeySet = serde_json::from_str(&text).map_err(|source| Error::KeySet { path: public.clone(), source })?;
    let succession = Succession::of(set, now);
    let items = vec![
        Item::new(public.display().to_string(), Action::Change, succession.to_string()),
        Item::new(private.display().to_string(), Action::Change, "a new key signs, the old one is overwritten"),
    ];
    if execute {
        let pair = Pair::new()?;
        let keys = std::iter::once(pair.jwk()).chain(succession.kept).collect();
        replace(&public, 0o644, &format!("{}\n", json!(KeySet { keys })))?;
        replace(&private, 0o600, &pair.pem()?)?;
    }
    Ok(Plan { executed: execute, items })
}

impl Succession {
    /// Keys that end already end as they did; the others end when no token of theirs can be left.
    fn of(set: KeySet, now: i64) -> Self {
        let last = (HANDOVER + TOKEN_LIFETIME).as_secs().cast_signed();
        let (kept, dropped) = set.keys.into_iter().partition(|key| end(key).is_none_or(|until| now < until));
        let mut succession = Self { kept, dropped };
        for key in succession.kept.iter_mut().filter_map(Value::as_object_mut) {
            key.entry("exp").or_insert_with(|| json!(now.saturating_add(last)));
        }
        succession
    }
}

impl std::fmt::Display for Succession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kid = |key: &Value| key.get("kid").and_then(Value::as_str).unwrap_or("a nameless key").to_owned();
        f.write_str("adds the new key")?;
        for key in &self.kept {
            let until = clock::rfc3339(end(key).unwrap_or_default().saturating_mul(1_000_000));
            write!(f, "; keeps {} until {until}", kid(key))?;
        }
        for key in &self.dropped {
            write!(f, "; drops {}", kid(key))?;
        }
        Ok(())
    }
}

/// Until when a key is used, in seconds since the epoch.
fn end(key: &Value) -> Option<i64> {
    key.get("exp").and_then(Value::as_i64)
}

/// Whoever reads meanwhile sees the old file or the new one, and nothing in between.
fn replace(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let new = path.with_extension("new");
    let failed = |source| Error::Write { path: path.to_path_buf(), source };
    match fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    write(&new, mode, text)?;
    fs::rename(&new, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::generate;
    use super::*;

    const NOW: i64 = 1_900_000_000;
    const LAST: i64 = NOW + 25 * 60;

    fn keys(folder: &Path) -> Vec<(String, Option<i64>)> {
        let set: KeySet = serde_json::from_str(&fs::read_to_string(folder.join("jwks.json")).unwrap()).unwrap();
        set.keys.iter().map(|key| (key["kid"].as_str().unwrap().to_owned(), end(key))).collect()
    }

    #[test]
    fn the_old_key_is_published_until_its_last_token_has_expired() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), true).unwrap();
        let before = fs::read(folder.path().join("jwt.pem")).unwrap();
        let [(first, None)] = &keys(folder.path())[..] else { unreachable!() };
        assert!(jwt(folder.path(), NOW, true).unwrap().executed);
        let [(second, None), (old, Some(LAST))] = &keys(folder.path())[..] else { unreachable!() };
        assert!(old == first && second != first);
        let private = folder.path().join("jwt.pem");
        assert_ne!(fs::read(&private).unwrap(), before);
        assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600);

        jwt(folder.path(), LAST - 1, true).unwrap();
        assert_eq!(keys(folder.path())[1..], [(second.clone(), Some(LAST - 1 + 25 * 60)), (first.clone(), Some(LAST))]);
        jwt(folder.path(), LAST, true).unwrap();
        assert!(keys(folder.path()).iter().all(|(kid, _)| kid != first));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left over");
    }

    #[test]
    fn the_new_private_key_belongs_to_the_first_public_one() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), true).unwrap();
        jwt(folder.path(), NOW, true).unwrap();
        let signing =
            jsonwebtoken::EncodingKey::from_ed_pem(&fs::read(folder.path().join("jwt.pem")).unwrap()).unwrap();
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        let token = jsonwebtoken::encode(&header, &json!({ "exp": 4_000_000_000_u32 }), &signing).unwrap();
        let text = fs::read_to_string(folder.path().join("jwks.json")).unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_str(&text).unwrap();
        let checks = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::EdDSA);
        let fits = set.keys.iter().map(|key| {
            let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
            jsonwebtoken::decode::<Value>(&token, &key, &checks).is_ok()
        });
        assert_eq!(fits.collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_plan_says_what_ends_when_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        generate(folder.path(), true).unwrap();
        let before = keys(folder.path());
        let plan = jwt(folder.path(), NOW, false).unwrap();
        let text = plan.to_string();
        assert!(!plan.executed && text.contains(&format!("keeps {} until 2030-03-17T18:11:40", before[0].0)), "{text}");
        assert_eq!(keys(folder.path()), before);
    }

    #[test]
    fn what_is_not_there_is_not_rotated() {
        let folder = tempfile::tempdir().unwrap();
        assert!(jwt(folder.path(), NOW, true).unwrap().is_refused());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
