//! Asking for positions, from the polling thread, until they are known.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use runtime::Process;
use runtime::backoff::Backoff;
use schemas::Position;
use tokio::runtime::Handle;

use super::PositionSource;
use crate::bell::Bell;
use crate::kafka::Ends;

/// One question: the position, or why it cannot be had now.
type Question = Box<dyn Fn(Arc<str>, i32) -> BoxFuture<'static, Result<Position, String>> + Send + Sync>;

/// A topic's name, and what is known of it.
type Topic = (Arc<str>, Arc<Ends>);

/// Asks a [`PositionSource`] from a thread without an asynchronous runtime.
pub(super) struct Ask {
    question: Question,
    process: Process,
    runtime: Handle,
}

impl Ask {
    pub(super) fn new<P: PositionSource>(positions: P, process: &Process) -> Self {
        let positions = Arc::new(positions);
        let question: Question = Box::new(move |topic, partition| {
            let positions = Arc::clone(&positions);
            async move { positions.position(&topic, partition).await.map_err(|error| error.to_string()) }.boxed()
        });
        Self { question, process: process.clone(), runtime: Handle::current() }
    }

    /// The positions of all these partitions. Waits until each is known; `None` if the bell says stop before.
    pub(super) fn all(&self, partitions: &[(Topic, i32)], bell: &Bell) -> Option<Vec<Position>> {
        let asked = partitions.iter().map(|((topic, _), partition)| self.one(topic, *partition, bell));
        let answers = async {
            tokio::select! {
                answers = join_all(asked) => answers.into_iter().collect(),
                () = self.process.shutdown.requested() => None,
            }
        };
        self.runtime.block_on(answers)
    }

    async fn one(&self, topic: &Arc<str>, partition: i32, bell: &Bell) -> Option<Position> {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(1));
        loop {
            if bell.is_stopped() {
                return None;
            }
            match (self.question)(Arc::clone(topic), partition).await {
                Ok(position) => return Some(position),
                Err(error) => tracing::warn!(error, topic = &**topic, partition, "the position cannot be had now"),
            }
            backoff.wait().await;
        }
    }
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").finish_non_exhaustive()
    }
}
