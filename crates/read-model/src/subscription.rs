//! A connection that listens to channels, and what is said on those of notices.
//!
//! The connection is tried while nothing arrives, so one that died silently is noticed within seconds.

use std::fmt;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Msg, RedisError};
use runtime::clock;
use tokio::time::{Interval, MissedTickBehavior, interval_at, timeout};

use crate::connection::Connections;

/// How often the connection is tried.
const PING: Duration = Duration::from_secs(5);
/// How long Redis may take to confirm a subscription or a ping.
const ANSWER: Duration = Duration::from_secs(2);

/// An ear for some channels.
pub(crate) struct Subscription {
    sink: PubSubSink,
    messages: PubSubStream,
    time_to_try: Interval,
}

impl Subscription {
    /// Hears what is published on the channels of these patterns from now on.
    pub(crate) async fn to(connections: &Connections, patterns: &[String]) -> Result<Self, RedisError> {
        let (mut sink, messages) = connections.subscriber().await?.split();
        bounded(sink.psubscribe(patterns)).await?;
        let mut time_to_try = interval_at(clock::monotonic() + PING, PING);
        time_to_try.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { sink, messages, time_to_try })
    }

    /// The next message; `None` every few seconds while the connection was tried and stands. After an error nothing
    /// more comes. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Option<Msg>, RedisError> {
        tokio::select! {
            biased;
            message = self.messages.next() => message.map(Some).ok_or_else(|| lost(std::io::ErrorKind::ConnectionAborted)),
            _ = self.time_to_try.tick() => bounded(self.sink.ping::<redis::Value>()).await.map(|_pong| None),
        }
    }

    /// A message that has arrived already.
    pub(crate) fn arrived(&mut self) -> Option<Msg> {
        self.messages.next().now_or_never().flatten()
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

async fn bounded<T>(answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
    timeout(ANSWER, answer).await.unwrap_or_else(|_| Err(lost(std::io::ErrorKind::TimedOut)))
}

fn lost(kind: std::io::ErrorKind) -> RedisError {
    std::io::Error::from(kind).into()
}

/// The streams of a notice, which is `stream@version` of every document that was written, separated by spaces.
pub(crate) fn applied(notice: &[u8]) -> impl Iterator<Item = &str> {
    let notice = std::str::from_utf8(notice).unwrap_or_default();
    notice.split(' ').filter_map(|applied| applied.split_once('@')).map(|(stream, _version)| stream)
}
