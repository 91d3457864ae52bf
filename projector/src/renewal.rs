//! Redis's append-only file is written anew after every start of Redis; why, says [`ReadModel::renew_file`].

use std::time::Duration;

use read_model::ReadModel;
use runtime::Process;
use runtime::backoff::Backoff;

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Looks whenever a connection was made, until shutdown.
pub(crate) fn start(read_model: ReadModel, process: &Process) {
    let shutdown = process.shutdown.clone();
    process.tasks.spawn("append-only-file", async move {
        tokio::select! {
            () = shutdown.requested() => {}
            () = renew(&read_model) => {}
        }
    });
}

async fn renew(read_model: &ReadModel) {
    let mut connections = read_model.reconnections();
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
    loop {
        connections.mark_unchanged();
        match read_model.renew_file().await {
            Ok(renewed) => {
                if renewed {
                    tracing::info!("Redis was started, and has written its append-only file anew");
                }
                backoff.reset();
                // Only a read model that is gone fails, and this one is not.
                let _ = connections.changed().await;
            }
            Err(error) => {
                tracing::debug!(error = runtime::chain(&error), "Redis has not written its append-only file anew");
                backoff.wait().await;
            }
        }
    }
}
