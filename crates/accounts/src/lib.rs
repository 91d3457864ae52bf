//! Accounts: how a user gets in: the keyed hash of the e-mail address, the password's hash, refresh tokens. Not
//! event-sourced.
//!
//! Promises: one account per e-mail, also under races; nothing here shows an address or a name; an unknown e-mail and a
//! wrong password look alike and take the same time; at most 30 wrong passwords per account, minute and process;
//! password hashing never starves other work; an admin is left, whatever happens at the same time; a refresh token
//! is good once.

mod account;
mod admins;
mod changes;
mod credentials;
mod error;
mod passwords;
mod refresh;
mod store;
mod throttle;

pub use account::{Account, Email, Invalid, Name, Password};
pub use admins::Dismissed;
pub use changes::{Changed, Removed};
pub use credentials::{ONE_TIME_LIFETIME, Proven, Replaced};
pub use error::Error;
pub use passwords::Admitted;
pub use refresh::{LogIn, REFRESH_LIFETIME, RefreshTokens};
pub use store::{Accounts, Created};
