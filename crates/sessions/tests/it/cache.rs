//! A token that was verified before is still checked for expiry and revocation.

use schemas::{Role, SessionId, UserId};
use sessions::{Claims, Rejection, Revocation};
use tokio::sync::broadcast::error::TryRecvError;

use crate::world::{Key, NOW, claims, ended, fresh_claims};

fn below(session_version: i64) -> Revocation {
    Revocation::Below { user: UserId::from_bits(1), session_version }
}

#[test]
fn expiry_bites_while_cached() {
    let key = Key::new();
    let (sessions, token) = (key.sessions(), key.sign(&claims(Role::User)));
    for now in [NOW, NOW + 1, NOW + 904] {
        assert!(sessions.verify_at(&token, now).is_ok());
    }
    assert_eq!(sessions.verify_at(&token, NOW + 905), Err(Rejection::Expired));
}

#[test]
fn the_end_of_the_session_bites_while_cached() {
    let key = Key::new();
    let (sessions, token) = (key.sessions(), key.sign(&fresh_claims(Role::User)));
    let other = key.sign(&Claims { sid: SessionId::parse("s2").unwrap(), ..fresh_claims(Role::User) });
    let caller = sessions.verify(&token).unwrap();
    sessions.revoke(ended("s1"));
    assert_eq!(sessions.verify(&token), Err(Rejection::Revoked));
    assert_eq!(sessions.check(&caller), Err(Rejection::Revoked));
    assert!(sessions.verify(&other).is_ok(), "another session of the same user goes on");
}

#[test]
fn a_raised_session_version_bites_while_cached() {
    let key = Key::new();
    let (sessions, token) = (key.sessions(), key.sign(&fresh_claims(Role::User)));
    sessions.verify(&token).unwrap();
    sessions.revoke(below(4));
    assert!(sessions.verify(&token).is_ok(), "4 is still accepted");
    sessions.revoke(below(5));
    assert_eq!(sessions.verify(&token), Err(Rejection::Revoked));
    let newer = key.sign(&Claims { sv: 5, ..fresh_claims(Role::User) });
    assert!(sessions.verify(&newer).is_ok());
}

#[test]
fn a_revoked_token_that_was_never_seen_is_refused_too() {
    let key = Key::new();
    let sessions = key.sessions();
    sessions.revoke(ended("s1"));
    assert_eq!(sessions.verify(&key.sign(&fresh_claims(Role::User))), Err(Rejection::Revoked));
}

#[test]
fn every_revocation_is_told_to_those_who_listen() {
    let key = Key::new();
    let sessions = key.sessions();
    let caller = sessions.verify(&key.sign(&fresh_claims(Role::User))).unwrap();
    let mut heard = sessions.revocations();
    sessions.revoke(ended("s2"));
    sessions.revoke(below(5));
    let (first, second) = (heard.try_recv().unwrap(), heard.try_recv().unwrap());
    assert_eq!((&first, first.ends(&caller)), (&ended("s2"), false));
    assert_eq!((&second, second.ends(&caller)), (&below(5), true));
    assert!(matches!(heard.try_recv(), Err(TryRecvError::Empty)));
}
