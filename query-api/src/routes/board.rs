//! The board: one page on which admins try the pipeline and watch it. Its files stand in `query-api/board` and are part of
//! this binary.
//!
//! The page is for anybody, as it holds nothing: what it shows, it asks the API for with the token of whoever logs in.
//! Browsers are told to run its own modules alone, and to speak to nobody but the gateway that it came from.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::IntoResponse;
use axum::routing::get;

/// What a browser may do for this page. No script can be made of text, so what a customer wrote is never run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const ICON: &str = "image/svg+xml";
const MODULE: &str = "text/javascript; charset=utf-8";

/// Path, type and content of every file.
const FILES: [(&str, &str, &str); 18] = [
    ("/board", HTML, include_str!("../../board/index.html")),
    ("/board/style.css", CSS, include_str!("../../board/style.css")),
    ("/board/icon.svg", ICON, include_str!("../../board/icon.svg")),
    ("/board/main.js", MODULE, include_str!("../../board/main.js")),
    ("/board/acting.js", MODULE, include_str!("../../board/acting.js")),
    ("/board/api.js", MODULE, include_str!("../../board/api.js")),
    ("/board/chart.js", MODULE, include_str!("../../board/chart.js")),
    ("/board/commands.js", MODULE, include_str!("../../board/commands.js")),
    ("/board/drawing.js", MODULE, include_str!("../../board/drawing.js")),
    ("/board/elements.js", MODULE, include_str!("../../board/elements.js")),
    ("/board/fold.js", MODULE, include_str!("../../board/fold.js")),
    ("/board/history.js", MODULE, include_str!("../../board/history.js")),
    ("/board/orders.js", MODULE, include_str!("../../board/orders.js")),
    ("/board/parked.js", MODULE, include_str!("../../board/parked.js")),
    ("/board/pipeline.js", MODULE, include_str!("../../board/pipeline.js")),
    ("/board/projections.js", MODULE, include_str!("../../board/projections.js")),
    ("/board/session.js", MODULE, include_str!("../../board/session.js")),
    ("/board/socket.js", MODULE, include_str!("../../board/socket.js")),
];

pub(super) fn router() -> Router {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        router.route(path, get(move || async move { file(kind, content) }))
    })
}

/// A browser asks again each time, so that it never mixes the modules of two releases.
fn file(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 4] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content)
}
