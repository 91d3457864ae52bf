//! Every mutation still applies, and the tests that it names exist: so what is planted is what its words say.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Finding, Tree};
use crate::Error;
use crate::mutate::{self, Mutation};

const RULE: &str = "mutations";

pub(super) fn check(root: &Path, tree: &Tree, tests: &BTreeSet<String>) -> Result<Vec<Finding>, Error> {
    let (mutations, mut findings) = Mutation::all(tree);
    for mutation in &mutations {
        findings.extend(absent_tests(mutation, tests));
        let refusal = mutate::refusal(root, &mutation.path)?;
        findings.extend(refusal.map(|why| Finding::of_file(RULE, &mutation.path, mutate::no_longer_applies(&why))));
    }
    Ok(findings)
}

fn absent_tests(mutation: &Mutation, tests: &BTreeSet<String>) -> Vec<Finding> {
    let absent = mutation.tests.iter().filter(|test| !tests.contains(&test.name));
    absent
        .map(|test| {
            Finding::of_file(RULE, &mutation.path, format!("names the test `{}`, which does not exist", test.name))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, Mutation, Tree, absent_tests};

    #[test]
    fn a_mutation_whose_test_was_renamed_is_found() {
        let patch = "Marks too much.\nBreaks: 1\nTest: relay a_mark_is_kept\n";
        let (mutations, _) = Mutation::all(&Tree::of(&[("e2e/mutations/marks.patch", patch)]));
        let found = |test: &str| absent_tests(&mutations[0], &BTreeSet::from([test.to_owned()])).len();
        assert_eq!((found("a_mark_is_kept"), found("a_mark_stays")), (0, 1));
    }
}
