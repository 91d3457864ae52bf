//! `ops republish`: committed events are published again, for readers that a log lost them for.

use std::io::Write as _;
use std::time::Duration;

use event_store::{EventStore, Extent, PassedOver, Republisher, Selection};
use runtime::clock::{self, Instant};
use runtime::{Process, Secret};
use schemas::Version;
use tokio::time::timeout;

use crate::cli::{LIMIT, RepublishCommand, Which};
use crate::plan::{Action, Item, Plan};
use crate::{Error, passed_over};

/// How often it is said how far it is.
const TELL: Duration = Duration::from_secs(5);

/// One item that says how much it is; `--execute` puts the marks.
pub(crate) async fn republish(wish: &RepublishCommand) -> Result<Plan, Error> {
    // A walk over everything has no limit, and still does not wait without an end for a store that is away.
    let store = timeout(LIMIT, connect(&wish.mongodb_uri)).await;
    let store = store.unwrap_or(Err(Error::TimedOut { after: LIMIT }))?;
    let republisher = store.republisher();
    let RepublishCommand { which, from, execute, .. } = wish;
    let mut left_out = PassedOver::default();
    let (name, extent, how) = match &which.stream {
        Some(stream) => {
            let from = Version(*from);
            let extent = match execute {
                true => republisher.stream(stream, from).await,
                false => republisher.extent(stream, from).await,
            };
            (format!("{stream} from version {from}"), extent?, "at once")
        }
        None => (bulk_name(which), bulk(&republisher, wish, &mut left_out).await?, "behind whatever is new"),
    };
    let Extent { commits, events } = extent;
    let action = if commits == 0 { Action::None } else { Action::Change };
    let state = format!("{events} events in {commits} commits, to be published again {how}");
    // A plan can be carried out but for these, so that is still said.
    let without = if *execute { Action::Refuse } else { Action::Look };
    let items = [Some(Item::new(name, action, state)), passed_over::item(&left_out, without)];
    Ok(Plan { executed: *execute, items: items.into_iter().flatten().collect() })
}

/// The store that these settings name, once it answers.
pub(crate) async fn connect(uri: &Secret) -> Result<EventStore, Error> {
    let process = Process::new("ops", None);
    let store = EventStore::connect(event_store::Config::new(uri.expose()), &process).await?;
    store.wait_until_up().await;
    Ok(store)
}

async fn bulk(republisher: &Republisher, wish: &RepublishCommand, left_out: &mut PassedOver) -> Result<Extent, Error> {
    let beginning = wish.which.aggregate.map(|aggregate| aggregate.prefix().into());
    let selection = Selection { beginning, since: wish.since, until: wish.until };
    let (mut walk, mut extent) = (republisher.walk(selection), Extent::default());
    let mut told = clock::monotonic();
    while let Some(page) = walk.next().await? {
        if wish.execute {
            republisher.again(&page).await?;
        }
        extent += page.extent();
        left_out.add(page.passed_over);
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
