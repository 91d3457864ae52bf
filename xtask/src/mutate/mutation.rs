//! What a patch says of itself, above its diff: what it breaks, for people; then `Breaks:` the numbers of promises in
//! `docs/guarantees.md`; `Needs: servers` if a test of it does; and for each test that must fail a `Test:` with its crate, its
//! binary if it is to be the only one that is built (`e2e --test simulation`), and its name.

use std::fmt;

use crate::tidy::{Finding, Tree};

/// Where the patches lie.
pub(crate) const FOLDER: &str = "e2e/mutations";

/// A fault to be planted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mutation {
    pub(crate) name: String,
    /// From the root.
    pub(crate) path: String,
    /// What it breaks.
    pub(crate) says: String,
    /// The promises that do not hold with it.
    pub(crate) breaks: Vec<usize>,
    pub(crate) needs: Needs,
    /// The tests that must fail with it.
    pub(crate) tests: Vec<Test>,
}

/// What the tests of a mutation need besides the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// MongoDB, Kafka, Redis, or all of the platform.
    Servers,
}

/// A test, by its function's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    /// Where it is found, in cargo's words: `-p relay --tests`.
    pub(crate) target: Vec<String>,
    pub(crate) name: String,
}

impl Mutation {
    /// Every mutation by its name, and what cannot be read as one.
    pub(crate) fn all(tree: &Tree) -> (Vec<Self>, Vec<Finding>) {
        let (mut mutations, mut findings) = (Vec::new(), Vec::new());
        let patches = tree.texts().filter(|(path, _)| path.starts_with(FOLDER) && path.ends_with(".patch"));
        for (path, text) in patches {
            match Self::parse(path, text) {
                Ok(mutation) => mutations.push(mutation),
                Err(message) => findings.push(Finding::of_file(super::RULE, path, message)),
            }
        }
        (mutations, findings)
    }

    pub(super) fn parse(path: &str, text: &str) -> Result<Self, String> {
        let head = text.split("diff --git ").next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".patch").to_owned();
        let (mut says, mut breaks, mut tests) = (Vec::new(), Vec::new(), Vec::new());
        let mut needs = Needs::Nothing;
        for line in head.lines().filter(|line| !line.is_empty()) {
            match line.split_once(": ") {
                Some(("Breaks", numbers)) => {
                    breaks.extend(numbers.split(", ").map_while(|one| one.parse::<usize>().ok()))
                }
                Some(("Test", test)) => tests.push(Test::parse(test)?),
                Some(("Needs", "servers")) => needs = Needs::Servers,
                Some(_) | None => says.push(line),
            }
        }
        if says.is_empty() || breaks.is_empty() || tests.is_empty() {
            return Err(
                "must say what it breaks, and name a promise (`Breaks: 1`) and a test (`Test: crate name`)".into()
            );
        }
        Ok(Self { name, path: path.to_owned(), says: says.join(" "), breaks, needs, tests })
    }
}

impl Test {
    fn parse(text: &str) -> Result<Self, String> {
        let (target, name) = text.rsplit_once(' ').ok_or_else(|| format!("`{text}` is no crate and test"))?;
        let target = if target.contains(' ') { format!("-p {target}") } else { format!("-p {target} --tests") };
        Ok(Self { target: target.split(' ').map(str::to_owned).collect(), name: name.to_owned() })
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
