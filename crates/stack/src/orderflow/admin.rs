//! The first admin, and how anyone logs in.

use serde::Deserialize;
use serde_json::json;

use crate::Error;

/// Somebody's credentials.
#[derive(Clone, Default)]
pub struct Admin {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("email", &self.email).finish_non_exhaustive()
    }
}

/// Who is logged in.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// The user's id.
    pub(crate) user: String,
    /// The access token.
    pub(crate) token: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    user: User,
    token: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "_id")]
    id: String,
}

/// Logs in through the gateway.
pub(crate) async fn log_in(gateway: &str, email: &str, password: &str) -> Result<Session, Error> {
    let what = "log in";
    let url = format!("{gateway}/api/v1/users/login");
    let body = json!({ "email": email, "password": password });
    let sent = reqwest::Client::new().post(url).json(&body).send().await;
    let response = sent.map_err(|source| Error::Http { what, source })?;
    let status = response.status();
    let text = response.text().await.map_err(|source| Error::Http { what, source })?;
    match serde_json::from_str::<Answer>(&text) {
        Ok(Answer { data }) if status.is_success() => Ok(Session { user: data.user.id, token: data.token }),
        _ => Err(Error::Answer { what, status: status.as_u16(), body: text }),
    }
}
