//! The listing of users: the seed's page numbers, and cursors for those who walk through all of them.

use read_model::{Cursor, Entry, Order, Page, Ranks};
use runtime::problem::Problem;
use schemas::Aggregate;
use views::{Projection, UserSort};

use crate::answer::{Answer, Shown};
use crate::app::unreadable;
use crate::parameters::{Parameters, wrong};
use crate::{App, cursor};

/// How many users a page has unless the question says otherwise.
const USUAL: usize = 10;

/// Which page of which order.
pub(super) struct Asked {
    sort: UserSort,
    order: Order,
    limit: usize,
    start: Start,
}

/// Where a page starts.
enum Start {
    /// At this page's place, from 1.
    Page(u64),
    /// After this entry.
    After(Cursor),
}

/// A page of users.
pub(super) struct Users {
    shown: Vec<Shown>,
    total: u64,
    page: Option<u64>,
    limit: usize,
    next: Option<Cursor>,
}

impl Asked {
    /// Newest first, the first ten, unless told.
    pub(super) fn read(parameters: &Parameters) -> Result<Self, Problem> {
        let fields = "createdAt, updatedAt, email, firstName or lastName";
        let sort = parameters.one("sortBy", fields, UserSort::named)?.unwrap_or(UserSort::CreatedAt);
        let order = parameters.one("sortOrder", "asc or desc", order)?.unwrap_or(Order::Down);
        let (limit, page) = (parameters.limit_or(USUAL)?, parameters.positive("page")?);
        let start = match (parameters.cursor(Aggregate::User)?, page) {
            (None, page) => Start::Page(page.unwrap_or(1)),
            (Some(_), Some(_)) => return Err(wrong("cursor", "page and cursor exclude each other")),
            (Some(after), None) if newest_first(sort, order) => Start::After(after),
            (Some(_), None) => return Err(wrong("cursor", "only the newest first have cursors")),
        };
        Ok(Self { sort, order, limit, start })
    }
}

fn order(text: &str) -> Option<Order> {
    match text {
        "asc" => Some(Order::Up),
        "desc" => Some(Order::Down),
        _ => None,
    }
}

fn newest_first(sort: UserSort, order: Order) -> bool {
    sort == UserSort::CreatedAt && order == Order::Down
}

impl App {
    /// A page of users, in the order that is asked for.
    pub(super) async fn users(&self, asked: &Asked) -> Result<Users, Problem> {
        let Asked { sort, order, limit, start } = asked;
        let (projection, list) = (Projection::Users.name(), sort.as_str().to_owned());
        let skip = match start {
            Start::Page(page) => page.saturating_sub(1).saturating_mul(u64::try_from(*limit).unwrap_or(u64::MAX)),
            // The page itself is read by its cursor; this only counts.
            Start::After(_) => 0,
        };
        // Beyond what the server counts there is nobody.
        let skip = skip.min(u64::from(u32::MAX));
        let ranks = Ranks { list: list.clone(), order: *order, skip, limit: *limit };
        let (entries, total) = self.reader.ranks(projection, &ranks).await.map_err(|error| unreadable(&error))?;
        let (entries, page, next) = match start {
            Start::Page(page) => {
                let more = skip.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX)) < total;
                let next = entries.last().filter(|_| more && newest_first(*sort, *order)).and_then(place);
                (entries, Some(*page), next)
            }
            Start::After(after) => {
                let page = Page { list, from: None, to: None, after: Some(after.clone()), limit: *limit };
                let found = self.reader.page(projection, &page).await;
                let (entries, next) = found.map_err(|error| unreadable(&error))?;
                (entries, None, next)
            }
        };
        let shown = entries.into_iter().filter_map(|entry| Shown::of(Some(entry.document))).collect();
        Ok(Users { shown, total, page, limit: *limit, next })
    }
}

/// Where an entry stands among the newest first: what is read by its place carries no score.
fn place(entry: &Entry) -> Option<Cursor> {
    let user: views::UserView = serde_json::from_slice(entry.document.body.as_deref()?).ok()?;
    Some(Cursor { score: user.created_at.as_micros(), stream: entry.at.stream.clone() })
}

impl Users {
    /// The seed's envelope, with a cursor beside its page numbers.
    pub(super) fn answer(&self) -> Answer {
        let Self { shown, total, page, limit, next } = self;
        let pages = total.div_ceil(u64::try_from(*limit).unwrap_or(1).max(1));
        let page = page.map_or_else(|| "null".to_owned(), |page| page.to_string());
        let next = next.as_ref().map_or_else(|| "null".to_owned(), |next| format!("\"{}\"", cursor::written(next)));
        let pagination = format!("{{\"total\":{total},\"page\":{page},\"limit\":{limit},\"pages\":{pages}}}");
        let tail =
            format!("],\"pagination\":{pagination},\"cursor\":{next},\"message\":\"Users retrieved successfully\"}}");
        Answer::hashed([b"{\"success\":true,\"users\":[", joined(shown).as_slice(), tail.as_bytes()].concat())
    }
}

/// Users that were found, in the seed's envelope.
pub(super) fn found(shown: &[Shown]) -> Answer {
    let tail = b"],\"message\":\"Users retrieved successfully\"}".as_slice();
    Answer::hashed([b"{\"success\":true,\"data\":[", joined(shown).as_slice(), tail].concat())
}

/// One user, in the seed's envelope.
pub(super) fn one(shown: &Shown, message: &'static str) -> Answer {
    let tail = format!(",\"message\":\"{message}\"}}");
    let body = [b"{\"success\":true,\"data\":", shown.body.as_slice(), tail.as_bytes()].concat();
    Answer::plain(body, &[shown.version])
}

fn joined(shown: &[Shown]) -> Vec<u8> {
    shown.iter().map(|shown| shown.body.as_slice()).collect::<Vec<_>>().join(&b',')
}
