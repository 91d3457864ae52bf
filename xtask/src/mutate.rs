//! Faults that are planted on purpose, to see that somebody notices.
//!
//! Each is a patch below `e2e/mutations`, applied to a copy of the repository and never to the repository itself. The
//! tests that it names must pass without it, as every test does, and fail with it: a fault that all of them overlook is
//! a finding, and so are a patch that no longer applies and a copy that no longer compiles.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use runtime::clock;

use crate::tidy::{Finding, Tree};
use crate::{Error, say};

mod copy;
mod mutation;

use copy::Copy;
pub(crate) use mutation::{FOLDER, Mutation, Needs, Test};

const RULE: &str = "mutations";

/// Plants the named mutations one after the other, or all of them. Those that need the real servers take minutes each:
/// they are left out unless they are named or `slow` is set.
pub fn run(root: &Path, names: &[String], slow: bool) -> Result<Vec<Finding>, Error> {
    let (mutations, mut findings) = Mutation::all(&Tree::load(root)?);
    let wanted = |mutation: &&Mutation| {
        let named = names.contains(&mutation.name);
        if names.is_empty() { slow || mutation.needs == Needs::Nothing } else { named }
    };
    let unknown = names.iter().filter(|name| mutations.iter().all(|mutation| mutation.name != **name));
    findings.extend(unknown.map(|name| Finding::of_tree(RULE, format!("there is no {FOLDER}/{name}.patch"))));
    say(&format!("{:<44} {:>7}  caught by", "mutation", "seconds"));
    for mutation in mutations.iter().filter(wanted) {
        let begun = clock::monotonic();
        let caught = plant(root, mutation)?;
        findings.extend(judge(mutation, caught, begun.elapsed()));
    }
    Ok(findings)
}

/// What became of a planted mutation.
#[derive(Debug, PartialEq, Eq)]
enum Planted {
    /// Git could not apply it, and says why.
    Refused(String),
    /// With it, this does not compile.
    Broken(String),
    /// The tests that failed, and those that did not.
    Ran { failed: Vec<Test>, passed: Vec<Test> },
}

fn plant(root: &Path, mutation: &Mutation) -> Result<Planted, Error> {
    let copy = Copy::of(root)?;
    if let Err(reason) = copy.apply(mutation)? {
        return Ok(Planted::Refused(reason));
    }
    if mutation.needs == Needs::Servers && !copy.builds(&["build", "--workspace", "--bins"])? {
        return Ok(Planted::Broken("some process".to_owned()));
    }
    let (mut failed, mut passed) = (Vec::new(), Vec::new());
    for test in &mutation.tests {
        let target = test.target.iter().map(String::as_str);
        if !copy.builds(&["test", "--no-run"].into_iter().chain(target).collect::<Vec<_>>())? {
            return Ok(Planted::Broken(test.to_string()));
        }
        if copy.fails(test)? { failed.push(test.clone()) } else { passed.push(test.clone()) }
    }
    Ok(Planted::Ran { failed, passed })
}

/// Says what was seen; a test that did not notice is a finding.
fn judge(mutation: &Mutation, planted: Planted, took: Duration) -> Vec<Finding> {
    let finding = |message: String| Finding::of_file(RULE, &mutation.path, message);
    let (failed, findings) = match planted {
        Planted::Refused(reason) => (Vec::new(), vec![finding(no_longer_applies(&reason))]),
        Planted::Broken(what) => (Vec::new(), vec![finding(format!("{what} does not compile with it"))]),
        Planted::Ran { failed, passed } => {
            let overlooked = passed.iter().map(|test| finding(format!("{test} does not notice it")));
            (failed, overlooked.collect())
        }
    };
    let caught: Vec<_> = failed.iter().map(|test| test.name.as_str()).collect();
    let verdict = if caught.is_empty() { "NOTHING".to_owned() } else { caught.join(", ") };
    say(&format!("{:<44} {:>7.1}  {verdict}", mutation.name, took.as_secs_f64()));
    findings
}

/// What to do with a patch that git refuses.
pub(crate) fn no_longer_applies(reason: &str) -> String {
    format!("no longer applies, so write it anew for the code as it is: {reason}")
}

/// What git says about a patch below this folder, without applying it: nothing if it fits.
pub(crate) fn refusal(root: &Path, patch: &str) -> Result<Option<String>, Error> {
    let mut git = Command::new("git");
    git.args(["apply", "--check", patch]).current_dir(root);
    let output = git.output().map_err(|source| Error::Run { command: format!("git apply --check {patch}"), source })?;
    Ok((!output.status.success()).then(|| first_line(&output.stderr)))
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Mutation, Planted, Tree, judge};

    const PATCH: &str = "Marks too much.\n\nBreaks: 1\nTest: relay a_mark_is_kept\nTest: relay a_mark_is_removed\n\n\
        diff --git a/src/a.rs b/src/a.rs\n";

    fn mutation() -> Mutation {
        Mutation::parse("e2e/mutations/marks.patch", PATCH).unwrap_or_else(|problem| unreachable!("{problem}"))
    }

    fn found(planted: Planted) -> Vec<String> {
        judge(&mutation(), planted, std::time::Duration::ZERO).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_mutation_is_caught_only_if_every_test_that_it_names_fails() {
        let both = mutation().tests;
        assert_eq!(found(Planted::Ran { failed: both.clone(), passed: vec![] }), Vec::<String>::new());
        let found = found(Planted::Ran { failed: vec![both[0].clone()], passed: vec![both[1].clone()] });
        assert_eq!(found, ["e2e/mutations/marks.patch: a_mark_is_removed does not notice it [mutations]"]);
    }

    #[test]
    fn a_copy_that_does_not_compile_has_caught_nothing() {
        assert_eq!(found(Planted::Broken("a_mark_is_kept".to_owned())).len(), 1);
        assert_eq!(found(Planted::Refused("patch does not apply".to_owned())).len(), 1);
    }

    #[test]
    fn the_repositorys_own_mutations_can_be_read() {
        let tree = Tree::of(&[("e2e/mutations/marks.patch", PATCH), ("e2e/mutations/empty.patch", "")]);
        let (mutations, findings) = Mutation::all(&tree);
        assert_eq!((mutations, findings.len()), (vec![mutation()], 1));
    }
}
