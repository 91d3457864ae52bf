//! Pauses: for a while, which ends by itself, no projector feeds a projection. What it shows can be read as before.

use std::time::Duration;

use redis::Pipeline;

use crate::{Error, ReadModel, keys};

impl ReadModel {
    /// Asks whoever feeds this projection to stand still, for so long from now on. A length of zero ends a pause.
    pub async fn pause(&self, projection: &'static str, length: Duration) -> Result<(), Error> {
        let key = keys::pause(projection);
        let mut request = Pipeline::new();
        let request = match length.as_millis() {
            0 => request.cmd("UNLINK").arg(key),
            millis => request.cmd("SET").arg(key).arg("").arg("PX").arg(u64::try_from(millis).unwrap_or(u64::MAX)),
        };
        self.connections.write_all("asking for a pause", request.ignore()).await
    }

    /// For how much longer each of these projections is to stand still, in one round trip; zero for one that is fed.
    pub async fn pauses(&self, projections: &[&'static str]) -> Result<Vec<Duration>, Error> {
        let mut look = Pipeline::with_capacity(projections.len());
        for projection in projections {
            look.cmd("PTTL").arg(keys::pause(projection));
        }
        let left: Vec<i64> = self.connections.read_all("looking for pauses", &look).await?;
        // Without a pause, Redis answers less than zero.
        Ok(left.into_iter().map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))).collect())
    }
}
