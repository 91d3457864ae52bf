//! What one connection was told and what it is told next: greeting, resuming, following, falling behind. Pure.
//!
//! Events are told in the order of the feed, each once; where that cannot be kept, a snapshot or a reload says so.

use std::time::Duration;

use read_model::feeds::Cursor;
use runtime::clock::Instant;

use crate::frames::{Error, Frame};
use crate::hub::Pulled;

/// A connection that falls behind again this soon after a conflation is too slow.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Dialogue {
    /// Behind the last event that it was told of.
    place: Cursor,
    phase: Phase,
    /// Nothing was said that would contradict a resume from an earlier place.
    resumable: bool,
    /// The network kept a write waiting since the client was last told of everything.
    stalled: bool,
    conflated: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was said yet.
    Greeting,
    /// Behind the newest events by its own wish: it asked for older ones first.
    CatchingUp,
    /// Told of everything at least once; from here on, it is to keep up.
    Live,
}

/// What to do about a wish to resume.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// Find out whether the feed knows this cursor, and say so by [`Dialogue::resumed`] or [`Dialogue::refused`].
    Check(Cursor),
    /// Say this.
    Answer(Vec<Frame>),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write these, then pull again.
    Write(Vec<Frame>),
    /// Write the latest state of whatever changed behind the place, say so by [`Dialogue::caught_up`], pull again.
    Conflate,
    /// Close the connection: it had its chance.
    TooSlow,
    /// Everything was told.
    Wait,
}

impl Dialogue {
    /// A connection that was made when the feed's head was here.
    pub(crate) fn new(head: Cursor) -> Self {
        Self { place: head, phase: Phase::Greeting, resumable: true, stalled: false, conflated: None }
    }

    /// Where to pull from.
    pub(crate) fn place(&self) -> Cursor {
        self.place
    }

    /// Whether the greeting was said, so that events may follow.
    pub(crate) fn greeted(&self) -> bool {
        self.phase != Phase::Greeting
    }

    /// The client does not resume, or has not so far: it is greeted and follows from where it connected.
    pub(crate) fn greet(&mut self) -> Result<Vec<Frame>, Error> {
        if self.greeted() {
            return Ok(Vec::new());
        }
        self.phase = Phase::CatchingUp;
        Ok(vec![Frame::hello(self.place, false)?])
    }

    /// The client's first frame is there, so it can resume no more.
    pub(crate) fn spoken(&mut self) {
        self.resumable = false;
    }

    /// The client wants to go on behind a cursor; without one, to begin at once.
    pub(crate) fn resume(&mut self, cursor: Option<&str>) -> Result<Resume, Error> {
        if !std::mem::replace(&mut self.resumable, false) {
            return Ok(Resume::Answer(vec![Frame::reload(self.place)?]));
        }
        let Some(cursor) = cursor else { return self.greet().map(Resume::Answer) };
        match cursor.parse() {
            Ok(cursor) => Ok(Resume::Check(cursor)),
            Err(_) => self.refused().map(Resume::Answer),
        }
    }

    /// The feed knows the cursor.
    pub(crate) fn resumed(&mut self, cursor: Cursor) -> Result<Vec<Frame>, Error> {
        self.place = cursor;
        self.phase = Phase::CatchingUp;
        Ok(vec![Frame::hello(cursor, true)?])
    }

    /// The feed does not know the cursor: the client follows from where it connected, and must read the rest.
    pub(crate) fn refused(&mut self) -> Result<Vec<Frame>, Error> {
        let mut frames = self.greet()?;
        frames.push(Frame::reload(self.place)?);
        Ok(frames)
    }

    /// What was pulled from [`Self::place`] is there.
    pub(crate) fn pulled(&mut self, pulled: Pulled, now: Instant) -> Result<Step, Error> {
        match pulled {
            Pulled::Queued(frames) => {
                if frames.is_empty() {
                    self.phase = Phase::Live;
                    self.stalled = false;
                }
                Ok(self.tell(frames))
            }
            Pulled::Stored(frames) if self.must_keep_up() && !frames.is_empty() => Ok(self.overflow(now)),
            Pulled::Stored(frames) => Ok(self.tell(frames)),
            Pulled::Unknown { head } => {
                self.caught_up(head);
                self.phase = Phase::CatchingUp;
                Ok(Step::Write(vec![Frame::reload(head)?]))
            }
        }
    }

    /// The network kept what was written waiting.
    pub(crate) fn stalled(&mut self) {
        self.stalled = true;
    }

    /// Everything up to here was told, though not event by event.
    pub(crate) fn caught_up(&mut self, place: Cursor) {
        self.place = place;
        self.resumable = false;
        self.stalled = false;
    }

    /// A burst may outrun the queue; only a client that keeps the network waiting is behind by its own fault.
    fn must_keep_up(&self) -> bool {
        self.phase == Phase::Live && self.stalled
    }

    fn tell(&mut self, frames: Vec<Frame>) -> Step {
        let Some(last) = frames.last().and_then(|frame| frame.cursor) else { return Step::Wait };
        self.place = last;
        self.resumable = false;
        Step::Write(frames)
    }

    /// More came than the queue holds while the client took nothing.
    fn overflow(&mut self, now: Instant) -> Step {
        let again = self.conflated.is_some_and(|last| now.saturating_duration_since(last) < FORGIVEN_AFTER);
        self.conflated = Some(now);
        if again { Step::TooSlow } else { Step::Conflate }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use runtime::clock;

    use super::*;
    use crate::frames::tests::{event, place};

    /// A client that connected when the feed had five entries.
    fn connected() -> Dialogue {
        Dialogue::new(place(5))
    }

    /// The frames of these entries.
    fn events(seqs: impl IntoIterator<Item = u64>) -> Vec<Frame> {
        seqs.into_iter().map(|seq| event(seq).frame).collect()
    }

    fn hello(seq: u64, recovered: bool) -> Frame {
        Frame::hello(place(seq), recovered).unwrap()
    }

    fn reload(seq: u64) -> Frame {
        Frame::reload(place(seq)).unwrap()
    }

    fn cursor(seq: u64) -> String {
        place(seq).to_string()
    }

    /// A client that was told everything up to entry 5.
    fn live() -> Dialogue {
        let mut dialogue = connected();
        dialogue.greet().unwrap();
        assert_eq!(pulled(&mut dialogue, Pulled::Queued(Vec::new())), Step::Wait);
        dialogue
    }

    fn pulled(dialogue: &mut Dialogue, pulled: Pulled) -> Step {
        dialogue.pulled(pulled, clock::monotonic()).unwrap()
    }

    #[test]
    fn without_a_wish_the_client_follows_from_where_it_connected() {
        let mut dialogue = connected();
        assert_eq!(dialogue.greet().unwrap(), [hello(5, false)]);
        assert_eq!(pulled(&mut dialogue, Pulled::Queued(events([6, 7]))), Step::Write(events([6, 7])));
        assert_eq!(dialogue.place(), place(7));
        assert_eq!(dialogue.greet().unwrap(), [], "said once");
    }

    #[test]
    fn a_known_cursor_is_gone_on_from() {
        let mut dialogue = connected();
        assert_eq!(dialogue.resume(Some(&cursor(2))).unwrap(), Resume::Check(place(2)));
        assert_eq!(dialogue.resumed(place(2)).unwrap(), [hello(2, true)]);
        assert_eq!(dialogue.place(), place(2));
    }

    #[test]
    fn an_unknown_cursor_is_answered_with_a_reload_and_the_head() {
        let mut dialogue = connected();
        assert_eq!(dialogue.resume(Some(&cursor(9))).unwrap(), Resume::Check(place(9)));
        assert_eq!(dialogue.refused().unwrap(), [hello(5, false), reload(5)]);
        assert_eq!(dialogue.place(), place(5));
    }

    #[test]
    fn a_cursor_that_is_none_counts_as_unknown() {
        let answer = connected().resume(Some("yesterday")).unwrap();
        assert_eq!(answer, Resume::Answer(vec![hello(5, false), reload(5)]));
    }

    #[test]
    fn a_resume_without_a_cursor_asks_to_begin_at_once() {
        assert_eq!(connected().resume(None).unwrap(), Resume::Answer(vec![hello(5, false)]));
    }

    #[test]
    fn a_resume_after_the_greeting_is_taken_as_long_as_no_event_was_told() {
        let mut dialogue = live();
        assert_eq!(dialogue.resume(Some(&cursor(2))).unwrap(), Resume::Check(place(2)));
        assert_eq!(dialogue.resumed(place(2)).unwrap(), [hello(2, true)]);

        let mut dialogue = live();
        assert_eq!(pulled(&mut dialogue, Pulled::Queued(events([6]))), Step::Write(events([6])));
        assert_eq!(dialogue.resume(Some(&cursor(2))).unwrap(), Resume::Answer(vec![reload(6)]), "too late");
    }

    #[test]
    fn only_the_first_frame_resumes() {
        let mut dialogue = connected();
        dialogue.spoken();
        assert_eq!(dialogue.resume(Some(&cursor(2))).unwrap(), Resume::Answer(vec![reload(5)]));
        let mut dialogue = connected();
        assert_eq!(dialogue.resume(Some(&cursor(2))).unwrap(), Resume::Check(place(2)));
        assert_eq!(dialogue.resume(Some(&cursor(3))).unwrap(), Resume::Answer(vec![reload(5)]));
    }

    #[test]
    fn a_client_that_catches_up_is_told_every_event_however_far_behind_it_is() {
        let mut dialogue = connected();
        dialogue.resumed(place(0)).unwrap();
        for page in [[1, 2], [3, 4]] {
            dialogue.stalled();
            assert_eq!(pulled(&mut dialogue, Pulled::Stored(events(page))), Step::Write(events(page)));
        }
        assert_eq!(dialogue.place(), place(4));
    }

    #[test]
    fn a_burst_that_outruns_the_queue_is_told_event_by_event_while_the_client_takes_it() {
        let mut dialogue = live();
        assert_eq!(pulled(&mut dialogue, Pulled::Stored(events([6, 7]))), Step::Write(events([6, 7])));
    }

    #[test]
    fn a_client_that_stalls_until_its_place_left_the_queue_is_conflated_once_and_then_too_slow() {
        let (mut dialogue, now) = (live(), clock::monotonic());
        dialogue.stalled();
        assert_eq!(dialogue.pulled(Pulled::Stored(events([6, 7])), now).unwrap(), Step::Conflate);
        dialogue.caught_up(place(20));
        assert_eq!(dialogue.place(), place(20));
        assert_eq!(dialogue.pulled(Pulled::Stored(events([21])), now).unwrap(), Step::Write(events([21])));
        dialogue.stalled();
        let later = now + FORGIVEN_AFTER / 2;
        assert_eq!(dialogue.pulled(Pulled::Stored(events([22])), later).unwrap(), Step::TooSlow);
    }

    #[test]
    fn a_stall_is_forgotten_once_the_client_was_told_everything() {
        let mut dialogue = live();
        dialogue.stalled();
        assert_eq!(pulled(&mut dialogue, Pulled::Queued(events([6]))), Step::Write(events([6])), "still queued");
        assert_eq!(pulled(&mut dialogue, Pulled::Queued(Vec::new())), Step::Wait);
        assert_eq!(pulled(&mut dialogue, Pulled::Stored(events([7]))), Step::Write(events([7])));
    }

    #[test]
    fn a_conflation_is_forgiven_after_a_while() {
        let (mut dialogue, now) = (live(), clock::monotonic());
        dialogue.stalled();
        assert_eq!(dialogue.pulled(Pulled::Stored(events([6])), now).unwrap(), Step::Conflate);
        dialogue.caught_up(place(20));
        dialogue.stalled();
        assert_eq!(dialogue.pulled(Pulled::Stored(events([21])), now + FORGIVEN_AFTER).unwrap(), Step::Conflate);
    }

    #[test]
    fn nothing_new_in_the_feed_itself_is_no_overflow() {
        let mut dialogue = live();
        dialogue.stalled();
        assert_eq!(pulled(&mut dialogue, Pulled::Stored(Vec::new())), Step::Wait);
    }

    #[test]
    fn a_feed_that_lost_the_place_makes_the_client_reload_and_follow_from_the_head() {
        let mut dialogue = live();
        dialogue.stalled();
        assert_eq!(pulled(&mut dialogue, Pulled::Unknown { head: place(3) }), Step::Write(vec![reload(3)]));
        assert_eq!(dialogue.place(), place(3));
        assert_eq!(pulled(&mut dialogue, Pulled::Stored(events([4]))), Step::Write(events([4])), "no overflow");
    }
}
