//! How much of something each user may have in this process at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what every user has; what nobody has takes no memory.
#[derive(Debug)]
pub struct Passes {
    most: usize,
    given: Mutex<HashMap<Box<str>, usize>>,
}

/// The right to one; dropping it gives the right back.
#[derive(Debug)]
pub struct Pass {
    user: Box<str>,
    passes: Arc<Passes>,
}

impl Passes {
    /// So many for each user.
    pub fn new(most: usize) -> Self {
        Self { most, given: Mutex::default() }
    }

    /// One more for this user; `None` if he or she has as many as there may be.
    pub fn give(self: &Arc<Self>, user: &str) -> Option<Pass> {
        let mut given = self.given();
        let count = given.get(user).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        given.insert(user.into(), count + 1);
        Some(Pass { user: user.into(), passes: Arc::clone(self) })
    }

    fn given(&self) -> MutexGuard<'_, HashMap<Box<str>, usize>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut given = self.passes.given();
        match given.get_mut(&self.user) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(given.remove(&self.user)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_has_so_many_passes_and_those_that_came_back_again() {
        let passes = Arc::new(Passes::new(2));
        let (one, other) = ("ada", "bob");
        let first = passes.give(one);
        let second = passes.give(one);
        assert!(first.is_some() && second.is_some());
        assert!(passes.give(one).is_none());
        assert!(passes.give(other).is_some());
        drop(first);
        let third = passes.give(one);
        assert!(third.is_some() && passes.give(one).is_none());
        drop((second, third));
        assert!(passes.given().is_empty(), "nothing is kept of who is not here");
    }
}
