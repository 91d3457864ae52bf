//! `ops user create-admin`: an admin for a shop in which no admin can log in. As the first admin is made: the account and the
//! user's first event in one transaction. Relays publish it as any other.

use accounts::{Account, Accounts, Created, Password};
use event_store::{Appended, CommandRecord, Commit, EventStore, StoredEvent};
use runtime::clock;
use schemas::{PersonalField, Role, Timestamp, UserEvent, UserId, UserRegistered, Version};
use serde::Serialize;
use uuid::Uuid;
use vault::Vault;

use crate::Error;
use crate::answer::Answer;
use crate::cli::CreateAdminCommand;
use crate::plan::{Action, Item, Plan};
use crate::projections::refused;
use crate::republish::connect;

/// Who the commit says did it.
const CALLER: &str = "ops";

/// The answer, whose fields are a promise.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    #[serde(flatten)]
    plan: Plan,
    user: UserId,
    /// It is kept nowhere but here.
    one_time_password: String,
}

/// Refused if somebody has the address.
pub(crate) async fn create_admin(wish: &CreateAdminCommand) -> Result<Answer, Error> {
    let store = connect(&wish.mongodb_uri).await?;
    let accounts = Accounts::new(store.database(), &wish.email_key)?;
    if accounts.owner(&wish.email).await?.is_some() {
        return Ok(taken(wish).into());
    }
    let state = "an admin, with a password for one time that is printed once and is good for a day";
    let plan = Plan { executed: wish.execute, items: vec![Item::new(wish.email.as_str(), Action::Create, state)] };
    if !wish.execute {
        return Ok(plan.into());
    }
    let password = Password::one_time()?;
    let Some(user) = created(wish, &store, &accounts, &password).await? else { return Ok(taken(wish).into()) };
    let text = format!("{plan}\nuser      {user}\npassword  {}", password.expose());
    let made = Made { plan, user, one_time_password: password.expose().to_owned() };
    Ok(Answer::of(text, &made))
}

fn taken(wish: &CreateAdminCommand) -> Plan {
    let why = "somebody has this address; an admin gives a user that role at POST /api/v1/users/<id>/roles";
    refused(wish.email.as_str(), why)
}

/// The new admin; `None` if somebody was faster to take the address.
async fn created(
    wish: &CreateAdminCommand,
    store: &EventStore,
    accounts: &Accounts,
    password: &Password,
) -> Result<Option<UserId>, Error> {
    let user = UserId::from_bits(Uuid::now_v7().as_u128());
    let hash = accounts.hash(password).await?;
    let registered = registered(wish, &user).await.map_err(|source| Error::Vault { source })?;
    let at = Timestamp::from_micros(clock::now_micros());
    let commit = commit(&user, &registered, at)?;
    let account = Account { id: user.clone(), created_at: at, updated_at: at, one_time_until: None };
    let mut transaction = store.begin().await?;
    match accounts.create(transaction.session(), &account, &wish.email, &hash).await? {
        Created::Yes => {}
        Created::EmailTaken => return Ok(None),
    }
    accounts.appoint(transaction.session(), &user).await?;
    accounts.give_one_time_password(transaction.session(), &user, &hash, at).await?;
    match transaction.append(&commit).await? {
        Appended::Written => {}
        Appended::Conflict => return Ok(None),
    }
    transaction.commit().await?;
    Ok(Some(user))
}

/// The first event, with names and address sealed.
async fn registered(wish: &CreateAdminCommand, user: &UserId) -> Result<UserEvent, vault::Error> {
    let vault = Vault::unwatched(&wish.vault).await?;
    Ok(UserEvent::Registered(UserRegistered {
        email: vault.seal(user, PersonalField::Email, wish.email.as_str()).await?,
        first_name: vault.seal(user, PersonalField::FirstName, wish.first_name.as_str()).await?,
        last_name: vault.seal(user, PersonalField::LastName, wish.last_name.as_str()).await?,
        role: Role::Admin,
    }))
}

fn commit(user: &UserId, registered: &UserEvent, at: Timestamp) -> Result<Commit, Error> {
    let id = Uuid::now_v7();
    let command = CommandRecord {
        events: 1,
        caller: CALLER.into(),
        correlation: id.to_string().into(),
        ..CommandRecord::default()
    };
    Ok(Commit {
        stream: user.stream().clone(),
        first: Version::FIRST,
        id,
        at,
        owner: Some(user.clone()),
        commands: vec![command],
        keys: Vec::new(),
        events: vec![StoredEvent::of(registered)?],
    })
}
