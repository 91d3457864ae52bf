//! The HTTP surface of all services, for programs (`/openapi.json`) and for people (`/docs`), what every problem means
//! (`/docs/problems`, where a problem's `type` points), and the surface of events (`/asyncapi.yaml`).

use std::sync::LazyLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Every service's routes, merged; derived by `cargo xtask gen`.
const OPENAPI: &str = include_str!("../../../docs/generated/openapi.json");

/// Topics, sockets and server-sent events; derived by `cargo xtask gen`.
const ASYNCAPI: &str = include_str!("../../../schemas/asyncapi.yaml");

/// One row per code.
static PROBLEMS: LazyLock<String> = LazyLock::new(|| page("Problems", include_str!("../../../docs/problems.md")));

pub(super) fn router() -> Router {
    let surface = SwaggerUi::new("/docs").config(Config::from("/openapi.json"));
    Router::new().route("/openapi.json", get(openapi)).route("/docs/problems", get(problems)).merge(surface)
}

async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], OPENAPI)
}

/// The events on Kafka, `WebSocket` and server-sent events, as `AsyncAPI` 3.1.
#[utoipa::path(get, path = "/asyncapi.yaml", tag = "documentation",
    responses((status = 200, content_type = "application/yaml", body = String, description = "The document")))]
pub(super) async fn asyncapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/yaml")], ASYNCAPI)
}

async fn problems() -> Html<&'static str> {
    Html(PROBLEMS.as_str())
}

/// A page made of headings, paragraphs and tables: as much Markdown as our own page uses.
fn page(title: &str, markdown: &str) -> String {
    let escaped = markdown.replace('&', "&amp;").replace('<', "&lt;");
    let blocks: String = escaped.split("\n\n").map(|block| shown(block.trim())).collect();
    let style = "body{max-width:60rem;margin:2rem auto;font:1rem/1.5 sans-serif}td{padding:.3rem;border-top:1px solid}\
        :target{background:#fe9}";
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{style}</style>{blocks}</html>"
    )
}

fn shown(block: &str) -> String {
    match block.strip_prefix("# ") {
        Some(title) => format!("<h1>{title}</h1>\n"),
        None if block.starts_with('|') => format!("<table>{}</table>\n", block.lines().map(row).collect::<String>()),
        None => format!("<p>{}</p>\n", words(block, |code| format!("<code>{code}</code>"))),
    }
}

/// The codes in a row's first cell are what links lead to.
fn row(line: &str) -> String {
    if line.starts_with("|---") {
        return String::new();
    }
    let cells = line.trim_matches('|').split('|').enumerate().map(|(index, cell)| {
        let cell = words(cell.trim(), |code| match index {
            0 => format!("<code id=\"{code}\">{code}</code>"),
            _ => format!("<code>{code}</code>"),
        });
        format!("<td>{cell}</td>")
    });
    format!("<tr>{}</tr>\n", cells.collect::<String>())
}

/// A text in which `code` shows what stands between backticks.
fn words(text: &str, code: impl Fn(&str) -> String) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { code(part) } else { part.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn a_problems_type_leads_to_its_row() {
        let html =
            page("Problems", "# Problems\n\nSee `below` & <b>.\n\n| code | why |\n|---|---|\n| `a` `b` | `c` |\n");
        assert!(html.contains("<h1>Problems</h1>"));
        assert!(html.contains("<p>See <code>below</code> &amp; &lt;b>.</p>"));
        let row = "<tr><td><code id=\"a\">a</code> <code id=\"b\">b</code></td><td><code>c</code></td></tr>";
        assert!(html.contains(row), "{html}");
    }
}
