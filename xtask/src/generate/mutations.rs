//! The list of mutations, from what the patches say of themselves.

use super::{NOTICE, header, row};
use crate::mutate::{FOLDER, Mutation, Needs};
use crate::tidy::{Tree, promises};

pub(super) fn page(tree: &Tree) -> String {
    let (mutations, _unreadable) = Mutation::all(tree);
    let mut text = format!(
        "{NOTICE}\n\n# Mutations\n\n\
         Faults that `cargo xtask mutate` plants in a copy of the code (`{FOLDER}`), and the tests that must fail with \
         them.\nThe numbers are those of the promises in [`../guarantees.md`](../guarantees.md). Those with a star need \
         the real servers,\nand `--slow` or their name.\n\n"
    );
    text.push_str(&header(&["mutation", "what it does", "breaks", "caught by"]));
    for mutation in &mutations {
        let star = if mutation.needs == Needs::Servers { " *" } else { "" };
        let name = format!("[`{}`](../../{}){star}", mutation.name, mutation.path);
        let numbers: Vec<_> = mutation.breaks.iter().map(ToString::to_string).collect();
        let tests: Vec<_> = mutation.tests.iter().map(|test| format!("`{}`", test.name)).collect();
        text.push_str(&row(&[&name, &mutation.says, &numbers.join(", "), &tests.join(", ")]));
    }
    let promises = 1..=promises::count(tree, "docs/guarantees.md", "The promises");
    let untouched = promises.filter(|number| mutations.iter().all(|mutation| !mutation.breaks.contains(number)));
    let untouched: Vec<_> = untouched.map(|number| number.to_string()).collect();
    if !untouched.is_empty() {
        text.push_str(&format!("\nNo fault was planted yet for {}.\n", untouched.join(", ")));
    }
    text
}
