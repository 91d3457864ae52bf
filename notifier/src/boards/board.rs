//! The newest state of each stream, in the order of their last changes: what all who watch it share. Pure.
//!
//! A stream is in here once. So whoever goes through the places in order is told the newest state of everything,
//! however slow he or she is, and nothing queues for anybody.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use schemas::{StreamId, Version};

use crate::frames::Frame;

/// A place in the order of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place(u64);

/// A stream's state, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Card {
    pub(crate) stream: StreamId,
    /// Of the stream's own document, and of the one that was joined to it.
    pub(crate) versions: [Version; 2],
    pub(crate) frame: Frame,
}

/// All cards, of at most so many bytes of frames; one card is kept whatever its size.
#[derive(Debug)]
pub(crate) struct Board {
    cards: BTreeMap<Place, Card>,
    places: HashMap<StreamId, Place>,
    newest: Place,
    /// Of what changed up to here, something is not known or not any more.
    forgotten: Place,
    bytes: usize,
    limit: usize,
}

/// Cards behind a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) frames: Vec<Frame>,
    /// Behind the last of them.
    pub(crate) place: Place,
}

/// Something that changed behind the place is not in here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// From where on everything is.
    pub(crate) go_on: Place,
}

impl Board {
    pub(crate) fn new(limit: usize) -> Self {
        let (cards, places) = (BTreeMap::new(), HashMap::new());
        Self { cards, places, newest: Place(0), forgotten: Place(0), bytes: 0, limit }
    }

    /// The place behind the last change.
    pub(crate) fn newest(&self) -> Place {
        self.newest
    }

    pub(crate) fn len(&self) -> usize {
        self.cards.len()
    }

    /// Shows a state in place of the one before; says whether that is news. A state that is older in any part than what
    /// was shown is none: Redis has lost its last writes, and the projector will be back where it was.
    pub(crate) fn put(&mut self, card: Card) -> bool {
        let known = self.places.get(&card.stream).and_then(|place| self.cards.get(place));
        if let Some(known) = known {
            let older = card.versions.iter().zip(&known.versions).any(|(new, known)| new < known);
            if older || card.frame == known.frame {
                return false;
            }
        }
        if let Some(place) = self.places.remove(&card.stream) {
            self.remove(place);
        }
        self.newest = self.newest.next();
        self.places.insert(card.stream.clone(), self.newest);
        self.bytes += card.frame.bytes();
        self.cards.insert(self.newest, card);
        while self.bytes > self.limit && self.cards.len() > 1 {
            self.forget_oldest();
        }
        true
    }

    /// What happened until now is not known.
    pub(crate) fn forget(&mut self) {
        self.newest = self.newest.next();
        self.forgotten = self.newest;
    }

    /// The cards that changed behind `after`, at most so many bytes of them but one at least.
    pub(crate) fn take(&self, after: Place, most: usize) -> Result<Taken, Forgotten> {
        if after < self.forgotten {
            return Err(Forgotten { go_on: self.forgotten });
        }
        let (mut taken, mut bytes) = (Taken { frames: Vec::new(), place: after }, 0);
        for (place, card) in self.cards.range((Bound::Excluded(after), Bound::Unbounded)) {
            bytes += card.frame.bytes();
            if bytes > most && !taken.frames.is_empty() {
                break;
            }
            taken.frames.push(card.frame.clone());
            taken.place = *place;
        }
        Ok(taken)
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.cards.keys().next().copied() else { return };
        if let Some(card) = self.remove(oldest) {
            self.places.remove(&card.stream);
        }
        self.forgotten = self.forgotten.max(oldest);
    }

    fn remove(&mut self, place: Place) -> Option<Card> {
        let card = self.cards.remove(&place)?;
        self.bytes -= card.frame.bytes();
        Some(card)
    }
}

impl Place {
    fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use schemas::OrderId;

    use super::*;

    const ANY: usize = usize::MAX;

    fn stream(number: u128) -> StreamId {
        OrderId::from_bits(number).stream().clone()
    }

    /// The state of a stream as of these versions of its own document and of the joined one.
    fn card(number: u128, versions: [u32; 2]) -> Card {
        let (stream, versions) = (stream(number), versions.map(Version));
        let frame = Frame::snapshot(&stream, versions[0], format!("[{}]", versions[1]).as_bytes(), None).unwrap();
        Card { stream, versions, frame }
    }

    fn board(cards: &[(u128, [u32; 2])], limit: usize) -> Board {
        let mut board = Board::new(limit);
        for (number, versions) in cards {
            assert!(board.put(card(*number, *versions)));
        }
        board
    }

    fn frames(cards: &[(u128, [u32; 2])]) -> Vec<Frame> {
        cards.iter().map(|(number, versions)| card(*number, *versions).frame).collect()
    }

    #[test]
    fn whoever_comes_is_told_every_stream_once_as_it_is_now() {
        let board = board(&[(1, [1, 0]), (2, [1, 0]), (1, [2, 0]), (1, [2, 5])], ANY);
        let taken = board.take(Place::default(), ANY).unwrap();
        assert_eq!(taken.frames, frames(&[(2, [1, 0]), (1, [2, 5])]));
        assert_eq!(taken.place, board.newest());
        assert_eq!(board.take(taken.place, ANY).unwrap().frames, []);
    }

    #[test]
    fn whoever_is_slow_is_told_the_newest_of_what_changed_meanwhile() {
        let mut board = board(&[(1, [1, 0]), (2, [1, 0]), (3, [1, 0])], ANY);
        let size = card(1, [1, 0]).frame.bytes();
        let first = board.take(Place::default(), 2 * size).unwrap();
        assert_eq!(first.frames, frames(&[(1, [1, 0]), (2, [1, 0])]));
        for version in 2..9 {
            board.put(card(1, [version, 0]));
        }
        assert_eq!(board.take(first.place, ANY).unwrap().frames, frames(&[(3, [1, 0]), (1, [8, 0])]));
    }

    #[test]
    fn one_take_is_bounded_in_bytes_but_brings_one_card_at_least() {
        let board = board(&[(1, [1, 0]), (2, [1, 0])], ANY);
        let taken = board.take(Place::default(), 0).unwrap();
        assert_eq!(taken.frames, frames(&[(1, [1, 0])]));
        assert_eq!(board.take(taken.place, 0).unwrap().frames, frames(&[(2, [1, 0])]));
    }

    #[test]
    fn no_part_of_a_state_ever_goes_back() {
        for (known, new, news) in [
            ([3, 4], [3, 4], false),
            ([3, 4], [2, 4], false),
            ([3, 4], [3, 3], false),
            ([3, 4], [4, 3], false),
            ([3, 4], [2, 5], false),
            ([3, 4], [4, 4], true),
            ([3, 4], [3, 5], true),
        ] {
            let mut board = board(&[(1, known)], ANY);
            assert_eq!(board.put(card(1, new)), news, "{new:?} after {known:?}");
            let shown = if news { new } else { known };
            assert_eq!(board.take(Place::default(), ANY).unwrap().frames, frames(&[(1, shown)]));
        }
    }

    #[test]
    fn the_same_version_in_another_shape_is_shown() {
        let mut board = board(&[(1, [1, 1])], ANY);
        let reshaped = Card { versions: [1, 1].map(Version), ..card(1, [1, 2]) };
        assert!(board.put(reshaped.clone()));
        assert!(!board.put(reshaped));
    }

    #[test]
    fn beyond_so_many_bytes_the_oldest_is_forgotten_and_who_has_not_seen_it_is_told_so() {
        let size = card(1, [1, 0]).frame.bytes();
        let mut board = board(&[(1, [1, 0]), (2, [1, 0])], 2 * size);
        let before = board.take(Place::default(), 0).unwrap().place;
        assert!(board.put(card(3, [1, 0])) && board.put(card(4, [1, 0])));
        assert_eq!((board.len(), board.bytes), (2, 2 * size));
        let forgotten = board.take(before, ANY).unwrap_err();
        assert_eq!(board.take(forgotten.go_on, ANY).unwrap().frames, frames(&[(3, [1, 0]), (4, [1, 0])]));
        board.put(card(3, [2, 0]));
        assert_eq!((board.len(), board.bytes), (2, 2 * size), "a stream takes the room of one card");
    }

    #[test]
    fn after_an_unknown_while_everybody_is_told_so_once() {
        let mut board = board(&[(1, [3, 0])], ANY);
        let before = board.newest();
        board.forget();
        let forgotten = board.take(before, ANY).unwrap_err();
        assert_eq!(board.take(forgotten.go_on, ANY).unwrap().frames, []);
        assert!(!board.put(card(1, [2, 0])), "what was shown is remembered");
    }
}
