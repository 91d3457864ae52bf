//! The document against the handlers, the table of who may call which route, and what the gateway lets pages read.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{document, handlers};
use crate::tidy::Tree;

/// Holds the table by which every route was asked by everybody there can be.
const ROUTES: &str = "e2e/tests/it/security.rs";
const GATEWAY: &str = "deploy/nginx.conf.template";

/// What a command answers in its headers, and what it answers again under the same key.
const NEW: &[&str] = &["Consistency-Token", "ETag", "Location"];
const AGAIN: &[&str] = &["Consistency-Token", "ETag", "Idempotency-Replayed", "Location"];
const BOTH: &[&str] = &["Idempotency-Key", "If-Match"];

/// What a query takes from whoever knows what the answer must show, or has it already, and what it answers of itself.
const TERMS: &[&str] = &["at_least", "If-None-Match"];
const SHOWN: &[&str] = &["ETag", "Preference-Applied", "Projection-Lag-Ms"];
const SHOWN_TO_LISTENERS: &[&str] = &["ETag", "Feed-Cursor", "Preference-Applied", "Projection-Lag-Ms"];

const PROBLEM: &str = "#/components/schemas/Problem";

fn tree() -> Tree {
    Tree::load(&crate::root()).unwrap()
}

fn described(tree: &Tree) -> Value {
    serde_json::to_value(document(tree)).unwrap()
}

/// Every operation by method and path.
fn operations(document: &Value) -> BTreeMap<String, &Value> {
    let mut operations = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.insert(format!("{} {path}", method.to_uppercase()), operation);
        }
    }
    operations
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

/// The parameters that an operation takes by reference.
fn taken(operation: &Value) -> Vec<&str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.filter_map(|parameter| parameter["$ref"].as_str()?.rsplit('/').next()).collect()
}

#[test]
fn every_operation_has_a_handler_and_every_handler_an_operation() {
    let tree = tree();
    let document = described(&tree);
    let handlers = handlers::all(&tree).into_keys();
    let handlers: BTreeSet<_> = handlers.map(|(method, path)| format!("{} {path}", method.to_uppercase())).collect();
    assert_eq!(operations(&document).into_keys().collect::<BTreeSet<_>>(), handlers);
}

#[test]
fn no_token_is_asked_for_where_the_table_of_routes_lets_anybody_in_and_everywhere_else_it_is() {
    let tree = tree();
    let document = described(&tree);
    let free = operations(&document).into_iter().filter(|(_, operation)| operation["security"].is_null());
    let free: BTreeSet<_> = free.map(|(name, _)| name).collect();
    let rows = tree.text(ROUTES).unwrap().lines().map(str::trim).filter(|line| line.starts_with("(\""));
    let anybody = rows.filter(|row| row.ends_with(", Anyone),") || row.ends_with(", Provider),"));
    let anybody = anybody.map(|row| row.split('"').skip(1).step_by(2).collect::<Vec<_>>().join(" "));
    assert_eq!(free, anybody.collect::<BTreeSet<_>>());
    let asked = operations(&document).into_values().flat_map(|operation| operation["security"].as_array());
    let asked: BTreeSet<_> = asked.flatten().flat_map(keys).collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), keys(&document["components"]["securitySchemes"]));
}

#[test]
fn every_operation_takes_the_headers_that_count_there_and_answers_how_to_go_on() {
    let document = described(&tree());
    let operations = operations(&document);
    for (name, takes, answers) in [
        ("POST /commands/orders", &["Idempotency-Key"][..], AGAIN),
        ("POST /api/v1/users/register", &["Idempotency-Key"], AGAIN),
        ("POST /commands/products/{sku}/stock", BOTH, AGAIN),
        ("PUT /api/v1/users/profile", BOTH, AGAIN),
        ("DELETE /api/v1/users/{id}", BOTH, AGAIN),
        ("POST /ops/fulfilment/{order}/retry", BOTH, AGAIN),
        // What is told once is not told again.
        ("POST /api/v1/users/{id}/password", &["If-Match"], NEW),
        ("POST /api/v1/users/login", &[], &[]),
        ("POST /api/v1/users/logout", &[], &[]),
        ("POST /webhooks/payments", &[], &[]),
        ("POST /ops/projections/{projection}/switch", &[], &[]),
        ("GET /queries/orders/{id}", TERMS, SHOWN_TO_LISTENERS),
        ("GET /queries/orders/{id}/history", TERMS, SHOWN),
        ("GET /queries/products", TERMS, SHOWN),
        ("GET /ops/explain/{order}", &["at_least"], &[]),
        ("GET /health", &[], &[]),
    ] {
        let operation = operations[name];
        assert_eq!(taken(operation), takes, "{name}");
        assert_eq!(keys(&operation["responses"]["200"]["headers"]), answers, "{name}");
    }
    assert_eq!(keys(&operations["POST /commands/orders"]["responses"]["201"]["headers"]), NEW);
    assert_eq!(keys(&operations["GET /queries/orders"]["responses"]["304"]["headers"]), SHOWN_TO_LISTENERS);
    for (name, operation) in operations {
        for status in ["4XX", "503"] {
            let refused = &operation["responses"][status];
            assert!(refused.is_null() || keys(&refused["headers"]) == ["Retry-After"], "{name}: {status}");
        }
    }
}

#[test]
fn every_operation_has_an_id_of_its_own_and_every_answer_says_what_it_means() {
    let document = described(&tree());
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(!response["description"].as_str().unwrap_or_default().is_empty(), "{name}: {status}");
            let kinds = keys(&response["content"]);
            assert!(!status.starts_with('4') || kinds == ["application/problem+json"], "{name}: {status}: {kinds:?}");
            for (kind, content) in response["content"].as_object().into_iter().flatten() {
                let is_problem = content["schema"]["$ref"] == PROBLEM;
                assert_eq!(kind == "application/problem+json", is_problem, "{name}: {status}");
            }
        }
    }
}

#[test]
fn pages_may_send_and_read_every_header_that_is_described() {
    let tree = tree();
    let document = described(&tree);
    let template = tree.text(GATEWAY).unwrap();
    for (part, map) in [("parameters", "map $preflight $page_sends"), ("headers", "map $page $page_reads")] {
        let list = template.split_once(map).unwrap().1.split('"').nth(1).unwrap();
        let names = keys(&document["components"][part]);
        assert!(!names.is_empty(), "{part}");
        for name in names.into_iter().filter(|name| document["components"][part][name]["in"] != "query") {
            assert!(list.split(", ").any(|listed| listed == name), "{name} is not in {list}");
        }
    }
}

#[test]
fn every_reference_to_a_header_or_parameter_leads_somewhere() {
    let text = described(&tree()).to_string();
    let document: Value = serde_json::from_str(&text).unwrap();
    let references = text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next());
    let references: BTreeSet<_> = references.filter(|path| !path.starts_with("/components/schemas/")).collect();
    assert!(references.len() > 2, "{references:?}");
    for path in references {
        assert!(document.pointer(path).is_some(), "{path} leads nowhere");
    }
}
