//! Looks for words in everything that the system has stored: documents, records, files. Capitals do not count.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use bson::RawDocumentBuf;
use bus::{Header, Kafka, StartFrom, Tail, TailEvent};
use futures::TryStreamExt as _;
use memchr::memmem;
use mongodb::Client;
use redis::Value;
use schemas::Aggregate;
use stack::eventually;

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

/// Every document of every collection of every database of a MongoDB, the operation log among them.
pub async fn in_mongodb(uri: &str, words: &Words) -> Places {
    let client = Client::with_uri_str(uri).await.expect("a MongoDB client");
    let mut places = Places::new();
    for database in client.list_database_names().await.expect("the databases") {
        let database = client.database(&database);
        for name in database.list_collection_names().await.expect("the collections") {
            let all = database.collection::<RawDocumentBuf>(&name).find(bson::doc! {}).await;
            // A collection of the server's own that cannot be read this way holds nothing of ours.
            let Ok(mut all) = all else { continue };
            while let Ok(Some(document)) = all.try_next().await {
                if words.stand_in(document.as_bytes()) {
                    places.insert(format!("MongoDB {}.{name}", database.name()));
                }
            }
        }
    }
    places
}

/// Every record of every topic: key, value and headers, as they are without compression.
pub async fn in_kafka(kafka: &Kafka, words: &Words) -> Places {
    let mut places = Places::new();
    for aggregate in Aggregate::ALL {
        let mut tail = Tail::start(kafka, aggregate.topic(), StartFrom::Beginning).expect("a tail");
        loop {
            match tail.next().await.expect("a tail that goes on") {
                TailEvent::CaughtUp => break,
                TailEvent::Record(record) => {
                    let headers = Header::ALL.into_iter().filter_map(|header| record.headers.text(header));
                    let parts = headers.map(str::as_bytes).chain([record.key.as_slice(), record.value.as_slice()]);
                    if parts.into_iter().any(|part| words.stand_in(part)) {
                        places.insert(format!("Kafka {}", aggregate.topic()));
                    }
                }
            }
        }
    }
    places
}

/// Files that hold numbers only, and are large from the start: Kafka's indexes of its segments.
const NUMBERS: [&str; 2] = ["index", "timeindex"];

/// Every file below a folder, bytes as they are.
#[must_use]
pub fn in_files(folder: &Path, words: &Words) -> Places {
    let mut places = Places::new();
    // Servers remove files while we look; what is gone holds nothing.
    let Ok(entries) = std::fs::read_dir(folder) else { return places };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            places.extend(in_files(&path, words));
        } else if path.extension().is_some_and(|kind| NUMBERS.iter().any(|numbers| kind == *numbers)) {
            // Nothing that was ever a word.
        } else if std::fs::read(&path).is_ok_and(|bytes| words.stand_in(&bytes)) {
            places.insert(path.display().to_string());
        }
    }
    places
}

/// Every key and value of a Redis: what its append-only file holds compressed.
pub async fn in_redis(url: &str, words: &Words) -> Places {
    let client = redis::Client::open(url).expect("an address of Redis");
    let mut connection = client.get_multiplexed_async_connection().await.expect("a connection to Redis");
    let mut places = Places::new();
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("all keys");
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.expect("a type");
        let read = match kind.as_str() {
            "hash" => redis::cmd("HGETALL").arg(&key).to_owned(),
            "zset" => redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).to_owned(),
            "stream" => redis::cmd("XRANGE").arg(&key).arg("-").arg("+").to_owned(),
            _ => redis::cmd("GET").arg(&key).to_owned(),
        };
        let value: Value = read.query_async(&mut connection).await.unwrap_or(Value::Nil);
        if words.stand_in(&key) || stand_in_value(&value, words) {
            places.insert(format!("Redis {}", String::from_utf8_lossy(&key)));
        }
    }
    places
}

/// Empties a Redis, once it answers: one that was just started may still be reading its file.
pub async fn empty_redis(url: &str) {
    let client = redis::Client::open(url).expect("an address of Redis");
    let empty = async || {
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
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
