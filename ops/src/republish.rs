//! `ops republish`: committed events are published again, for readers that a log lost them for.

use std::io::Write as _;
use std::time::Duration;

use event_store::{EventStore, Extent, Republisher, Selection};
use runtime::clock::{self, Instant};
use runtime::{Process, Secret};
use schemas::Version;
use tokio::time::timeout;

use crate::Error;
use crate::cli::{LIMIT, RepublishCommand, Which};
use crate::plan::{Action, Item, Plan};

/// How often it is said how far it is.
const TELL: Duration = Duration::from_secs(5);

/// One item that says how much it is; `--execute` puts the marks.
pub(crate) async fn republish(wish: &RepublishCommand) -> Result<Plan, Error> {
    // A walk over everything has no limit, and still does not wait without an end for a store that is away.
    let store = timeout(LIMIT, connect(&wish.mongodb_uri)).await;
    let store = store.unwrap_or(Err(Error::TimedOut { after: LIMIT }))?;
    let republisher = store.republisher();
    let RepublishCommand { which, from, execute, .. } = wish;
    let (name, extent, how) = match &which.stream {
        Some(stream) => {
            let from = Version(*from);
            let extent = match execute {
                true => republisher.stream(stream, from).await,
                false => republisher.extent(stream, from).await,
            };
            (format!("{stream} from version {from}"), extent?, "at once")
        }
        None => (bulk_name(which), bulk(&republisher, wish).await?, "behind whatever is new"),
    };
    let Extent { commits, events } = extent;
    let action = if commits == 0 { Action::None } else { Action::Change };
    let state = format!("{events} events in {commits} commits, to be published again {how}");
    Ok(Plan { executed: *execute, items: vec![Item::new(name, action, state)] })
}

/// The store that these settings name, once it answers.
pub(crate) async fn connect(uri: &Secret) -> Result<EventStore, Error> {
    let process = Process::new("ops", None);
    let store = EventStore::connect(event_store::Config::new(uri.expose()), &process).await?;
    store.wait_until_up().await;
    Ok(store)
}

async fn bulk(republisher: &Republisher, wish: &RepublishCommand) -> Result<Extent, Error> {
    let beginning = wish.which.aggregate.map(|aggregate| aggregate.prefix().into());
    let selection = Selection { beginning, since: wish.since, until: wish.until };
    let (mut walk, mut extent) = (republisher.walk(selection), Extent::default());
    let mut told = clock::monotonic();
    while let Some(page) = walk.next().await? {
        if wish.execute {
            republisher.again(&page).await?;
        }
        extent += page.extent();
        tell(&mut told, extent);
    }
    Ok(extent)
}

fn bulk_name(which: &Which) -> String {
    which
        .aggregate
        .map_or_else(|| "every stream".to_owned(), |aggregate| format!("every stream of {}", aggregate.plural()))
}

/// A line from time to time; on standard error, so that the answer stays alone on standard output.
fn tell(told: &mut Instant, extent: Extent) {
    if told.elapsed() >= TELL {
        *told = clock::monotonic();
        let _nobody_reads = writeln!(std::io::stderr(), "{} commits so far", extent.commits);
    }
}
