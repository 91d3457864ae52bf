//! The client. Requests are forms, answers are JSON; each call that changes something carries an idempotency key, under
//! which the provider keeps its answer for at least 24 hours.

use reqwest::{Client, Method, Response};
use runtime::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Error, Failure, Intent, Lost, PaymentsConfig, Refund};

/// The version of the provider's API that this client is written for.
const API_VERSION: &str = "2024-06-20";

/// Speaks to the provider; clones share their connections.
#[derive(Debug, Clone)]
pub struct Provider {
    http: Client,
    root: String,
    key: Secret,
}

/// Money to set aside.
#[derive(Debug, Clone, Copy)]
pub struct Authorization<'a> {
    /// Our id of the payment; the provider hands it back with whatever it says of it.
    pub payment: &'a str,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217, in any case of letters.
    pub currency: &'a str,
    /// What is paid with, as the provider calls it.
    pub method: &'a str,
}

/// Money to give back.
#[derive(Debug, Clone, Copy)]
pub struct Refunding<'a> {
    /// Our id of the payment.
    pub payment: &'a str,
    /// Our id of the refund within it.
    pub refund: &'a str,
    /// The provider's id of the payment.
    pub intent: &'a str,
    /// Minor units.
    pub amount: i64,
}

/// The envelope of whatever the provider refuses.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: Refused,
}

#[derive(Debug, Default, Deserialize)]
struct Refused {
    r#type: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    message: Option<String>,
}

impl Provider {
    /// A client with these settings; it connects when it is first used.
    pub fn new(config: &PaymentsConfig) -> Result<Self, Error> {
        let http = Client::builder().timeout(config.answer_within()).no_proxy().build()?;
        Ok(Self { http, root: config.payments_url.clone(), key: config.payments_secret_key.clone() })
    }

    /// Sets money aside: makes a payment and confirms it, to be captured later. The same key again is a question: it gets
    /// the first answer.
    pub async fn authorize(&self, key: &str, wanted: &Authorization<'_>) -> Result<Intent, Failure> {
        let form = [
            ("amount", &*wanted.amount.to_string()),
            ("currency", &*wanted.currency.to_ascii_lowercase()),
            ("payment_method", wanted.method),
            ("payment_method_types[]", "card"),
            ("capture_method", "manual"),
            ("confirm", "true"),
            ("error_on_requires_action", "true"),
            ("metadata[payment]", wanted.payment),
            ("expand[]", "latest_charge"),
        ];
        self.post("/v1/payment_intents", key, &form).await
    }

    /// Takes all that was set aside.
    pub async fn capture(&self, key: &str, intent: &str) -> Result<Intent, Failure> {
        self.post(&format!("/v1/payment_intents/{intent}/capture"), key, &[]).await
    }

    /// Lets go of what was set aside.
    pub async fn cancel(&self, key: &str, intent: &str) -> Result<Intent, Failure> {
        self.post(&format!("/v1/payment_intents/{intent}/cancel"), key, &[]).await
    }

    /// Gives money back. The same key again gives nothing more.
    pub async fn refund(&self, key: &str, wanted: &Refunding<'_>) -> Result<Refund, Failure> {
        let form = [
            ("payment_intent", wanted.intent),
            ("amount", &*wanted.amount.to_string()),
            ("metadata[payment]", wanted.payment),
            ("metadata[refund]", wanted.refund),
        ];
        self.post("/v1/refunds", key, &form).await
    }

    /// Asks how far a payment is.
    pub async fn retrieve(&self, intent: &str) -> Result<Intent, Failure> {
        let path = format!("/v1/payment_intents/{intent}?expand[]=latest_charge");
        read(self.request(Method::GET, &path).send().await).await
    }

    /// Asks how far a refund is.
    pub async fn retrieve_refund(&self, refund: &str) -> Result<Refund, Failure> {
        read(self.request(Method::GET, &format!("/v1/refunds/{refund}")).send().await).await
    }

    /// Asks whether the provider is there and knows us.
    pub async fn ping(&self) -> Result<(), Failure> {
        match self.retrieve("pi_none").await {
            // That there is no such payment is an answer.
            Ok(_) | Err(Failure::Refused { .. }) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, key: &str, form: &[(&str, &str)]) -> Result<T, Failure> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request(Method::POST, path).header("idempotency-key", key);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        read(request.send().await).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.root));
        request.bearer_auth(self.key.expose()).header("stripe-version", API_VERSION)
    }
}

async fn read<T: DeserializeOwned>(sent: Result<Response, reqwest::Error>) -> Result<T, Failure> {
    let response = sent.map_err(Failure::sending)?;
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(Failure::sending)?;
    match status {
        200 => serde_json::from_slice(&body).map_err(|error| Failure::Unknown(Lost::Unreadable(error))),
        401 | 403 => Err(Failure::Unauthorized),
        409 => Err(Failure::Unknown(Lost::InProgress)),
        429 | 503 => Err(Failure::Unavailable(Lost::Status(status))),
        400..=499 => Err(refusal(&body)),
        _ => Err(Failure::Unknown(Lost::Status(status))),
    }
}

fn refusal(body: &[u8]) -> Failure {
    let Refusal { error } = serde_json::from_slice(body).unwrap_or(Refusal { error: Refused::default() });
    let kind = error.r#type.unwrap_or_default();
    let code = error.decline_code.or(error.code).unwrap_or_else(|| kind.clone());
    if kind == "card_error" {
        return Failure::Declined { code };
    }
    if kind == "idempotency_error" {
        return Failure::Unknown(Lost::OtherRequest);
    }
    Failure::Refused { code, message: error.message.unwrap_or_default() }
}
