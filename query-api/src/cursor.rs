//! Cursors: where the next page starts, in a form that clients can only hand back.
//!
//! A cursor holds a place, not a permission: which list it is applied to is decided by the caller's role alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use read_model::Cursor;
use runtime::problem::Problem;
use schemas::{Aggregate, StreamId};

/// The cursor as clients see it.
pub(crate) fn written(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}.{}", cursor.score, cursor.stream))
}

/// Reads what [`written`] wrote for a list of such streams, and nothing else: whatever it would not write in the same
/// way is refused.
pub(crate) fn read(text: &str, listed: Aggregate) -> Result<Cursor, Problem> {
    let ours = |cursor: &Cursor| cursor.stream.aggregate() == listed && written(cursor) == text;
    let cursor = parsed(text).filter(ours);
    cursor.ok_or_else(|| {
        Problem::bad_request("bad_cursor", "The cursor is not one of ours; start again without it").with_issue(
            vec!["cursor".into()],
            "invalid_value",
            "Not a cursor that this query answered",
        )
    })
}

fn parsed(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (score, stream) = std::str::from_utf8(&bytes).ok()?.split_once('.')?;
    Some(Cursor { score: score.parse().ok()?, stream: StreamId::parse(stream).ok()? })
}

#[cfg(test)]
mod tests {
    use super::{Aggregate, Cursor, StreamId, URL_SAFE_NO_PAD, read, written};
    use base64::Engine as _;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_what_we_wrote_is_a_cursor_and_it_comes_back(
            text in any::<String>(),
            plain in "[+-]?[0-9]{1,20}[.][a-z]{3}_[A-Za-z0-9_-]{0,12}",
            score in any::<i64>(),
        ) {
            for text in [text, URL_SAFE_NO_PAD.encode(plain)] {
                if let Ok(cursor) = read(&text, Aggregate::Order) {
                    prop_assert_eq!(written(&cursor), text);
                }
            }
            let cursor = place().map(|place| Cursor { score, ..place });
            let text = cursor.as_ref().map(written).unwrap_or_default();
            prop_assert_eq!(read(&text, Aggregate::Order).ok(), cursor);
            prop_assert!(read(&text, Aggregate::Product).is_err(), "of another list");
        }
    }

    fn place() -> Option<Cursor> {
        Some(Cursor { score: 1_700_000_000_000_001, stream: StreamId::parse("ord_1").ok()? })
    }

    #[test]
    fn a_cursor_comes_back_as_the_place_that_it_was_made_from() {
        let text = place().map(|place| written(&place)).unwrap_or_default();
        assert_eq!(read(&text, Aggregate::Order).ok(), place());
    }

    #[test]
    fn whatever_we_would_not_write_is_no_cursor() {
        let of = |plain: &str| URL_SAFE_NO_PAD.encode(plain);
        let wrong = [
            String::new(),
            "not base64!".to_owned(),
            of("1700000000000001"),
            of("1.ord_1.ord_2"),
            of("+1.ord_1"),
            of("01.ord_1"),
            of("1.5.ord_1"),
            of("1e3.ord_1"),
            of("1.xxx_1"),
            of("1.prd_1"),
            of("99999999999999999999.ord_1"),
            format!("{}=", of("1.ord_1")),
        ];
        for text in wrong {
            assert_eq!(
                read(&text, Aggregate::Order).map_err(|problem| problem.code()).err(),
                Some("bad_cursor"),
                "{text}"
            );
        }
    }
}
