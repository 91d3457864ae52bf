//! Looks for words in everything that the system has stored: documents, records, files. Capitals do not count.
//!
//! A scan that cannot read panics, and one of files also when it does not see what surely stands there: what was not
//! looked at is not what holds nothing.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use bson::RawDocumentBuf;
use bus::{Header, Kafka, StartFrom, Tail, TailEvent};
use futures::TryStreamExt as _;
use memchr::memmem;
use mongodb::{Client, Collection};
use redis::Value;
use redis::aio::MultiplexedConnection;
use schemas::Aggregate;
use stack::eventually;
use tokio::time::timeout;

use crate::plain_redis;

/// Words to look for.
#[derive(Debug, Clone)]
pub struct Words(Vec<Vec<u8>>);

/// Where something was found, each place once.
pub type Places = BTreeSet<String>;

impl Words {
    /// These words.
    #[must_use]
    pub fn new(words: &[&str]) -> Self {
        Self(words.iter().map(|word| word.to_lowercase().into_bytes()).collect())
    }

    fn stand_in(&self, bytes: &[u8]) -> bool {
        let bytes = bytes.to_ascii_lowercase();
        self.0.iter().any(|word| memmem::find(&bytes, word).is_some())
    }
}

/// What MongoDB keeps for itself and shows nobody, not even root.
const UNREADABLE: [&str; 8] = [
    "admin.system.keys",
    "config.system.indexBuilds",
    // There from the fifth minute on.
    "config.system.sessions",
    "local.replset.initialSyncId",
    "local.replset.oplogTruncateAfterPoint",
    "local.system.rollback.id",
    "local.system.tenantMigration.oplogView",
    "local.system.views",
];
/// How often a collection is read that loses what the reader has not seen yet: the operation log has a limit.
const TRIES: usize = 5;
/// What MongoDB says then.
const CAPPED_POSITION_LOST: i32 = 136;

/// Every document of every collection of every database of a MongoDB, the operation log among them.
pub async fn in_mongodb(uri: &str, words: &Words) -> Places {
    let client = Client::with_uri_str(uri).await.expect("a MongoDB client");
    let mut places = Places::new();
    for database in client.list_database_names().await.expect("the databases") {
        let database = client.database(&database);
        for name in database.list_collection_names().await.expect("the collections") {
            let place = format!("{}.{name}", database.name());
            if !UNREADABLE.contains(&place.as_str()) && stand_in_collection(&database.collection(&name), words).await {
                places.insert(format!("MongoDB {place}"));
            }
        }
    }
    places
}

async fn stand_in_collection(collection: &Collection<RawDocumentBuf>, words: &Words) -> bool {
    let once = async || {
        let mut all = collection.find(bson::doc! {}).await?;
        while let Some(document) = all.try_next().await? {
            if words.stand_in(document.as_bytes()) {
                return Ok::<_, mongodb::error::Error>(true);
            }
        }
        Ok(false)
    };
    let mut tries = 1;
    loop {
        match once().await {
            Ok(found) => return found,
            Err(error) if tries < TRIES && is_outrun(&error) => tries += 1,
            Err(error) => panic!("{} cannot be read: {error}", collection.namespace()),
        }
    }
}

/// Whether a reader was too slow for a collection that forgets.
fn is_outrun(error: &mongodb::error::Error) -> bool {
    matches!(&*error.kind, mongodb::error::ErrorKind::Command(told) if told.code == CAPPED_POSITION_LOST)
}

/// How long a topic may take to be read.
const READ: Duration = Duration::from_secs(120);

/// Every record of every aggregate's topic as its readers get it: key, value and the headers that we know. All topics
/// and all headers, as they lie on the disk, are among the [files](in_files).
pub async fn in_kafka(kafka: &Kafka, words: &Words) -> Places {
    let mut places = Places::new();
    for aggregate in Aggregate::ALL {
        let read = timeout(READ, stand_in_topic(kafka, aggregate.topic(), words)).await;
        if read.unwrap_or_else(|_late| panic!("{} is not read within {READ:?}", aggregate.topic())) {
            places.insert(format!("Kafka {}", aggregate.topic()));
        }
    }
    places
}

async fn stand_in_topic(kafka: &Kafka, topic: &str, words: &Words) -> bool {
    let mut tail = Tail::start(kafka, topic, StartFrom::Beginning).expect("a tail");
    loop {
        match tail.next().await.expect("a tail that goes on") {
            TailEvent::CaughtUp => return false,
            TailEvent::Record(record) => {
                let headers = Header::ALL.into_iter().filter_map(|header| record.headers.get(header));
                let mut parts = headers.chain([record.key.as_slice(), record.value.as_slice()]);
                if parts.any(|part| words.stand_in(part)) {
                    return true;
                }
            }
        }
    }
}

/// What surely stands in the files of each folder of a system. In Redis' it does once [`in_redis`] has left it there.
const SURELY: [(&str, &str); 5] = [
    ("kafka", "ce_specversion"),
    ("logs", "command-api starts"),
    ("gateway", "client_body"),
    ("registry", "users.events.v1"),
    ("redis", MARK),
];
/// How often a folder is read whose server replaces its files meanwhile.
const LOOKS: usize = 3;
/// Files that hold numbers only, and are large from the start: Kafka's indexes of its segments.
const NUMBERS: [&str; 2] = ["index", "timeindex"];

/// Every file below a folder of a system: bytes as they are, and besides, what Kafka's segments hold compressed, of
/// every topic, the broker's own among them.
#[must_use]
pub fn in_files(folder: &Path, words: &Words) -> Places {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let surely = SURELY.into_iter().find(|(known, _)| *known == name);
    let (_, mark) = surely.unwrap_or_else(|| panic!("nobody knows what surely stands in {}", folder.display()));
    for _ in 0..LOOKS {
        let mut scan = Scan { words, mark: Words::new(&[mark]), marked: false, places: Places::new() };
        scan.folder(folder);
        if scan.marked {
            return scan.places;
        }
    }
    panic!("{} is not read: it would hold {mark}", folder.display());
}

/// A walk through files.
struct Scan<'a> {
    words: &'a Words,
    /// What surely stands in one of them.
    mark: Words,
    marked: bool,
    places: Places,
}

impl Scan<'_> {
    fn folder(&mut self, folder: &Path) {
        let Some(entries) = unless_gone(folder, std::fs::read_dir(folder)) else { return };
        for entry in entries {
            let Some(entry) = unless_gone(folder, entry) else { continue };
            let path = entry.path();
            let Some(kind) = unless_gone(&path, entry.file_type()) else { continue };
            let is_numbers = path.extension().is_some_and(|kind| NUMBERS.iter().any(|numbers| kind == *numbers));
            if kind.is_dir() {
                self.folder(&path);
            } else if kind.is_file() && !is_numbers {
                self.file(&path);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let Some(bytes) = unless_gone(path, std::fs::read(path)) else { return };
        let unpacked = || segment::unpacked(&bytes).unwrap_or_else(|| panic!("{} cannot be unpacked", path.display()));
        let inside = is_segment(path).then(unpacked);
        self.marked |= self.mark.stand_in(inside.as_ref().unwrap_or(&bytes));
        if self.words.stand_in(&bytes) || inside.is_some_and(|inside| self.words.stand_in(&inside)) {
            self.places.insert(path.display().to_string());
        }
    }
}

/// Servers remove files while we look; what is gone holds nothing.
fn unless_gone<T>(path: &Path, read: std::io::Result<T>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{} cannot be read: {error}", path.display()),
    }
}

/// Whether it is a segment of Kafka's: a log that is called after its first offset.
fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "log") && path.file_stem().is_some_and(|name| name.len() == 20)
}

/// What Kafka's segments hold that cannot be read there as it is.
mod segment {
    use std::io::Read as _;

    use lz4_flex::frame::FrameDecoder;

    /// Where a batch tells its length, of what follows that.
    const LENGTH: std::ops::Range<usize> = 8..12;
    /// Where it tells, in three bits, how its records are compressed.
    const CODEC: usize = 22;
    /// Where they are.
    const RECORDS: usize = 61;

    /// The records of all batches that are compressed, as they were before. `None` if one makes no sense; the last one may
    /// just be written, and does not count.
    pub(super) fn unpacked(mut segment: &[u8]) -> Option<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(length) = segment.get(LENGTH) {
            let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
            let Some(batch) = segment.split_off(..LENGTH.end + length) else { break };
            let records = batch.get(RECORDS..)?;
            match batch.get(CODEC)? & 7 {
                0 => {}
                3 => drop(FrameDecoder::new(records).read_to_end(&mut all).ok()?),
                _ => return None,
            }
        }
        Some(all)
    }
}

/// What a scan of Redis leaves there for that of its files.
const MARK: &str = "remains-looked-here";
/// How long it stays, in seconds.
const MARKED: u32 = 60;

/// Every key and value of a Redis: what its append-only file holds compressed. Leaves a mark there for the scan of that
/// file.
pub async fn in_redis(url: &str, words: &Words) -> Places {
    let mut connection = plain_redis::connect(url).await.expect("a connection to Redis");
    let mark = redis::cmd("SET").arg(MARK).arg("").arg("EX").arg(MARKED).to_owned();
    let _: Value = mark.query_async(&mut connection).await.expect("a mark");
    let used: String = redis::cmd("INFO").arg("keyspace").query_async(&mut connection).await.expect("the databases");
    let mut others = used.lines().filter(|line| line.starts_with("db") && !line.starts_with("db0:"));
    assert_eq!(others.next(), None, "everything is in the first database");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("all keys");
    let mut places = Places::new();
    for key in keys {
        let value = value_of(&mut connection, &key).await;
        if words.stand_in(&key) || stand_in_value(&value, words) {
            places.insert(format!("Redis {}", String::from_utf8_lossy(&key)));
        }
    }
    places
}

/// All that is under a key; nothing if it is gone.
async fn value_of(connection: &mut MultiplexedConnection, key: &[u8]) -> Value {
    let kind: String = redis::cmd("TYPE").arg(key).query_async(connection).await.expect("a type");
    let read = match kind.as_str() {
        "string" => redis::cmd("GET").arg(key).to_owned(),
        "hash" => redis::cmd("HGETALL").arg(key).to_owned(),
        "list" => redis::cmd("LRANGE").arg(key).arg(0).arg(-1).to_owned(),
        "set" => redis::cmd("SMEMBERS").arg(key).to_owned(),
        "zset" => redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).to_owned(),
        "stream" => redis::cmd("XRANGE").arg(key).arg("-").arg("+").to_owned(),
        "none" => return Value::Nil,
        other => panic!("nobody knows how to read the {other} {}", String::from_utf8_lossy(key)),
    };
    let name = String::from_utf8_lossy(key);
    read.query_async(connection).await.unwrap_or_else(|error| panic!("{name} cannot be read: {error}"))
}

/// Empties a Redis, once it answers: one that was just started may still be reading its file.
pub async fn empty_redis(url: &str) {
    let empty = async || {
        let mut connection = plain_redis::connect(url).await.ok()?;
        redis::cmd("FLUSHALL").query_async::<Value>(&mut connection).await.ok()
    };
    eventually("an empty Redis", Duration::from_secs(30), empty).await;
}

fn stand_in_value(value: &Value, words: &Words) -> bool {
    if let Value::BulkString(bytes) = value {
        words.stand_in(bytes)
    } else if let Value::SimpleString(text) = value {
        words.stand_in(text.as_bytes())
    } else if let Value::Array(values) | Value::Set(values) = value {
        values.iter().any(|value| stand_in_value(value, words))
    } else if let Value::Map(pairs) = value {
        pairs.iter().any(|(key, value)| stand_in_value(key, words) || stand_in_value(value, words))
    } else {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use lz4_flex::frame::FrameEncoder;

    use super::segment::unpacked;

    /// A batch with these records.
    fn batch(codec: u8, records: &[u8]) -> Vec<u8> {
        let mut batch = [&[0; 61], records].concat();
        batch[22] = codec;
        let length = u32::try_from(batch.len() - 12).expect("a length");
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch
    }

    #[test]
    fn a_segment_is_read_as_it_was_before_it_was_compressed_and_nonsense_is_told() {
        let text = b"abcabcabcabcab!".repeat(9);
        let mut frame = FrameEncoder::new(Vec::new());
        frame.write_all(&text).expect("a frame");
        let frame = frame.finish().expect("a frame");
        let written = [batch(3, &frame), batch(0, b"as it is"), batch(3, &frame)[..70].to_vec()].concat();
        assert_eq!(unpacked(&written), Some(text), "one that is not compressed, and one that is just written");
        assert_eq!(unpacked(&batch(3, b"no frame")), None);
        assert_eq!(unpacked(&batch(4, &frame)), None, "a codec that nobody writes with");
    }
}
