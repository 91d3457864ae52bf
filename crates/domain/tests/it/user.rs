//! The user, state by state and command by command.

use domain::user::{User, UserCommand, UserState};
use domain::{Refusal, fold};
use schemas::{Role, SessionId, UserEvent, UserRegistered, UserSessionEnded, UserSessionsRevoked};

use crate::check::check;

fn session(number: usize) -> SessionId {
    SessionId::parse(&format!("session-{number}")).unwrap()
}

fn end(number: usize) -> UserCommand {
    UserCommand::EndSession { session: session(number) }
}

fn registered() -> UserEvent {
    UserEvent::Registered(UserRegistered { role: Role::User })
}

fn ended(number: usize) -> UserEvent {
    UserEvent::SessionEnded(UserSessionEnded { session: session(number) })
}

fn revoked(session_version: i64) -> UserEvent {
    UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })
}

#[test]
fn a_user_registers_in_a_role() {
    for role in Role::ALL {
        let then = UserEvent::Registered(UserRegistered { role });
        check::<User>(&[], &UserCommand::Register { role }, Ok(vec![then]));
    }
}

#[test]
fn a_user_registers_once() {
    check::<User>(&[registered()], &UserCommand::Register { role: Role::Admin }, Err(Refusal::AlreadyRegistered));
}

#[test]
fn who_is_not_registered_has_no_sessions() {
    check::<User>(&[], &end(1), Err(Refusal::UserNotFound));
    check::<User>(&[], &UserCommand::RevokeSessions, Err(Refusal::UserNotFound));
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
fn the_state_of_a_user_who_logs_out_often_does_not_grow() {
    let events: Vec<_> = [registered()].into_iter().chain((0..1_000).map(ended)).collect();
    let UserState::Active(user) = fold::<User>(&events).unwrap();
    assert_eq!(user.ended.len(), 64);
    assert_eq!(user.ended.back(), Some(&session(999)));
    check::<User>(&events, &end(999), Ok(vec![]));
}
