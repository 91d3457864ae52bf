//! Which records of a partition are not settled yet, and which payments are being worked on: pure. No payment is worked on
//! twice at a time, and a record counts as read only when all before it are settled.

use std::collections::{BTreeMap, HashMap};

use schemas::{EventId, PaymentId, Position};

use crate::intent::Cause;

/// The open business of one partition.
#[derive(Debug)]
pub(super) struct Open {
    /// Behind the last record that was taken.
    taken: Position,
    /// The offsets of the records that are not settled, and the id of the record before each.
    unsettled: BTreeMap<i64, Option<EventId>>,
    payments: HashMap<PaymentId, Work>,
}

/// The records that say to look at one payment.
#[derive(Debug)]
struct Work {
    /// Taken before the present look began.
    covered: Vec<i64>,
    /// Taken since.
    late: Vec<i64>,
    /// The event of the last of them that could be read.
    cause: Option<Cause>,
}

impl Open {
    /// Nothing is open yet, and reading begins here.
    pub(super) fn at(taken: Position) -> Self {
        Self { taken, unsettled: BTreeMap::new(), payments: HashMap::new() }
    }

    /// How many payments are being worked on.
    pub(super) fn len(&self) -> usize {
        self.payments.len()
    }

    /// A record that asks for nothing lies before this.
    pub(super) fn pass(&mut self, behind: Position) {
        self.taken = behind;
    }

    /// The record before this says to look at this payment, and its event if it could be read; whether to begin with it now.
    pub(super) fn take(&mut self, behind: Position, payment: &PaymentId, cause: Option<Cause>) -> bool {
        let offset = behind.next - 1;
        self.unsettled.insert(offset, self.taken.last.filter(|_| self.taken.next == offset));
        self.taken = behind;
        match self.payments.get_mut(payment) {
            Some(work) => {
                work.late.push(offset);
                work.cause = cause.or(work.cause.take());
                false
            }
            None => {
                self.payments.insert(payment.clone(), Work { covered: vec![offset], late: Vec::new(), cause });
                true
            }
        }
    }

    /// The latest event that asks for a payment that is being worked on.
    pub(super) fn cause(&self, payment: &PaymentId) -> Option<&Cause> {
        self.payments.get(payment)?.cause.as_ref()
    }

    /// Nothing was due for this payment when it was looked at last; whether to look once more, for a later record.
    pub(super) fn settled(&mut self, payment: &PaymentId) -> bool {
        let Some(Work { covered, late, cause }) = self.payments.remove(payment) else { return false };
        for offset in covered {
            self.unsettled.remove(&offset);
        }
        let again = !late.is_empty();
        if again {
            self.payments.insert(payment.clone(), Work { covered: late, late: Vec::new(), cause });
        }
        again
    }

    /// The log is another one, and is read from this offset on: the payments go on, their records are gone.
    pub(super) fn start_over(&mut self, start: i64) {
        self.taken = Position { next: start, last: None };
        self.unsettled.clear();
        for work in self.payments.values_mut() {
            work.covered.clear();
            work.late.clear();
        }
    }

    /// Every record before this is settled.
    pub(super) fn settled_before(&self) -> Position {
        self.unsettled.first_key_value().map_or(self.taken, |(next, last)| Position { next: *next, last: *last })
    }
}

#[cfg(test)]
mod tests {
    use schemas::OrderId;
    use uuid::Uuid;

    use super::*;

    /// The position behind the record at this offset.
    fn behind(offset: i64) -> Position {
        Position { next: offset + 1, last: Some(id(offset)) }
    }

    fn id(offset: i64) -> EventId {
        EventId(Uuid::from_u128(u128::try_from(offset).unwrap_or_default()))
    }

    fn payment(number: u128) -> PaymentId {
        OrderId::from_bits(number).payment()
    }

    #[test]
    fn a_record_counts_as_read_only_when_all_before_it_are_settled() {
        let mut open = Open::at(Position::default());
        open.pass(behind(4));
        assert_eq!(open.settled_before().next, 5);
        assert!(open.take(behind(5), &payment(1), None) && open.take(behind(6), &payment(2), None));
        open.pass(behind(7));
        assert_eq!(open.settled_before().next, 5);
        assert!(!open.settled(&payment(2)));
        assert_eq!(open.settled_before().next, 5, "the first is still open");
        assert!(!open.settled(&payment(1)));
        assert_eq!((open.settled_before().next, open.len()), (8, 0));
    }

    #[test]
    fn a_payment_is_looked_at_again_for_a_record_that_came_meanwhile_and_never_twice_at_a_time() {
        let mut open = Open::at(Position::default());
        assert!(open.take(behind(0), &payment(1), None));
        assert!(!open.take(behind(1), &payment(1), None));
        assert!(open.settled(&payment(1)), "once more for the later record");
        assert_eq!((open.settled_before().next, open.len()), (1, 1));
        assert!(!open.take(behind(2), &payment(1), None));
        assert!(open.settled(&payment(1)));
        assert!(!open.settled(&payment(1)));
        assert_eq!((open.settled_before().next, open.len()), (3, 0));
    }

    /// Seen to fail when the offsets of the log before are kept.
    #[test]
    fn nothing_of_another_log_counts_as_read_and_a_payment_that_is_worked_on_is_looked_at_again() {
        let mut open = Open::at(Position::default());
        open.pass(behind(498));
        assert!(
            open.take(behind(499), &payment(1), None)
                && open.take(behind(500), &payment(2), None)
                && !open.take(behind(501), &payment(2), None)
        );
        open.start_over(0);
        assert_eq!((open.settled_before().next, open.len()), (0, 2));
        assert!(!open.take(behind(0), &payment(1), None), "it is being worked on");
        assert!(!open.settled(&payment(2)));
        assert_eq!(open.settled_before().next, 0);
        assert!(open.settled(&payment(1)), "once more for the record of this log");
        assert!(!open.settled(&payment(1)));
        assert_eq!((open.settled_before().next, open.len()), (1, 0));
    }

    /// Seen to fail when the id of the last record that was taken goes along.
    #[test]
    fn the_id_of_the_record_before_goes_along_with_the_offset_as_far_as_it_is_known() {
        let mut open = Open::at(behind(4));
        assert_eq!(open.settled_before(), behind(4));
        assert!(open.take(behind(5), &payment(1), None) && open.take(behind(6), &payment(2), None));
        assert_eq!(open.settled_before(), behind(4));
        assert!(!open.settled(&payment(1)));
        assert_eq!(open.settled_before(), behind(5));
        assert!(open.take(behind(9), &payment(1), None) && !open.settled(&payment(2)));
        assert_eq!(
            open.settled_before(),
            Position { next: 9, last: None },
            "nobody knows what lies before a hole's end"
        );
        assert!(!open.settled(&payment(1)));
        assert_eq!(open.settled_before(), behind(9));
        open.start_over(0);
        assert_eq!(open.settled_before(), Position::default());
    }
}
