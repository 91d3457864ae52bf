//! Who is let in, and to which audience: pages of known origins only, with a token in a header or with a ticket. Never a token in the URL,
//! which ends up in logs and histories.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use runtime::http::Search;
use runtime::problem::Problem;
use serde::Deserialize;
use sessions::Caller;

use crate::App;
use crate::audience::Audience;

/// The protocol that the server speaks, and answers with when it is offered.
pub const PROTOCOL: &str = "orderflow.v1";

/// A token among the offered protocols: browsers cannot send any other header.
const TOKEN_PROTOCOL: &str = "bearer.";

/// A caller who may listen, and to what.
#[derive(Debug)]
pub(crate) struct Entrant {
    pub(crate) caller: Caller,
    pub(crate) audience: Audience,
}

#[derive(Debug, Deserialize)]
struct Shown {
    ticket: Option<String>,
    #[serde(default)]
    audience: Audience,
}

impl FromRequestParts<App> for Entrant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        check_origin(&parts.headers, &app.terms.allowed_origins)?;
        let Search(Shown { ticket, audience }) = Search::from_request_parts(parts, app).await?;
        let caller = caller(parts, ticket.as_deref(), app).await?;
        if !audience.admits(&caller) {
            return Err(Problem::forbidden("Admin access required"));
        }
        Ok(Self { caller, audience })
    }
}

/// The bearer of an offered token, of the token in the header, or of the ticket.
async fn caller(parts: &mut Parts, ticket: Option<&str>, app: &App) -> Result<Caller, Problem> {
    if let Some(token) = offered_token(&parts.headers) {
        return Ok(app.sessions.admit(token).await?);
    }
    match ticket {
        Some(ticket) if !parts.headers.contains_key(header::AUTHORIZATION) => app.redeem(ticket).await,
        Some(_) | None => Caller::from_request_parts(parts, app).await,
    }
}

/// Browsers name the page's origin, and cannot be made to lie. Everything else names none, and needs no protection.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = text(headers, header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_ascii_lowercase();
    let own = text(headers, header::HOST).map(str::to_ascii_lowercase);
    let same = own.is_some_and(|host| origin.split_once("://").is_some_and(|(_, page)| page == host));
    if same || allowed.contains(&origin) {
        return Ok(());
    }
    Err(Problem::forbidden("Pages of this origin may not connect; ALLOWED_ORIGINS names those that may"))
}

fn offered_token(headers: &HeaderMap) -> Option<&str> {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|offer| offer.to_str().ok());
    offers.flat_map(|offer| offer.split(',')).find_map(|offer| offer.trim().strip_prefix(TOKEN_PROTOCOL))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers<const N: usize>(pairs: [(HeaderName, &'static str); N]) -> HeaderMap {
        pairs.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_pages_of_our_own_host_and_of_allowed_origins_may_connect() {
        let allowed = ["https://shop.example".to_owned()];
        let judged =
            |origin, host| check_origin(&headers([(header::ORIGIN, origin), (header::HOST, host)]), &allowed).is_ok();
        assert!(check_origin(&HeaderMap::new(), &allowed).is_ok(), "not a browser");
        assert!(judged("http://localhost:8080", "localhost:8080"));
        assert!(judged("https://Shop.example", "api.example"));
        for foreign in ["https://evil.example", "https://shop.example.evil", "http://shop.example", "null", ""] {
            assert!(!judged(foreign, "api.example"), "{foreign}");
        }
        assert!(!judged("http://localhost:9999", "localhost:8080"));
    }

    #[test]
    fn a_token_may_stand_among_the_offered_protocols() {
        let offer = headers([(header::SEC_WEBSOCKET_PROTOCOL, "orderflow.v1, bearer.a.b-c_d.e")]);
        assert_eq!(offered_token(&offer), Some("a.b-c_d.e"));
        assert_eq!(offered_token(&headers([(header::SEC_WEBSOCKET_PROTOCOL, "orderflow.v1")])), None);
    }
}
