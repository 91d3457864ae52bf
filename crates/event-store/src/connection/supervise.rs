//! Keeps asking whether MongoDB is there, creates the indexes once it is, and reports health. An outage at start or
//! later never ends the process.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};
use runtime::{Dependency, Process};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Connection;
use crate::mark::Mark;

const WHILE_UP: Duration = Duration::from_secs(2);
const WHILE_DOWN: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the heartbeat of a dead process is kept for people to look at.
const HEARTBEATS_KEPT: Duration = Duration::from_secs(3600);

/// Runs until shutdown.
pub(crate) async fn supervise(
    connection: Arc<Connection>,
    dependency: Dependency,
    process: Process,
) -> Result<(), Infallible> {
    let mut supervisor = Supervisor { connection, dependency, indexed: false, probe: None };
    while !process.shutdown.is_requested() {
        let up = supervisor.check().await;
        let pause = if up { WHILE_UP } else { WHILE_DOWN };
        tokio::select! {
            () = process.shutdown.requested() => {}
            () = tokio::time::sleep(pause) => {}
            () = supervisor.connection.check_now.notified(), if up => {}
        }
    }
    Ok(())
}

struct Supervisor {
    connection: Arc<Connection>,
    dependency: Dependency,
    indexed: bool,
    /// A probe that did not answer in time is waited for further instead of starting another.
    probe: Option<JoinHandle<Result<(), Error>>>,
}

impl Supervisor {
    async fn check(&mut self) -> bool {
        let (database, indexed) = (self.connection.database.clone(), self.indexed);
        let mut probe =
            self.probe.take().unwrap_or_else(|| runtime::tasks::spawn("mongodb probe", probe(database, indexed)));
        match timeout(PATIENCE, &mut probe).await {
            Ok(Ok(Ok(()))) => {
                self.indexed = true;
                self.connection.up.send_replace(true);
                self.dependency.up();
                return true;
            }
            Ok(Ok(Err(error))) => self.down(error),
            Ok(Err(failed)) => self.down(failed),
            Err(_elapsed) => {
                self.probe = Some(probe);
                self.down(format_args!("no answer within {PATIENCE:?}"));
            }
        }
        false
    }

    fn down(&self, reason: impl std::fmt::Display) {
        self.connection.up.send_replace(false);
        self.dependency.down(reason);
    }
}

async fn probe(database: Database, indexed: bool) -> Result<(), Error> {
    database.run_command(doc! { "ping": 1 }).await?;
    if !indexed {
        create_indexes(&database).await?;
    }
    Ok(())
}

/// Creating an index that exists already is a no-op.
async fn create_indexes(database: &Database) -> Result<(), Error> {
    let commits = database.collection::<Document>("commits");
    for mark in [Mark::Live, Mark::Again] {
        commits.create_index(index(mark.index(), having(mark.field()))).await?;
    }
    let mut once = having("ks");
    once.unique = Some(true);
    // A name of its own: databases of an earlier build have an index of the same keys that is not unique.
    once.name = Some("ks_once".to_owned());
    commits.create_index(index(doc! { "ks": 1 }, once)).await?;
    let expiry = IndexOptions::builder().expire_after(HEARTBEATS_KEPT).build();
    let heartbeats = database.collection::<Document>("heartbeats");
    heartbeats.create_index(index(doc! { "seen": 1 }, expiry)).await?;
    let deadlines = database.collection::<Document>("deadlines");
    deadlines.create_index(IndexModel::builder().keys(doc! { "due": 1 }).build()).await?;
    Ok(())
}

/// Only the documents that have this field.
fn having(field: &str) -> IndexOptions {
    IndexOptions::builder().partial_filter_expression(doc! { field: { "$exists": true } }).build()
}

fn index(keys: Document, options: IndexOptions) -> IndexModel {
    IndexModel::builder().keys(keys).options(options).build()
}
