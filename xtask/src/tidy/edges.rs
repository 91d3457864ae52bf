//! Who may use whom: the picture of the architecture as a table, held against `cargo metadata`.

use std::path::Path;

use serde::Deserialize;

use super::{Finding, run_for_text};
use crate::Error;

const RULE: &str = "edges";

/// Every crate and which of our crates it may depend on. A crate that is not listed is a finding too.
///
/// Tests may add [`TEST_HARNESS`]. A new line, or a new name in a line, is a decision about the architecture: say why
/// in `docs/adr/`.
const EDGES: [(&str, &[&str]); 21] = [
    ("schemas", &[]),
    ("runtime", &[]),
    ("domain", &["schemas"]),
    ("views", &["schemas"]),
    ("accounts", &["schemas", "runtime"]),
    ("bus", &["schemas", "runtime"]),
    ("event-store", &["schemas", "runtime"]),
    ("payments", &["runtime"]),
    ("read-model", &["schemas", "runtime"]),
    ("relay", &["event-store", "bus", "schemas", "runtime"]),
    ("sessions", &["bus", "schemas", "runtime"]),
    ("stack", &["runtime"]),
    ("vault", &["schemas", "runtime"]),
    (
        "command-api",
        &["domain", "event-store", "accounts", "vault", "relay", "bus", "sessions", "payments", "schemas", "runtime"],
    ),
    ("projector", &["views", "bus", "read-model", "vault", "schemas", "runtime"]),
    ("query-api", &["views", "read-model", "sessions", "schemas", "runtime"]),
    ("notifier", &["bus", "read-model", "sessions", "schemas", "runtime"]),
    (
        "ops",
        &[
            "accounts",
            "bus",
            "domain",
            "event-store",
            "read-model",
            "relay",
            "sessions",
            "vault",
            "views",
            "schemas",
            "runtime",
        ],
    ),
    ("xtask", &["bus", "command-api", "projector", "query-api", "notifier", "ops", "payments", "schemas", "runtime"]),
    ("e2e", ANY),
    ("bench", ANY),
];

/// A crate that looks at everything from outside.
const ANY: &[&str] = &["*"];

/// What every crate's tests may use besides: the real servers.
const TEST_HARNESS: &str = "stack";

/// The clients of the servers, and the only crates whose code may name them. Tests may look at the real server.
const CLIENTS: [(&str, &[&str]); 4] = [
    ("rdkafka", &["bus"]),
    ("schema_registry_converter", &["bus"]),
    ("redis", &["read-model"]),
    ("mongodb", &["event-store", "accounts", "vault"]),
];

/// What starts or judges the real servers speaks to them as it likes.
const OUTSIDE: [&str; 3] = ["stack", "e2e", "bench"];

/// One crate of the workspace.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    /// Set for our own crates only.
    path: Option<String>,
}

impl Dependency {
    fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Asks cargo what the manifests say; resolves and downloads nothing.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>, Error> {
    let json = run_for_text(root, "cargo", &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata: Metadata = serde_json::from_str(&json).map_err(Error::Metadata)?;
    Ok(metadata.packages)
}

pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let each = packages.iter().flat_map(|package| {
        let own = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        let clients = package.dependencies.iter().filter(|dependency| dependency.path.is_none());
        let own = own.filter_map(|dependency| forbidden_edge(&package.name, dependency));
        own.chain(clients.filter_map(|dependency| foreign_client(&package.name, dependency))).collect::<Vec<_>>()
    });
    let unknown = packages.iter().filter(|package| allowed(&package.name).is_none()).map(|package| {
        let message = format!("crate {} has no line in the table of edges (xtask/src/tidy/edges.rs)", package.name);
        Finding::of_tree(RULE, message)
    });
    each.chain(unknown).collect()
}

fn allowed(package: &str) -> Option<&'static [&'static str]> {
    EDGES.iter().find(|(name, _)| *name == package).map(|(_, allowed)| *allowed)
}

fn forbidden_edge(package: &str, dependency: &Dependency) -> Option<Finding> {
    let allowed = allowed(package)?;
    let harness = dependency.is_for_tests() && dependency.name == TEST_HARNESS;
    if harness || allowed == ANY || allowed.contains(&dependency.name.as_str()) {
        return None;
    }
    let message = format!("{package} may not depend on {}; it may use: {}", dependency.name, allowed.join(", "));
    Some(Finding::of_tree(RULE, message))
}

fn foreign_client(package: &str, dependency: &Dependency) -> Option<Finding> {
    let (client, owners) = CLIENTS.iter().find(|(client, _)| *client == dependency.name)?;
    if dependency.is_for_tests() || OUTSIDE.contains(&package) || owners.contains(&package) {
        return None;
    }
    let message = format!("{package} may not name {client}; only {} may", owners.join(" and "));
    Some(Finding::of_tree(RULE, message))
}

#[cfg(test)]
mod tests {
    use super::{Dependency, Package, check};

    fn messages(package: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Vec<String> {
        let dependencies = dependencies.iter().map(|(name, kind, ours)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: ours.then(|| format!("/{name}")),
        });
        let package = Package { name: package.to_owned(), dependencies: dependencies.collect() };
        check(&[package]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn the_query_side_cannot_reach_the_event_store() {
        let found = messages("query-api", &[("read-model", None, true), ("event-store", None, true)]);
        assert_eq!(
            found,
            ["query-api may not depend on event-store; it may use: views, read-model, sessions, schemas, runtime"]
        );
    }

    #[test]
    fn tests_may_add_the_real_servers_but_no_other_crate() {
        assert_eq!(messages("views", &[("stack", Some("dev"), true)]), Vec::<String>::new());
        assert_eq!(messages("views", &[("stack", None, true)]).len(), 1);
        assert_eq!(messages("views", &[("bus", Some("dev"), true)]).len(), 1);
    }

    #[test]
    fn only_the_owner_names_a_servers_client() {
        assert_eq!(
            messages("projector", &[("redis", None, false)]),
            ["projector may not name redis; only read-model may"]
        );
        assert_eq!(messages("read-model", &[("redis", None, false)]), Vec::<String>::new());
        assert_eq!(messages("stack", &[("mongodb", None, false)]), Vec::<String>::new());
        assert_eq!(messages("command-api", &[("mongodb", Some("dev"), false)]), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_a_line_in_the_table_is_found() {
        assert_eq!(messages("helpers", &[]).len(), 1);
    }
}
