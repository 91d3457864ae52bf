//! Hears of revocations, for as long as the process lives.

use std::convert::Infallible;
use std::time::Duration;

use bus::{DecodeFailure, Decoder, Kafka, RawRecord, Registry, StartFrom, Tail, TailEvent};
use runtime::backoff::Backoff;
use runtime::{Dependency, Process, Shutdown, chain, clock};
use schemas::{Aggregate, AnyEvent, Recorded, Timestamp, UserEvent};

use crate::{Error, Revocation, Sessions, TOKEN_LIFETIME, metrics};

/// A record is written a little after its event was decided, and by another clock.
const RECORDED_WITHIN: Duration = Duration::from_secs(120);

/// Starts to read the users' topic from one token lifetime ago.
pub(crate) fn start(sessions: Sessions, kafka: &Kafka, registry: &Registry, process: &Process) -> Result<(), Error> {
    let back = i64::try_from((TOKEN_LIFETIME + RECORDED_WITHIN).as_micros()).unwrap_or(i64::MAX);
    let from = Timestamp::from_micros(clock::now_micros().saturating_sub(back));
    let follower = Follower {
        sessions,
        users: Tail::start(kafka, Aggregate::User.topic(), StartFrom::Time(from))?,
        decoder: Decoder::new(registry),
        health: process.health.dependency("sessions"),
        shutdown: process.shutdown.clone(),
    };
    follower.health.down("the users' topic has not been read to its end yet");
    process.tasks.supervise("sessions", follower.run());
    Ok(())
}

struct Follower {
    sessions: Sessions,
    users: Tail,
    decoder: Decoder,
    health: Dependency,
    shutdown: Shutdown,
}

impl Follower {
    async fn run(mut self) -> Result<(), Infallible> {
        let mut caught_up = false;
        while let Some(next) = self.users.next().await {
            match next {
                TailEvent::CaughtUp => caught_up = true,
                TailEvent::Record(record) => {
                    let shutdown = self.shutdown.clone();
                    let event = tokio::select! {
                        event = self.decoded(&record) => event,
                        () = shutdown.requested() => return Ok(()),
                    };
                    event.as_ref().and_then(Revocation::of).into_iter().for_each(|ended| self.sessions.revoke(ended));
                }
            }
            if caught_up {
                self.sessions.caught_up();
                self.health.up();
            }
        }
        Ok(())
    }

    /// The record's event; `None` if it holds none of a user that this build can read. Such a record is passed over,
    /// with an alarm: stopping at it would keep every later revocation from being heard. While the registry is away
    /// nothing is passed over.
    async fn decoded(&self, record: &RawRecord) -> Option<Recorded<UserEvent>> {
        let mut backoff = Backoff::default();
        loop {
            match self.decoder.decode(record).await {
                Ok(recorded) => return user_event(recorded),
                Err(DecodeFailure::Unavailable { source }) => {
                    self.health.down(format!("an event of the users' topic cannot be read: {}", chain(&source)));
                    backoff.wait().await;
                }
                Err(poison @ DecodeFailure::Poison { .. }) => {
                    metrics::UNREADABLE.add(1);
                    let RawRecord { topic, partition, offset, .. } = record;
                    tracing::error!(
                        error = chain(&poison),
                        "{topic}/{partition}@{offset} cannot be decoded; if it ends a session, that session goes on"
                    );
                    return None;
                }
            }
        }
    }
}

fn user_event(recorded: Recorded<AnyEvent>) -> Option<Recorded<UserEvent>> {
    let event = match &recorded.event {
        AnyEvent::User(event) => event.clone(),
        AnyEvent::Order(_)
        | AnyEvent::Product(_)
        | AnyEvent::Stock(_)
        | AnyEvent::Payment(_)
        | AnyEvent::Fulfilment(_) => return None,
    };
    Some(recorded.map(|_| event))
}
