//! What the payment provider holds.

use std::collections::BTreeMap;

use serde_json::Value;
use stack::Orderflow;

/// The charges for each payment, as the provider's ledger shows them.
pub async fn charges(system: &Orderflow) -> BTreeMap<String, Vec<Value>> {
    let url = format!("{}/sandbox/ledger", system.url("payment-sandbox").expect("the sandbox"));
    let ledger: Value = reqwest::get(url).await.expect("the ledger").json().await.expect("the ledger as JSON");
    let mut charges = BTreeMap::<String, Vec<Value>>::new();
    for charge in ledger.get("charges").and_then(Value::as_array).expect("charges") {
        let payment = charge.get("payment").and_then(Value::as_str).unwrap_or_default();
        charges.entry(payment.to_owned()).or_default().push(charge.clone());
    }
    charges
}

/// What one charge came to: minor units taken and given back.
#[must_use]
pub fn taken_and_given_back(charge: &Value) -> (i64, i64) {
    let amount = |field| charge.get(field).and_then(Value::as_i64).expect("an amount");
    (amount("captured"), amount("refunded"))
}
