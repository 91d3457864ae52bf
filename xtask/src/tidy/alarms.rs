//! Dashboards and alert rules ask for metrics that exist and that show what is asked for, and every alert leads to a page
//! that says what to do.

use std::collections::BTreeSet;

use serde_json::Value;

use super::tree::Source;
use super::{Finding, Tree};

const RULE: &str = "alarms";
const ALERTS: &str = "deploy/observability/alerts.yml";
const DASHBOARDS: &str = "deploy/observability/grafana/dashboards/";
const METRICS: &str = "docs/generated/metrics.md";

/// What a metric's meaning says if an alert must look at it.
const ALARM: &str = "alarm on";

/// What shows a counter before it grows.
const BEGINS: &str = "begin_at_zero(";

/// What Prometheus adds to a histogram's name.
const SERIES: [&str; 3] = ["_bucket", "_count", "_sum"];

/// A question to Prometheus, and where it is asked.
struct Asked {
    place: String,
    expression: String,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let known = Known::of(tree.text(METRICS).unwrap_or_default());
    let alerts = alerts(tree.text(ALERTS).unwrap_or_default());
    let mut findings: Vec<_> = alerts.iter().flat_map(|alert| unexplained(alert, tree)).collect();
    let asked_by_alerts = alerts.iter().flat_map(|alert| asked(ALERTS, alert));
    let boards = tree.texts().filter(|(path, _)| path.starts_with(DASHBOARDS));
    let mut asked_by_boards = Vec::new();
    for (path, text) in boards {
        match serde_json::from_str(text) {
            Ok(board) => asked_by_boards.extend(asked(path, &board)),
            Err(error) => findings.push(Finding::of_file(RULE, path, format!("is no JSON: {error}"))),
        }
    }
    let asked: Vec<_> = asked_by_alerts.collect();
    let watched: BTreeSet<_> = asked.iter().flat_map(|asked| metrics(&asked.expression)).collect();
    let unwatched = known.alarms.iter().filter(|name| !watched.contains(**name));
    findings.extend(unwatched.map(|name| Finding::of_file(RULE, ALERTS, format!("no alert looks at `{name}`"))));
    findings.extend(asked.iter().flat_map(|asked| grown(&asked.expression)).filter_map(|name| begun_late(tree, name)));
    findings.extend(asked.iter().chain(&asked_by_boards).flat_map(|asked| known.unknown(asked)));
    findings
}

/// The metrics that there are.
struct Known<'a> {
    series: BTreeSet<String>,
    alarms: Vec<&'a str>,
}

impl<'a> Known<'a> {
    fn of(page: &'a str) -> Self {
        let mut known = Self { series: BTreeSet::from(["up".to_owned()]), alarms: Vec::new() };
        for line in page.lines() {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let [_, name, kind, _, meaning, ..] = cells.as_slice() else { continue };
            let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) else { continue };
            if *kind == "histogram" {
                known.series.extend(SERIES.map(|suffix| format!("{name}{suffix}")));
            } else {
                known.series.insert(name.to_owned());
            }
            if meaning.contains(ALARM) {
                known.alarms.push(name);
            }
        }
        known
    }

    fn unknown(&self, asked: &Asked) -> Vec<Finding> {
        let unknown = metrics(&asked.expression).into_iter().filter(|name| !self.series.contains(*name));
        let message = |name| format!("asks for `{name}`, which is not in {METRICS}");
        unknown.map(|name| Finding::of_file(RULE, &asked.place, message(name))).collect()
    }
}

/// Every rule of every group.
fn alerts(text: &str) -> Vec<Value> {
    let rules: Value = serde_yaml_ng::from_str(text).unwrap_or_default();
    let groups = rules.get("groups").and_then(Value::as_array).into_iter().flatten();
    groups.filter_map(|group| group.get("rules")?.as_array()).flatten().cloned().collect()
}

/// An alert without a page, or whose page does not know it.
fn unexplained(alert: &Value, tree: &Tree) -> Option<Finding> {
    let name = alert.get("alert").and_then(Value::as_str).unwrap_or_default();
    let page = alert.pointer("/annotations/runbook_url").and_then(Value::as_str).unwrap_or_default();
    let message = match tree.text(page) {
        None => format!("{name} leads to `{page}`, which does not exist"),
        Some(text) if !text.contains(&format!("`{name}`")) => format!("{page} does not mention `{name}`"),
        Some(_) => return None,
    };
    Some(Finding::of_file(RULE, ALERTS, message))
}

/// Every `expr` in it, however deep.
fn asked(place: &str, value: &Value) -> Vec<Asked> {
    let deeper: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let own = value.get("expr").and_then(Value::as_str);
    let own = own.map(|expression| Asked { place: place.to_owned(), expression: expression.to_owned() });
    own.into_iter().chain(deeper.into_iter().flat_map(|value| asked(place, value))).collect()
}

/// The metrics of whose growth an expression asks.
fn grown(expression: &str) -> impl Iterator<Item = &str> {
    expression.split("increase(").skip(1).filter_map(|rest| metrics(rest).first().copied())
}

/// A counter of whose growth an alert asks, and that its crate does not show before it grows.
fn begun_late(tree: &Tree, name: &str) -> Option<Finding> {
    let (folder, constant) = tree.sources().iter().find_map(|source| {
        let (folder, _) = source.path.split_once("/src/")?;
        Some((format!("{folder}/src/"), constant_of(source, name)?))
    })?;
    let begins = format!("{constant}.{BEGINS}");
    let begun = tree.sources().iter().any(|source| source.path.starts_with(&folder) && source.text.contains(&begins));
    let message = format!("asks for the growth of `{name}`, whose first event is none: call `{begins}…)` in {folder}");
    (!begun).then(|| Finding::of_file(RULE, ALERTS, message))
}

/// The constant that makes the metric of this name in a file: `X` of `const X: Metric = Metric::counter("name", ..)`.
fn constant_of(source: &Source, name: &str) -> Option<String> {
    source.syntax.items.iter().find_map(|item| {
        let syn::Item::Const(constant) = item else { return None };
        let syn::Expr::Call(call) = &*constant.expr else { return None };
        let Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. })) = call.args.first() else {
            return None;
        };
        (literal.value() == name).then(|| constant.ident.to_string())
    })
}

/// The metrics that an expression of Prometheus names: its words outside of selectors, ranges and label lists that are no
/// functions. Ours have an underscore.
fn metrics(expression: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(letter) = rest.chars().next() {
        let word = rest.find(|letter: char| !is_of_word(letter)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(word);
        let next = behind.trim_start();
        if word == 0 {
            let closing = match letter {
                '{' => "}",
                '[' => "]",
                '"' => "\"",
                _ => "",
            };
            let inner = rest.get(letter.len_utf8()..).unwrap_or_default();
            rest =
                inner.split_once(closing).map_or(inner, |(_, behind)| if closing.is_empty() { inner } else { behind });
        } else if LABEL_LISTS.contains(&name) {
            rest = next.split_once(')').map_or(next, |(_, behind)| behind);
        } else {
            let is_metric = name == "up" || name.contains('_');
            if is_metric && !next.starts_with('(') {
                found.push(name);
            }
            rest = behind;
        }
    }
    found
}

/// Words in front of a list of labels.
const LABEL_LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

fn is_of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "| `relay_oldest_mark_seconds` | gauge | seconds | Waits; alarm on this. |\n\
                        | `http_request_seconds` | histogram | seconds | How long. |\n";

    fn messages(alert: &str, runbook: &str, board: &str) -> Vec<String> {
        let board_path = format!("{DASHBOARDS}one.json");
        let tree =
            Tree::of(&[(METRICS, PAGE), (ALERTS, alert), ("docs/runbooks/outbox.md", runbook), (&board_path, board)]);
        check(&tree).into_iter().map(|finding| finding.message).collect()
    }

    fn alert(expression: &str, page: &str) -> String {
        format!(
            "groups:\n- name: one\n  rules:\n  - alert: OutboxWaits\n    expr: {expression}\n    annotations:\n      \
             runbook_url: {page}\n"
        )
    }

    #[test]
    fn the_metrics_of_an_expression_are_found_and_nothing_else() {
        let expression = r#"histogram_quantile(0.99, sum by (job, le_x) (rate(http_request_seconds_bucket{route!~"/(a_b|c)"}[$__rate_interval])))
            / on (job_name) group_left (a_b) max(relay_lanes) > 0.5 and up == 0 or vector(some_metric)"#;
        assert_eq!(metrics(expression), ["http_request_seconds_bucket", "relay_lanes", "up", "some_metric"]);
    }

    #[test]
    fn what_asks_for_a_metric_that_does_not_exist_is_found() {
        let good = alert("relay_oldest_mark_seconds > 1", "docs/runbooks/outbox.md");
        let board = |name: &str| format!(r#"{{"panels":[{{"targets":[{{"expr":"rate({name}[5m])"}}]}}]}}"#);
        assert_eq!(messages(&good, "`OutboxWaits`", &board("http_request_seconds_count")), Vec::<String>::new());
        for name in ["http_request_seconds", "http_requests_total"] {
            let found = messages(&good, "`OutboxWaits`", &board(name));
            assert_eq!(found, [format!("asks for `{name}`, which is not in {METRICS}")]);
        }
    }

    #[test]
    fn what_an_alert_looks_at_the_growth_of_is_begun_at_zero() {
        let alert = alert("increase(lost_total[1h]) > 0 or up == 0", "docs/runbooks/outbox.md");
        let metrics = "//! Metrics.\nconst LOST: Metric = Metric::counter(\"lost_total\", Unit::Count, \"Lost.\");\n";
        let found = |run: &str| {
            let files = [
                (METRICS, "| `lost_total` | counter | count | Lost. |\n"),
                (ALERTS, &alert),
                ("docs/runbooks/outbox.md", "`OutboxWaits`"),
                ("a/src/metrics.rs", metrics),
                ("a/src/run.rs", run),
                ("b/src/run.rs", "//! Others.\nfn run() {\n    LOST.begin_at_zero(&[]);\n}\n"),
            ];
            check(&Tree::of(&files)).into_iter().map(|finding| finding.message).collect::<Vec<_>>()
        };
        let message =
            "asks for the growth of `lost_total`, whose first event is none: call `LOST.begin_at_zero(…)` in a/src/";
        assert_eq!(found("//! Runs.\nfn run() {\n    LOST.begin_at_zero(&[]);\n}\n"), Vec::<String>::new());
        assert_eq!(found("//! Runs.\nfn run() {\n    LOST.add(1);\n}\n"), [message]);
    }

    #[test]
    fn an_alert_leads_to_a_page_that_knows_it_and_what_calls_for_one_has_one() {
        let page = "docs/runbooks/outbox.md";
        assert_eq!(
            messages(&alert("up == 0", page), "`OutboxWaits`", "{}").len(),
            1,
            "nobody looks at the oldest mark"
        );
        assert_eq!(messages(&alert("relay_oldest_mark_seconds > 1", "nowhere.md"), "`OutboxWaits`", "{}").len(), 1);
        assert_eq!(messages(&alert("relay_oldest_mark_seconds > 1", page), "`Others`", "{}").len(), 1);
    }
}
