//! Clients: each has one command, and sends it again under its key until it is acknowledged, and sometimes after that.

use std::sync::Mutex;

use command_api::{Creates, Intent, Streams};
use domain::order::Quantity;
use domain::stock::{Pieces, Stock, StockCommand};
use event_store::KeyHash;
use rand::Rng as _;
use schemas::{OrderId, Sku, StreamId, Timestamp, Version};
use std::sync::Arc;

use crate::link::{Link, Shared};

/// The instances of the process that takes commands; a killed one is replaced in its place.
pub(crate) type Instances = Arc<Mutex<Vec<Streams<Stock, Link>>>>;

/// What a client was told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) key: KeyHash,
    /// The versions of the acknowledgements.
    pub(crate) versions: Vec<Version>,
    pub(crate) done: bool,
}

/// A command of some client.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) number: usize,
    pub(crate) stream: StreamId,
    creates: Creates,
    command: StockCommand,
    intent: Intent,
    /// How often it is sent again although it was acknowledged.
    repetitions: usize,
}

impl Command {
    /// One of some stream; the first stream is made by a command whose key names it.
    pub(crate) fn any(world: &mut crate::world::World, number: usize) -> Self {
        let stream = if number == 0 { 0 } else { world.dice.random_range(1..world.streams.len()) };
        let sku = sku(stream);
        let command = if number == 0 || world.dice.random_bool(0.5) {
            StockCommand::Receive {
                sku,
                quantity: Pieces::new(1 + i64::try_from(number).unwrap()).unwrap(),
                reason: None,
            }
        } else {
            let (order, until) = (OrderId::from_bits(u128::try_from(number).unwrap()), Timestamp::from_micros(0));
            StockCommand::Reserve { sku, order, quantity: Quantity::new(1).unwrap(), until }
        };
        let intent = Intent::internal("client", &number.to_string());
        let creates = if number == 0 { Creates::FromKey } else { Creates::No };
        let repetitions = world.dice.random_range(0..3_usize).saturating_sub(1);
        Self { number, stream: world.streams[stream].clone(), creates, command, intent, repetitions }
    }

    pub(crate) fn told(&self) -> Told {
        Told { key: self.intent.key.unwrap(), versions: Vec::new(), done: false }
    }

    /// Sends it until it is acknowledged as often as its client wants to hear it. A client whose instance was killed
    /// hears nothing; he or she loses patience, and asks any instance.
    pub(crate) async fn send(self, link: Link, instances: Instances, told: Arc<Mutex<Vec<Told>>>) {
        let Self { number, stream, creates, command, intent, repetitions } = self;
        for _ in 0..=repetitions {
            loop {
                link.turn("client").await;
                let instance = pick(&link.shared, &instances);
                let answered = instance.execute(stream.clone(), creates, command.clone(), intent.clone());
                let answered = tokio::time::timeout(crate::run::PATIENCE, answered).await;
                if let Ok(Ok(done)) = answered {
                    told.lock().unwrap()[number].versions.push(done.version);
                    break;
                }
            }
        }
        told.lock().unwrap()[number].done = true;
    }
}

fn pick(shared: &Shared, instances: &Instances) -> Streams<Stock, Link> {
    let instances = instances.lock().unwrap();
    let number = shared.world().dice.random_range(0..instances.len());
    instances[number].clone()
}

pub(crate) fn sku(stream: usize) -> Sku {
    Sku::parse(&format!("sku-{stream}")).unwrap()
}
