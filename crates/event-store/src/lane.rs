//! Lanes: the 64 parts into which the outbox is divided, so that several relays can share it.

use schemas::StreamId;

/// How many lanes there are. Part of the stored format: a mark carries its lane.
pub const LANES: u8 = 64;

/// The lane of a stream. All commits of a stream have the same.
#[must_use]
pub fn lane(stream: &StreamId) -> u8 {
    let [.., low] = murmur2(stream.as_str().as_bytes()).to_be_bytes();
    low % LANES
}

/// A set of lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lanes(u64);

impl Lanes {
    /// No lane.
    pub const NONE: Self = Self(0);
    /// Every lane.
    pub const ALL: Self = Self(u64::MAX);

    /// Whether this lane is in the set.
    #[must_use]
    pub fn contains(self, lane: u8) -> bool {
        self.intersects(Self::from_iter([lane]))
    }

    /// Whether some lane is in both sets.
    #[must_use]
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The lanes in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..LANES).filter(move |lane| self.contains(*lane))
    }

    /// How many they are.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl FromIterator<u8> for Lanes {
    fn from_iter<T: IntoIterator<Item = u8>>(lanes: T) -> Self {
        Self(lanes.into_iter().fold(0, |bits, lane| bits | 1 << (lane % LANES)))
    }
}

/// Murmur2 with Kafka's seed, the hash of its default partitioner (`org.apache.kafka.common.utils.Utils`).
#[must_use]
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let (words, rest) = data.as_chunks::<4>();
    // Wraps beyond 4 GiB, as in Kafka.
    let length = data.len().to_le_bytes();
    let mut hash = SEED ^ u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_kafka() {
        // The cases of Kafka's own UtilsTest.testMurmur2.
        let cases: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (text, expected) in cases {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), expected, "{text}");
        }
    }

    #[test]
    fn a_lane_is_stored_so_it_never_changes() {
        let lanes = ["ord_1", "prd_tea", "stk_tea", "usr_00"].map(|id| lane(&StreamId::parse(id).unwrap()));
        assert!(lanes.iter().all(|lane| *lane < LANES));
        assert_eq!(lanes, [45, 47, 14, 39]);
    }

    #[test]
    fn a_set_of_lanes_holds_what_was_put_in() {
        let some = Lanes::from_iter([0, 7, 63]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [0, 7, 63]);
        assert_eq!((some.count(), Lanes::ALL.count(), Lanes::NONE.count()), (3, 64, 0));
        assert!(some.intersects(Lanes::from_iter([63, 1])) && !some.intersects(Lanes::from_iter([62, 1])));
    }
}
