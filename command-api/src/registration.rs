//! Registers users: the account (e-mail, names, password) and the user's first event in one transaction.
//!
//! This is the one command that spans two collections; it is rare enough to pay for a transaction.

use accounts::{Account, Created, Email, Name, Password};
use event_store::{Appended, Commit, StoredEvent};
use runtime::backoff::Backoff;
use runtime::{Process, Secret, clock, tasks};
use schemas::{Role, Timestamp, UserEvent, UserId, UserRegistered, Version};
use uuid::Uuid;

use crate::app::App;
use crate::config::Config;
use crate::intent::Intent;
use crate::streams::{Done, Rejected, replay};

/// Somebody who wants to be a user.
#[derive(Debug, Clone)]
pub(crate) struct Applicant {
    /// Must not be taken.
    pub(crate) email: Email,
    /// First name.
    pub(crate) first_name: Name,
    /// Last name.
    pub(crate) last_name: Name,
    /// How he or she will log in.
    pub(crate) password: Password,
    /// What he or she may do.
    pub(crate) role: Role,
}

/// A registration had no effect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unregistered {
    /// Somebody has that e-mail.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The accounts failed.
    #[error("the accounts failed")]
    Accounts(#[from] accounts::Error),
    /// As for every command.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

impl From<event_store::Error> for Unregistered {
    fn from(error: event_store::Error) -> Self {
        Self::Rejected(error.into())
    }
}

impl App {
    /// Registers a user; with the same key and the same applicant it answers as before. Runs to its end also when the
    /// caller stops waiting.
    pub(crate) async fn register(&self, applicant: Applicant, intent: Intent) -> Result<Done, Unregistered> {
        let app = self.clone();
        match tasks::spawn("registration", async move { app.registered(&applicant, &intent).await }).await {
            Ok(outcome) => outcome,
            Err(panicked) => Err(Rejected::from(panicked).into()),
        }
    }

    async fn registered(&self, applicant: &Applicant, intent: &Intent) -> Result<Done, Unregistered> {
        let user = UserId::from_bits(intent.new_id());
        if intent.key.is_some() {
            let commits = self.store.tail(user.stream(), Version::FIRST).await?;
            if let Some(done) = replay(&commits, intent)? {
                return Ok(done);
            }
        }
        let hash = self.accounts.hash(&applicant.password).await?;
        let at = Timestamp::from_micros(clock::now_micros());
        let account = applicant.account(&user, at);
        let commit = first_commit(&user, applicant.role, at, intent)?;
        let mut transaction = self.store.begin().await?;
        match self.accounts.create(transaction.session(), &account, &hash).await? {
            Created::Yes => {}
            Created::EmailTaken => return self.taken(&user, intent).await,
        }
        match transaction.append(&commit).await? {
            Appended::Written => {}
            Appended::Conflict => return self.taken(&user, intent).await,
        }
        transaction.commit().await?;
        Ok(Done { stream: commit.stream, version: commit.first, at, replayed: false })
    }

    /// Somebody was faster: perhaps this very request, sent twice.
    async fn taken(&self, user: &UserId, intent: &Intent) -> Result<Done, Unregistered> {
        let commits = self.store.tail(user.stream(), Version::FIRST).await?;
        replay(&commits, intent)?.ok_or(Unregistered::EmailTaken)
    }

    /// Registers the first admin, as soon as the store is there, unless somebody has that e-mail. The process is not
    /// ready before.
    pub(crate) async fn ensure_first_admin(self, admin: Applicant, process: Process) {
        let registered = process.health.dependency("first-admin");
        let intent = Intent::internal("first-admin", &self.accounts.tag(&admin.email), &self.fingerprints);
        let mut backoff = Backoff::default();
        while !process.shutdown.is_requested() {
            match self.register(admin.clone(), intent.clone()).await {
                Ok(_) | Err(Unregistered::EmailTaken) => return registered.up(),
                Err(error) => {
                    registered.down(&error);
                    backoff.wait().await;
                }
            }
        }
    }
}

impl Applicant {
    fn account(&self, user: &UserId, at: Timestamp) -> Account {
        Account {
            id: user.clone(),
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            created_at: at,
            updated_at: at,
        }
    }
}

fn first_commit(user: &UserId, role: Role, at: Timestamp, intent: &Intent) -> Result<Commit, Rejected> {
    let registered = UserEvent::Registered(UserRegistered { role });
    Ok(Commit {
        stream: user.stream().clone(),
        first: Version::FIRST,
        id: Uuid::now_v7(),
        at,
        owner: Some(user.clone()),
        commands: vec![intent.record(1)],
        keys: Vec::new(),
        events: vec![StoredEvent::of(&registered)?],
    })
}

/// The first admin of the configuration, if one is configured.
pub(crate) fn first_admin(config: &Config) -> Result<Option<Applicant>, accounts::Invalid> {
    let Some((email, password)) = config.bootstrap_admin_email.as_ref().zip(config.bootstrap_admin_password.as_ref())
    else {
        return Ok(None);
    };
    Ok(Some(Applicant {
        email: Email::parse(email)?,
        first_name: Name::parse("First")?,
        last_name: Name::parse("Admin")?,
        password: Password::parse(Secret::expose(password))?,
        role: Role::Admin,
    }))
}
