//! The newest frames of one user's feed that some connection has yet to write: the byte-bounded queue which all
//! connections of that user share. Pure.

use std::collections::{HashMap, VecDeque};

use read_model::feeds::Cursor;

use crate::frames::{EventFrame, Frame};

/// Names one connection to the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ReaderId(pub(crate) u64);

/// Consecutive frames of a feed, each kept until every reader has taken it, but never more than so many bytes.
///
/// A reader that stays behind for longer than that finds its place gone, which is how overflow shows.
#[derive(Debug)]
pub(crate) struct Ring {
    /// The place before the first frame.
    start: Cursor,
    frames: VecDeque<EventFrame>,
    bytes: usize,
    limit: usize,
    readers: HashMap<ReaderId, u64>,
}

impl Ring {
    /// A ring at this place, of at most so many bytes of frames; one frame is kept whatever its size.
    pub(crate) fn new(start: Cursor, limit: usize) -> Self {
        Self { start, frames: VecDeque::new(), bytes: 0, limit, readers: HashMap::new() }
    }

    /// The place behind the newest frame.
    pub(crate) fn head(&self) -> Cursor {
        self.frames.back().map_or(self.start, |frame| frame.cursor)
    }

    /// The feed turned out to be another one than so far: goes on from its head.
    pub(crate) fn restart(&mut self, head: Cursor) {
        self.frames.clear();
        self.readers.clear();
        self.bytes = 0;
        self.start = head;
    }

    /// Adds frames that stand behind this place in the feed, if it is the head. Whether it is.
    pub(crate) fn follow(&mut self, behind: Cursor, frames: Vec<EventFrame>) -> bool {
        let follows = behind == self.head();
        if follows {
            frames.into_iter().for_each(|frame| self.push(frame));
        }
        follows
    }

    /// Adds the frame that follows the head.
    pub(crate) fn push(&mut self, frame: EventFrame) {
        debug_assert_eq!(frame.cursor.seq, self.head().seq + 1, "the feed has no gaps");
        self.bytes += frame.bytes();
        self.frames.push_back(frame);
        while self.bytes > self.limit && self.frames.len() > 1 {
            self.drop_first();
        }
        self.drop_taken();
    }

    /// The frames behind `after`, at most so many bytes of them but one at least; `None` if that place is not in here.
    pub(crate) fn take(&mut self, reader: ReaderId, after: Cursor, most: usize) -> Option<Vec<Frame>> {
        let skipped = after.seq.checked_sub(self.start.seq).and_then(|skipped| usize::try_from(skipped).ok())?;
        let place = match skipped.checked_sub(1) {
            None => self.start,
            Some(last) => self.frames.get(last)?.cursor,
        };
        if place != after {
            return None;
        }
        let mut bytes = 0;
        let behind = self.frames.iter().skip(skipped).take_while(|frame| {
            let first = bytes == 0;
            bytes += frame.bytes();
            first || bytes <= most
        });
        let (mut taken, mut last) = (Vec::new(), after);
        for frame in behind {
            taken.push(frame.frame.clone());
            last = frame.cursor;
        }
        self.readers.insert(reader, last.seq);
        self.drop_taken();
        Some(taken)
    }

    /// Nothing is kept for this reader any more.
    pub(crate) fn leave(&mut self, reader: ReaderId) {
        self.readers.remove(&reader);
        self.drop_taken();
    }

    fn drop_taken(&mut self) {
        let taken = self.readers.values().copied().min().unwrap_or(u64::MAX);
        while self.frames.front().is_some_and(|frame| frame.cursor.seq <= taken) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(frame) = self.frames.pop_front() {
            self.start = frame.cursor;
            self.bytes -= frame.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::tests::{event, place};

    const ANY: usize = usize::MAX;
    const FAST: ReaderId = ReaderId(1);
    const SLOW: ReaderId = ReaderId(2);

    /// The numbers of the frames behind a place.
    fn taken(ring: &mut Ring, reader: ReaderId, after: u64, most: usize) -> Option<Vec<u64>> {
        let frames = ring.take(reader, place(after), most)?;
        Some(frames.iter().filter_map(|frame| frame.cursor).map(|cursor| cursor.seq).collect())
    }

    fn ring(limit: usize) -> Ring {
        Ring::new(place(0), limit)
    }

    #[test]
    fn each_reader_takes_every_frame_once_in_order() {
        let mut ring = ring(ANY);
        assert_eq!(taken(&mut ring, FAST, 0, ANY), Some(vec![]));
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![]));
        ring.push(event(1));
        ring.push(event(2));
        assert_eq!(taken(&mut ring, FAST, 0, ANY), Some(vec![1, 2]));
        ring.push(event(3));
        assert_eq!(taken(&mut ring, FAST, 2, ANY), Some(vec![3]));
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![1, 2, 3]));
        assert_eq!(taken(&mut ring, SLOW, 3, ANY), Some(vec![]));
    }

    #[test]
    fn frames_go_once_every_reader_took_them_or_left() {
        let mut ring = ring(ANY);
        for reader in [FAST, SLOW] {
            assert_eq!(taken(&mut ring, reader, 0, ANY), Some(vec![]));
        }
        (1..=3).for_each(|seq| ring.push(event(seq)));
        assert_eq!(taken(&mut ring, FAST, 0, ANY), Some(vec![1, 2, 3]));
        assert_eq!(ring.frames.len(), 3, "kept for the slow one");
        ring.leave(SLOW);
        assert_eq!((ring.frames.len(), ring.bytes, ring.head()), (0, 0, place(3)));
        ring.leave(FAST);
        ring.push(event(4));
        assert_eq!((ring.frames.len(), ring.bytes, ring.head()), (0, 0, place(4)), "nobody is here");
    }

    #[test]
    fn a_reader_that_is_too_far_behind_finds_its_place_gone_and_the_bytes_stay_bounded() {
        let size = event(1).bytes();
        let mut ring = ring(3 * size);
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![]));
        for seq in 1..=9 {
            ring.push(event(seq));
            assert!(ring.bytes <= 3 * size, "{}", ring.bytes);
        }
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), None);
        assert_eq!(taken(&mut ring, SLOW, 5, ANY), None);
        assert_eq!(taken(&mut ring, SLOW, 6, ANY), Some(vec![7, 8, 9]));
    }

    #[test]
    fn one_take_is_bounded_in_bytes_but_brings_one_frame_at_least() {
        let size = event(1).bytes();
        let mut ring = ring(ANY);
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![]));
        (1..=4).for_each(|seq| ring.push(event(seq)));
        assert_eq!(taken(&mut ring, SLOW, 0, 2 * size), Some(vec![1, 2]));
        assert_eq!(taken(&mut ring, SLOW, 2, 1), Some(vec![3]));
        assert_eq!(taken(&mut ring, SLOW, 3, 0), Some(vec![4]));
    }

    #[test]
    fn a_place_counts_only_with_its_digest_and_not_beyond_the_head() {
        let mut ring = ring(ANY);
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![]));
        (1..=2).for_each(|seq| ring.push(event(seq)));
        let forged = Cursor::new(1, &"f".repeat(40)).unwrap_or(Cursor::START);
        assert_eq!(ring.take(SLOW, forged, ANY), None);
        assert_eq!(taken(&mut ring, SLOW, 3, ANY), None);
    }

    #[test]
    fn what_was_told_is_added_only_at_the_place_behind_which_it_stands() {
        let mut ring = ring(ANY);
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![]));
        assert!(ring.follow(place(0), vec![event(1), event(2)]));
        assert!(!ring.follow(place(3), vec![event(4)]), "the third was not told");
        assert!(!ring.follow(place(0), vec![event(1)]), "told again");
        let forged = Cursor::new(2, &"f".repeat(40)).unwrap_or(Cursor::START);
        assert!(!ring.follow(forged, vec![event(3)]), "of another feed");
        assert!(ring.follow(place(2), vec![event(3)]));
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![1, 2, 3]));
    }

    #[test]
    fn a_feed_that_lost_its_past_starts_over_at_its_head() {
        let mut ring = ring(ANY);
        assert_eq!(taken(&mut ring, SLOW, 0, ANY), Some(vec![]));
        (1..=5).for_each(|seq| ring.push(event(seq)));
        ring.restart(place(2));
        assert_eq!(taken(&mut ring, SLOW, 5, ANY), None);
        assert_eq!(taken(&mut ring, SLOW, 2, ANY), Some(vec![]));
        ring.push(event(3));
        assert_eq!(taken(&mut ring, SLOW, 2, ANY), Some(vec![3]));
    }
}
