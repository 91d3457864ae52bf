//! `ops token`: an access token in a user's name, as a log-in gives it, but without one.
//!
//! It is signed with the command API's own key, so it says nothing that the key's holder could not sign anyway; and it is
//! bound to the user's session version, so whatever ends the user's log-ins ends it too. It cannot be refreshed.

use std::fs;
use std::path::Path;

use domain::user::{User, UserState};
use event_store::EventStore;
use runtime::clock;
use schemas::{Event as _, Role, SessionId, UserEvent, UserId, Version};
use serde::Serialize;
use sessions::TOKEN_LIFETIME;
use sessions::signer::{Audience, Bearer, Signer};
use uuid::Uuid;

use crate::Error;
use crate::answer::Answer;
use crate::cli::TokenCommand;
use crate::keys::{PRIVATE, PUBLIC};
use crate::projections::refused;
use crate::republish::connect;

/// The answer, whose fields are a promise.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    token: String,
    user: UserId,
    role: Role,
    /// RFC 3339.
    expires_at: String,
}

/// The token alone, for people as for `$(…)`; refused for whoever may not log in.
pub(crate) async fn token(wish: &TokenCommand) -> Result<Answer, Error> {
    let signer = signer(wish)?;
    let store = connect(&wish.mongodb_uri).await?;
    let details = match state(&store, &wish.user).await? {
        Some(UserState::Active(details)) => details,
        Some(UserState::Suspended(_)) => return Ok(refused(wish.user.as_str(), "the user is suspended").into()),
        Some(UserState::Erased) => return Ok(refused(wish.user.as_str(), "the user was erased").into()),
        None => return Ok(refused(wish.user.as_str(), "there is no such user").into()),
    };
    let now = clock::now_seconds();
    let bearer = Bearer {
        user: wish.user.clone(),
        email: None,
        role: details.role,
        session: SessionId::from_bits(Uuid::now_v7().as_u128()),
        session_version: details.session_version,
    };
    let token = signer.sign(&bearer).map_err(|source| Error::Token { source })?;
    let until = now.saturating_add(TOKEN_LIFETIME.as_secs().cast_signed());
    let expires_at = clock::rfc3339(until.saturating_mul(1_000_000));
    let answer = Token { token: token.clone(), user: wish.user.clone(), role: details.role, expires_at };
    let json = serde_json::to_string(&answer).unwrap_or_else(|error| error.to_string());
    Ok(Answer { text: token, json, code: 0 })
}

fn signer(wish: &TokenCommand) -> Result<Signer, Error> {
    let read = |name: &str| -> Result<String, Error> {
        let path = wish.keys.join(Path::new(name));
        fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
    };
    let audience = Audience { issuer: wish.jwt_issuer.as_str().into(), audience: wish.jwt_audience.as_str().into() };
    Signer::new(&read(PRIVATE.0)?, &read(PUBLIC.0)?, audience).map_err(|source| Error::Token { source })
}

/// What is known of a user; personal data stays sealed.
async fn state(store: &EventStore, user: &UserId) -> Result<Option<UserState>, Error> {
    let unread = |source| Error::Event { stream: user.stream().clone(), source };
    let mut events = Vec::new();
    for commit in store.tail(user.stream(), Version::FIRST).await? {
        let recorded = commit.recorded().map_err(unread)?;
        events.extend(recorded.into_iter().filter_map(|recorded| UserEvent::from_any(recorded.event)));
    }
    Ok(domain::fold::<User>(&events))
}
