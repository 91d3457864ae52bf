//! Docker is not needed here, so what `docker-compose.yml` and the Dockerfile say is compared with what runs here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use serde_yaml_ng::Value;

use super::{kafka, mongo, redis};
use crate::{folders, versions};

fn compose() -> Value {
    let text = std::fs::read_to_string(folders::repository().join("docker-compose.yml")).unwrap();
    let mut compose: Value = serde_yaml_ng::from_str(&text).unwrap();
    compose.apply_merge().unwrap();
    compose
}

fn deploy(file: &str) -> String {
    std::fs::read_to_string(folders::repository().join("deploy").join(file)).unwrap()
}

fn services(compose: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let services = compose["services"].as_mapping().unwrap();
    services.iter().map(|(name, service)| (name.as_str().unwrap(), service))
}

/// A list of words.
fn words(value: &Value) -> Vec<&str> {
    value.as_sequence().into_iter().flatten().map(|word| word.as_str().unwrap()).collect()
}

#[test]
fn compose_runs_the_pinned_versions_and_the_same_settings() {
    let compose = compose();
    let services = &compose["services"];
    for (service, image, version) in [
        ("mongo", "mongo", versions::MONGODB),
        ("kafka", "apache/kafka", versions::KAFKA),
        ("registry", "apicurio/apicurio-registry", versions::REGISTRY),
        ("redis", "redis", versions::REDIS),
        ("gateway", "nginx", versions::NGINX),
    ] {
        assert_eq!(services[service]["image"].as_str(), Some(format!("{image}:{version}").as_str()));
    }
    for (name, value) in kafka::SETTINGS {
        let variable = format!("KAFKA_{}", name.to_uppercase().replace('.', "_"));
        assert_eq!(services["kafka"]["environment"][variable.as_str()].as_str(), Some(value), "{variable}");
    }
    let settings = redis::SETTINGS.into_iter().flat_map(|(name, value)| [format!("--{name}"), value.to_owned()]);
    let expected: Vec<_> = std::iter::once("redis-server".to_owned()).chain(settings).collect();
    assert_eq!(words(&services["redis"]["command"]), expected);
    let command = words(&services["mongo"]["command"]);
    assert!(command.starts_with(&["--replSet", "rs0"]) && command.ends_with(&["--setParameter", mongo::HISTORY]));
    assert_eq!(
        services["registry"]["environment"]["APICURIO_STORAGE_SQL_KIND"].as_str(),
        Some("h2"),
        "data that lasts"
    );
}

#[test]
fn compose_waits_only_for_what_can_become_healthy_and_mounts_only_what_exists() {
    let compose = compose();
    for (name, service) in services(&compose) {
        let health = &service["healthcheck"];
        let once = service["restart"] == "no" || service["restart"] == "on-failure";
        assert!(health["disable"] == true || health["test"].is_sequence(), "{name} has no health check");
        assert_eq!(once, health["disable"] == true, "{name}: what runs once has no health, everything else has");
        for (needed, condition) in service["depends_on"].as_mapping().into_iter().flatten() {
            let needed = &compose["services"][needed.as_str().unwrap()];
            assert!(needed.is_mapping(), "{name} waits for nobody: {needed:?}");
            let ends = needed["healthcheck"]["disable"] == true;
            let expected = if ends { "service_completed_successfully" } else { "service_healthy" };
            assert_eq!(condition["condition"].as_str(), Some(expected), "{name}");
        }
        for volume in words(&service["volumes"]) {
            let (source, _target) = volume.split_once(':').unwrap();
            let exists = folders::repository().join(source).exists();
            let declared = compose["volumes"].as_mapping().unwrap().contains_key(source);
            assert!(if source.starts_with('.') { exists } else { declared }, "{name}: {volume}");
        }
    }
}

#[test]
fn compose_fills_in_every_value_of_the_gateways_template() {
    let (compose, template) = (compose(), deploy("nginx.conf.template"));
    let environment = &compose["services"]["gateway"]["environment"];
    let used = template.split("${").skip(1).map(|rest| rest.split_once('}').unwrap().0);
    for name in used.collect::<BTreeSet<_>>() {
        assert!(environment[name].is_string(), "{name} is not set");
    }
}

#[test]
fn the_image_holds_every_program_that_compose_starts_and_runs_as_nobody_special() {
    let (compose, file) = (compose(), deploy("Dockerfile"));
    let logical = file.replace("\\\n", " ");
    let lines: Vec<_> = logical.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect();
    for line in &lines {
        let known = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "CMD"];
        assert!(known.contains(&line.split_whitespace().next().unwrap()), "{line}");
    }
    assert!(lines.iter().filter(|line| line.starts_with("FROM")).count() > 1, "several stages");
    let user = lines.iter().rev().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(user != "root" && user != "0");
    for (name, service) in services(&compose).filter(|(_, service)| service["image"] == "orderflow:local") {
        let program = *words(&service["command"]).first().unwrap_or_else(|| panic!("{name} has no command"));
        let copied = lines.iter().any(|line| line.split_whitespace().any(|word| word.ends_with(program)));
        assert!(copied, "{program} is not in the image");
        assert_eq!(service["build"]["dockerfile"].as_str(), Some("deploy/Dockerfile"));
    }
}
