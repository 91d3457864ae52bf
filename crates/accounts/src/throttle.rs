//! Counts wrong passwords per account, in memory: 30 a minute, then the account rests until the minute is over.
//!
//! An attempt counts from its beginning, so attempts at the same time cannot slip through together. Counted per
//! process. A stranger who goes on guessing keeps the owner from logging in for as long; who is logged in already changes
//! his or her password all the same, for that is counted apart.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::clock::{self, Instant};

/// Wrong passwords per account and window.
const ALLOWED: u32 = 30;
const WINDOW: Duration = Duration::from_secs(60);
/// Accounts counted at once; beyond it those whose window is over are forgotten, then all.
const ACCOUNTS: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Throttle {
    windows: Mutex<HashMap<String, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    attempts: u32,
}

/// A password that is being checked. Dropped without a verdict (the check failed), it does not count.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    throttle: &'a Throttle,
    account: &'a str,
    judged: bool,
}

impl Throttle {
    /// Begins to check a password of this account, or says in how many seconds the next one is heard.
    pub(crate) fn attempt<'a>(&'a self, account: &'a str) -> Result<Attempt<'a>, u32> {
        let mut windows = self.windows();
        make_room(&mut windows);
        let fresh = Window { began: clock::monotonic(), attempts: 0 };
        let window = windows.entry(account.to_owned()).or_insert(fresh);
        if window.is_over() {
            *window = fresh;
        }
        if window.attempts >= ALLOWED {
            let left = WINDOW.saturating_sub(window.began.elapsed());
            return Err(u32::try_from(left.as_secs()).unwrap_or(0).saturating_add(1));
        }
        window.attempts += 1;
        Ok(Attempt { throttle: self, account, judged: false })
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<String, Window>> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn is_over(&self) -> bool {
        self.began.elapsed() >= WINDOW
    }
}

fn make_room(windows: &mut HashMap<String, Window>) {
    if windows.len() >= ACCOUNTS {
        windows.retain(|_, window| !window.is_over());
    }
    if windows.len() >= ACCOUNTS {
        windows.clear();
    }
}

impl Attempt<'_> {
    /// The password was wrong.
    pub(crate) fn was_wrong(mut self) {
        self.judged = true;
    }

    /// The password was right: the account begins anew.
    pub(crate) fn was_right(mut self) {
        self.judged = true;
        self.throttle.windows().remove(self.account);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.judged {
            return;
        }
        if let Some(window) = self.throttle.windows().get_mut(self.account) {
            window.attempts = window.attempts.saturating_sub(1);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn wrong(throttle: &Throttle, account: &str, times: u32) {
        for _ in 0..times {
            throttle.attempt(account).unwrap().was_wrong();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_31st_try_within_a_minute_must_wait_and_is_heard_after_it() {
        let throttle = Throttle::default();
        wrong(&throttle, "a", ALLOWED);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert!((40..=41).contains(&throttle.attempt("a").unwrap_err()));
        assert!(throttle.attempt("b").is_ok());
        tokio::time::advance(Duration::from_secs(40)).await;
        assert!(throttle.attempt("a").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_password_begins_anew() {
        let throttle = Throttle::default();
        wrong(&throttle, "a", ALLOWED - 1);
        throttle.attempt("a").unwrap().was_right();
        wrong(&throttle, "a", ALLOWED);
        assert!(throttle.attempt("a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_count_from_their_beginning_unless_they_come_to_no_verdict() {
        let throttle = Throttle::default();
        let open: Vec<_> = (0..ALLOWED).map(|_| throttle.attempt("a").unwrap()).collect();
        assert!(throttle.attempt("a").is_err());
        drop(open);
        wrong(&throttle, "a", ALLOWED);
        assert!(throttle.attempt("a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn it_never_counts_more_accounts_than_it_has_room_for() {
        let throttle = Throttle::default();
        for account in 0..ACCOUNTS + 10 {
            wrong(&throttle, &account.to_string(), 1);
        }
        assert!(throttle.windows().len() <= ACCOUNTS);
    }
}
