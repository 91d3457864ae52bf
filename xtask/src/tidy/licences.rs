//! What we take from others, held against `deny.toml`: licences and bans, of what is really compiled. Advisories change
//! without us; `cargo deny check` looks them up.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use super::{Finding, Tree, run_for_text};
use crate::Error;

const RULE: &str = "licences";
const POLICY: &str = "deny.toml";

#[derive(Debug, Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

/// A crate that may have other licences than the rest.
#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

/// The licences of all crates of others that a build of the workspace compiles, by name and version.
pub(super) fn dependencies(root: &Path) -> Result<BTreeMap<String, String>, Error> {
    let asked = ["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}\t{l}"];
    let lines = run_for_text(root, "cargo", &asked)?;
    let foreign = lines.lines().filter_map(|line| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('\t')?;
        // Ours come with their folder.
        (!package.contains("(/")).then(|| (package.trim_end_matches(" (proc-macro)").to_owned(), licence.to_owned()))
    });
    Ok(foreign.collect())
}

pub(super) fn check(tree: &Tree, dependencies: &BTreeMap<String, String>) -> Vec<Finding> {
    let policy: Policy = match toml::from_str(tree.text(POLICY).unwrap_or_default()) {
        Ok(policy) => policy,
        Err(error) => return vec![Finding::of_file(RULE, POLICY, format!("cannot be read: {error}"))],
    };
    let each = dependencies.iter().filter_map(|(package, licence)| policy.refuses(package, licence));
    each.chain(policy.needless(dependencies)).map(|message| Finding::of_file(RULE, POLICY, message)).collect()
}

impl Policy {
    fn refuses(&self, package: &str, licence: &str) -> Option<String> {
        let name = name(package);
        if self.bans.deny.iter().any(|banned| banned.name == name) {
            return Some(format!("{package} is banned; `cargo tree -i {name}` shows who wants it"));
        }
        let exceptions = self.licenses.exceptions.iter().filter(|exception| exception.name == name);
        let allowed = self.licenses.allow.iter().chain(exceptions.flat_map(|exception| &exception.allow));
        let allowed: Vec<_> = allowed.filter_map(|licence| Licensee::parse(licence).ok()).collect();
        let accepted = Expression::parse_mode(licence, ParseMode::LAX)
            .is_ok_and(|expression| expression.evaluate(|wanted| allowed.iter().any(|known| known.satisfies(wanted))));
        (!accepted).then(|| format!("{package} comes under `{licence}`, which is not allowed; do without it"))
    }

    /// Exceptions for crates that are not there.
    fn needless(&self, dependencies: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
        let gone = |exception: &&Exception| !dependencies.keys().any(|package| name(package) == exception.name);
        let gone = self.licenses.exceptions.iter().filter(gone);
        gone.map(|exception| format!("has an exception for {}, which nothing depends on; remove it", exception.name))
    }
}

fn name(package: &str) -> &str {
    package.split(' ').next().unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENY: &str = "[licenses]\nallow = ['MIT', 'Apache-2.0 WITH LLVM-exception']\nexceptions = [{ crate = 'odd', \
                        allow = ['MPL-2.0'] }]\n[bans]\ndeny = [{ crate = 'openssl' }]\n";

    fn messages(dependencies: &[(&str, &str)]) -> Vec<String> {
        let odd = ("odd v1.0.0", "MPL-2.0");
        let all = dependencies.iter().chain([&odd]).map(|(name, licence)| ((*name).to_owned(), (*licence).to_owned()));
        let found = check(&Tree::of(&[(POLICY, DENY)]), &all.collect());
        found.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn one_of_several_licences_is_enough_and_all_of_them_where_it_says_so() {
        let fine = ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "Apache-2.0 WITH LLVM-exception"];
        for licence in fine {
            assert_eq!(messages(&[("a v1.0.0", licence)]), Vec::<String>::new(), "{licence}");
        }
        for licence in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "MPL-2.0", ""] {
            let expected = format!("a v1.0.0 comes under `{licence}`, which is not allowed; do without it");
            assert_eq!(messages(&[("a v1.0.0", licence)]), [expected]);
        }
    }

    #[test]
    fn a_banned_crate_and_a_needless_exception_are_found() {
        let found = messages(&[("openssl v0.10.0", "MIT")]);
        assert_eq!(found, ["openssl v0.10.0 is banned; `cargo tree -i openssl` shows who wants it"]);
        let found = check(&Tree::of(&[(POLICY, DENY)]), &BTreeMap::new());
        let found: Vec<_> = found.into_iter().map(|finding| finding.message).collect();
        assert_eq!(found, ["has an exception for odd, which nothing depends on; remove it"]);
    }
}
