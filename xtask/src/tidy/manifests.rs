//! The Kubernetes manifests: every setting that they give is one that the process has, every one that it must have is
//! given, and every container is as little trusted as it can be. `kubectl` builds them, too, where it is installed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde::Deserialize as _;
use serde_json::Value;

use super::{Finding, Tree};

const RULE: &str = "manifests";
const BASE: &str = "deploy/k8s/base/";
const LIST: &str = "deploy/k8s/base/kustomization.yaml";
const OVERLAYS: [&str; 2] = ["deploy/k8s/overlays/small", "deploy/k8s/overlays/production"];
const CONFIG: &str = "docs/generated/config.md";

/// The `ConfigMap` that all processes of ours read.
const SHARED: &str = "orderflow";

/// Whose settings a container has: the section of the list of settings. The others have none, or are not ours.
const PROCESSES: [(&str, &str); 7] = [
    ("command-api", "command-api"),
    ("fulfilment", "command-api"),
    ("relay", "command-api"),
    ("projector", "projector"),
    ("query-api", "query-api"),
    ("notifier", "notifier"),
    ("steward", "steward"),
];

/// What every container must have, and as what.
const HARDENING: [(&str, bool); 2] = [("allowPrivilegeEscalation", false), ("readOnlyRootFilesystem", true)];

/// One object and the file that it stands in.
struct Object<'a> {
    path: &'a str,
    value: Value,
}

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let files: Vec<_> = tree.texts().filter(|(path, _)| path.starts_with(BASE) && *path != LIST).collect();
    let (mut objects, mut findings) = (Vec::new(), Vec::new());
    for (path, text) in &files {
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            match Value::deserialize(document) {
                Ok(value) => objects.push(Object { path, value }),
                Err(error) => findings.push(Finding::of_file(RULE, path, format!("is no YAML: {error}"))),
            }
        }
    }
    findings.extend(unlisted(tree.text(LIST).unwrap_or_default(), &files));
    let shared = shared(&objects);
    let config = tree.text(CONFIG).unwrap_or_default();
    for object in &objects {
        let containers = object.value.pointer("/spec/template/spec/containers").and_then(Value::as_array);
        for container in containers.into_iter().flatten() {
            findings.extend(trusted(object, container));
            findings.extend(settings(object, container, &shared, config));
        }
    }
    findings
}

/// Has `kubectl` build every overlay; where there is none, the check above must do.
pub(super) fn build(root: &Path) -> Vec<Finding> {
    let built = |overlay: &&str| {
        let output = Command::new("kubectl").args(["kustomize", overlay]).current_dir(root).output().ok()?;
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then(|| Finding::of_file(RULE, overlay, format!("cannot be built: {}", why.trim())))
    };
    OVERLAYS.iter().filter(|overlay| root.join(overlay).exists()).filter_map(built).collect()
}

/// Files that the list does not name.
fn unlisted(list: &str, files: &[(&str, &str)]) -> Vec<Finding> {
    let listed = |path: &str| list.lines().any(|line| line.trim() == format!("- {}", path.trim_start_matches(BASE)));
    let missing = files.iter().filter(|(path, _)| !listed(path));
    missing.map(|(path, _)| Finding::of_file(RULE, path, format!("is not in {LIST}"))).collect()
}

/// The names of the settings that all processes share.
fn shared(objects: &[Object<'_>]) -> Vec<String> {
    let is_shared = |value: &&Value| value["kind"] == "ConfigMap" && value["metadata"]["name"] == SHARED;
    let map = objects.iter().map(|object| &object.value).find(is_shared);
    let data = map.and_then(|map| map["data"].as_object());
    data.into_iter().flat_map(|data| data.keys().cloned()).collect()
}

/// What a container may do that it need not, or lacks.
fn trusted(object: &Object<'_>, container: &Value) -> Vec<Finding> {
    let name = container["name"].as_str().unwrap_or_default();
    let security = &container["securityContext"];
    let mut lacks: Vec<&str> = Vec::new();
    let open = HARDENING.into_iter().filter(|(setting, value)| security[setting] != *value);
    lacks.extend(open.map(|(setting, _)| setting));
    if security.pointer("/capabilities/drop/0").and_then(Value::as_str) != Some("ALL") {
        lacks.push("capabilities");
    }
    if object.value.pointer("/spec/template/spec/securityContext/runAsNonRoot") != Some(&Value::Bool(true)) {
        lacks.push("runAsNonRoot");
    }
    for resource in ["/resources/requests/cpu", "/resources/requests/memory", "/resources/limits/memory"] {
        if container.pointer(resource).is_none() {
            lacks.push(resource);
        }
    }
    let serves = object.value["kind"] != "Job";
    let probes = ["livenessProbe", "readinessProbe"].into_iter().filter(|probe| serves && container[probe].is_null());
    lacks.extend(probes);
    let finding = |lack| Finding::of_file(RULE, object.path, format!("container {name} lacks {lack}, or is too open"));
    lacks.into_iter().map(finding).collect()
}

/// Settings that the process does not have, and those that it must have and is not given.
fn settings(object: &Object<'_>, container: &Value, shared: &[String], config: &str) -> Vec<Finding> {
    let name = container["name"].as_str().unwrap_or_default();
    let Some((_, process)) = PROCESSES.iter().find(|(known, _)| *known == name) else { return Vec::new() };
    let known = section(config, process);
    let own = container["env"].as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str());
    let given: BTreeSet<_> = own.chain(shared.iter().map(String::as_str)).collect();
    let is_known = |setting: &str| {
        let value = setting.strip_suffix("_FILE").unwrap_or(setting);
        known.iter().any(|(known, _)| *known == setting || *known == value)
    };
    let unknown = given.iter().filter(|setting| !is_known(setting));
    let unknown = unknown.map(|setting| format!("{name} is given `{setting}`, which {process} does not have"));
    let is_given = |setting: &str| given.contains(setting) || given.contains(format!("{setting}_FILE").as_str());
    let missing = known.iter().filter(|(setting, required)| *required && !is_given(setting));
    let missing = missing.map(|(setting, _)| format!("{name} is not given `{setting}`, which {process} must have"));
    unknown.chain(missing).map(|message| Finding::of_file(RULE, object.path, message)).collect()
}

/// The settings of one process and whether it must have them.
fn section<'a>(config: &'a str, process: &str) -> Vec<(&'a str, bool)> {
    let lines = config.lines().skip_while(|line| *line != format!("## {process}")).skip(1);
    let rows = lines.take_while(|line| !line.starts_with("## "));
    let setting = |line: &'a str| {
        let (name, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        Some((name, rest.starts_with("**required**")))
    };
    rows.filter_map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "## steward\n\n| `MONGODB_URI` | **required** | Where. |\n| `LOG_FORMAT` | `json` | How. |\n\
                            ## other\n\n| `ELSE` | | No. |\n";

    fn messages(environment: &str, security: &str, listed: &str) -> Vec<String> {
        let list = format!("resources:\n  - config.yaml\n  - {listed}\n");
        let steward = format!(
            "kind: Deployment\nspec: {{template: {{spec: {{securityContext: {{runAsNonRoot: true}}, containers: [{{name: \
             steward, env: [{environment}], securityContext: {security}, resources: {{requests: {{cpu: 1, memory: 1}}, \
             limits: {{memory: 1}}}}, livenessProbe: {{}}, readinessProbe: {{}}}}]}}}}}}\n"
        );
        let map = "kind: ConfigMap\nmetadata: {name: orderflow}\ndata: {LOG_FORMAT: json}\n";
        let files = [
            (CONFIG, SETTINGS),
            (LIST, &list),
            ("deploy/k8s/base/steward.yaml", &steward),
            ("deploy/k8s/base/config.yaml", map),
        ];
        check(&Tree::of(&files)).into_iter().map(|finding| finding.message).collect()
    }

    const CLOSED: &str = "{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}";

    #[test]
    fn a_process_is_given_the_settings_that_it_has_and_all_that_it_must_have() {
        let given = |name: &str| messages(&format!("{{name: {name}, value: x}}"), CLOSED, "steward.yaml");
        assert_eq!(given("MONGODB_URI"), Vec::<String>::new());
        assert_eq!(given("MONGODB_URI_FILE"), Vec::<String>::new());
        assert_eq!(
            given("ELSE"),
            [
                "steward is given `ELSE`, which steward does not have",
                "steward is not given `MONGODB_URI`, which steward must have"
            ]
        );
    }

    #[test]
    fn a_container_that_may_do_more_than_it_needs_and_a_file_that_nobody_lists_are_found() {
        let open = "{allowPrivilegeEscalation: false, readOnlyRootFilesystem: false}";
        let found = messages("{name: MONGODB_URI, value: x}", open, "steward.yaml");
        assert_eq!(found.len(), 2, "{found:?}");
        let found = messages("{name: MONGODB_URI, value: x}", CLOSED, "others.yaml");
        assert_eq!(found, [format!("is not in {LIST}")]);
    }
}
