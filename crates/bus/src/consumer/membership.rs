//! Being a member: joining, polling, and joining again after a client has failed for good.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::groups::GroupInfo;
use runtime::backoff::Backoff;
use runtime::clock;
use uuid::Uuid;

use super::context::{Context, Group};
use super::feed::Incoming;
use super::poller::{Left, Poller};
use crate::Error;
use crate::bell::Bell;

/// How often a member that was shut out looks whether it may join again, and how long one look may take.
const LOOK: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(2);
/// A member that was one for so long counts as one that had no trouble to join.
const LASTED: Duration = Duration::from_secs(60);
/// How long a client may take to leave its group.
const FAREWELL: Duration = Duration::from_secs(5);

/// Makes a client that joins the group as soon as Kafka answers.
pub(super) fn join(group: &Arc<Group>) -> Result<BaseConsumer<Context>, Error> {
    let failed = |source| Error::Client { purpose: "consuming", source };
    let mut client: BaseConsumer<Context> = group
        .kafka
        .settings()
        .set("group.id", &group.config.group)
        .set("group.instance.id", &group.config.instance)
        .set("group.protocol", "classic")
        // Those that move partitions without stopping everybody crash in librdkafka (ADR 28).
        .set("partition.assignment.strategy", "roundrobin")
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
        let joined = clock::monotonic();
        let left = Poller::new(&member, &mut incoming).run(bell);
        if joined.elapsed() >= LASTED {
            backoff.reset();
        }
        match left {
            Left::Stopped => {}
            Left::ShutOut => shut_out(group, &member, bell),
            Left::Failed { reason } => {
                tracing::warn!(group = group.config.group, reason, "the consumer failed and joins again: {reason}");
            }
        }
        leave(group, member);
        while client.is_none() && !bell.is_stopped() {
            bell.wait(backoff.next());
            client = join(group).ok();
        }
    }
}

/// Lets the client leave the group. If Kafka does not answer it can take for ever; then it is left to itself, and the
/// group drops it after its session's time.
fn leave(group: &Group, client: BaseConsumer<Context>) {
    let (leaving, left) = mpsc::channel::<()>();
    let farewell = move || {
        drop(client);
        drop(leaving);
    };
    // Where no thread can be had, the client is dropped here.
    let _thread = std::thread::Builder::new().name("kafka-leave".to_owned()).spawn(farewell);
    if left.recv_timeout(FAREWELL) == Err(RecvTimeoutError::Timeout) {
        let name = &group.config.group;
        tracing::warn!(group = name, "Kafka does not answer, so group {name} is not told that this process leaves it");
    }
}

/// Somebody took our name: another process, or we ourselves, when the answer to a request to join was lost. Taking it
/// back would shut the other process out, so we stay out, visibly, until the group has no member of our name any more: one
/// that nobody answers for is dropped after its session's time.
fn shut_out(group: &Group, member: &BaseConsumer<Context>, bell: &Bell) {
    let (name, instance) = (&group.config.group, &group.config.instance);
    let reason = format!(
        "group {name} has a member {instance} that is not this process: if this stays, give each process an INSTANCE of \
         its own; this one joins again when that one is gone"
    );
    tracing::error!(group = name, instance, "{reason}");
    let health = group.kafka.process().health.dependency("kafka-membership");
    health.down(reason);
    while !bell.is_stopped() {
        bell.wait(LOOK);
        match member.fetch_group_list(Some(name), TIMEOUT) {
            Ok(groups) if !groups.groups().iter().any(|group| has_member(group, instance)) => break,
            Ok(_taken) => {}
            Err(error) => tracing::debug!(group = name, %error, "cannot look who is in the group"),
        }
    }
    health.up();
}

/// Whether a group has a member of this name. Kafka calls a member that has a name by it, a dash and a UUID.
fn has_member(group: &GroupInfo, instance: &str) -> bool {
    let uuid_of = |id: &str| id.strip_prefix(instance)?.strip_prefix('-')?.parse::<Uuid>().ok();
    group.members().iter().any(|member| uuid_of(member.id()).is_some())
}
