//! A runbook names routes that there are: who reads it has no time to look for the right one.

use serde_json::Value;

use super::{Finding, Tree};

const RULE: &str = "routes";
const RUNBOOKS: &str = "docs/runbooks/";
const OPENAPI: &str = "docs/generated/openapi.json";

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let document: Value = tree.text(OPENAPI).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let runbooks = tree.texts().filter(|(path, _)| path.starts_with(RUNBOOKS));
    let named = runbooks.flat_map(|(path, text)| {
        let lines = text.lines().enumerate();
        lines.flat_map(move |(index, line)| named(line).map(move |route| (path, index + 1, route)))
    });
    let unknown = named.filter(|(_, _, (method, route))| !exists(&document, method, route));
    let finding = |(path, line, (method, route)): (&str, usize, (&str, &str))| {
        Finding::of_line(RULE, path, line, format!("names `{method} {route}`, which is not in {OPENAPI}"))
    };
    unknown.map(finding).collect()
}

/// The methods and paths that a line of Markdown names as code, without what is asked of them.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|code| {
        let (method, behind) = code.split_once(' ')?;
        let route = behind.split(['?', ' ']).next().filter(|route| route.starts_with('/'))?;
        METHODS.contains(&method).then_some((method, route))
    })
}

fn exists(document: &Value, method: &str, route: &str) -> bool {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let method = method.to_ascii_lowercase();
    paths.into_iter().any(|(path, methods)| methods.get(&method).is_some() && is_of(path, route))
}

/// Whether this is a route of that path, whose variable parts may be anything.
fn is_of(path: &str, route: &str) -> bool {
    let (parts, named): (Vec<_>, Vec<_>) = (path.split('/').collect(), route.split('/').collect());
    parts.len() == named.len() && parts.iter().zip(named).all(|(part, named)| part.starts_with('{') || *part == named)
}

#[cfg(test)]
mod tests {
    use super::{OPENAPI, Tree, check};

    fn found(runbook: &str) -> Vec<String> {
        let document = r#"{"paths":{"/orders/{id}":{"get":{}},"/products/{sku}/stock":{"post":{}}}}"#;
        let tree = Tree::of(&[(OPENAPI, document), ("docs/runbooks/one.md", runbook)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_routes_of_a_runbook_exist() {
        let good =
            "See `GET /orders/ORDER?at=7`, `/anywhere`, `GET it`.\n`POST /products/SKU/stock` with `{}`: POST /none\n";
        assert_eq!(found(good), Vec::<String>::new());
        for bad in ["POST /stock/SKU/adjust", "GET /products/SKU/stock", "GET /orders", "DELETE /orders/<id>"] {
            let wanted = format!("docs/runbooks/one.md:2: names `{bad}`, which is not in {OPENAPI} [routes]");
            assert_eq!(found(&format!("`code`\nCorrect it (`{bad}`).\n")), [wanted]);
        }
    }
}
