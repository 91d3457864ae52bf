//! What distinguishes one case from another.

use proptest::collection::vec;
use proptest::prelude::*;

/// One case: the setting, and what happens in it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) log: LogKind,
    pub(super) rules: Rules,
    pub(super) relays: usize,
    /// For each of the two streams, the number of events of each commit.
    pub(super) commits: [Vec<u32>; 2],
    /// Whether both streams lie in one partition.
    pub(super) one_partition: bool,
    pub(super) page: usize,
    pub(super) pages_in_flight: usize,
    pub(super) limit: u32,
    pub(super) faults: Faults,
    /// Each picks one of what could happen next.
    pub(super) choices: Vec<u16>,
}

/// How the log treats a record that it does not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogKind {
    /// Nothing that was sent later in the same round and partition is written either.
    Gapless,
    /// What was sent later is written all the same.
    Leaky,
}

/// The rules that the promises rest on, each of which can be broken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// `at` grows along a stream.
    pub(super) clock_grows: bool,
    /// All pages of a round show one moment.
    pub(super) one_snapshot: bool,
    /// After a failure nothing later of the stream loses its mark.
    pub(super) marks_stay_behind_failures: bool,
    /// A commit loses its mark only when all of its events were acknowledged.
    pub(super) commits_are_whole: bool,
    /// A commit that was never published is not marked to be published again.
    pub(super) again_means_again: bool,
    /// Whether the prefix is checked also on a leaky log.
    pub(super) check_prefix: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            clock_grows: true,
            one_snapshot: true,
            marks_stay_behind_failures: true,
            commits_are_whole: true,
            again_means_again: true,
            check_prefix: false,
        }
    }
}

/// How often each kind of fault may happen.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    /// Relays that die, or are asked to stop, in the middle of a round.
    pub(super) crashes: u32,
    pub(super) stops: u32,
    /// Records that are not written, or whose answer is lost.
    pub(super) failed_records: u32,
    /// Reads and removals of marks that fail, applied or not.
    pub(super) failed_calls: u32,
    /// Marks that are put back, of either kind.
    pub(super) marked_again: u32,
    /// Version of each stream that cannot be handed over, and how often.
    pub(super) refused: [(u32, u32); 2],
}

pub(super) fn cases(log: LogKind, rules: Rules) -> impl Strategy<Value = Case> {
    // Three or four versions in commits of one or two events.
    let commits = prop_oneof![
        Just(vec![1, 1, 1]),
        Just(vec![1, 1, 1, 1]),
        Just(vec![2, 1, 1]),
        Just(vec![1, 2]),
        Just(vec![1, 2, 1]),
        Just(vec![2, 2]),
    ];
    let faults = (0..3_u32, 0..2_u32, 0..3_u32, 0..3_u32, 0..6_u32, [(1..5_u32, 0..2_u32), (1..5_u32, 0..2_u32)]);
    let faults = faults.prop_map(|(crashes, stops, failed_records, failed_calls, marked_again, refused)| Faults {
        crashes,
        stops,
        failed_records,
        failed_calls,
        marked_again,
        refused,
    });
    let limits = (1..3_usize, 0..3_usize, 1..7_u32);
    (2..4_usize, [commits.clone(), commits], any::<bool>(), limits, faults, vec(any::<u16>(), 20..160)).prop_map(
        move |(relays, commits, one_partition, (page, pages_in_flight, limit), faults, choices)| Case {
            log,
            rules,
            relays,
            commits,
            one_partition,
            page,
            pages_in_flight,
            limit,
            faults,
            choices,
        },
    )
}
