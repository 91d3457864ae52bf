//! Logs users in, and goes on with log-ins by their refresh tokens.
//!
//! A log-in is bound to the user's session version, so whatever raises it (log-out everywhere, a new password, a new
//! role, a suspension) ends the log-in's access tokens and its refresh token alike.

use accounts::{Account, Email, LogIn, Password};
use domain::Refusal;
use domain::user::{User, UserCommand, UserDetails, UserState};
use runtime::{Secret, clock, tasks};
use schemas::{SessionId, Timestamp, UserId, Version};
use sessions::signer::{Bearer, KeyError};
use uuid::Uuid;

use crate::app::App;
use crate::intent::{CommandHeaders, Intent};
use crate::metrics;
use crate::password::PasswordChange;
use crate::personal::Shown;
use crate::spanning::Undone;
use crate::streams::{Creates, Head, Rejected};

/// Somebody who has an account.
#[derive(Debug)]
pub(crate) struct Member {
    /// Who.
    pub(crate) account: Account,
    /// As what.
    pub(crate) details: UserDetails,
    /// Whether he or she may not log in, for the time being.
    pub(crate) suspended: bool,
    /// The version of the user's stream.
    pub(crate) version: Version,
}

/// Somebody who is logged in.
pub(crate) struct Granted {
    /// Who.
    pub(crate) member: Member,
    /// Names and address.
    pub(crate) shown: Shown,
    /// The access token.
    pub(crate) access: String,
    /// The refresh token.
    pub(crate) refresh: Secret,
}

/// What somebody shows to be let in.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The password that counts now.
    pub(crate) password: Secret,
    /// What takes its place, if anything. What is for one time must be replaced.
    pub(crate) new: Option<Password>,
}

/// Why somebody is not logged in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotLoggedIn {
    /// No account has this e-mail and this password.
    #[error("e-mail or password is wrong")]
    WrongPassword,
    /// The password is right, but the user is suspended.
    #[error("the user is suspended")]
    Suspended,
    /// The password is good for one time only: to be replaced.
    #[error("the password is for one time")]
    NewPasswordNeeded,
    /// The refresh token is none of ours, spent, or its log-in is over.
    #[error("the refresh token is not good")]
    WrongRefreshToken,
    /// The token could not be signed.
    #[error("the access token could not be signed")]
    Key(#[from] KeyError),
    /// As for every command on users.
    #[error(transparent)]
    Undone(#[from] Undone),
}

impl From<accounts::Error> for NotLoggedIn {
    fn from(error: accounts::Error) -> Self {
        Self::Undone(error.into())
    }
}

impl From<vault::Error> for NotLoggedIn {
    fn from(error: vault::Error) -> Self {
        Self::Undone(error.into())
    }
}

impl From<Rejected> for NotLoggedIn {
    fn from(rejected: Rejected) -> Self {
        Self::Undone(rejected.into())
    }
}

impl App {
    /// Logs in by password, and replaces it if a new one is given. The answer to that may be lost after the change; the
    /// same request again finds the new password in force.
    ///
    /// The session version is read before the password is checked: whoever changes the password raises the version, so
    /// a token given for the old password is of an old version. An unknown address costs the same reads as a known one.
    pub(crate) async fn log_in(
        &self,
        email: &Email,
        entry: Entry,
        headers: &CommandHeaders,
    ) -> Result<Granted, NotLoggedIn> {
        let Entry { password, new } = entry;
        let (member, log_in) = match (self.known_by_password(email, &password).await, new) {
            (Ok((Member { account, .. }, _)), Some(new)) => {
                let then = Secret::from(new.expose());
                let fingerprint = self.fingerprints.fingerprint(&());
                let intent = Intent::new(account.id.as_str(), "POST /api/v1/users/login", headers, fingerprint);
                self.change_password(account.id, PasswordChange { current: password, new }, intent).await?;
                self.known_by_password(email, &then).await?
            }
            (Err(NotLoggedIn::WrongPassword), Some(new)) => {
                self.known_by_password(email, &Secret::from(new.expose())).await?
            }
            (known, _) => known?,
        };
        if member.account.one_time_until.is_some() {
            return Err(NotLoggedIn::NewPasswordNeeded);
        }
        let shown = self.shown(&member).await?;
        let refresh = self.refresh_tokens.begin(&log_in, now()).await?;
        self.grant(member, shown, log_in.session, refresh)
    }

    async fn known_by_password(&self, email: &Email, password: &Secret) -> Result<(Member, LogIn), NotLoggedIn> {
        let _admitted = self.accounts.admit()?;
        let owner = self.accounts.owner(email).await?.unwrap_or_else(|| UserId::from_bits(0));
        let head = self.users.load(owner.stream()).await?;
        let account = self.accounts.log_in(email, password).await?.filter(|account| account.id == owner);
        let account = account.filter(|account| account.one_time_until.is_none_or(|until| now() < until));
        let member = Member::of(account, &head).ok_or(NotLoggedIn::WrongPassword)?;
        if member.suspended {
            return Err(NotLoggedIn::Suspended);
        }
        let session = SessionId::from_bits(Uuid::now_v7().as_u128());
        let log_in = LogIn { user: owner, session, session_version: member.details.session_version };
        Ok((member, log_in))
    }

    /// Goes on by refresh token, which is spent; one that was spent before ends its session. Runs to its end also when
    /// the caller stops waiting.
    pub(crate) async fn refresh(&self, token: Secret) -> Result<Granted, NotLoggedIn> {
        let app = self.clone();
        match tasks::spawn("refresh", async move { app.refreshed(&token).await }).await {
            Ok(outcome) => outcome,
            Err(panicked) => Err(Rejected::from(panicked).into()),
        }
    }

    /// What may be away for a while is read before the token is spent: who is told to try again can do so.
    async fn refreshed(&self, token: &Secret) -> Result<Granted, NotLoggedIn> {
        let log_in = self.refresh_tokens.whose(token, now()).await?.ok_or(NotLoggedIn::WrongRefreshToken)?;
        let entitled = self.entitled(&log_in).await?;
        let Some(next) = self.refresh_tokens.spend(token, &log_in, now()).await? else {
            self.shown_again(log_in).await?;
            return Err(NotLoggedIn::WrongRefreshToken);
        };
        let (member, shown) = entitled.ok_or(NotLoggedIn::WrongRefreshToken)?;
        self.grant(member, shown, log_in.session, next)
    }

    /// Somebody has a copy of a spent token: its session ends.
    async fn shown_again(&self, log_in: LogIn) -> Result<(), NotLoggedIn> {
        metrics::SPENT_REFRESH_TOKENS.add(1);
        let intent = Intent::internal("spent-refresh-token", log_in.session.as_str());
        match self.end_session(&log_in.user, log_in.session, intent).await {
            // Whoever was erased has no sessions.
            Err(NotLoggedIn::Undone(Undone::Rejected(Rejected::Refused(Refusal::UserNotFound)))) => Ok(()),
            ended => ended,
        }
    }

    /// Who may go on with this log-in. Whatever ends it from now on refuses the tokens that are given for it, too.
    async fn entitled(&self, log_in: &LogIn) -> Result<Option<(Member, Shown)>, NotLoggedIn> {
        let head = self.users.load(log_in.user.stream()).await?;
        let member = Member::of(self.accounts.find(&log_in.user).await?, &head);
        let member = member.filter(|Member { details, suspended, .. }| {
            !suspended && details.session_version == log_in.session_version && !details.ended.contains(&log_in.session)
        });
        let Some(member) = member else { return Ok(None) };
        let shown = self.shown(&member).await?;
        Ok(Some((member, shown)))
    }

    async fn shown(&self, member: &Member) -> Result<Shown, NotLoggedIn> {
        Ok(Shown::open(&self.vault, &member.account.id, &member.details.profile).await?)
    }

    /// Ends one session: first its refresh token, so that nothing outlives the event.
    pub(crate) async fn end_session(
        &self,
        user: &UserId,
        session: SessionId,
        intent: Intent,
    ) -> Result<(), NotLoggedIn> {
        self.refresh_tokens.end(&session).await?;
        let command = UserCommand::EndSession { session };
        self.users.execute(user.stream().clone(), Creates::No, command, intent).await?;
        Ok(())
    }

    fn grant(&self, member: Member, shown: Shown, session: SessionId, refresh: Secret) -> Result<Granted, NotLoggedIn> {
        let access = self.signing.sign(&Bearer {
            user: member.account.id.clone(),
            email: Some(shown.email.clone()),
            role: member.details.role,
            session,
            session_version: member.details.session_version,
        })?;
        Ok(Granted { member, shown, access, refresh })
    }
}

impl Member {
    /// The user of this account, as his or her events make him or her.
    pub(crate) fn of(account: Option<Account>, head: &Head<User>) -> Option<Self> {
        let (details, suspended) = match head.state.clone()? {
            UserState::Active(details) => (details, false),
            UserState::Suspended(details) => (details, true),
            UserState::Erased => return None,
        };
        Some(Self { account: account?, details, suspended, version: head.version })
    }
}

fn now() -> Timestamp {
    Timestamp::from_micros(clock::now_micros())
}
