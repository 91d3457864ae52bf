//! Users: oneself, one, all of them, and those who are found.

mod listing;

use axum::extract::State;
use axum::response::Response;
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{Role, UserId, Version};
use sessions::{AdminCaller, Caller};
use views::{Projection, UserView};

use crate::App;
use crate::answer::Shown;
use crate::app::unreadable;
use crate::described::{FoundUsers, OneUser, Refused, UserPage};
use crate::parameters::{Parameters, wrong};
use crate::terms::Terms;

/// What an answer about users comes from.
const OVER: [Projection; 1] = [Projection::Users];
/// The shortest text that is searched for, in characters.
const SHORTEST: usize = 2;
/// How many users a search finds at most.
const FOUND: usize = 20;

/// The caller.
#[utoipa::path(get, path = "/api/v1/users/profile", tag = "users",
    params(("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OneUser), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn profile(State(app): State<App>, caller: Caller, terms: Terms) -> Result<Response, Problem> {
    app.user(&caller.user, &caller, terms, "Profile retrieved successfully").await
}

/// The caller, under the name that the seed's documentation gives it.
#[utoipa::path(get, path = "/api/v1/users/me", tag = "users",
    params(("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OneUser), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn me(State(app): State<App>, caller: Caller, terms: Terms) -> Result<Response, Problem> {
    app.user(&caller.user, &caller, terms, "Profile retrieved successfully").await
}

/// One user, for an admin, and for himself or herself.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OneUser), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn one(
    State(app): State<App>,
    caller: Caller,
    Params(id): Params<UserId>,
    terms: Terms,
) -> Result<Response, Problem> {
    app.user(&id, &caller, terms, "User retrieved successfully").await
}

/// All users, for admins: by page number, or in the order of registration by cursor.
#[utoipa::path(get, path = "/api/v1/users", tag = "users",
    params(("page" = Option<u64>, Query, description = "From 1, which it is unless told"),
        ("limit" = Option<u64>, Query, description = "10 unless told; more than 100 count as 100"),
        ("sortBy" = Option<String>, Query,
            description = "`createdAt` (unless told), `updatedAt`, `email`, `firstName` or `lastName`"),
        ("sortOrder" = Option<String>, Query, description = "`desc` (unless told) or `asc`"),
        ("cursor" = Option<String>, Query,
            description = "Where the page starts, as the page before said; newest first only"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = UserPage), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn list(
    State(app): State<App>,
    _admin: AdminCaller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    let asked = listing::Asked::read(&parameters)?;
    app.reached(&OVER, &terms).await?;
    app.answer(&OVER, app.users(&asked).await?.answer(), &terms).await
}

/// The users whose address or name, or a word in it, begins with a text, for admins.
#[utoipa::path(get, path = "/api/v1/users/search", tag = "users",
    params(("query" = Option<String>, Query, description = "At least 2 characters"),
        ("q" = Option<String>, Query, description = "The same"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = FoundUsers), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(super) async fn search(
    State(app): State<App>,
    _admin: AdminCaller,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    let beginning = sought(&parameters)?;
    app.reached(&OVER, &terms).await?;
    let found = app.reader.find(Projection::Users.name(), UserView::SEARCH, &beginning, FOUND).await;
    let found = found.map_err(|error| unreadable(&error))?;
    let shown: Vec<_> = found.into_iter().filter_map(|document| Shown::of(Some(document))).collect();
    app.answer(&OVER, listing::found(&shown), &terms).await
}

/// What is searched for, as it stands in the index.
fn sought(parameters: &Parameters) -> Result<String, Problem> {
    let text = |name| parameters.one(name, "a text", |text| Some(UserView::indexed(text)));
    let text = match text("query")? {
        Some(text) => text,
        None => text("q")?.unwrap_or_default(),
    };
    if text.is_empty() {
        return Err(wrong("query", "required").with_message("Search query is required"));
    }
    if text.chars().count() < SHORTEST {
        return Err(wrong("query", format!("{SHORTEST} characters or more are expected")));
    }
    Ok(text)
}

impl App {
    /// A user, if the caller may see him or her; somebody else is as unknown as one who never was. Who asks for himself
    /// or herself exists, so a view that does not say so yet is waited for.
    async fn user(
        &self,
        id: &UserId,
        caller: &Caller,
        terms: Terms,
        message: &'static str,
    ) -> Result<Response, Problem> {
        let unknown = || Problem::not_found("user_not_found", "User not found");
        let terms = match caller.role {
            _ if caller.user == *id => terms.and_at_least(id.stream(), Version::FIRST),
            Role::Admin => terms,
            Role::User => return Err(unknown()),
        };
        let found = self.documents(&[(Projection::Users, id.stream())], &terms).await?;
        let shown = Shown::of(found.into_iter().next().flatten()).ok_or_else(unknown)?;
        self.answer(&OVER, listing::one(&shown, message), &terms).await
    }
}
