//! The board's files.

use std::collections::BTreeSet;

use axum::http::StatusCode;

use crate::stage::Stage;

/// What stands between these marks, wherever they stand in the text.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
}

/// The paths that a file refers to.
fn references(path: &str, text: &str) -> Vec<String> {
    if path == "/board" {
        let of = |attribute: &str| between(text, &format!(" {attribute}=\""), "\"");
        let all = of("src").into_iter().chain(of("href")).filter(|reference| !reference.starts_with('#'));
        return all.map(str::to_owned).collect();
    }
    let imported = between(text, "from \"./", "\"");
    imported.into_iter().map(|module| format!("/board/{module}")).collect()
}

#[tokio::test]
async fn the_board_is_whole_and_refers_to_nobody_else() {
    let stage = Stage::open().await;
    let (mut known, mut open) = (BTreeSet::new(), vec!["/board".to_owned()]);
    while let Some(path) = open.pop() {
        if !known.insert(path.clone()) {
            continue;
        }
        assert!(path.starts_with("/board"), "{path} is somewhere else");
        let reply = stage.get(&path, "", &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            Some(_) | None => "text/html; charset=utf-8",
        };
        assert_eq!(reply.header("content-type"), Some(kind), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
        open.extend(references(&path, &reply.text));
    }
    let served = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/board")).unwrap().count();
    assert_eq!(known.len(), served, "every file of the folder is served and used: {known:?}");
}

#[tokio::test]
async fn a_browser_runs_nothing_on_the_board_but_its_own_modules() {
    let stage = Stage::open().await;
    let page = stage.get("/board", "", &[]).await;
    let policy = page.header("content-security-policy").unwrap();
    for rule in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'"]
    {
        assert!(policy.split("; ").any(|told| told == rule), "{rule} in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let inline = |text: &str| text.contains("<script>") || text.contains("<style") || text.contains(" style=");
    assert!(!inline(&page.text), "{}", page.text);
}
