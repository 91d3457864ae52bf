//! Registers users: the account (the address's hash, the password's) and the user's first event, which carries names and
//! address sealed, in one transaction.

use accounts::{Account, Created, Email, Name, Password};
use domain::user::Profile;
use event_store::{Appended, CommandRecord, Commit, StoredEvent};
use runtime::backoff::Backoff;
use runtime::{Process, Secret, clock, tasks};
use schemas::{Role, Timestamp, UserEvent, UserId, UserRegistered, Version};
use uuid::Uuid;

use crate::app::App;
use crate::config::Config;
use crate::intent::Intent;
use crate::personal::Personal;
use crate::spanning::Undone;
use crate::streams::{Done, Rejected, replay};

/// What readiness calls the first admin's registration.
const FIRST_ADMIN: &str = "first-admin";

/// Somebody who wants to be a user.
#[derive(Debug, Clone)]
pub(crate) struct Applicant {
    /// Names and address; the address must not be taken.
    pub(crate) personal: Personal,
    /// How he or she will log in.
    pub(crate) password: Password,
    /// What he or she may do.
    pub(crate) role: Role,
}

impl App {
    /// Registers a user; with the same key and the same applicant it answers as before. Runs to its end also when the
    /// caller stops waiting.
    pub(crate) async fn register(&self, applicant: Applicant, intent: Intent) -> Result<Done, Undone> {
        let app = self.clone();
        match tasks::spawn("registration", async move { app.registered(&applicant, &intent).await }).await {
            Ok(outcome) => outcome,
            Err(panicked) => Err(Rejected::from(panicked).into()),
        }
    }

    async fn registered(&self, applicant: &Applicant, intent: &Intent) -> Result<Done, Undone> {
        let user = UserId::from_bits(intent.new_id());
        if intent.key.is_some()
            && let Some(done) = self.earlier(&user, intent).await?
        {
            return Ok(done);
        }
        intent.check(Version::NONE)?;
        let Applicant { personal, password, role } = applicant;
        let _admitted = self.accounts.admit()?;
        // Whoever asks for a taken address shall leave no key behind.
        if self.accounts.owner(&personal.email).await?.is_some() {
            return self.taken(&user, intent).await;
        }
        let hash = self.accounts.hash(password).await?;
        let profile = personal.seal(&self.vault, &user).await?;
        let at = Timestamp::from_micros(clock::now_micros());
        let account = Account { id: user.clone(), created_at: at, updated_at: at, one_time_until: None };
        let commit = first_commit(&user, registered(profile, *role), at, intent)?;
        let mut transaction = self.store.begin().await?;
        match self.accounts.create(transaction.session(), &account, &personal.email, &hash).await? {
            Created::Yes => {}
            Created::EmailTaken => {
                drop(transaction);
                return self.taken(&user, intent).await;
            }
        }
        match role {
            Role::Admin => self.accounts.appoint(transaction.session(), &user).await?,
            Role::User => {}
        }
        match transaction.append(&commit).await? {
            Appended::Written => {}
            Appended::Conflict => {
                drop(transaction);
                return self.taken(&user, intent).await;
            }
        }
        transaction.commit().await?;
        Ok(Done { stream: commit.stream, version: commit.first, at, replayed: false })
    }

    /// Somebody was faster: perhaps this very request, sent twice.
    async fn taken(&self, user: &UserId, intent: &Intent) -> Result<Done, Undone> {
        self.earlier(user, intent).await?.ok_or(Undone::EmailTaken)
    }

    /// What an earlier sending came to. The user's id is made from the key, so the first commit shows it.
    async fn earlier(&self, user: &UserId, intent: &Intent) -> Result<Option<Done>, Undone> {
        let first = self.store.tail_page(user.stream(), Version::FIRST, 1).await?;
        Ok(replay(&first.commits, intent)?)
    }

    /// Registers the first admin, as soon as the store is there, unless somebody has that e-mail. The process is not
    /// ready before.
    pub(crate) async fn ensure_first_admin(self, admin: Applicant, process: Process) {
        let registered = process.health.dependency(FIRST_ADMIN);
        // The hash of an address is kept for as long as somebody has it, so it goes into the key and nowhere else.
        let correlation = format!("first-admin:{}", Uuid::now_v7()).into();
        let intent = Intent::internal("first-admin", &self.accounts.tag(&admin.personal.email));
        let intent = Intent { correlation, ..intent };
        let mut backoff = Backoff::default();
        while !process.shutdown.is_requested() {
            match self.register(admin.clone(), intent.clone()).await {
                Ok(_) | Err(Undone::EmailTaken) => return registered.up(),
                Err(error) => {
                    registered.down(&error);
                    backoff.wait().await;
                }
            }
        }
    }
}

fn registered(profile: Profile, role: Role) -> UserEvent {
    let Profile { email, first_name, last_name } = profile;
    UserEvent::Registered(UserRegistered { email, first_name, last_name, role })
}

fn first_commit(user: &UserId, registered: UserEvent, at: Timestamp, intent: &Intent) -> Result<Commit, Rejected> {
    // The caller is known by his or her address only, which must not be told from here.
    let command = CommandRecord { caller: user.as_str().into(), ..intent.record(1) };
    Ok(Commit {
        stream: user.stream().clone(),
        first: Version::FIRST,
        id: Uuid::now_v7(),
        at,
        owner: Some(user.clone()),
        commands: vec![command],
        keys: Vec::new(),
        events: vec![StoredEvent::of(&registered)?],
    })
}

/// Declares the first admin as something to wait for, if one is configured. To be called before anything is up, else the
/// process would be ready for a moment without.
pub(crate) fn wait_for_first_admin(config: &Config, process: &Process) -> Result<(), accounts::Invalid> {
    if first_admin(config)?.is_some() {
        let _down_until_registered = process.health.dependency(FIRST_ADMIN);
    }
    Ok(())
}

/// The first admin of the configuration, if one is configured.
pub(crate) fn first_admin(config: &Config) -> Result<Option<Applicant>, accounts::Invalid> {
    let Some((email, password)) = config.bootstrap_admin_email.as_ref().zip(config.bootstrap_admin_password.as_ref())
    else {
        return Ok(None);
    };
    let email = Email::parse(email)?;
    let personal = Personal { email, first_name: Name::parse("First")?, last_name: Name::parse("Admin")? };
    Ok(Some(Applicant { personal, password: Password::parse(Secret::expose(password))?, role: Role::Admin }))
}
