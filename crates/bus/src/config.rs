//! Where Kafka and the schema registry are, and how they are spoken to.

use crate::KafkaSecurity;

/// The settings of every process that reads or writes events.
#[derive(Debug, Clone, clap::Args)]
pub struct KafkaConfig {
    /// Kafka's bootstrap brokers, `host:port`, separated by commas.
    #[arg(long, env = "KAFKA_BROKERS", value_parser = brokers)]
    pub kafka_brokers: String,
    /// The root of the schema registry's Confluent-compatible API.
    #[arg(long, env = "SCHEMA_REGISTRY_URL", value_parser = registry_url)]
    pub schema_registry_url: String,
    /// How Kafka is spoken to.
    #[command(flatten)]
    pub security: KafkaSecurity,
}

impl KafkaConfig {
    /// Servers that are spoken to in clear and let everybody in, as those of tests.
    #[must_use]
    pub fn in_clear(kafka_brokers: impl Into<String>, schema_registry_url: impl Into<String>) -> Self {
        let security = KafkaSecurity::default();
        Self { kafka_brokers: kafka_brokers.into(), schema_registry_url: schema_registry_url.into(), security }
    }
}

fn brokers(text: &str) -> Result<String, &'static str> {
    let wrong = |broker: &str| broker.trim().rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err());
    if text.split(',').any(wrong) {
        return Err("host:port is expected, several of them separated by commas");
    }
    Ok(text.to_owned())
}

fn registry_url(text: &str) -> Result<String, &'static str> {
    let url = text.trim_end_matches('/');
    let parsed =
        reqwest::Url::parse(url).map_err(|_| "a URL such as http://registry:8080/apis/ccompat/v7 is expected")?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("a URL that starts with http:// or https:// is expected");
    }
    Ok(url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_need_a_host_and_a_port_each() {
        assert!(brokers("a:9092,b:9092").is_ok());
        for wrong in ["", "a", "a:x", "a:9092,", "a:9092,b"] {
            assert!(brokers(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_registry_url_loses_its_last_slash_and_must_be_http() {
        assert_eq!(registry_url("http://r:8080/apis/ccompat/v7/").as_deref(), Ok("http://r:8080/apis/ccompat/v7"));
        for wrong in ["", "r:8080", "ftp://r/"] {
            assert!(registry_url(wrong).is_err(), "{wrong}");
        }
    }
}
