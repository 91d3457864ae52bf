//! The user, state by state and command by command.

use domain::user::{Profile, User, UserCommand, UserDetails, UserState};
use domain::{Refusal, fold};
use schemas::{
    Role, SessionId, UserErased, UserEvent, UserPasswordChanged, UserProfileChanged, UserRegistered, UserReinstated,
    UserRoleGranted, UserRoleRevoked, UserSessionEnded, UserSessionsRevoked, UserSuspended,
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

/// User 1 is given a role by another.
fn grant(role: Role, by: u128) -> UserCommand {
    UserCommand::GrantRole { to: user(1), role, by: user(by) }
}

fn take(role: Role, by: u128) -> UserCommand {
    UserCommand::RevokeRole { role, by: user(by) }
}

fn suspend(by: u128) -> UserCommand {
    UserCommand::Suspend { by: user(by), reason: Some(sealed("fraud")) }
}

fn reinstate(by: u128) -> UserCommand {
    UserCommand::Reinstate { by: user(by), reason: None }
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

fn password_changed(session_version: i64) -> UserEvent {
    UserEvent::PasswordChanged(UserPasswordChanged { session_version })
}

fn granted(role: Role, by: u128, session_version: i64) -> UserEvent {
    UserEvent::RoleGranted(UserRoleGranted { role, granted_by: user(by), session_version })
}

fn taken(role: Role, by: u128, session_version: i64) -> UserEvent {
    UserEvent::RoleRevoked(UserRoleRevoked { role, revoked_by: user(by), session_version })
}

fn suspended(by: u128, session_version: i64) -> UserEvent {
    let reason = Some(sealed("fraud"));
    UserEvent::Suspended(UserSuspended { suspended_by: user(by), reason, session_version })
}

fn reinstated(by: u128) -> UserEvent {
    UserEvent::Reinstated(UserReinstated { reinstated_by: user(by), reason: None })
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
    for later in [suspended(7, 2), erased(1)] {
        check::<User>(&[registered(), later], &register(Role::User), Err(Refusal::AlreadyRegistered));
    }
}

#[test]
fn who_is_not_registered_or_not_any_more_cannot_do_anything() {
    for given in [vec![], vec![registered(), erased(1)]] {
        let own = [rename(Some("new")), rename(None), end(1), UserCommand::RevokeSessions, UserCommand::ChangePassword];
        let of_admins = [grant(Role::Admin, 7), take(Role::Admin, 7), suspend(7), reinstate(7)];
        for command in own.into_iter().chain(of_admins) {
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
fn another_password_raises_the_session_version() {
    check::<User>(&[registered()], &UserCommand::ChangePassword, Ok(vec![password_changed(2)]));
    let given = [registered(), revoked(2), password_changed(3)];
    check::<User>(&given, &UserCommand::ChangePassword, Ok(vec![password_changed(4)]));
}

#[test]
fn a_role_is_granted_once_and_raises_the_session_version() {
    check::<User>(&[registered()], &grant(Role::Admin, 7), Ok(vec![granted(Role::Admin, 7, 2)]));
    check::<User>(&[registered(), granted(Role::Admin, 7, 2)], &grant(Role::Admin, 8), Ok(vec![]));
    check::<User>(&[registered_as(Role::Admin)], &grant(Role::Admin, 7), Ok(vec![]));
    for given in [registered(), registered_as(Role::Admin)] {
        check::<User>(&[given], &grant(Role::User, 7), Ok(vec![]));
    }
    assert_eq!(active(&[registered(), granted(Role::Admin, 7, 2)]).role, Role::Admin);
}

#[test]
fn nobody_grants_a_role_to_himself() {
    for given in [registered(), registered_as(Role::Admin)] {
        for role in Role::ALL {
            check::<User>(std::slice::from_ref(&given), &grant(role, 1), Err(Refusal::OwnRole));
        }
    }
}

#[test]
fn a_role_is_taken_once_and_raises_the_session_version() {
    check::<User>(&[registered_as(Role::Admin)], &take(Role::Admin, 7), Ok(vec![taken(Role::Admin, 7, 2)]));
    check::<User>(&[registered_as(Role::Admin), taken(Role::Admin, 7, 2)], &take(Role::Admin, 7), Ok(vec![]));
    check::<User>(&[registered()], &take(Role::Admin, 7), Ok(vec![]));
    assert_eq!(active(&[registered_as(Role::Admin), taken(Role::Admin, 7, 2)]).role, Role::User);
    for given in [registered(), registered_as(Role::Admin)] {
        check::<User>(&[given], &take(Role::User, 7), Err(Refusal::BasicRole));
    }
}

#[test]
fn a_user_is_suspended_and_reinstated_as_he_or_she_was_but_for_the_session_version() {
    check::<User>(&[registered()], &suspend(7), Ok(vec![suspended(7, 2)]));
    check::<User>(&[registered(), suspended(7, 2)], &suspend(8), Ok(vec![]));
    check::<User>(&[registered(), suspended(7, 2)], &reinstate(8), Ok(vec![reinstated(8)]));
    check::<User>(&[registered(), suspended(7, 2), reinstated(8)], &reinstate(8), Ok(vec![]));
    check::<User>(&[registered()], &reinstate(8), Ok(vec![]));
    let before = active(&[registered_as(Role::Admin), renamed("new"), ended(1)]);
    let after = active(&[registered_as(Role::Admin), renamed("new"), ended(1), suspended(7, 2), reinstated(8)]);
    assert_eq!(after, UserDetails { session_version: 2, ..before });
}

#[test]
fn a_suspended_user_gives_no_commands_and_gets_no_role_but_sessions_end_all_the_same() {
    let given = [registered(), suspended(7, 2)];
    let refused = [rename(Some("new")), rename(None), UserCommand::ChangePassword];
    let roles = [grant(Role::Admin, 7), grant(Role::User, 1), take(Role::Admin, 7), take(Role::User, 7)];
    for command in refused.into_iter().chain(roles) {
        check::<User>(&given, &command, Err(Refusal::UserSuspended));
    }
    check::<User>(&given, &end(1), Ok(vec![ended(1)]));
    check::<User>(&[registered(), suspended(7, 2), ended(1)], &end(1), Ok(vec![]));
    check::<User>(&given, &UserCommand::RevokeSessions, Ok(vec![revoked(3)]));
}

#[test]
fn a_user_is_erased_once_and_for_ever() {
    check::<User>(&[registered(), renamed("new")], &erase(7), Ok(vec![erased(7)]));
    check::<User>(&[registered(), erased(7)], &erase(8), Ok(vec![]));
    check::<User>(&[registered(), suspended(7, 2)], &erase(7), Ok(vec![erased(7)]));
    let of_admins = [granted(Role::Admin, 7, 9), taken(Role::Admin, 7, 9), suspended(7, 9), reinstated(7)];
    let own = [registered(), renamed("new"), ended(1), revoked(9), password_changed(9), erased(8)];
    for later in own.into_iter().chain(of_admins) {
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
