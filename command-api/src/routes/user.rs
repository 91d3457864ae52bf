//! Users: register, log in, go on with a log-in, log out; below, what is done to those who are there.

pub(super) mod erasure;
pub(super) mod password;
pub(super) mod profile;
pub(super) mod standing;

use accounts::{Email, Name, Password};
use axum::extract::State;
use axum::http::StatusCode;
use domain::Refusal;
use domain::user::UserCommand;
use runtime::Secret;
use runtime::http::{JsonBody, RequestContext};
use runtime::problem::{Problem, ProblemBody};
use schemas::{Role, UserId};
use serde::{Deserialize, Serialize};
use sessions::{Caller, TOKEN_LIFETIME};
use utoipa::ToSchema;

use crate::app::App;
use crate::intent::{CommandHeaders, Intent};
use crate::log_in::{Entry, Granted, Member, NotLoggedIn};
use crate::metrics;
use crate::personal::{Personal, Shown};
use crate::registration::Applicant;
use crate::reply::Reply;
use crate::shape::Shape;
use crate::spanning::Undone;
use crate::streams::{Creates, Rejected};

/// Who wants to be a user. A `role` is ignored: nobody gives it to himself.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RegisterUser {
    /// Unique; in any case of letters.
    email: String,
    /// 12 to 128 characters. Not part of the fingerprint; sent again with its key, the user's current one is expected.
    #[serde(skip_serializing)]
    password: String,
    /// Up to 100 characters.
    first_name: String,
    /// Up to 100 characters.
    last_name: String,
}

/// What a user logs in with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogIn {
    /// As registered, in any case of letters.
    email: String,
    /// As registered, or for one time, as an admin gave it.
    password: String,
    /// What is to be the password from now on; needed if the other one is for one time.
    new_password: Option<String>,
}

/// What a user goes on with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refresh {
    /// As answered by the last log-in or refresh. It is spent by this.
    refresh_token: String,
}

/// What to log out of.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LogOut {
    /// Every session, not only this one.
    everywhere: bool,
}

/// The seeds' envelope.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Envelope<T> {
    success: bool,
    data: T,
    message: &'static str,
}

impl<T> Envelope<T> {
    fn of(data: T, message: &'static str) -> Self {
        Self { success: true, data, message }
    }
}

/// A user, in the seeds' words.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserBody {
    #[serde(rename = "_id")]
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    #[schema(value_type = String)]
    role: Role,
    is_active: bool,
    created_at: String,
    updated_at: String,
    #[serde(rename = "__v")]
    version: u32,
}

/// A log-in's answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoggedIn {
    user: UserBody,
    /// The access token.
    token: String,
    /// Good once, to get new tokens without the password.
    refresh_token: String,
    /// Seconds until the access token expires.
    expires_in: u64,
}

/// Registers a user.
#[utoipa::path(post, path = "/api/v1/users/register", tag = "users", request_body = RegisterUser,
    responses((status = 201, body = Envelope<UserBody>, description = "Registered"),
        (status = 200, body = Envelope<UserBody>, description = "Registered before, with the same Idempotency-Key"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn register(
    State(app): State<App>,
    headers: CommandHeaders,
    JsonBody(body): JsonBody<RegisterUser>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let applicant = body.check()?;
    let caller = format!("email:{}", app.accounts.tag(&applicant.personal.email));
    let fingerprint = app.fingerprints.fingerprint(&body);
    let intent = Intent::new(&caller, "POST /api/v1/users/register", &headers, fingerprint);
    let password = Secret::from(applicant.password.expose());
    let done = app.register(applicant, intent).await?;
    let user = UserId::parse(done.stream.as_str()).map_err(|_| Problem::internal())?;
    // A key is no secret. What somebody is called by now is told to who knows the password.
    if done.replayed && app.accounts.prove(&user, &password).await.map_err(Undone::from)?.is_none() {
        return Err(Rejected::KeyReused.into());
    }
    let user = known(&app, &user).await?;
    let location = format!("/api/v1/users/{}", done.stream);
    Ok(Reply::created(done, location, Envelope { success: true, data: user, message: "User registered successfully" }))
}

/// Logs a user in.
#[utoipa::path(post, path = "/api/v1/users/login", tag = "users", request_body = LogIn,
    responses((status = 200, body = Envelope<LoggedIn>), (status = "4XX", body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub(super) async fn log_in(
    State(app): State<App>,
    context: RequestContext,
    JsonBody(body): JsonBody<LogIn>,
) -> Result<axum::Json<Envelope<LoggedIn>>, Problem> {
    // An address that cannot be one is no different from an unknown one.
    let email = Email::parse(&body.email).map_err(|_| NotLoggedIn::WrongPassword)?;
    let headers = CommandHeaders { key: None, expected: None, joined: None, context };
    let granted = app.log_in(&email, body.check()?, &headers).await?;
    Ok(LoggedIn::answer(granted, "Login successful"))
}

/// Goes on with a log-in: new tokens for a refresh token, which is spent. A spent one ends the session.
#[utoipa::path(post, path = "/api/v1/users/refresh", tag = "users", request_body = Refresh,
    responses((status = 200, body = Envelope<LoggedIn>), (status = "4XX", body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub(super) async fn refresh(
    State(app): State<App>,
    JsonBody(body): JsonBody<Refresh>,
) -> Result<axum::Json<Envelope<LoggedIn>>, Problem> {
    let granted = app.refresh(Secret::from(body.refresh_token)).await?;
    Ok(LoggedIn::answer(granted, "Token refreshed"))
}

/// Ends this session, or all of them; their tokens and sockets die.
#[utoipa::path(post, path = "/api/v1/users/logout", tag = "users", request_body = Option<LogOut>,
    responses((status = 204, description = "Logged out"), (status = "4XX", body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub(super) async fn log_out(
    State(app): State<App>,
    caller: Caller,
    context: RequestContext,
    body: Option<JsonBody<LogOut>>,
) -> Result<StatusCode, Problem> {
    let JsonBody(LogOut { everywhere }) = body.unwrap_or_default();
    let headers = CommandHeaders { key: None, expected: None, joined: None, context };
    let intent = app.intent(&caller, "POST /api/v1/users/logout", &headers, &());
    if everywhere {
        let stream = caller.user.stream().clone();
        app.users.execute(stream, Creates::No, UserCommand::RevokeSessions, intent).await?;
    } else {
        app.end_session(&caller.user, caller.session, intent).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl LogIn {
    fn check(self) -> Result<Entry, Problem> {
        let mut shape = Shape::default();
        let new = shape.take(&["newPassword".into()], self.new_password.as_deref().map(Password::parse).transpose());
        Ok(Entry { password: Secret::from(self.password), new: shape.finish(new)? })
    }
}

impl RegisterUser {
    fn check(&self) -> Result<Applicant, Problem> {
        let mut shape = Shape::default();
        let email = shape.take(&["email".into()], Email::parse(&self.email));
        let password = shape.take(&["password".into()], Password::parse(&self.password));
        let first_name = shape.take(&["firstName".into()], Name::parse(&self.first_name));
        let last_name = shape.take(&["lastName".into()], Name::parse(&self.last_name));
        let whole = email.zip(password).zip(first_name.zip(last_name));
        let ((email, password), (first_name, last_name)) = shape.finish(whole)?;
        Ok(Applicant { personal: Personal { email, first_name, last_name }, password, role: Role::User })
    }
}

impl UserBody {
    fn of(member: Member, shown: Shown) -> Self {
        let Member { account, details, suspended, version } = member;
        let Shown { email, first_name, last_name } = shown;
        Self {
            id: account.id.to_string(),
            email,
            first_name,
            last_name,
            role: details.role,
            is_active: !suspended,
            created_at: account.created_at.to_string(),
            updated_at: account.updated_at.to_string(),
            version: version.0,
        }
    }
}

impl LoggedIn {
    fn answer(granted: Granted, message: &'static str) -> axum::Json<Envelope<Self>> {
        let Granted { member, shown, access, refresh } = granted;
        let refresh_token = refresh.expose().to_owned();
        let user = UserBody::of(member, shown);
        let data = Self { user, token: access, refresh_token, expires_in: TOKEN_LIFETIME.as_secs() };
        axum::Json(Envelope::of(data, message))
    }
}

/// Where a user is shown.
fn location(user: &UserId) -> String {
    format!("/api/v1/users/{user}")
}

/// A user as the store knows him or her now.
async fn known(app: &App, user: &UserId) -> Result<UserBody, Problem> {
    let head = app.users.load(user.stream()).await?;
    let account = app.accounts.find(user).await.map_err(Undone::from)?;
    let member = Member::of(account, &head).ok_or(Rejected::Refused(Refusal::UserNotFound))?;
    let shown = Shown::open(&app.vault, user, &member.details.profile).await.map_err(Undone::from)?;
    Ok(UserBody::of(member, shown))
}

impl From<NotLoggedIn> for Problem {
    fn from(not: NotLoggedIn) -> Self {
        match not {
            NotLoggedIn::WrongPassword => {
                metrics::WRONG_PASSWORDS.add(1);
                Self::unauthorized("wrong_credentials", "Invalid email or password")
            }
            NotLoggedIn::Suspended => Self::new(StatusCode::FORBIDDEN, "user_suspended", "User is inactive"),
            NotLoggedIn::NewPasswordNeeded => Self::new(
                StatusCode::FORBIDDEN,
                "new_password_needed",
                "This password is good for one time; log in with newPassword beside it",
            ),
            NotLoggedIn::WrongRefreshToken => Self::unauthorized("invalid_refresh_token", "Invalid refresh token"),
            NotLoggedIn::Key(error) => error.into(),
            NotLoggedIn::Undone(undone) => undone.into(),
        }
    }
}

impl From<Undone> for Problem {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::WrongPassword => {
                metrics::WRONG_PASSWORDS.add(1);
                Self::new(StatusCode::FORBIDDEN, "wrong_password", "The current password is wrong")
            }
            Undone::SamePassword => {
                let detail = "The new password is the current one";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "same_password", detail)
            }
            Undone::EmailTaken => Self::conflict("email_taken", "User with this email already exists"),
            Undone::Accounts(error) => accounts_problem(error),
            Undone::Vault(error) => vault_problem(error),
            Undone::Rejected(rejected) => rejected.into(),
        }
    }
}

fn accounts_problem(error: accounts::Error) -> Problem {
    match error {
        accounts::Error::Unavailable { .. } => Problem::unavailable("the account store", 1),
        accounts::Error::Contended => Rejected::Contended.into(),
        accounts::Error::Busy => too_many("too many log-ins and registrations at once", 1),
        accounts::Error::Throttled { retry_after } => {
            too_many("too many wrong passwords for this account", retry_after)
        }
        defect @ (accounts::Error::Unreadable
        | accounts::Error::Hash(_)
        | accounts::Error::NoRandomness
        | accounts::Error::Threads(_)
        | accounts::Error::Unhashed(_)
        | accounts::Error::Died(_)) => {
            tracing::error!(error = runtime::chain(&defect), "An account could not be handled: {defect}");
            Problem::internal()
        }
    }
}

fn vault_problem(error: vault::Error) -> Problem {
    match error {
        vault::Error::Unavailable { .. } => Problem::unavailable("the vault", 1),
        vault::Error::Destroyed { .. } => Rejected::Refused(Refusal::UserNotFound).into(),
        defect @ (vault::Error::MasterKeys(_)
        | vault::Error::Uri { .. }
        | vault::Error::NoKey { .. }
        | vault::Error::UnknownMaster { .. }
        | vault::Error::NotAuthentic { .. }
        | vault::Error::Cipher
        | vault::Error::Died(_)) => {
            tracing::error!(error = runtime::chain(&defect), "The vault failed: {defect}");
            Problem::internal()
        }
    }
}

fn too_many(what: &str, seconds: u32) -> Problem {
    let detail = format!("{what}; try again in {seconds} s");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(seconds)
}
