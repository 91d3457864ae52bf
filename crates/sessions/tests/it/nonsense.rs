//! Texts that are no tokens, or no longer: none is accepted, and none makes the check panic.

use proptest::prelude::*;
use schemas::Role;

use crate::world::{Key, NOW, claims};

proptest! {
    #[test]
    fn no_text_is_a_token(text in any::<String>(), parts in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..5)) {
        let sessions = Key::new().sessions();
        for text in [text, parts.join(".")] {
            prop_assert!(sessions.verify_at(&text, NOW + 1).is_err(), "{}", text);
        }
    }

    #[test]
    fn a_token_that_differs_in_one_character_is_refused(place in any::<prop::sample::Index>(), other in "[ -~]") {
        let key = Key::new();
        let token = key.sign(&claims(Role::User));
        let (place, sessions) = (place.index(token.len()), key.sessions());
        prop_assert!(sessions.verify_at(&token, NOW + 1).is_ok());
        let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
        let cut = format!("{}{}", &token[..place], &token[place + 1..]);
        let longer = format!("{}{other}{}", &token[..place], &token[place..]);
        for text in [changed, cut, longer] {
            prop_assert!(text == token || sessions.verify_at(&text, NOW + 1).is_err(), "{}", text);
        }
    }
}
