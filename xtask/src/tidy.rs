//! The rules of the house that no other tool holds. Each rule is a pure function of the repository's content, and each
//! is shown a bad example by its own tests.

use std::fmt;
use std::path::Path;

use crate::{Error, say};

mod alarms;
mod edges;
mod licences;
mod manifests;
mod mutations;
mod problems;
pub(crate) mod promises;
mod routes;
mod shape;
mod stations;
mod tree;

pub(crate) use tree::{Tree, run_for_text};

/// One breach of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// Where: a path, with a line where there is one; nothing if it is about the tree as a whole.
    pub place: Option<(String, Option<usize>)>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    pub(crate) fn of_tree(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, place: None, message: message.into() }
    }

    pub(crate) fn of_file(rule: &'static str, path: &str, message: impl Into<String>) -> Self {
        Self { rule, place: Some((path.to_owned(), None)), message: message.into() }
    }

    pub(crate) fn of_line(rule: &'static str, path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { rule, place: Some((path.to_owned(), Some(line))), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((path, Some(line))) => write!(f, "{path}:{line}: ")?,
            Some((path, None)) => write!(f, "{path}: ")?,
            None => {}
        }
        write!(f, "{} [{}]", self.message, self.rule)
    }
}

/// Looks at every file that git knows or would add, and at what the crates depend on.
pub fn run(root: &Path) -> Result<Vec<Finding>, Error> {
    let tree = Tree::load(root)?;
    let packages = edges::packages(root)?;
    let mut findings = edges::check(&packages);
    findings.extend(licences::check(&tree, &licences::dependencies(root)?));
    findings.extend(shape::check(&tree));
    findings.extend(stations::check(&tree));
    let tests = promises::tests(&tree);
    findings.extend(promises::check(&tree, &tests));
    findings.extend(mutations::check(root, &tree, &tests)?);
    findings.extend(problems::check(&tree));
    findings.extend(alarms::check(&tree));
    findings.extend(routes::check(&tree));
    findings.extend(manifests::check(&tree));
    findings.extend(manifests::build(root));
    if findings.is_empty() {
        say(&format!("tidy: {} files, {} crates, in order", tree.paths().count(), packages.len()));
    }
    Ok(findings)
}
