//! Who is let in: tokens in somebody's name, and new admins.

use std::path::PathBuf;

use accounts::{Email, Invalid, Name};
use runtime::Secret;
use schemas::{InvalidId, UserId};
use vault::VaultConfig;

/// In whose name, and what signs.
#[derive(Debug, clap::Args)]
pub struct TokenCommand {
    /// The user's id.
    #[arg(long, value_parser = user)]
    pub user: UserId,
    /// The folder of `jwt.pem` and `jwks.json`, the keys that the command API signs with.
    #[arg(long, value_name = "DIR")]
    pub keys: PathBuf,
    /// Issuer that the token names.
    #[arg(long, env = "JWT_ISSUER", default_value = "orderflow")]
    pub jwt_issuer: String,
    /// Audience that the token names.
    #[arg(long, env = "JWT_AUDIENCE", default_value = "orderflow")]
    pub jwt_audience: String,
    /// Where the events are committed.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Secret,
}

/// About users.
#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// Registers an admin, with a password that is printed once, is good once within a day, and must be replaced at the first
    /// log-in (`newPassword` beside it). For when no admin can log in; an admin gives the role to somebody who is a user.
    CreateAdmin(CreateAdminCommand),
}

/// Who is to be an admin, and where that is kept.
#[derive(Debug, clap::Args)]
pub struct CreateAdminCommand {
    /// His or her e-mail address, which nobody else may have.
    #[arg(long, value_parser = email)]
    pub email: Email,
    /// First name.
    #[arg(long, value_parser = name, default_value = "New")]
    pub first_name: Name,
    /// Last name.
    #[arg(long, value_parser = name, default_value = "Admin")]
    pub last_name: Name,
    /// Where the events are committed, and accounts are kept.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Secret,
    /// Secret under which e-mail addresses are hashed, the same that the command API has.
    #[arg(long, env = "EMAIL_KEY", hide_env_values = true)]
    pub email_key: Secret,
    /// Where users' keys are, which seal names and addresses.
    #[command(flatten)]
    pub vault: VaultConfig,
    /// Act instead of only saying what would be done.
    #[arg(long)]
    pub execute: bool,
}

pub(super) fn user(text: &str) -> Result<UserId, InvalidId> {
    UserId::parse(text)
}

fn email(text: &str) -> Result<Email, Invalid> {
    Email::parse(text)
}

fn name(text: &str) -> Result<Name, Invalid> {
    Name::parse(text)
}
