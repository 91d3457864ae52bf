//! Every layer that can say no says it as problem+json.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use runtime::http::{BODY_LIMIT, HttpLimits, JsonBody, Params, RequestContext, Search, layered};
use runtime::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::ServiceExt;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Basket {
    user_id: String,
    items: Vec<Item>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Item {
    sku: String,
    qty: u32,
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: Option<u8>,
}

fn router() -> Router {
    layered(
        Router::new()
            .route("/baskets", post(async |JsonBody(basket): JsonBody<Basket>| Json(basket)))
            .route("/baskets/{id}", get(async |Params(id): Params<u32>| id.to_string()))
            .route("/list", get(async |Search(page): Search<Page>| page.limit.unwrap_or(50).to_string()))
            .route(
                "/context",
                get(async |context: RequestContext| format!("{} {}", context.request_id, context.traceparent)),
            )
            .route("/maybe", post(async |body: Option<JsonBody<Basket>>| body.is_some().to_string()))
            .route("/panics", get(panics))
            .route("/hangs", get(async || std::future::pending::<()>().await))
            .route("/taken", get(async || taken().into_response())),
    )
}

async fn panics() -> Response<Body> {
    panic!("a defect")
}

fn taken() -> Problem {
    Problem::conflict("sku_taken", "SKU A is registered already")
        .with_message("Conflict")
        .with_field("sku", "A")
        .retry_after(2)
}

async fn send(request: Request<Body>) -> (Response<()>, Vec<u8>) {
    let (parts, body) = router().oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    (Response::from_parts(parts, ()), bytes)
}

fn request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
    builder.body(body.into()).unwrap()
}

/// Sends it and expects this problem, complete; returns the body.
async fn refused(request: Request<Body>, status: u16, code: &str) -> Value {
    let (response, bytes) = send(request).await;
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    assert_eq!((response.status().as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert!(response.headers().get(header::SERVER).is_none());
    assert_eq!(body["status"], status);
    assert_eq!(body["success"], false);
    assert_eq!(body["type"], format!("/docs/problems#{code}"));
    assert_eq!(body["traceId"].as_str().map(str::len), Some(32), "{body}");
    for field in ["title", "detail", "message"] {
        assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {body}");
    }
    body
}

#[tokio::test]
async fn an_unknown_route_is_404_in_the_seeds_words() {
    let body = refused(request("GET", "/nowhere?token=secret", ""), 404, "route_not_found").await;
    assert_eq!(body["message"], "Route not found: GET /nowhere");
}

#[tokio::test]
async fn a_wrong_method_is_405_and_names_the_right_ones() {
    refused(request("DELETE", "/baskets", ""), 405, "method_not_allowed").await;
    let (response, _) = send(request("DELETE", "/baskets", "")).await;
    assert_eq!(response.headers()[header::ALLOW], "POST");
}

#[tokio::test]
async fn malformed_json_is_400() {
    for text in
        [r#"{"userId":"#, "{", "nonsense", r#"{"userId":"u","items":[]} and more"#, "{\"userId\":\"\u{0}", "[1,"]
    {
        refused(request("POST", "/baskets", text), 400, "malformed_json").await;
    }
    refused(request("POST", "/baskets", vec![b'{', 0xff, 0xfe]), 400, "malformed_json").await;
}

#[tokio::test]
async fn json_that_is_not_an_object_is_400() {
    for text in ["null", "[]", r#"["u", []]"#, "7", r#""text""#, " true "] {
        let body = refused(request("POST", "/baskets", text), 400, "validation_failed").await;
        assert_eq!(body["issues"], json!([{"path": [], "code": "invalid_type", "message": "Expected an object"}]));
    }
}

#[tokio::test]
async fn a_wrong_type_is_400_with_the_path_to_it() {
    let text = r#"{"userId": "u", "items": [{"sku": "A", "qty": "two"}]}"#;
    let body = refused(request("POST", "/baskets", text), 400, "validation_failed").await;
    assert_eq!(body["message"], "Validation failed");
    assert_eq!(body["issues"][0]["path"], json!(["items", 0, "qty"]));
    assert_eq!(body["issues"][0]["code"], "invalid_type");
    assert_eq!(body["issues"][0]["message"], "invalid type: string \"two\", expected u32");
}

#[tokio::test]
async fn shapes_that_do_not_fit_are_400_with_their_path_and_code() {
    let cases = [
        (r#"{"userId": "u", "items": [{"sku": "A"}]}"#, json!(["items", 0, "qty"]), "required"),
        (r#"{"items": []}"#, json!(["userId"]), "required"),
        (r#"{"userId": {"$gt": ""}, "items": []}"#, json!(["userId"]), "invalid_type"),
        (r#"{"userId": null, "items": []}"#, json!(["userId"]), "invalid_type"),
        (r#"{"userId": "u", "items": [{"sku": "A", "qty": -1}]}"#, json!(["items", 0, "qty"]), "invalid_value"),
        (r#"{"userId": "u", "items": [{"sku": "A", "qty": 1e99}]}"#, json!(["items", 0, "qty"]), "invalid_type"),
        (r#"{"userId": "u", "items": [{"sku": "A", "qty": 1.5}]}"#, json!(["items", 0, "qty"]), "invalid_type"),
        (r#"{"userId": "u", "items": [], "role": "admin"}"#, json!(["role"]), "unrecognized_keys"),
    ];
    for (text, path, code) in cases {
        let body = refused(request("POST", "/baskets", text), 400, "validation_failed").await;
        assert_eq!((&body["issues"][0]["path"], &body["issues"][0]["code"]), (&path, &json!(code)), "{text}");
    }
}

#[tokio::test]
async fn no_body_at_all_is_400_whatever_its_type() {
    refused(request("POST", "/baskets", ""), 400, "body_required").await;
    let bare = Request::post("/baskets").body(Body::empty()).unwrap();
    let body = refused(bare, 400, "body_required").await;
    let required = json!([{ "path": [], "code": "required", "message": "Required" }]);
    assert_eq!((&body["message"], &body["issues"]), (&json!("Validation failed"), &required), "in the seeds' words");
}

#[tokio::test]
async fn a_body_that_may_be_left_out_is_none_only_if_nothing_was_sent() {
    let nothing = Body::from_stream(futures::stream::empty::<Result<Vec<u8>, std::io::Error>>());
    for body in [Body::empty(), nothing] {
        let (response, answer) = send(Request::post("/maybe").body(body).unwrap()).await;
        assert_eq!((response.status(), answer), (StatusCode::OK, b"false".to_vec()));
    }
    let (_, answer) = send(request("POST", "/maybe", r#"{"userId":"u","items":[]}"#)).await;
    assert_eq!(answer, b"true");
    refused(request("POST", "/maybe", "{}"), 400, "validation_failed").await;
    refused(request("POST", "/maybe", " "), 400, "malformed_json").await;
    refused(Request::post("/maybe").body(Body::from("{}")).unwrap(), 415, "unsupported_media_type").await;
}

#[tokio::test]
async fn a_body_of_another_type_is_415() {
    for kind in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""] {
        let request = Request::post("/baskets").header(header::CONTENT_TYPE, kind);
        refused(request.body(Body::from("userId=u")).unwrap(), 415, "unsupported_media_type").await;
    }
}

#[tokio::test]
async fn json_with_a_charset_is_json() {
    let request = Request::post("/baskets").header(header::CONTENT_TYPE, "Application/JSON; charset=utf-8");
    let (response, _) = send(request.body(Body::from(r#"{"userId":"u","items":[]}"#)).unwrap()).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn too_large_a_body_is_413_with_and_without_a_declared_length() {
    let large = format!("{{\"userId\":\"{}\",\"items\":[]}}", "u".repeat(BODY_LIMIT));
    let declared = Request::post("/baskets").header(header::CONTENT_LENGTH, large.len());
    let declared = declared.header(header::CONTENT_TYPE, "application/json");
    refused(declared.body(Body::from(large.clone())).unwrap(), 413, "body_too_large").await;
    let chunks =
        large.into_bytes().chunks(1000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
    let streamed = Body::from_stream(futures::stream::iter(chunks));
    refused(request("POST", "/baskets", streamed), 413, "body_too_large").await;
}

#[tokio::test]
async fn too_large_a_body_is_413_also_where_nobody_reads_it() {
    let request = Request::get("/list").header(header::CONTENT_LENGTH, BODY_LIMIT + 1);
    refused(request.body(Body::empty()).unwrap(), 413, "body_too_large").await;
}

#[tokio::test]
async fn a_panic_is_500_and_tells_nothing() {
    let body = refused(request("GET", "/panics", ""), 500, "internal_error").await;
    assert!(!body.to_string().contains("a defect"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_503_with_retry_after() {
    refused(request("GET", "/hangs", ""), 503, "timeout").await;
    let (response, _) = send(request("GET", "/hangs", "")).await;
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}

#[tokio::test]
async fn a_handlers_own_problem_keeps_its_fields_and_gets_the_trace_id() {
    let traced =
        Request::get("/taken").header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    let body = refused(traced.body(Body::empty()).unwrap(), 409, "sku_taken").await;
    assert_eq!(body["traceId"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!((&body["sku"], &body["message"], &body["retryable"]), (&json!("A"), &json!("Conflict"), &json!(true)));
    assert_eq!((&body["title"], &body["detail"]), (&json!("Sku taken"), &json!("SKU A is registered already")));
}

#[tokio::test]
async fn a_path_that_cannot_name_anything_is_404() {
    refused(request("GET", "/baskets/one", ""), 404, "not_found").await;
}

#[tokio::test]
async fn a_wrong_query_parameter_is_400_with_its_name() {
    let body = refused(request("GET", "/list?limit=many", ""), 400, "validation_failed").await;
    assert_eq!(body["issues"][0]["path"], json!(["limit"]));
    let body = refused(request("GET", "/list?limit=1&limit=2", ""), 400, "validation_failed").await;
    assert_eq!(body["issues"][0]["code"], "invalid_value");
}

#[tokio::test]
async fn request_id_and_traceparent_are_kept_when_valid_and_made_otherwise() {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let kept = Request::get("/context").header("x-request-id", "r-1").header("traceparent", trace);
    let (response, body) = send(kept.body(Body::empty()).unwrap()).await;
    assert_eq!(String::from_utf8(body).unwrap(), format!("r-1 {trace}"));
    assert_eq!(response.headers()["x-request-id"], "r-1");

    let zero = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
    let upper = trace.to_uppercase();
    for (id, trace) in [("a b", zero), (&*"x".repeat(129), "00-short"), ("", &*upper)] {
        let made = Request::get("/context").header("x-request-id", id).header("traceparent", trace);
        let (response, body) = send(made.body(Body::empty()).unwrap()).await;
        let body = String::from_utf8(body).unwrap();
        let (new_id, new_trace) = body.split_once(' ').unwrap();
        assert!(new_id != id && new_trace != trace && new_trace.len() == 55, "{body}");
        assert_eq!(response.headers()["x-request-id"], new_id);
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_shutdown_and_no_other_is_accepted() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let process = runtime::Process::new("test", None);
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (entered, release) = (Arc::clone(&entered), Arc::clone(&release));
        get(async move || {
            entered.notify_one();
            release.notified().await;
            "done"
        })
    };
    let server = runtime::tasks::spawn("server", {
        let process = process.clone();
        async move {
            let limits = HttpLimits::default();
            runtime::http::serve_on(listener, Router::new().route("/slow", slow), &limits, &process).await
        }
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
    entered.notified().await;
    process.shutdown.request();
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
    release.notify_one();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    server.await.unwrap().unwrap();
}
