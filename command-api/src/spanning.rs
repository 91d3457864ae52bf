//! Commands that span a user's stream and the account: one transaction of MongoDB makes both durable, or neither.
//!
//! They are rare enough to pay for a transaction. Everything else goes by [`crate::streams`].

use std::future::Future;

use domain::Aggregate as _;
use domain::user::{User, UserCommand};
use event_store::{Appended, Commit, StoredEvent, Transaction};
use runtime::{clock, tasks};
use schemas::{Timestamp, UserId};
use uuid::Uuid;

use crate::app::App;
use crate::intent::Intent;
use crate::streams::{Done, Head, Rejected, breath, replay};

/// How often a command that lost its race is decided again before it is given up.
const ATTEMPTS: u32 = 8;

/// A command that spans stream and account had no effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Undone {
    /// Somebody has that e-mail.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The password is not the one that the account has now.
    #[error("the password is wrong")]
    WrongPassword,
    /// The new password is the one that the account has now.
    #[error("the new password is the current one")]
    SamePassword,
    /// The accounts failed.
    #[error("the accounts failed")]
    Accounts(#[from] accounts::Error),
    /// The vault failed.
    #[error("the vault failed")]
    Vault(#[from] vault::Error),
    /// As for every command.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl From<event_store::Error> for Undone {
    fn from(error: event_store::Error) -> Self {
        Self::Rejected(error.into())
    }
}

/// What a command changes besides the stream.
pub(crate) trait Beside: Send + Sync + 'static {
    /// Writes it as part of the transaction; `next` is what the command makes of the user.
    fn write(
        &self,
        app: &App,
        transaction: &mut Transaction,
        next: &Head<User>,
    ) -> impl Future<Output = Result<(), Undone>> + Send;
}

/// One command on a user, and what it changes besides.
pub(crate) struct Spanning<B> {
    pub(crate) user: UserId,
    pub(crate) command: UserCommand,
    pub(crate) beside: B,
    pub(crate) intent: Intent,
}

impl<B: Beside> Spanning<B> {
    /// Runs it to its end, also when the caller stops waiting for it.
    pub(crate) async fn execute(self, app: &App) -> Result<Done, Undone> {
        let app = app.clone();
        match tasks::spawn("command", async move { self.finish(&app).await }).await {
            Ok(outcome) => outcome,
            Err(panicked) => Err(Rejected::from(panicked).into()),
        }
    }

    async fn finish(self, app: &App) -> Result<Done, Undone> {
        let mut breath = breath();
        for _ in 0..ATTEMPTS {
            match self.attempt(app).await {
                Ok(Some(done)) => return Ok(done),
                Ok(None) | Err(Undone::Accounts(accounts::Error::Contended)) => breath.wait().await,
                Err(undone) => return Err(undone),
            }
        }
        Err(Rejected::Contended.into())
    }

    /// Looks, decides, writes. `None` if another command came first.
    async fn attempt(&self, app: &App) -> Result<Option<Done>, Undone> {
        let Self { user, command, beside, intent } = self;
        let earlier = app.store.find_keys(intent.key.as_slice()).await?;
        if let Some(done) = replay(&earlier, intent)? {
            return Ok(Some(done));
        }
        let head = app.users.load(user.stream()).await?;
        intent.check(head.version)?;
        let events = User::decide(head.state.as_ref(), command).map_err(Rejected::from)?;
        if events.is_empty() {
            let (stream, version, at) = (user.stream().clone(), head.version, head.at);
            return Ok(Some(Done { stream, version, at, replayed: false }));
        }
        let next = head.then(&events, Timestamp::from_micros(clock::now_micros()));
        let commit = self.commit(&head, &next, &events)?;
        let mut transaction = app.store.begin().await?;
        beside.write(app, &mut transaction, &next).await?;
        match transaction.append(&commit).await? {
            Appended::Conflict => Ok(None),
            Appended::Written => {
                transaction.commit().await?;
                let (stream, version, at) = (commit.stream, next.version, next.at);
                Ok(Some(Done { stream, version, at, replayed: false }))
            }
        }
    }

    fn commit(&self, head: &Head<User>, next: &Head<User>, events: &[schemas::UserEvent]) -> Result<Commit, Rejected> {
        Ok(Commit {
            stream: self.user.stream().clone(),
            first: head.version.next(),
            id: Uuid::now_v7(),
            at: next.at,
            owner: Some(self.user.clone()),
            commands: vec![self.intent.record(u32::try_from(events.len()).unwrap_or(u32::MAX))],
            keys: self.intent.key.into_iter().collect(),
            events: events.iter().map(StoredEvent::of).collect::<Result<_, _>>()?,
        })
    }
}
