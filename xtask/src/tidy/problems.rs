//! Every problem that can be answered has a row on the page that its `type` points to, and no row is left over.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::tree::Source;
use super::{Finding, Tree};

const RULE: &str = "problems";

/// Where `/docs/problems#<code>` leads.
const PAGE: &str = "docs/problems.md";

/// How a gateway that answers by itself names a code.
const LINK: &str = "/docs/problems#";

/// The types whose `code()` becomes a problem's; those of other types name a single field's mistake.
const REFUSALS: [&str; 2] = ["Refusal", "Rejection"];

/// Where a code is used: path and line.
type Place = (String, usize);

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let used = used(tree);
    let page = tree.text(PAGE).unwrap_or_default();
    let explained: BTreeMap<_, _> = explained(page).collect();
    let unexplained = used.iter().filter(|(code, _)| !explained.contains_key(code.as_str()));
    let unexplained = unexplained.map(|(code, (path, line))| {
        Finding::of_line(RULE, path, *line, format!("`{code}` is not explained in {PAGE}: give it a row"))
    });
    let left_over = explained.iter().filter(|(code, _)| !used.contains_key(**code));
    let left_over = left_over
        .map(|(code, line)| Finding::of_line(RULE, PAGE, *line, format!("nothing answers `{code}`: take it out")));
    unexplained.chain(left_over).collect()
}

/// The codes in the first cells of the page's tables, with their lines.
fn explained(page: &str) -> impl Iterator<Item = (&str, usize)> {
    let rows = page.lines().enumerate().filter_map(|(index, line)| Some((line.strip_prefix("| `")?, index + 1)));
    rows.flat_map(|(row, line)| {
        let first = row.split(" |").next().unwrap_or_default();
        first.split('`').filter(|code| is_code(code)).map(move |code| (code, line))
    })
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn used(tree: &Tree) -> BTreeMap<String, Place> {
    let mut codes = BTreeMap::new();
    for source in tree.sources().iter().filter(|source| source.path.contains("/src/")) {
        let mut found = Found { source, codes: &mut codes };
        found.visit_file(&source.syntax);
    }
    for (path, text) in tree.texts().filter(|(path, _)| !path.ends_with(".rs") && !path.ends_with(".md")) {
        let lines = text.lines().enumerate();
        codes
            .extend(lines.flat_map(|(index, line)| linked(line).map(move |code| (code, (path.to_owned(), index + 1)))));
    }
    codes
}

/// The codes that a line links to.
fn linked(line: &str) -> impl Iterator<Item = String> {
    let behind = line.split(LINK).skip(1);
    let ends = |letter: char| !(letter.is_ascii_lowercase() || letter == '_');
    behind.filter_map(move |rest| rest.split(ends).next()).filter(|code| is_code(code)).map(str::to_owned)
}

/// Looks for problems that are made, and for the codes of refusals.
struct Found<'a> {
    source: &'a Source,
    codes: &'a mut BTreeMap<String, Place>,
}

impl Found<'_> {
    fn note(&mut self, literal: &syn::LitStr) {
        let code = literal.value();
        if is_code(&code) {
            self.codes.entry(code).or_insert((self.source.path.clone(), literal.span().start().line));
        }
    }
}

impl<'ast> Visit<'ast> for Found<'_> {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Some(literal) = code_of(call) {
            self.note(literal);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        let syn::Type::Path(subject) = &*block.self_ty else { return };
        if subject.path.segments.last().is_some_and(|segment| REFUSALS.contains(&segment.ident.to_string().as_str())) {
            let mut codes = CodeFunctions::default();
            codes.visit_item_impl(block);
            codes.0.into_iter().for_each(|literal| self.note(literal));
        }
        visit::visit_item_impl(self, block);
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }
}

/// Every literal within a function named `code`.
#[derive(Default)]
struct CodeFunctions<'ast>(Vec<&'ast syn::LitStr>);

impl<'ast> Visit<'ast> for CodeFunctions<'ast> {
    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if function.sig.ident == "code" {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.0.push(literal);
    }
}

/// The code in `Problem::new(status, "code", ..)`, `Problem::conflict("code", ..)` and the like.
fn code_of(call: &syn::ExprCall) -> Option<&syn::LitStr> {
    let syn::Expr::Path(constructor) = &*call.func else { return None };
    let mut segments = constructor.path.segments.iter().rev();
    let name = segments.next()?.ident.to_string();
    let of_problem = segments.next().is_some_and(|segment| segment.ident == "Problem" || segment.ident == "Self");
    let index = match name.as_str() {
        "new" if call.args.len() == 3 => 1,
        "bad_request" | "unauthorized" | "not_found" | "conflict" if call.args.len() == 2 => 0,
        _ => return None,
    };
    let Some(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. })) = call.args.iter().nth(index) else {
        return None;
    };
    of_problem.then_some(literal)
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Tree, check};

    /// What is found when the page explains these codes.
    fn found(explained: &[&str]) -> Vec<String> {
        let code = "//! Rules.\nimpl Refusal {\n    fn code(&self) -> &str {\n        \"order_exists\"\n    }\n}\n\
            impl Mistake {\n    fn code(&self) -> &str {\n        \"bad_field\"\n    }\n}\n\
            fn refuse() {\n    Problem::new(status, \"gone_away\", \"Why\");\n    Self::conflict(\"in_flight\", \"Why\");\n}\n\
            mod tests {\n    fn none() {\n        Problem::conflict(\"made_up\", \"\");\n    }\n}\n";
        let gateway = "return 414 '{\"type\":\"/docs/problems#uri_too_long\"}';";
        let page = format!("| code | why |\n|---|---|\n| `{}` | `not_here` |\n", explained.join("` `"));
        let tree = Tree::of(&[("a/src/rules.rs", code), ("deploy/nginx.conf", gateway), (PAGE, &page)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_code_is_explained_once_it_is_used() {
        assert_eq!(found(&["gone_away", "in_flight", "order_exists", "uri_too_long"]), Vec::<String>::new());
    }

    #[test]
    fn a_code_that_is_not_explained_is_found_wherever_it_is_used() {
        let places = found(&[]);
        assert_eq!(places.len(), 4, "{places:?}");
        assert!(
            places.contains(&format!(
                "a/src/rules.rs:13: `gone_away` is not explained in {PAGE}: give it a row [problems]"
            ))
        );
        assert!(places.iter().any(|place| place.starts_with("deploy/nginx.conf:1: `uri_too_long`")));
    }

    #[test]
    fn an_explanation_of_what_nothing_answers_is_found() {
        let found = found(&["gone_away", "in_flight", "made_up", "order_exists", "uri_too_long"]);
        assert_eq!(found, [format!("{PAGE}:3: nothing answers `made_up`: take it out [problems]")]);
    }
}
