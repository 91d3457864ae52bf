//! Pages of lists: every entry once, newest first, also where scores tie.

use read_model::{Cursor, Page};
use schemas::StreamId;

use super::{Rig, stream, write};

pub(crate) fn page(list: &str, limit: usize) -> Page {
    Page { list: list.to_owned(), from: None, to: None, after: None, limit }
}

fn at(entries: &[read_model::Entry]) -> Vec<(i64, StreamId)> {
    entries.iter().map(|entry| (entry.at.score, entry.at.stream.clone())).collect()
}

/// Stores this many documents with scores that tie, and returns the list as it should be read.
async fn filled(rig: &Rig, count: u128, score: impl Fn(u128) -> i64) -> Vec<(i64, StreamId)> {
    let mut expected: Vec<_> = (0..count).map(|number| (score(number), stream(number))).collect();
    for numbers in (0..count).collect::<Vec<_>>().chunks(100) {
        let writes = numbers.iter().map(|number| {
            let mut write = write(*number, 0, 1);
            write.list_add = vec![("all".to_owned(), score(*number))];
            write
        });
        rig.write(writes.collect()).await;
    }
    expected.sort();
    expected.reverse();
    expected
}

async fn walk(rig: &Rig, start: Page) -> Vec<(i64, StreamId)> {
    let reader = rig.read_model.reader();
    let (mut page, mut found) = (start, Vec::new());
    loop {
        let (entries, next) = reader.page(rig.target.projection, &page).await.unwrap();
        assert!(entries.len() == page.limit || next.is_none(), "only the last page is short");
        assert!(!entries.is_empty() || found.is_empty(), "no empty page follows another");
        found.extend(at(&entries));
        match next {
            Some(next) => page.after = Some(next),
            None => return found,
        }
    }
}

#[tokio::test]
async fn walking_page_by_page_meets_every_entry_once_also_where_scores_tie() {
    let rig = Rig::shared("walk").await;
    let micros = 1_732_290_000_123_456;
    // Many ties, single ones, and stream ids whose first difference is late.
    let expected = filled(&rig, 120, |number| micros + i64::try_from(number % 7 * (number % 2)).unwrap()).await;
    for limit in [1, 2, 7, 40, 119, 120, 121] {
        assert_eq!(walk(&rig, page("all", limit)).await, expected, "limit {limit}");
    }
}

#[tokio::test]
async fn bounds_hold_on_every_page_and_include_themselves() {
    let rig = Rig::shared("bounds").await;
    let expected = filled(&rig, 60, |number| i64::try_from(number / 3).unwrap()).await;
    for (from, to) in [(Some(5), None), (None, Some(12)), (Some(5), Some(12)), (Some(7), Some(7)), (Some(9), Some(3))] {
        let within = |score: i64| from.is_none_or(|from| score >= from) && to.is_none_or(|to| score <= to);
        let expected: Vec<_> = expected.iter().filter(|(score, _)| within(*score)).cloned().collect();
        assert_eq!(walk(&rig, Page { from, to, ..page("all", 4) }).await, expected, "{from:?} to {to:?}");
    }
}

#[tokio::test]
async fn a_cursor_whose_entry_has_gone_goes_on_behind_its_place() {
    let rig = Rig::shared("gone").await;
    let expected = filled(&rig, 9, |_| 5).await;
    let after = Cursor { score: 5, stream: expected[3].1.clone() };
    let mut gone = write(5, 1, 2);
    assert_eq!(stream(5), after.stream);
    gone.list_remove = vec!["all".to_owned()];
    rig.write(vec![gone]).await;
    assert_eq!(walk(&rig, Page { after: Some(after), ..page("all", 2) }).await, expected[4..]);
}

#[tokio::test]
async fn an_unknown_list_is_an_empty_page_but_an_unknown_projection_is_not() {
    let rig = Rig::shared("unknown").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let reader = rig.read_model.reader();
    assert_eq!(reader.page("unknown", &page("user:nobody", 5)).await.unwrap(), (Vec::new(), None));
    let refused = reader.page("never-projected", &page("all", 5)).await.unwrap_err();
    assert!(matches!(refused, read_model::Error::NoLiveGeneration { .. }), "{refused:?}");
}
