//! Tickets: small secrets that let their bearer in once, on any instance.

use std::time::Duration;

use crate::{Error, ReadModel};

fn key(ticket: &str) -> String {
    format!("{{feeds}}:t:{ticket}")
}

impl ReadModel {
    /// Keeps what a ticket stands for until it is taken, at most this long.
    pub async fn keep_ticket(&self, ticket: &str, bearer: &str, lifetime: Duration) -> Result<(), Error> {
        let mut set = redis::pipe();
        let milliseconds = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        set.cmd("SET").arg(key(ticket)).arg(bearer).arg("PX").arg(milliseconds).ignore();
        self.connections.write_all("keeping a ticket", &set).await
    }

    /// Takes what a ticket stands for. Of all who ask with one ticket, one gets it; if the answer is lost, nobody.
    pub async fn take_ticket(&self, ticket: &str) -> Result<Option<String>, Error> {
        let mut take = redis::pipe();
        take.cmd("GETDEL").arg(key(ticket));
        let (bearer,) = self.connections.write_all("taking a ticket", &take).await?;
        Ok(bearer)
    }
}
