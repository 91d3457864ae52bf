//! The user view.

use schemas::{
    Role, Sealed, SessionId, StreamId, UserErased, UserEvent, UserPasswordChanged, UserProfileChanged, UserRegistered,
    UserReinstated, UserRoleGranted, UserRoleRevoked, UserSessionEnded, UserSessionsRevoked, UserSuspended,
};
use views::{Listing, UserSort, UserView, View as _};

use crate::check::{NOON, check, check_unfoldable, fold, user};

fn stream() -> StreamId {
    user().stream().clone()
}

/// A sealed value as the vault leaves it.
fn opened(clear: &str) -> Sealed {
    Sealed::parse("AQ").unwrap().opened(clear)
}

fn registered() -> UserEvent {
    UserEvent::Registered(UserRegistered {
        email: opened("ada@example.org"),
        first_name: opened("Ada  Augusta"),
        last_name: opened("King-Noel"),
        role: Role::Admin,
    })
}

fn renamed() -> UserEvent {
    let last_name = Some(opened("Lovelace"));
    UserEvent::ProfileChanged(UserProfileChanged { email: None, first_name: None, last_name })
}

fn moved() -> UserEvent {
    let email = Some(opened("countess@example.org"));
    UserEvent::ProfileChanged(UserProfileChanged { email, first_name: None, last_name: None })
}

fn logged_out() -> UserEvent {
    UserEvent::SessionEnded(UserSessionEnded { session: SessionId::parse("s1").unwrap() })
}

fn logged_out_everywhere() -> UserEvent {
    UserEvent::SessionsRevoked(UserSessionsRevoked { session_version: 2 })
}

fn another_password() -> UserEvent {
    UserEvent::PasswordChanged(UserPasswordChanged { session_version: 3 })
}

fn demoted() -> UserEvent {
    UserEvent::RoleRevoked(UserRoleRevoked { role: Role::Admin, revoked_by: user(), session_version: 4 })
}

fn promoted() -> UserEvent {
    UserEvent::RoleGranted(UserRoleGranted { role: Role::Admin, granted_by: user(), session_version: 5 })
}

fn suspended() -> UserEvent {
    let reason = Some(opened("under investigation"));
    UserEvent::Suspended(UserSuspended { suspended_by: user(), reason, session_version: 6 })
}

fn reinstated() -> UserEvent {
    UserEvent::Reinstated(UserReinstated { reinstated_by: user(), reason: None })
}

fn erased() -> UserEvent {
    UserEvent::Erased(UserErased { erased_by: user() })
}

#[test]
fn a_registered_user_has_the_seeds_fields() {
    check::<UserView>(
        &stream(),
        vec![registered()],
        r#"{"_id":"usr_1","email":"ada@example.org","firstName":"Ada  Augusta","lastName":"King-Noel","role":"admin",
        "isActive":true,"createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z","__v":1}"#,
    );
}

#[test]
fn a_change_shows_what_is_new_and_when_and_keeps_the_rest() {
    check::<UserView>(
        &stream(),
        vec![registered(), renamed(), moved()],
        r#"{"_id":"usr_1","email":"countess@example.org","firstName":"Ada  Augusta","lastName":"Lovelace",
        "role":"admin","isActive":true,"createdAt":"2024-05-01T12:00:00.000000Z",
        "updatedAt":"2024-05-01T12:00:02.000000Z","__v":3}"#,
    );
}

#[test]
fn a_log_out_and_another_password_move_the_version_and_nothing_else() {
    check::<UserView>(
        &stream(),
        vec![registered(), logged_out(), logged_out_everywhere(), another_password()],
        r#"{"_id":"usr_1","email":"ada@example.org","firstName":"Ada  Augusta","lastName":"King-Noel","role":"admin",
        "isActive":true,"createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z","__v":4}"#,
    );
}

#[test]
fn a_role_and_a_suspension_are_shown_but_not_the_reason() {
    let shown = |role, active, second: u8, version: u8| {
        format!(
            r#"{{"_id":"usr_1","email":"ada@example.org","firstName":"Ada  Augusta","lastName":"King-Noel",
            "role":"{role}","isActive":{active},"createdAt":"2024-05-01T12:00:00.000000Z",
            "updatedAt":"2024-05-01T12:00:0{second}.000000Z","__v":{version}}}"#
        )
    };
    let events = [demoted(), promoted(), suspended(), reinstated()];
    let expected = [
        shown("user", true, 1, 2),
        shown("admin", true, 2, 3),
        shown("admin", false, 3, 4),
        shown("admin", true, 4, 5),
    ];
    for (count, expected) in (1..).zip(&expected) {
        let events = std::iter::once(registered()).chain(events[..count].iter().cloned()).collect();
        check::<UserView>(&stream(), events, expected);
    }
}

#[test]
fn nothing_is_shown_of_an_erased_user() {
    for before in [vec![registered()], vec![registered(), renamed(), logged_out()]] {
        let events = before.into_iter().chain([erased()]).collect();
        assert!(fold::<UserView>(&stream(), events).unwrap().is_none());
    }
}

#[test]
fn a_user_is_listed_by_time_of_registration_and_of_the_last_change() {
    let view: UserView = fold(&stream(), vec![registered(), renamed(), logged_out()]).unwrap().unwrap();
    let listing = |sort: UserSort, score| Listing { list: sort.as_str().to_owned(), score };
    let later = NOON + 1_000_000;
    assert_eq!(view.lists(), [listing(UserSort::CreatedAt, NOON), listing(UserSort::UpdatedAt, later)]);
}

#[test]
fn a_user_is_sorted_by_address_and_names_and_found_by_each_word() {
    let view: UserView = fold(&stream(), vec![registered()]).unwrap().unwrap();
    let of = |index: &str| -> Vec<String> {
        view.texts().into_iter().filter(|text| text.index == index).map(|text| text.text).collect()
    };
    assert_eq!(of(UserSort::Email.as_str()), ["ada@example.org"]);
    assert_eq!(of(UserSort::FirstName.as_str()), ["ada augusta"]);
    assert_eq!(of(UserSort::LastName.as_str()), ["king-noel"]);
    let words = ["ada", "ada augusta king-noel", "ada@example.org", "augusta", "king", "king-noel", "noel"];
    assert_eq!(of(UserView::SEARCH), words);
}

#[test]
fn what_cannot_follow_is_not_folded() {
    let own = [renamed(), logged_out(), logged_out_everywhere(), another_password(), erased()];
    let of_admins = [demoted(), promoted(), suspended(), reinstated()];
    for event in own.into_iter().chain(of_admins) {
        let error = fold::<UserView>(&stream(), vec![event]).unwrap_err().to_string();
        assert!(error.ends_with("happened to something that does not exist"), "{error}");
    }
    let twice = "UserRegistered cannot happen to what the events before it made";
    check_unfoldable::<UserView>(&stream(), vec![registered(), registered()], twice);
    let after = "UserProfileChanged happened to something that does not exist";
    check_unfoldable::<UserView>(&stream(), vec![registered(), erased(), renamed()], after);
}

#[test]
fn what_the_vault_has_not_opened_is_not_folded() {
    let UserEvent::Registered(event) = registered() else { unreachable!() };
    let sealed = UserEvent::Registered(UserRegistered { email: Sealed::parse("AQ").unwrap(), ..event });
    let still = "the personal data of UserRegistered is still sealed";
    check_unfoldable::<UserView>(&stream(), vec![sealed], still);
}

#[test]
fn personal_data_does_not_show_in_debug_output() {
    let view: UserView = fold(&stream(), vec![registered()]).unwrap().unwrap();
    let shown = format!("{view:?} {:?}", registered());
    assert!(!shown.to_lowercase().contains("ada"), "{shown}");
}
