//! Which part listens where. A port stays the same over restarts: MongoDB and Kafka keep their own address in their data.

use std::collections::BTreeMap;

use crate::Error;
use crate::port::Port;

/// Ports by the name of what listens.
#[derive(Debug, Default)]
pub(super) struct Ports {
    numbers: BTreeMap<String, u16>,
    claims: Vec<Port>,
}

impl Ports {
    /// The ports of an earlier run.
    pub(super) const fn remembered(numbers: BTreeMap<String, u16>) -> Self {
        Self { numbers, claims: Vec::new() }
    }

    /// All of them, to be remembered.
    pub(super) const fn numbers(&self) -> &BTreeMap<String, u16> {
        &self.numbers
    }

    /// The port of this name, if it has one.
    pub(super) fn known(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    /// The port of this name; a free one the first time.
    pub(super) fn of(&mut self, name: &str) -> Result<u16, Error> {
        match self.known(name) {
            Some(number) => Ok(number),
            None => Ok(self.keep(name, Port::claim()?)),
        }
    }

    /// The port of this name; this very number the first time, if it is free.
    pub(super) fn prefer(&mut self, name: &str, number: u16) -> Result<u16, Error> {
        if self.known(name).is_none()
            && let Some(port) = Port::try_claim(number)?
        {
            self.keep(name, port);
        }
        self.of(name)
    }

    fn keep(&mut self, name: &str, port: Port) -> u16 {
        let number = port.number();
        self.numbers.insert(name.to_owned(), number);
        self.claims.push(port);
        number
    }
}
