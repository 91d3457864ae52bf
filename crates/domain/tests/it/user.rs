//! The user, state by state and command by command.

use domain::user::{Profile, User, UserCommand, UserDetails, UserState};
use domain::{Refusal, fold};
use schemas::{
    Role, SessionId, UserErased, UserEvent, UserProfileChanged, UserRegistered, UserSessionEnded, UserSessionsRevoked,
};

use crate::check::{check, sealed, user};

fn session(number: usize) -> SessionId {
    SessionId::parse(&format!("session-{number}")).unwrap()
}

fn profile() -> Profile {
    Profile { email: sealed("email"), first_name: sealed("first"), last_name: sealed("last") }
}

fn register(role: Role) -> UserCommand {
    UserCommand::Register { profile: profile(), role }
}

fn rename(first_name: Option<&str>) -> UserCommand {
    UserCommand::ChangeProfile { email: None, first_name: first_name.map(sealed), last_name: None }
}

fn end(number: usize) -> UserCommand {
    UserCommand::EndSession { session: session(number) }
}

fn erase(by: u128) -> UserCommand {
    UserCommand::Erase { by: user(by) }
}

fn registered_as(role: Role) -> UserEvent {
    let Profile { email, first_name, last_name } = profile();
    UserEvent::Registered(UserRegistered { email, first_name, last_name, role })
}

fn registered() -> UserEvent {
    registered_as(Role::User)
}

fn renamed(first_name: &str) -> UserEvent {
    let first_name = Some(sealed(first_name));
    UserEvent::ProfileChanged(UserProfileChanged { email: None, first_name, last_name: None })
}

fn ended(number: usize) -> UserEvent {
    UserEvent::SessionEnded(UserSessionEnded { session: session(number) })
}

fn revoked(session_version: i64) -> UserEvent {
    UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })
}

fn erased(by: u128) -> UserEvent {
    UserEvent::Erased(UserErased { erased_by: user(by) })
}

/// What is known of a user to whom this happened, and who may still log in.
fn active(events: &[UserEvent]) -> UserDetails {
    match fold::<User>(events) {
        Some(UserState::Active(details)) => details,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_user_registers_in_a_role() {
    for role in Role::ALL {
        check::<User>(&[], &register(role), Ok(vec![registered_as(role)]));
    }
}

#[test]
fn a_user_registers_once() {
    check::<User>(&[registered()], &register(Role::Admin), Err(Refusal::AlreadyRegistered));
    check::<User>(&[registered(), erased(1)], &register(Role::User), Err(Refusal::AlreadyRegistered));
}

#[test]
fn who_is_not_registered_or_not_any_more_cannot_do_anything() {
    for given in [vec![], vec![registered(), erased(1)]] {
        for command in [rename(Some("new")), rename(None), end(1), UserCommand::RevokeSessions] {
            check::<User>(&given, &command, Err(Refusal::UserNotFound));
        }
    }
    check::<User>(&[], &erase(1), Err(Refusal::UserNotFound));
}

#[test]
fn a_profile_change_says_what_is_new_and_nothing_else() {
    check::<User>(&[registered()], &rename(Some("new")), Ok(vec![renamed("new")]));
    check::<User>(&[registered()], &rename(None), Ok(vec![]));
    let known = active(&[registered(), renamed("new")]);
    assert_eq!(known.profile, Profile { first_name: sealed("new"), ..profile() });
}

#[test]
fn a_session_is_ended() {
    check::<User>(&[registered()], &end(1), Ok(vec![ended(1)]));
    check::<User>(&[registered(), ended(2)], &end(1), Ok(vec![ended(1)]));
}

#[test]
fn ending_a_session_twice_changes_nothing() {
    check::<User>(&[registered(), ended(1)], &end(1), Ok(vec![]));
    check::<User>(&[registered(), ended(1), ended(2), revoked(2)], &end(1), Ok(vec![]));
}

#[test]
fn logging_out_everywhere_raises_the_session_version() {
    check::<User>(&[registered()], &UserCommand::RevokeSessions, Ok(vec![revoked(2)]));
    check::<User>(&[registered(), revoked(2)], &UserCommand::RevokeSessions, Ok(vec![revoked(3)]));
}

#[test]
fn a_user_is_erased_once_and_for_ever() {
    check::<User>(&[registered(), renamed("new")], &erase(7), Ok(vec![erased(7)]));
    check::<User>(&[registered(), erased(7)], &erase(8), Ok(vec![]));
    for later in [registered(), renamed("new"), ended(1), revoked(9), erased(8)] {
        assert_eq!(fold::<User>(&[registered(), erased(7), later]), Some(UserState::Erased));
    }
}

#[test]
fn the_state_of_a_user_who_logs_out_often_does_not_grow() {
    let events: Vec<_> = [registered()].into_iter().chain((0..1_000).map(ended)).collect();
    let user = active(&events);
    assert_eq!(user.ended.len(), 64);
    assert_eq!(user.ended.back(), Some(&session(999)));
    check::<User>(&events, &end(999), Ok(vec![]));
}
