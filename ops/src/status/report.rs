//! The answer of `ops status`, for people and for programs.

use std::fmt;

use read_model::Survey;
use serde::Serialize;

use crate::FAILED;
use crate::answer::Answer;

/// Lags and waits up to this many seconds are no reason to call somebody.
const PATIENCE_SECONDS: i64 = 30;

/// How everything is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// What somebody should look at, a sentence each; empty when all is well.
    pub(super) attention: Vec<String>,
    pub(super) outbox: OutboxStatus,
    pub(super) readers: Vec<ReaderStatus>,
    pub(super) groups: Vec<GroupStatus>,
    /// Empty if nobody said where the gateway is.
    pub(super) processes: Vec<ProcessStatus>,
}

/// What waits in MongoDB for a relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutboxStatus {
    /// Commits to be published as soon as possible.
    pub(super) waiting: u64,
    /// How old the oldest of them is.
    pub(super) oldest_seconds: Option<u64>,
    /// Commits to be published again, when there is time.
    pub(super) again: u64,
}

/// A projection's generation, or the feeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReaderStatus {
    name: String,
    /// Which generation of a projection; the feeds have none.
    generation: Option<u32>,
    /// Whether answers come from it.
    pub(super) live: bool,
    /// Whether there is nothing yet to answer from.
    empty: bool,
    /// Events that are in the log and not in here, over all partitions.
    behind: i64,
    /// For how long the partition that is furthest behind has not been at the end of its log; 0 = it is there, null = not
    /// known.
    seconds: Option<i64>,
    /// Streams of which versions are missing.
    gaps: usize,
    /// Streams that wait for somebody.
    parked: usize,
    partitions: Vec<PartitionStatus>,
}

/// One partition, as one reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartitionStatus {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// The next offset to be applied.
    pub(super) position: i64,
    /// The offset that the next record will get.
    pub(super) end: i64,
    pub(super) behind: i64,
    pub(super) seconds: Option<i64>,
}

/// A consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupStatus {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) members: usize,
    /// Whether one of our processes should be in it.
    pub(super) ours: bool,
    /// Records that it has not read, by its notes in Kafka; null for groups that keep their positions elsewhere.
    pub(super) behind: Option<u64>,
    /// For how long the oldest of them has been in the log.
    pub(super) seconds: Option<i64>,
}

/// A process, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessStatus {
    pub(super) name: String,
    /// Whether it can do its work.
    pub(super) ready: bool,
    /// What it needs and does not have; empty, too, if it does not answer.
    pub(super) lacks: Vec<String>,
}

impl Status {
    /// Adds to what is known to be wrong already whatever else somebody should look at.
    pub(super) fn judged(mut self) -> Self {
        let age = self.outbox.oldest_seconds.and_then(|age| i64::try_from(age).ok()).unwrap_or_default();
        if age > PATIENCE_SECONDS {
            self.attention.push(format!("the oldest commit has been waiting to be published for {age} s"));
        }
        self.attention.extend(self.readers.iter().flat_map(ReaderStatus::attention));
        self.attention.extend(self.groups.iter().filter_map(GroupStatus::attention));
        self.attention.extend(self.processes.iter().filter_map(ProcessStatus::attention));
        self
    }
}

impl GroupStatus {
    fn attention(&self) -> Option<String> {
        let Self { name, members, ours, .. } = self;
        if *ours && *members == 0 {
            return Some(format!("nobody is in group {name}"));
        }
        let (behind, seconds) = (self.behind?, self.seconds?);
        (seconds > PATIENCE_SECONDS).then(|| format!("group {name} is behind by {behind} records, for {seconds} s"))
    }
}

impl ProcessStatus {
    fn attention(&self) -> Option<String> {
        let Self { name, ready, lacks } = self;
        let lacks = if lacks.is_empty() { "does not answer".to_owned() } else { format!("lacks {}", lacks.join(", ")) };
        (!ready).then(|| format!("{name} is not ready: it {lacks}"))
    }
}

impl ReaderStatus {
    pub(super) fn new(
        (name, generation): (&str, Option<u32>),
        partitions: Vec<PartitionStatus>,
        survey: &Survey,
    ) -> Self {
        let slow = partitions.iter().filter(|partition| partition.behind > 0);
        let seconds = slow.map(|partition| partition.seconds).max_by_key(|seconds| seconds.unwrap_or(i64::MAX));
        Self {
            name: name.to_owned(),
            generation,
            live: true,
            empty: false,
            behind: partitions.iter().map(|partition| partition.behind).sum(),
            seconds: seconds.unwrap_or(Some(0)),
            gaps: survey.gaps.len(),
            parked: survey.parked.len(),
            partitions,
        }
    }

    /// A projection of which nothing was ever stored.
    pub(super) fn of_nothing(name: &str) -> Self {
        Self { empty: true, ..Self::new((name, None), Vec::new(), &Survey::default()) }
    }

    fn attention(&self) -> Vec<String> {
        let Self { name, behind, gaps, parked, .. } = self;
        let mut attention = Vec::new();
        if self.empty {
            attention.push(format!("{name} shows nothing yet: start its projector"));
        }
        if self.live && self.seconds.is_some_and(|seconds| seconds > PATIENCE_SECONDS) {
            attention.push(format!("{name} is behind by {behind} events, for {} s", self.seconds.unwrap_or_default()));
        }
        if *gaps > 0 {
            attention.push(format!("{name} misses versions of {gaps} streams: the steward has them published again"));
        }
        if *parked > 0 {
            attention.push(format!("{name} has {parked} parked streams"));
        }
        attention
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12} {:>14} {:>8} {:>8} {:>6} {:>7}",
            "reader", "generation", "behind", "seconds", "gaps", "parked"
        )?;
        for ReaderStatus { name, generation, live, behind, seconds, gaps, parked, .. } in &self.readers {
            let mark = if *live { "" } else { " (not live)" };
            let generation = generation.map_or_else(|| "-".to_owned(), |number| format!("{number}{mark}"));
            let seconds = number(*seconds);
            writeln!(f, "{name:<12} {generation:>14} {behind:>8} {seconds:>8} {gaps:>6} {parked:>7}")?;
        }
        let OutboxStatus { waiting, oldest_seconds, again } = &self.outbox;
        let oldest = oldest_seconds.map(|age| format!(", the oldest for {age} s")).unwrap_or_default();
        writeln!(f, "\noutbox: {waiting} commits wait to be published{oldest}; {again} to be published again")?;
        writeln!(f, "\n{:<24} {:<20} {:>7} {:>8} {:>8}", "consumer group", "state", "members", "behind", "seconds")?;
        for GroupStatus { name, state, members, behind, seconds, .. } in &self.groups {
            let (behind, seconds) = (number(*behind), number(*seconds));
            writeln!(f, "{name:<24} {state:<20} {members:>7} {behind:>8} {seconds:>8}")?;
        }
        if !self.processes.is_empty() {
            let state = |process: &ProcessStatus| if process.ready { "ready" } else { "NOT READY" };
            let each = self.processes.iter().map(|process| format!("{} {}", process.name, state(process)));
            writeln!(f, "\nprocesses: {}", each.collect::<Vec<_>>().join(", "))?;
        }
        if self.attention.is_empty() {
            return f.write_str("\nNothing needs attention.");
        }
        f.write_str("\nNeeds attention:")?;
        self.attention.iter().try_for_each(|sentence| write!(f, "\n- {sentence}"))
    }
}

fn number(known: Option<impl ToString>) -> String {
    known.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        let code = if status.attention.is_empty() { 0 } else { FAILED };
        Self { code, ..Self::of(status.to_string(), &status) }
    }
}

#[cfg(test)]
mod tests {
    use read_model::Gap;
    use schemas::{OrderId, Version};

    use super::*;

    fn partition(behind: i64, seconds: Option<i64>) -> PartitionStatus {
        let topic = "orders.events.v1".to_owned();
        PartitionStatus { topic, partition: 0, position: 5, end: 5 + behind, behind, seconds }
    }

    /// What needs attention, and the exit code.
    fn check(oldest_seconds: Option<u64>, reader: ReaderStatus, members: usize) -> (Vec<String>, u8) {
        let outbox = OutboxStatus { waiting: 3, oldest_seconds, again: 7 };
        judge(outbox, reader, vec![group("projector.orders", members, Some(0)), group("fulfilment", 1, Some(3))])
    }

    fn judge(outbox: OutboxStatus, reader: ReaderStatus, groups: Vec<GroupStatus>) -> (Vec<String>, u8) {
        let processes = vec![ProcessStatus { name: "notifier".to_owned(), ready: true, lacks: Vec::new() }];
        let status = Status { attention: Vec::new(), outbox, readers: vec![reader], groups, processes }.judged();
        let attention = status.attention.clone();
        (attention, Answer::from(status).code)
    }

    fn group(name: &str, members: usize, seconds: Option<i64>) -> GroupStatus {
        let (name, state) = (name.to_owned(), "Stable".to_owned());
        GroupStatus { name, state, members, ours: true, behind: Some(2), seconds }
    }

    fn orders(partitions: Vec<PartitionStatus>, survey: &Survey) -> ReaderStatus {
        ReaderStatus::new(("orders", Some(1)), partitions, survey)
    }

    #[test]
    fn nothing_needs_attention_while_everything_moves() {
        let reader = orders(vec![partition(0, Some(0)), partition(9, Some(3)), partition(4, None)], &Survey::default());
        assert_eq!((reader.behind, reader.seconds), (13, None));
        assert_eq!(check(Some(2), reader, 1), (vec![], 0));
    }

    #[test]
    fn whatever_somebody_should_look_at_is_said_and_ends_with_one() {
        let idle = || orders(Vec::new(), &Survey::default());
        let slow = orders(vec![partition(9, Some(31)), partition(0, Some(0))], &Survey::default());
        assert_eq!(check(None, slow, 1), (vec!["orders is behind by 9 events, for 31 s".to_owned()], 1));
        assert_eq!(check(Some(31), idle(), 1).1, 1);
        assert_eq!(check(None, idle(), 0), (vec!["nobody is in group projector.orders".to_owned()], 1));
        let stream = OrderId::from_bits(1).stream().clone();
        let gap = Survey { gaps: vec![Gap { stream: stream.clone(), highest: Version(3) }], ..Survey::default() };
        assert_eq!(check(None, orders(Vec::new(), &gap), 1).1, 1);
        let parked = Survey { parked: [stream].into(), ..Survey::default() };
        assert_eq!(check(None, orders(Vec::new(), &parked), 1).1, 1);
        assert_eq!(check(None, ReaderStatus::of_nothing("orders"), 1).1, 1);
    }

    #[test]
    fn a_group_that_does_not_come_on_and_a_process_that_is_not_ready_are_named() {
        let lagging = group("cashier", 1, Some(31)).attention();
        assert_eq!(lagging.as_deref(), Some("group cashier is behind by 2 records, for 31 s"));
        let strangers = GroupStatus { ours: false, ..group("reports", 0, None) };
        assert_eq!(strangers.attention(), None, "whoever is in it, or not, is not ours");
        let process = |lacks: &[&str]| ProcessStatus {
            name: "projector".to_owned(),
            ready: false,
            lacks: lacks.iter().map(|name| (*name).to_owned()).collect(),
        };
        let attention = process(&["redis", "kafka"]).attention();
        assert_eq!(attention.as_deref(), Some("projector is not ready: it lacks redis, kafka"));
        assert_eq!(process(&[]).attention().as_deref(), Some("projector is not ready: it does not answer"));
    }

    #[test]
    fn the_answer_for_programs_keeps_its_names() {
        let reader = orders(vec![partition(2, Some(4))], &Survey::default());
        let outbox = OutboxStatus { waiting: 3, oldest_seconds: Some(2), again: 7 };
        let process = ProcessStatus { name: "query-api".to_owned(), ready: false, lacks: vec!["redis".to_owned()] };
        let (readers, groups) = (vec![reader], vec![group("fulfilment", 2, Some(1))]);
        let answer = Answer::from(Status { attention: vec![], outbox, readers, groups, processes: vec![process] });
        let expected = concat!(
            r#"{"attention":[],"outbox":{"waiting":3,"oldestSeconds":2,"again":7},"readers":[{"name":"orders","#,
            r#""generation":1,"live":true,"empty":false,"behind":2,"seconds":4,"gaps":0,"parked":0,"partitions":[{"topic":"#,
            r#""orders.events.v1","partition":0,"position":5,"end":7,"behind":2,"seconds":4}]}],"groups":[{"name":"#,
            r#""fulfilment","state":"Stable","members":2,"ours":true,"behind":2,"seconds":1}],"processes":[{"name":"#,
            r#""query-api","ready":false,"lacks":["redis"]}]}"#,
        );
        assert_eq!(answer.json, expected);
        assert!(answer.text.ends_with("Nothing needs attention."), "{}", answer.text);
    }
}
