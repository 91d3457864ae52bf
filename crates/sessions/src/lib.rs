//! Who is logged in, and who no longer is: checks access tokens by public key, without asking a store per request.
//!
//! Revocations are heard of by following the users' topic from one token lifetime ago, so a revocation reaches every
//! service as fast as any event does, and a service is ready when it has read to the topic's end. Until then nobody is
//! let in. Verified tokens are cached; expiry and revocation are checked on every use all the same. Keys that lie in a
//! file or behind a URL may change while the process runs: tokens of a key that is still there go on.
//!
//! Whoever holds the private key signs tokens with [`signer`]: the command API for who logs in, operators by hand.

mod caller;
mod claims;
mod config;
mod follow;
mod key_ring;
mod keys;
mod rejection;
mod revocations;
mod sessions;
mod verifier;

pub mod metrics;
pub mod signer;
pub mod testing;

pub use bus::KafkaConfig;
pub use caller::{AdminCaller, Caller};
pub use claims::{Claims, TOKEN_LIFETIME};
pub use config::SessionsConfig;
pub use keys::InvalidKeys;
pub use rejection::Rejection;
pub use revocations::Revocation;
pub use sessions::{Error, Sessions};
