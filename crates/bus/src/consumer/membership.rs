//! Being a member: joining, polling, and joining again after a client has failed for good.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use runtime::backoff::Backoff;

use super::context::{Context, Group};
use super::feed::Incoming;
use super::poller::{Left, Poller};
use crate::Error;
use crate::bell::Bell;

/// Makes a client that joins the group as soon as Kafka answers.
pub(super) fn join(group: &Arc<Group>) -> Result<BaseConsumer<Context>, Error> {
    let failed = |source| Error::Client { purpose: "consuming", source };
    let mut client: BaseConsumer<Context> = group
        .kafka
        .settings()
        .set("group.id", &group.config.group)
        .set("group.instance.id", &group.config.instance)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "1000")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        // Prefetch little: what is prefetched is dropped when a partition pauses. When it is enough, look again soon.
        .set("queued.min.messages", "2000")
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.queue.backoff.ms", "2")
        .create_with_context(Context::new(group))
        .map_err(failed)?;
    let bell = Arc::clone(&group.requests.bell);
    client.set_nonempty_callback(move || bell.ring());
    let topics: Vec<_> = group.config.topics.iter().map(String::as_str).collect();
    client.subscribe(&topics).map_err(failed)?;
    Ok(client)
}

/// Polls until the bell says stop.
pub(super) fn hold(group: &Arc<Group>, client: BaseConsumer<Context>, mut incoming: Incoming, bell: &Bell) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
    let mut client = Some(client);
    while let Some(member) = client.take() {
        match Poller::new(&member, &mut incoming).run(bell) {
            Left::Stopped => return,
            Left::ShutOut => return shut_out(group, bell),
            Left::Failed { reason } => {
                tracing::warn!(group = group.config.group, reason, "the consumer failed and joins again: {reason}");
            }
        }
        drop(member);
        while client.is_none() && !bell.is_stopped() {
            bell.wait(backoff.next());
            client = join(group).ok();
        }
    }
}

/// Another process took our name. Taking it back would shut that one out, so we stay out, visibly.
fn shut_out(group: &Group, bell: &Bell) {
    let (name, instance) = (&group.config.group, &group.config.instance);
    let reason = format!(
        "another process joined group {name} as {instance}: give each process an INSTANCE of its own and start this \
         one again"
    );
    tracing::error!(group = name, instance, "{reason}");
    group.kafka.process().health.dependency("kafka-membership").down(reason);
    while !bell.is_stopped() {
        bell.wait(Duration::from_secs(1));
    }
}
