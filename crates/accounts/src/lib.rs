//! Accounts: who a user is outside the event log: e-mail, names, password hash. Not event-sourced.
//!
//! Promises: one account per e-mail, also under races; an unknown e-mail and a wrong password look alike and take the
//! same time; at most 30 wrong passwords per account, minute and process; password hashing never starves other work.

mod account;
mod error;
mod passwords;
mod store;
mod throttle;

pub use account::{Account, Email, Invalid, Name, Password};
pub use error::Error;
pub use store::{Accounts, Created};
