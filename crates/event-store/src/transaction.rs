//! A transaction of MongoDB, for the rare command that must append a commit and write something else, or neither.

use std::fmt;
use std::sync::Arc;

use mongodb::ClientSession;
use mongodb::error::{ErrorKind, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure};
use runtime::backoff::Backoff;
use tokio::sync::OwnedSemaphorePermit;

use crate::commit::{Appended, Commit};
use crate::connection::Connection;
use crate::error::{Cause, DUPLICATE_KEY};
use crate::trace::Traced;
use crate::writer::APPEND;
use crate::{Doorbell, Error, Lanes, lane};

const WRITE_CONFLICT: i32 = 112;

/// An open transaction; dropping it without [`Self::commit`] aborts it. Every future of it must be awaited to its end,
/// so use it only in a task that no disconnecting client cancels.
pub struct Transaction {
    session: ClientSession,
    connection: Arc<Connection>,
    doorbell: Doorbell,
    lanes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl Transaction {
    pub(crate) async fn begin(connection: Arc<Connection>, doorbell: Doorbell) -> Result<Self, Error> {
        const BEGIN: &str = "begin a transaction";
        let client = connection.client.clone();
        let session = connection.run(async move {
            let mut session = client.start_session().await?;
            session.start_transaction().await?;
            Ok(session)
        });
        let session = session.await.map_err(|cause| cause.doing(BEGIN))?;
        // Only now: whoever waited for one permit while it holds another could keep all of them from everybody for ever.
        let permit = connection.permit().await.map_err(|cause| cause.doing(BEGIN))?;
        Ok(Self { session, connection, doorbell, lanes: Vec::new(), _permit: permit })
    }

    /// The session to pass to every other write of this transaction.
    pub fn session(&mut self) -> &mut ClientSession {
        &mut self.session
    }

    /// Adds a commit. After a conflict the transaction is over: drop it, load the tail and decide again.
    pub async fn append(&mut self, commit: &Commit) -> Result<Appended, Error> {
        let traced = Traced::begin(commit);
        let outcome = self.write(&traced.commit).await;
        traced.end(outcome)
    }

    async fn write(&mut self, commit: &Commit) -> Result<Appended, Error> {
        let document = commit.to_document()?;
        match self.connection.commits.insert_one(document).session(&mut self.session).await {
            Ok(_inserted) => {
                self.lanes.push(lane(&commit.stream));
                Ok(Appended::Written)
            }
            Err(error) if is_conflict(&error) => Ok(Appended::Conflict),
            Err(error) => Err(Cause::from(error).doing(APPEND)),
        }
    }

    /// Makes everything durable at once. On [`Error::Unavailable`] the outcome is unknown: look before repeating.
    pub async fn commit(mut self) -> Result<(), Error> {
        let started = runtime::clock::monotonic();
        let mut backoff = Backoff::default();
        loop {
            let Err(error) = self.session.commit_transaction().await else { break };
            let unknown = error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT);
            if !unknown || started.elapsed() > self.connection.deadline() {
                return Err(Cause::from(error).doing("commit a transaction"));
            }
            backoff.wait().await;
        }
        self.doorbell.ring(Lanes::from_iter(self.lanes));
        Ok(())
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

/// Whether another commit holds that version, or a concurrent transaction is about to.
fn is_conflict(error: &mongodb::error::Error) -> bool {
    if let ErrorKind::Write(WriteFailure::WriteError(failed)) = &*error.kind {
        failed.code == DUPLICATE_KEY
    } else if let ErrorKind::Command(failed) = &*error.kind {
        failed.code == DUPLICATE_KEY || failed.code == WRITE_CONFLICT
    } else {
        false
    }
}
