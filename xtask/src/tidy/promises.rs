//! A promise that is written down names the test that holds it, and that test exists.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use super::{Finding, Tree};

const RULE: &str = "promises";

/// Where promises are written: a page, and the section whose numbered items, or table rows, each name at least one test.
const PROMISES: [(&str, &str); 5] = [
    ("docs/architecture.md", "Invariants"),
    ("README.md", "What it guarantees"),
    ("docs/guarantees.md", "The promises"),
    ("docs/compatibility.md", "The user service"),
    ("docs/compatibility.md", "The order service"),
];

pub(super) fn check(tree: &Tree, tests: &BTreeSet<String>) -> Vec<Finding> {
    PROMISES.into_iter().flat_map(|(page, section)| of_page(tree, page, section, tests)).collect()
}

/// How many promises this section of a page makes.
pub(crate) fn count(tree: &Tree, page: &str, section: &str) -> usize {
    tree.text(page).map(|text| items(text, section).len()).unwrap_or_default()
}

fn of_page(tree: &Tree, page: &str, section: &str, tests: &BTreeSet<String>) -> Vec<Finding> {
    let items = tree.text(page).map(|text| items(text, section)).unwrap_or_default();
    if items.is_empty() {
        let message = format!("must have a section \"{section}\" with items or rows, each naming a test");
        return vec![Finding::of_file(RULE, page, message)];
    }
    items.iter().flat_map(|item| of_item(page, item, tests)).collect()
}

fn of_item(page: &str, item: &Item, tests: &BTreeSet<String>) -> Vec<Finding> {
    let (known, unknown): (Vec<_>, Vec<_>) = item.names().partition(|name| tests.contains(*name));
    if known.is_empty() && unknown.is_empty() {
        return vec![Finding::of_line(RULE, page, item.line, "names no test that would catch its breach")];
    }
    let missing = unknown.into_iter().map(|name| format!("names the test `{name}`, which does not exist"));
    missing.map(|message| Finding::of_line(RULE, page, item.line, message)).collect()
}

/// One numbered item of a list, with the lines that go on below it, or one row of a table.
struct Item {
    line: usize,
    text: String,
}

impl Item {
    /// What reads like the name of a test: in backticks, a sentence of at least four words, its path left off.
    fn names(&self) -> impl Iterator<Item = &str> {
        let quoted = self.text.split('`').skip(1).step_by(2);
        quoted.map(|name| name.rsplit("::").next().unwrap_or(name)).filter(|name| is_sentence(name))
    }
}

fn is_sentence(name: &str) -> bool {
    let words = name.bytes().filter(|byte| *byte == b'_').count() + 1;
    words >= 4 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The items and rows below the heading that holds these words, up to the next heading of any level.
fn items(text: &str, section: &str) -> Vec<Item> {
    let lines = text.lines().enumerate();
    let below = lines.skip_while(|(_, line)| !(line.starts_with('#') && line.contains(section))).skip(1);
    let mut items: Vec<Item> = Vec::new();
    for (index, line) in below.take_while(|(_, line)| !line.starts_with('#')) {
        if line.starts_with("|---") {
            // What stood above the line was the table's head.
            items.pop();
        } else if is_numbered(line) || line.starts_with("| ") {
            items.push(Item { line: index + 1, text: line.to_owned() });
        } else if let Some(item) = items.last_mut() {
            item.text.push('\n');
            item.text.push_str(line);
        }
    }
    items
}

fn is_numbered(line: &str) -> bool {
    let rest = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(". ")
}

/// The names of all test functions of the repository.
pub(super) fn tests(tree: &Tree) -> BTreeSet<String> {
    let mut tests = Tests::default();
    for source in tree.sources() {
        tests.visit_file(&source.syntax);
    }
    tests.names
}

#[derive(Default)]
struct Tests {
    names: BTreeSet<String>,
}

impl<'ast> Visit<'ast> for Tests {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if function.attrs.iter().any(is_test) {
            self.names.insert(function.sig.ident.to_string());
        }
        visit::visit_item_fn(self, function);
    }

    /// Property tests are written inside a macro, whose content is no syntax of ours.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.segments.last().is_some_and(|segment| segment.ident == "proptest") {
            let tokens = call.tokens.to_string();
            let words: Vec<_> = tokens.split_whitespace().collect();
            let functions = words.windows(2).filter(|pair| pair.first() == Some(&"fn"));
            self.names.extend(functions.filter_map(|pair| pair.last()).map(|name| bare(name)));
        }
    }
}

fn bare(name: &str) -> String {
    name.split('(').next().unwrap_or(name).to_owned()
}

/// `#[test]`, `#[tokio::test]`, and the like.
fn is_test(attribute: &syn::Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
}

#[cfg(test)]
mod tests {
    use super::{Tree, check, tests};

    const TESTS: &str = "//! Tests.\n#[test]\nfn a_retry_places_one_order() {}\nfn a_helper_of_the_tests() {}\n\
        #[tokio::test(flavor = \"multi_thread\")]\nasync fn a_crash_loses_no_order() {}\n\
        proptest! { #[test] fn every_event_survives_the_codec(event in any()) { } }\n";

    /// What is found when this is the one item of the page's section.
    fn found(item: &str) -> Vec<String> {
        let page = format!("# Architecture\n## Invariants\nWords.\n\n{item}\n## Next\n1. Nothing.\n");
        let readme =
            "## What it guarantees\n| promise | test |\n|---|---|\n| One order | `a_retry_places_one_order` |\n";
        let rows =
            "## The user service\n1. `a_retry_places_one_order`\n## The order service\n1. `a_crash_loses_no_order`\n";
        let tree = Tree::of(&[
            ("docs/architecture.md", &page),
            ("README.md", readme),
            ("docs/guarantees.md", "## The promises\n1. `a_crash_loses_no_order`\n"),
            ("docs/compatibility.md", rows),
            ("tests/it/main.rs", TESTS),
        ]);
        check(&tree, &tests(&tree)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_promise_names_a_test_that_exists() {
        assert_eq!(found("1. One order: `a_retry_places_one_order`."), Vec::<String>::new());
        assert_eq!(found("1. No loss:\n   `it::order::a_crash_loses_no_order`."), Vec::<String>::new());
        assert_eq!(found("1. Codec: `every_event_survives_the_codec`."), Vec::<String>::new());
    }

    #[test]
    fn a_promise_without_a_test_is_found() {
        let found = found("1. One order, by the key `Idempotency-Key`.");
        assert_eq!(found, ["docs/architecture.md:5: names no test that would catch its breach [promises]"]);
    }

    #[test]
    fn a_row_of_a_table_is_a_promise_too() {
        assert_eq!(found("| a | b |\n|---|---|\n| One | `a_retry_places_one_order` |\n| None | `none` |").len(), 1);
    }

    #[test]
    fn a_promise_whose_test_was_renamed_is_found() {
        assert_eq!(found("1. `a_retry_places_one_order`, `a_retry_is_answered_as_before`").len(), 1);
        assert_eq!(found("1. `a_helper_of_the_tests`").len(), 1);
    }

    #[test]
    fn a_page_without_promises_is_found() {
        assert_eq!(found("No list.").len(), 1);
    }
}
