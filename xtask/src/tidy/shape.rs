//! What a file and a function may look like: ceilings, the opening comment, names of modules, open notes.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::tree::Source;
use super::{Finding, Tree};

/// Lines a file may have, tests included.
const FILE_CEILING: usize = 400;

/// Endings of the files of a page, which have the same ceiling.
const OF_PAGES: [&str; 3] = [".js", ".css", ".html"];

/// Lines of code a function's body may have, blank lines and comments not counted (as clippy counts).
const FUNCTION_CEILING: usize = 50;

/// Words that mark something as unfinished; split here so that this file is not found by its own rule.
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// File names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "common", "helpers", "manager", "service"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let of_sources = tree.sources().iter().flat_map(|source| {
        let mut findings = Vec::new();
        findings.extend(too_long(&source.path, &source.text));
        findings.extend(no_opening(source));
        findings.extend(long_functions(source));
        findings
    });
    let pages = tree.texts().filter(|(path, _)| OF_PAGES.iter().any(|ending| path.ends_with(ending)));
    let of_pages = pages.filter_map(|(path, text)| too_long(path, text));
    let of_names = tree.paths().filter_map(bad_name);
    let of_notes = tree.texts().filter(|(path, _)| !path.ends_with(".md")).flat_map(|(path, text)| notes(path, text));
    of_sources.chain(of_pages).chain(of_names).chain(of_notes).collect()
}

fn too_long(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    let message = || format!("{lines} lines, {FILE_CEILING} are allowed: a concept is missing, name it");
    (lines > FILE_CEILING).then(|| Finding::of_file("file-ceiling", path, message()))
}

fn no_opening(source: &Source) -> Option<Finding> {
    let opens = source.text.starts_with("//! ");
    let message = "must open with `//!`: what it is and what it promises";
    (!opens).then(|| Finding::of_line("opening", &source.path, 1, message))
}

fn bad_name(path: &str) -> Option<Finding> {
    let name = path.strip_suffix(".rs")?.rsplit('/').next()?;
    if name == "mod" {
        return Some(Finding::of_file("module-file", path, "write `foo.rs` beside `foo/`, never `mod.rs`"));
    }
    let empty = EMPTY_NAMES.contains(&name);
    empty.then(|| Finding::of_file("file-name", path, format!("`{name}` says nothing: name the concept")))
}

fn notes<'a>(path: &'a str, text: &'a str) -> impl Iterator<Item = Finding> + 'a {
    let lines = text.lines().enumerate();
    lines.filter(|(_, line)| is_open_note(line)).map(move |(index, _)| {
        Finding::of_line("open-note", path, index + 1, "an open note names its issue (`#12`) or does not exist")
    })
}

fn is_open_note(line: &str) -> bool {
    let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.any(|word| NOTES.contains(&word)) && !names_an_issue(line)
}

fn names_an_issue(line: &str) -> bool {
    line.split('#').skip(1).any(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

fn long_functions(source: &Source) -> Vec<Finding> {
    let mut functions = Functions { source, findings: Vec::new() };
    functions.visit_file(&source.syntax);
    functions.findings
}

/// Looks at every function with a body, nested ones too.
struct Functions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    fn measure(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let first = body.brace_token.span.open().end().line;
        let last = body.brace_token.span.close().start().line;
        let inside = self.source.text.lines().skip(first).take(last.saturating_sub(first + 1));
        let lines = inside.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        if lines > FUNCTION_CEILING {
            let name = &signature.ident;
            let message = format!("`{name}` has {lines} lines, {FUNCTION_CEILING} are allowed: a concept is missing");
            let line = signature.span().start().line;
            self.findings.push(Finding::of_line("function-ceiling", &self.source.path, line, message));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.measure(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE_CEILING, FUNCTION_CEILING, NOTES, Tree, check};

    /// The rules that this one file breaks.
    fn broken(path: &str, text: &str) -> Vec<&'static str> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.rule).collect()
    }

    fn function_of(lines: usize, wrap: impl Fn(String) -> String) -> String {
        format!("//! A file.\n{}", wrap(format!("fn long() {{\n    // why\n\n{}}}", "    step();\n".repeat(lines))))
    }

    #[test]
    fn a_file_has_at_most_four_hundred_lines() {
        let at_most = format!("//! A file.\n{}", "\n".repeat(FILE_CEILING - 1));
        assert_eq!(broken("a.rs", &at_most), Vec::<&str>::new());
        assert_eq!(broken("a.rs", &format!("{at_most}\n")), ["file-ceiling"]);
        assert_eq!(broken("a.js", &at_most), Vec::<&str>::new());
        assert_eq!(broken("a.js", &format!("{at_most}\n")), ["file-ceiling"]);
    }

    #[test]
    fn a_file_opens_with_what_it_is() {
        assert_eq!(broken("a.rs", "//! What it is.\n"), Vec::<&str>::new());
        assert_eq!(broken("a.rs", "use std::fmt;\n"), ["opening"]);
        assert_eq!(broken("a.rs", "// What it is.\n"), ["opening"]);
    }

    #[test]
    fn a_function_has_at_most_fifty_lines_of_code() {
        assert_eq!(broken("a.rs", &function_of(FUNCTION_CEILING, |text| text)), Vec::<&str>::new());
        assert_eq!(broken("a.rs", &function_of(FUNCTION_CEILING + 1, |text| text)), ["function-ceiling"]);
    }

    #[test]
    fn the_ceiling_counts_for_methods_and_tests_too() {
        let method = |text| format!("impl Thing {{\n{text}\n}}");
        assert_eq!(broken("a.rs", &function_of(FUNCTION_CEILING + 1, method)), ["function-ceiling"]);
        let provided = |text| format!("trait Thing {{\n{text}\n}}");
        assert_eq!(broken("a.rs", &function_of(FUNCTION_CEILING + 1, provided)), ["function-ceiling"]);
        let test = |text| format!("#[cfg(test)]\nmod tests {{\n#[test]\n{text}\n}}");
        assert_eq!(broken("a.rs", &function_of(FUNCTION_CEILING + 1, test)), ["function-ceiling"]);
    }

    #[test]
    fn a_module_lies_beside_its_folder() {
        assert_eq!(broken("a/mod.rs", "//! A module.\n"), ["module-file"]);
    }

    #[test]
    fn a_file_is_named_after_what_it_holds() {
        assert_eq!(broken("a/helpers.rs", "//! Things.\n"), ["file-name"]);
    }

    #[test]
    fn an_open_note_names_its_issue() {
        let [note, ..] = NOTES;
        assert_eq!(broken("a.rs", &format!("//! A file.\n// {note}: later\n")), ["open-note"]);
        assert_eq!(broken("a.rs", &format!("//! A file.\n// {note}(#12): later\n")), Vec::<&str>::new());
        assert_eq!(broken("deploy/nginx.conf", &format!("# {note} #later\n")), ["open-note"]);
    }
}
