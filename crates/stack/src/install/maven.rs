//! Kafka and the schema registry from Maven Central.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{debian, installed, run, verify};
use crate::versions::{KAFKA, KAFKA_SHA256, MAVEN_DEPENDENCY_PLUGIN, REGISTRY, REGISTRY_SHA256, SLF4J_SIMPLE};
use crate::{Error, report};

/// The folder of the broker's jars.
///
/// # Errors
/// What is missing or which download failed.
pub fn kafka() -> Result<PathBuf, Error> {
    installed(&format!("kafka-{KAFKA}"), |folder| {
        report::line(&format!("downloading Apache Kafka {KAFKA} (43 MB): mvn dependency:copy-dependencies"));
        let pom = folder.join("pom.xml");
        std::fs::write(&pom, kafka_pom()).map_err(Error::file("write", &pom))?;
        let mut maven = maven("copy-dependencies")?;
        maven.arg("-f").arg(&pom).arg("-DincludeScope=runtime");
        run(maven.arg(format!("-DoutputDirectory={}", folder.display())))?;
        for line in KAFKA_SHA256.lines() {
            if let Some((digest, file)) = line.split_once("  ") {
                verify(&folder.join(file), digest)?;
            }
        }
        only_pinned_jars(folder)
    })
}

/// The folder of the unpacked registry.
///
/// # Errors
/// What is missing or which download failed.
pub fn registry() -> Result<PathBuf, Error> {
    installed(&format!("apicurio-registry-{REGISTRY}"), |folder| {
        report::line(&format!("downloading Apicurio Registry {REGISTRY} (109 MB): mvn dependency:copy"));
        let mut maven = maven("copy")?;
        maven.arg(format!("-Dartifact=io.apicurio:apicurio-registry-app:{REGISTRY}:tar.gz:all"));
        run(maven.arg(format!("-DoutputDirectory={}", folder.display())))?;
        let archive = folder.join(format!("apicurio-registry-app-{REGISTRY}-all.tar.gz"));
        verify(&archive, REGISTRY_SHA256)?;
        run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder))?;
        std::fs::remove_file(&archive).map_err(Error::file("remove", &archive))
    })
}

/// The registry's jar in its folder.
#[must_use]
pub(crate) fn registry_jar(folder: &Path) -> PathBuf {
    folder.join(format!("apicurio-registry-app-{REGISTRY}-runner.jar"))
}

fn maven(goal: &str) -> Result<Command, Error> {
    for (program, package) in [("java", "openjdk-17-jdk-headless"), ("mvn", "maven")] {
        if run(Command::new(program).arg("-version")).is_err() {
            let command = debian::command(&[package]);
            return Err(Error::Missing { what: format!("`{program}` (Java 17 or newer, with Maven)"), command });
        }
    }
    let mut maven = Command::new("mvn");
    let goal = format!("org.apache.maven.plugins:maven-dependency-plugin:{MAVEN_DEPENDENCY_PLUGIN}:{goal}");
    maven.args(["--batch-mode", "--no-transfer-progress", "--quiet", "--strict-checksums", &goal]);
    Ok(maven)
}

/// A jar without a digest would be run unverified.
fn only_pinned_jars(folder: &Path) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::file("read", folder))?;
    for entry in entries {
        let path = entry.map_err(Error::file("read", folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".jar") && !KAFKA_SHA256.contains(&format!("  {name}\n")) {
            std::fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        }
    }
    Ok(())
}

fn kafka_pom() -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>orderflow</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{SLF4J_SIMPLE}</version>
    </dependency>
  </dependencies>
</project>
"
    )
}
