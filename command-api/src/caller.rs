//! From the caller of a route to the actor of a command.

use domain::Actor;
use sessions::Caller;

/// Who gives the command, as the rules see it.
#[must_use]
pub(crate) fn actor(caller: &Caller) -> Actor {
    Actor { user: caller.user.clone(), role: caller.role }
}
