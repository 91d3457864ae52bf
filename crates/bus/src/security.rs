//! How the brokers are spoken to: in clear or by TLS, and under which name.
//!
//! TLS is librdkafka's own, which needs OpenSSL: only a build with the feature `kafka-tls` has it.

use std::fmt;

use rdkafka::ClientConfig;
use runtime::Secret;

/// The settings of every client of Kafka, besides where it is.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct KafkaSecurity {
    /// Whether the brokers are spoken to by TLS, and whether they want a name and a password.
    #[arg(long, env = "KAFKA_SECURITY_PROTOCOL", value_enum, ignore_case = true, default_value_t)]
    pub kafka_security_protocol: Protocol,
    /// How the password is shown to the brokers.
    #[arg(long, env = "KAFKA_SASL_MECHANISM", value_enum, ignore_case = true, default_value_t)]
    pub kafka_sasl_mechanism: Mechanism,
    /// The name under which the brokers know this process.
    #[arg(long, env = "KAFKA_SASL_USERNAME")]
    pub kafka_sasl_username: Option<String>,
    /// Its password.
    #[arg(long, env = "KAFKA_SASL_PASSWORD", hide_env_values = true)]
    pub kafka_sasl_password: Option<Secret>,
    /// The certificates, as PEM, of whoever vouches for the brokers; without them those that the machine trusts.
    #[arg(long, env = "KAFKA_CA")]
    pub kafka_ca: Option<String>,
}

/// What the brokers' listener speaks, in Kafka's own words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Protocol {
    /// In clear, and to everybody.
    #[default]
    Plaintext,
    /// By TLS.
    Ssl,
    /// In clear, to those who have a name: for networks that nobody else is in.
    SaslPlaintext,
    /// By TLS, to those who have a name.
    SaslSsl,
}

/// How a password is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Mechanism {
    /// As it is: by TLS only, or where nobody listens.
    #[value(name = "PLAIN")]
    Plain,
    /// Not at all: that it is known is proven. Needs a build with `kafka-tls`.
    #[default]
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
}

impl KafkaSecurity {
    /// Says what is wrong with the settings taken together.
    pub fn check(&self, problems: &mut Vec<String>) {
        let protocol = self.kafka_security_protocol;
        if protocol.wants_a_name() && (self.kafka_sasl_username.is_none() || self.kafka_sasl_password.is_none()) {
            let both = "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or KAFKA_SASL_PASSWORD_FILE)";
            problems.push(format!("KAFKA_SECURITY_PROTOCOL is {protocol}; set {both}"));
        }
        if self.needs_openssl() && !cfg!(feature = "kafka-tls") {
            let how = "cargo build --features kafka-tls, as the Dockerfile does";
            problems.push(format!("KAFKA_SECURITY_PROTOCOL {protocol} needs a build with OpenSSL: {how}"));
        }
    }

    /// Adds these settings to a client's.
    pub(crate) fn apply(&self, client: &mut ClientConfig) {
        let protocol = self.kafka_security_protocol;
        client.set("security.protocol", protocol.to_string());
        if protocol.wants_a_name() {
            client.set("sasl.mechanism", self.kafka_sasl_mechanism.name());
            client.set("sasl.username", self.kafka_sasl_username.as_deref().unwrap_or_default());
            client.set("sasl.password", self.kafka_sasl_password.as_ref().map_or("", Secret::expose));
        }
        if let Some(pem) = self.kafka_ca.as_deref().filter(|_| protocol.is_tls()) {
            client.set("ssl.ca.pem", pem);
        }
    }

    fn needs_openssl(&self) -> bool {
        let protocol = self.kafka_security_protocol;
        protocol.is_tls() || (protocol.wants_a_name() && self.kafka_sasl_mechanism == Mechanism::ScramSha512)
    }
}

impl Protocol {
    const fn wants_a_name(self) -> bool {
        match self {
            Self::SaslPlaintext | Self::SaslSsl => true,
            Self::Plaintext | Self::Ssl => false,
        }
    }

    const fn is_tls(self) -> bool {
        match self {
            Self::Ssl | Self::SaslSsl => true,
            Self::Plaintext | Self::SaslPlaintext => false,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        })
    }
}

impl Mechanism {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    fn problems(security: &KafkaSecurity) -> usize {
        let mut problems = Vec::new();
        security.check(&mut problems);
        problems.len()
    }

    #[test]
    fn brokers_that_want_a_name_get_one_and_tls_is_spoken_by_builds_that_can() {
        let with = |kafka_security_protocol, kafka_sasl_mechanism, name: Option<&str>| KafkaSecurity {
            kafka_security_protocol,
            kafka_sasl_mechanism,
            kafka_sasl_username: name.map(str::to_owned),
            kafka_sasl_password: name.map(Secret::from),
            kafka_ca: None,
        };
        let without_openssl = usize::from(!cfg!(feature = "kafka-tls"));
        for (security, expected) in [
            (KafkaSecurity::default(), 0),
            (with(Protocol::Ssl, Mechanism::Plain, None), without_openssl),
            (with(Protocol::SaslPlaintext, Mechanism::Plain, Some("relay")), 0),
            (with(Protocol::SaslPlaintext, Mechanism::Plain, None), 1),
            (with(Protocol::SaslPlaintext, Mechanism::ScramSha512, Some("relay")), without_openssl),
            (with(Protocol::SaslSsl, Mechanism::Plain, Some("relay")), without_openssl),
            (with(Protocol::SaslSsl, Mechanism::Plain, None), 1 + without_openssl),
        ] {
            assert_eq!(problems(&security), expected, "{security:?}");
        }
    }

    #[test]
    fn settings_are_written_in_kafkas_words() {
        for protocol in Protocol::value_variants() {
            assert_eq!(Protocol::from_str(&protocol.to_string(), false), Ok(*protocol));
        }
        for mechanism in Mechanism::value_variants() {
            assert_eq!(Mechanism::from_str(mechanism.name(), false), Ok(*mechanism));
        }
    }
}
