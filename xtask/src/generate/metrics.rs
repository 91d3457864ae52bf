//! Every metric, read from the constants that record it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use syn::visit::{self, Visit};

use super::{NOTICE, header, row};
use crate::tidy::Tree;

/// What a call of `Metric::counter("name", Unit::Count, "help")` says.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Metric {
    name: String,
    kind: String,
    unit: String,
    help: String,
}

/// A table per crate, in the order of the crates' folders.
pub(super) fn page(tree: &Tree) -> String {
    let mut page = format!("{NOTICE}\n# Metrics\n\nServed by every process at `/metrics` of its admin port.\n");
    for (owner, metrics) in by_crate(tree) {
        let rows = metrics
            .iter()
            .map(|metric| row(&[&format!("`{}`", metric.name), &metric.kind, &metric.unit, &metric.help]));
        let table = header(&["metric", "kind", "unit", "meaning"]);
        let _ = write!(page, "\n## {owner}\n\n{table}{}", rows.collect::<String>());
    }
    page
}

fn by_crate(tree: &Tree) -> BTreeMap<&str, Vec<Metric>> {
    let mut owners: BTreeMap<&str, Vec<Metric>> = BTreeMap::new();
    for source in tree.sources() {
        let Some((owner, _)) = source.path.split_once("/src/") else { continue };
        let mut found = Found::default();
        found.visit_file(&source.syntax);
        if !found.metrics.is_empty() {
            owners.entry(owner).or_default().append(&mut found.metrics);
        }
    }
    for metrics in owners.values_mut() {
        metrics.sort();
    }
    owners
}

#[derive(Default)]
struct Found {
    metrics: Vec<Metric>,
}

impl<'ast> Visit<'ast> for Found {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        self.metrics.extend(metric(call));
        visit::visit_expr_call(self, call);
    }
}

fn metric(call: &syn::ExprCall) -> Option<Metric> {
    let syn::Expr::Path(constructor) = &*call.func else { return None };
    let mut segments = constructor.path.segments.iter().rev();
    let kind = segments.next()?.ident.to_string();
    let of_metric = segments.next().is_some_and(|segment| segment.ident == "Metric");
    if !of_metric || !["counter", "gauge", "histogram"].contains(&kind.as_str()) {
        return None;
    }
    let mut arguments = call.args.iter();
    let (name, unit, help) = (arguments.next()?, arguments.next()?, arguments.next()?);
    Some(Metric { name: literal(name)?, kind, unit: last_word(unit)?.to_lowercase(), help: literal(help)? })
}

fn literal(expression: &syn::Expr) -> Option<String> {
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = expression else { return None };
    Some(text.value())
}

fn last_word(expression: &syn::Expr) -> Option<String> {
    let syn::Expr::Path(path) = expression else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::tidy::Tree;

    #[test]
    fn every_metric_constant_is_on_the_page() {
        let code = "//! Metrics.\npub const A: Metric = Metric::counter(\"a_total\", Unit::Count, \"All.\");\n\
            pub const B: &[Metric] = &[runtime::metrics::Metric::gauge(\"b_seconds\", Unit::Seconds, \"Age.\")];\n";
        let page = page(&Tree::of(&[("crates/relay/src/metrics.rs", code)]));
        assert!(page.contains("## crates/relay\n"));
        assert!(page.contains("| `a_total` | counter | count | All. |"));
        assert!(page.contains("| `b_seconds` | gauge | seconds | Age. |"));
    }
}
