//! What is left of a key after its end: the server's operation log tells every write again, until it is overwritten.

use bson::{Bson, Document, doc};
use schemas::Timestamp;

use crate::Vault;

const LOG: &str = "oplog.rs";

/// How much the operation log holds, and how much fits.
struct Log {
    /// Its oldest entry.
    oldest: Timestamp,
    bytes: f64,
    capacity: f64,
}

impl Vault {
    /// Until when the operation log will hold what was written at this time, if it goes on to grow as it did.
    pub(crate) async fn in_operation_log_until(&self, written: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let log = self.log().await?;
        Some(log.holds_until(written, now))
    }

    async fn log(&self) -> Option<Log> {
        // Not by reading its entries: whoever may do that reads what everybody writes.
        let status = self.look("admin", doc! { "serverStatus": 1, "oplog": 1 }).await?;
        let stats = self.look("local", doc! { "collStats": LOG }).await?;
        let seconds = status.get_document("oplog").ok()?.get_timestamp("earliestOptime").ok()?.time;
        let oldest = Timestamp::from_micros(i64::from(seconds).saturating_mul(1_000_000));
        Some(Log { oldest, bytes: number(stats.get("size")?)?, capacity: number(stats.get("maxSize")?)? })
    }

    /// What the server says of itself, if it lets us ask.
    async fn look(&self, database: &str, command: Document) -> Option<Document> {
        let database = self.connection.client.database(database);
        let answer =
            self.connection.run("look at the operation log", async move { database.run_command(command).await });
        answer.await.ok()
    }
}

impl Log {
    fn holds_until(&self, written: Timestamp, now: Timestamp) -> Timestamp {
        if written < self.oldest {
            return now;
        }
        let age =
            std::time::Duration::from_micros(now.as_micros().saturating_sub(self.oldest.as_micros()).unsigned_abs());
        let filled = age.as_secs_f64() * (self.capacity / self.bytes.max(1.0)).max(1.0);
        let filled = std::time::Duration::try_from_secs_f64(filled).unwrap_or(std::time::Duration::MAX);
        let filled = i64::try_from(filled.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(written.as_micros().saturating_add(filled)).max(now)
    }
}

/// The server answers numbers in the type that is smallest.
fn number(value: &Bson) -> Option<f64> {
    value.as_f64().or_else(|| value.as_i32().map(f64::from)).or_else(|| {
        let whole = value.as_i64()?;
        // Bytes beyond 2^53 do not come up.
        let (high, low) = (i32::try_from(whole >> 32).ok()?, u32::try_from(whole & 0xffff_ffff).ok()?);
        Some(f64::from(high) * 4_294_967_296.0 + f64::from(low))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_micros(hours * HOUR)
    }

    #[test]
    fn a_log_that_fills_in_a_day_holds_a_write_for_a_day() {
        let log = Log { oldest: at(100), bytes: 500.0, capacity: 1_000.0 };
        assert_eq!(log.holds_until(at(110), at(112)), at(134));
        let full = Log { oldest: at(100), bytes: 1_000.0, capacity: 1_000.0 };
        assert_eq!(full.holds_until(at(110), at(124)), at(134));
    }

    #[test]
    fn what_was_written_before_the_oldest_entry_is_gone_already() {
        let log = Log { oldest: at(100), bytes: 500.0, capacity: 1_000.0 };
        assert_eq!(log.holds_until(at(99), at(112)), at(112));
    }

    #[test]
    fn every_number_of_the_server_is_read() {
        let numbers = [Bson::Int32(7), Bson::Int64(5_000_000_000), Bson::Double(1.5), Bson::Null];
        let read = numbers.map(|bson| number(&bson));
        assert_eq!(read, [Some(7.0), Some(5_000_000_000.0), Some(1.5), None]);
    }
}
