//! Detours that our processes take to what they depend on, so that a test can disturb them on the way.

use std::collections::BTreeMap;

use super::ours::PAYMENT_SANDBOX;
use super::ports::Ports;
use crate::Error;
use crate::servers::{KafkaDetour, KafkaKind, Kind, MongoKind, RedisKind, RegistryKind};

/// What our processes reach by another port, besides Kafka.
const SERVERS: [&str; 4] = [MongoKind::NAME, RedisKind::NAME, RegistryKind::NAME, PAYMENT_SANDBOX];

/// The ways of our processes.
#[derive(Debug, Default)]
pub(super) struct Detours {
    /// The port to which they go, by the one that they mean.
    ports: BTreeMap<u16, u16>,
    /// Kafka's clients go where the broker says, so it has to know.
    pub(super) kafka: Option<KafkaDetour>,
}

impl Detours {
    /// Asks for each server by which port our processes reach it.
    pub(super) fn choose(ports: &mut Ports, detour: impl Fn(&str, u16) -> u16) -> Result<Self, Error> {
        let mut chosen = BTreeMap::new();
        for name in SERVERS {
            let port = ports.of(name)?;
            chosen.insert(port, detour(name, port));
        }
        let leads_to = ports.of(&format!("{}.detour", KafkaKind::NAME))?;
        let begins = detour(KafkaKind::NAME, leads_to);
        chosen.insert(ports.of(KafkaKind::NAME)?, begins);
        Ok(Self { ports: chosen, kafka: Some(KafkaDetour { begins, leads_to }) })
    }

    /// The address that our processes are given for this one.
    pub(super) fn of(&self, address: &str) -> String {
        let host = |port: &u16| format!("127.0.0.1:{port}");
        let taken = self.ports.iter().find(|(port, _)| address.contains(&host(port)));
        let Some((port, detour)) = taken else { return address.to_owned() };
        // A member of a replica set would tell its own address, and be gone to straight.
        address.replace(&host(port), &host(detour)).replace("replicaSet=rs0", "directConnection=true")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Detours;

    #[test]
    fn an_address_leads_by_its_detour_if_it_has_one() {
        let ports = BTreeMap::from([(14_001, 50_001), (14_002, 50_002)]);
        let detours = Detours { ports, kafka: None };
        for (address, given) in [
            (
                "mongodb://127.0.0.1:14001/orderflow?replicaSet=rs0",
                "mongodb://127.0.0.1:50001/orderflow?directConnection=true",
            ),
            ("redis://127.0.0.1:14002/", "redis://127.0.0.1:50002/"),
            (
                "mongodb://127.0.0.1:14003/orderflow?replicaSet=rs0",
                "mongodb://127.0.0.1:14003/orderflow?replicaSet=rs0",
            ),
        ] {
            assert_eq!(detours.of(address), given);
        }
    }
}
