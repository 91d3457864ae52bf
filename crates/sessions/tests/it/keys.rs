//! Which key sets are accepted.

use clap::Parser;
use serde_json::{Value, json};
use sessions::SessionsConfig;

use crate::world::{Key, set as key_set};

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    sessions: SessionsConfig,
}

fn check(jwks: &str, then: Result<(), &str>) {
    let settings = Settings::try_parse_from(["test", &format!("--jwks={jwks}")]);
    match (settings, then) {
        (Ok(settings), Ok(())) => assert_eq!(settings.sessions.jwks.as_deref(), Some(jwks)),
        (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
        (found, expected) => panic!("{found:?}, not {expected:?}"),
    }
}

#[test]
fn only_ed25519_keys_with_a_name_of_their_own_are_accepted() {
    let (one, two) = (Key::new(), Key::new());
    let set = |keys: Value| json!({"keys": keys}).to_string();
    check(&set(json!([one.jwk("k1"), two.jwk("k2")])), Ok(()));
    check("", Err("not a JSON Web Key Set"));
    check("{}", Err("not a JSON Web Key Set"));
    check(&set(json!([])), Err("the key set is empty"));
    check(&set(json!([one.jwk("k1"), two.jwk("k1")])), Err("key 1 of the set needs a kid of its own"));
    let mut nameless = one.jwk("k1");
    nameless.as_object_mut().unwrap().remove("kid");
    check(&set(json!([nameless])), Err("key 0 of the set needs a kid of its own"));
    let symmetric = json!({"kty": "oct", "kid": "k1", "alg": "HS256", "k": "c2VjcmV0"});
    check(&set(json!([symmetric])), Err("key k1 is not an Ed25519 public key"));
    let mut short = one.jwk("k1");
    short["x"] = json!("AAAA");
    check(&set(json!([short])), Err("key k1 is not an Ed25519 public key"));
    let mut other = one.jwk("k1");
    other["alg"] = json!("HS256");
    check(&set(json!([other])), Err("key k1 is not an Ed25519 public key"));
}

#[test]
fn the_keys_come_from_one_place() {
    let (key, url) = (Key::new(), "https://shop.example/.well-known/jwks.json");
    let jwks = key_set(&[key.jwk("k1")]);
    let mistakes = |arguments: &[String]| {
        let arguments = std::iter::once("test".to_owned()).chain(arguments.iter().cloned());
        let mut problems = Vec::new();
        Settings::try_parse_from(arguments).unwrap().sessions.check(&mut problems);
        problems.len()
    };
    let (value, file, url) =
        (format!("--jwks={jwks}"), "--jwks-file=jwks.json".to_owned(), format!("--jwks-url={url}"));
    for one in [&value, &file, &url] {
        assert_eq!(mistakes(std::slice::from_ref(one)), 0, "{one}");
    }
    assert_eq!(mistakes(&[value.clone(), file.clone()]), 0, "the file's content, and where to read it again");
    assert_eq!((mistakes(&[]), mistakes(&[value, url.clone()]), mistakes(&[file, url])), (1, 1, 1));
    let nowhere = Settings::try_parse_from(["test", "--jwks-url=shop.example"]);
    assert!(nowhere.is_err_and(|error| error.to_string().contains("a URL is expected")));
}
