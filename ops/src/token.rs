//! `ops token`: an access token in a user's name, as a log-in gives it, but without one.
//!
//! It is signed with the command API's own key, so it says nothing that the key's holder could not sign anyway; and it is
//! bound to the user's session version, so whatever ends the user's log-ins ends it too. It cannot be refreshed.

use std::fs;

use domain::user::{User, UserState};
use event_store::EventStore;
use runtime::clock;
use schemas::{Event as _, Role, SessionId, UserEvent, UserId};
use serde::Serialize;
use sessions::TOKEN_LIFETIME;
use sessions::signer::{Audience, Bearer, Signer};
use uuid::Uuid;

use crate::answer::Answer;
use crate::cli::TokenCommand;
use crate::keys::{PRIVATE, PUBLIC};
use crate::projections::refused;
use crate::republish::connect;
use crate::{Error, streams};

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
    Ok(Answer::of(token, &answer))
}

fn signer(wish: &TokenCommand) -> Result<Signer, Error> {
    let read = |name: &str| -> Result<String, Error> {
        let path = wish.keys.join(name);
        fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
    };
    let audience = Audience { issuer: wish.jwt_issuer.as_str().into(), audience: wish.jwt_audience.as_str().into() };
    Signer::new(&read(PRIVATE.0)?, &read(PUBLIC.0)?, audience).map_err(|source| Error::Token { source })
}

/// What is known of a user; personal data stays sealed.
async fn state(store: &EventStore, user: &UserId) -> Result<Option<UserState>, Error> {
    let recorded = streams::events(store, user.stream()).await?;
    let events: Vec<_> = recorded.into_iter().filter_map(|recorded| UserEvent::from_any(recorded.event)).collect();
    Ok(domain::fold::<User>(&events))
}
