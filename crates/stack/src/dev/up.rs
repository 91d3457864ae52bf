//! `./dev up`, `down`, `reset`.

use std::fs::File;
use std::path::PathBuf;

use crate::orderflow::{Given, Orderflow};
use crate::{Error, folders, install, report};

use super::probe_order;

/// The stack's folder, and a lock for whoever changes what runs: the state is read, changed and written as a whole. The
/// lock lies beside the folder, which may be removed.
pub(super) fn alone() -> Result<(PathBuf, File), Error> {
    let run = folders::run();
    let around = run.parent().unwrap_or(&run);
    std::fs::create_dir_all(around).map_err(Error::file("create", around))?;
    let lock = install::lock(&run.with_extension("lock"))?;
    Ok((run, lock))
}

/// Starts what does not run, and returns when a real order has gone through everything.
pub(super) async fn up(given: &Given) -> Result<Orderflow, Error> {
    let (run, _alone) = alone()?;
    std::fs::create_dir_all(&run).map_err(Error::file("create", &run))?;
    let mut system = Orderflow::open(&run)?;
    let started = runtime::clock::monotonic();
    let assembled = system.assemble(given, &report::line).await;
    // Also after a failure: `down` must find whatever was started.
    system.save()?;
    assembled?;
    report::line("sending a probe order through the whole pipeline");
    probe_order::send(&system).await?;
    report::line(&format!("up after {:.1} s", started.elapsed().as_secs_f64()));
    announce(&system);
    Ok(system)
}

fn announce(system: &Orderflow) {
    let gateway = system.gateway();
    let addresses = system.addresses();
    report::told("");
    report::told(&format!("gateway    {gateway}   (documentation: {gateway}/docs)"));
    report::told(&format!("board      {gateway}/board   (log in as the admin)"));
    report::told(&format!("admin      {}   (password: ./dev status -o env)", system.admin().email));
    report::told(&format!("MongoDB    {}", without_password(&addresses.mongodb_uri)));
    report::told(&format!("Kafka      {}", addresses.kafka_brokers));
    report::told(&format!("registry   {}", addresses.schema_registry_url));
    report::told(&format!("Redis      {}", without_password(&addresses.redis_url)));
    report::told("");
    report::told("./dev status | ops WORDS | logs NAME | kill NAME | start NAME | demo | down | reset");
}

/// A URL whose password, if any, is not shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    match rest.rsplit_once('@') {
        Some((_user, place)) => format!("{scheme}://…@{place}"),
        None => url.to_owned(),
    }
}

/// Ends every process; data stays.
pub(super) async fn down() -> Result<(), Error> {
    let (run, _alone) = alone()?;
    let system = Orderflow::open(&run)?;
    if system.is_empty() {
        report::line("nothing runs");
        return Ok(());
    }
    system.end(&report::line).await;
    system.save()
}

/// Ends every process and removes the folder.
pub(super) async fn reset() -> Result<(), Error> {
    let (run, _alone) = alone()?;
    match Orderflow::open(&run) {
        Ok(system) => system.end(&report::line).await,
        // A state that cannot be read is a reason for a reset, not against it.
        Err(error @ Error::State { .. }) => {
            report::line(&format!("{error}: whatever it started must be ended by hand"))
        }
        Err(error) => return Err(error),
    }
    if run.exists() {
        std::fs::remove_dir_all(&run).map_err(Error::file("remove", &run))?;
    }
    report::line("all data is gone; downloads are kept");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        assert_eq!(without_password("mongodb://me:secret@host:1/db"), "mongodb://…@host:1/db");
        assert_eq!(without_password("redis://127.0.0.1:6379/"), "redis://127.0.0.1:6379/");
    }
}
