//! `ops order place`: an order, placed through the gateway as its user would, with everything that guards it.
//!
//! Every wish has an idempotency key, which is said before anything is sent: whoever got no answer repeats the command with
//! that key, and the order is there once.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::Error;
use crate::answer::Answer;
use crate::cli::PlaceCommand;
use crate::plan::{Action, Item, Plan};
use crate::projections::refused;

/// How long the gateway may take; it gives up before.
const WITHIN: Duration = Duration::from_secs(40);

/// The answer, whose fields are a promise.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Placing {
    #[serde(flatten)]
    plan: Plan,
    /// With it, the same command places nothing more.
    idempotency_key: String,
    /// The order, once it is placed.
    #[serde(flatten)]
    placed: Option<Placed>,
}

/// What the gateway answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    order_id: String,
    version: u32,
    consistency_token: String,
    /// Whether an earlier command had placed it.
    #[serde(default)]
    replayed: bool,
}

/// Why the gateway says no.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: String,
    detail: String,
}

/// Says what would be sent, or sends it.
pub(crate) async fn place(wish: &PlaceCommand) -> Result<Answer, Error> {
    let key = wish.key.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    if !wish.execute {
        let plan = Plan { executed: false, items: vec![item(wish)] };
        return Ok(Placing { plan, idempotency_key: key, placed: None }.into());
    }
    let unanswered = |source| Error::Unanswered { key: key.clone(), source };
    let response = send(wish, &key).await.map_err(unanswered)?;
    let status = response.status();
    if status.is_success() {
        let replayed = status == StatusCode::OK;
        let placed = response.json::<Placed>().await.map_err(unanswered)?;
        let plan = Plan { executed: true, items: vec![item(wish)] };
        return Ok(Placing { plan, idempotency_key: key, placed: Some(Placed { replayed, ..placed }) }.into());
    }
    let why = refusal(response).await;
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        return Ok(refused(wish.user.as_str(), why).into());
    }
    Err(Error::NotPlaced { key, status: status.as_u16(), why })
}

fn item(wish: &PlaceCommand) -> Item {
    let lines: Vec<_> = wish.items.iter().map(|line| format!("{} x {}", line.quantity, line.sku)).collect();
    let method = wish.payment_method.as_deref().unwrap_or("the provider's test card");
    let state = format!("{}, paid with {method}, at {}", lines.join(", "), wish.gateway);
    Item::new(wish.user.as_str(), Action::Create, state)
}

async fn send(wish: &PlaceCommand, key: &str) -> Result<Response, reqwest::Error> {
    let lines = wish.items.iter().map(|line| json!({ "sku": line.sku.as_str(), "qty": line.quantity }));
    let mut body = json!({ "userId": wish.user.as_str(), "items": lines.collect::<Vec<_>>() });
    if let Some(method) = &wish.payment_method {
        body["paymentMethod"] = json!(method);
    }
    let url = format!("{}/commands/orders", wish.gateway.trim_end_matches('/'));
    let request = Client::builder().timeout(WITHIN).build()?.post(url);
    request.bearer_auth(wish.token.expose()).header("idempotency-key", key).json(&body).send().await
}

/// In the gateway's words, as far as it has any.
async fn refusal(response: Response) -> String {
    let status = response.status();
    let Refusal { code, detail } = response.json().await.unwrap_or_default();
    if code.is_empty() { format!("the gateway answered {status}") } else { format!("{detail} ({code})") }
}

impl From<Placing> for Answer {
    fn from(placing: Placing) -> Self {
        let Placing { plan, idempotency_key: key, placed } = &placing;
        let text = match placed {
            Some(Placed { order_id, replayed: false, .. }) => format!("{plan}\norder     {order_id}\nkey       {key}"),
            Some(Placed { order_id, .. }) => {
                format!("order     {order_id}\nkey       {key}, which had placed it before")
            }
            None => format!("{plan}\nkey       {key}: add --key {key}, too, to have it placed once, however often"),
        };
        Self::of(text, &placing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_read_is_the_order_and_the_key_that_placed_it() {
        let plan = Plan { executed: true, items: Vec::new() };
        let placed = Placed {
            order_id: "ord_1".to_owned(),
            version: 1,
            consistency_token: "ord_1@1".to_owned(),
            replayed: true,
        };
        let answer = Answer::from(Placing { plan, idempotency_key: "k1".to_owned(), placed: Some(placed) });
        let json = r#"{"executed":true,"items":[],"idempotencyKey":"k1","orderId":"ord_1","version":1,"consistencyToken":"ord_1@1","replayed":true}"#;
        assert_eq!((answer.json.as_str(), answer.code), (json, 0));
        assert_eq!(answer.text, "order     ord_1\nkey       k1, which had placed it before");
    }
}
