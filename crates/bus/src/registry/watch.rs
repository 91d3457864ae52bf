//! Keeps the dependency `schema-registry` true, and the ids of our own schemas current.

use std::convert::Infallible;
use std::time::Duration;

use runtime::Shutdown;
use runtime::backoff::Backoff;

use super::Registry;
use crate::Error;

/// How often a registry that was fine is asked again: it may have lost its data.
const EVERY: Duration = Duration::from_secs(10);

/// Asks until the shutdown.
pub(super) async fn run(registry: Registry, shutdown: Shutdown) -> Result<(), Infallible> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));
    loop {
        let wait = match check(&registry).await {
            Ok(()) => {
                registry.inner.health.up();
                backoff.reset();
                EVERY
            }
            Err(error) => {
                registry.inner.health.down(reason(&error));
                backoff.next()
            }
        };
        tokio::select! {
            () = shutdown.requested() => return Ok(()),
            () = registry.inner.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn check(registry: &Registry) -> Result<(), Error> {
    let (own, subjects) = {
        let demands = registry.demands();
        (demands.own, demands.subjects.clone())
    };
    if own {
        registry.refresh_ids().await?;
    } else {
        registry.inner.calls.probe().await?;
    }
    for subject in subjects {
        if registry.inner.calls.versions(&subject).await?.is_empty() {
            return Err(Error::SchemaMissing { subject });
        }
        registry.demands().subjects.remove(&subject);
    }
    Ok(())
}

fn reason(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
