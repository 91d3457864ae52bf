//! What was erased leaves the append-only file, too.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use read_model::DocumentWrite;
use read_model::generations::Retired;
use stack::servers::Redis;
use stack::testing::{self, eventually};

use super::{Rig, write};

const CANARY: &str = "canary@example.org";

/// Whether this text stands in any file below the folder.
fn stands_in(folder: &Path, text: &str) -> bool {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().any(|path| match path.is_dir() {
        true => stands_in(&path, text),
        // A file that Redis has removed meanwhile holds nothing.
        false => std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|w| w == text.as_bytes())),
    })
}

#[tokio::test]
async fn after_a_tombstone_the_append_only_file_is_written_anew_without_what_was_shown() {
    let redis: Redis = testing::own().await;
    let rig = Rig::on(&redis, "purge");
    let texts = vec![("search".to_owned(), CANARY.to_owned())];
    let shown = DocumentWrite { body: Some(CANARY.into()), text_add: texts.clone(), ..write(1, 0, 1) };
    rig.write(vec![shown, write(2, 0, 1)]).await;
    assert!(!rig.read_model.purge(&rig.target).await.unwrap(), "nobody was erased");
    assert!(stands_in(redis.folder(), CANARY));

    let erased =
        DocumentWrite { body: None, text_remove: texts, list_remove: vec!["all".to_owned()], ..write(1, 1, 2) };
    rig.write(vec![erased]).await;
    assert!(stands_in(redis.folder(), CANARY), "the file tells what was, until it is written anew");
    assert!(rig.read_model.purge(&rig.target).await.unwrap());
    assert!(!stands_in(redis.folder(), CANARY));
    assert!(!rig.read_model.purge(&rig.target).await.unwrap(), "once is enough");

    redis.restart().await.unwrap();
    let other = Rig::on(&redis, "purge");
    let found = other.read_model.documents(&other.target, &[super::stream(1), super::stream(2)]).await.unwrap();
    let bodies: Vec<_> = found.into_iter().map(|document| document.unwrap().body.is_some()).collect();
    assert_eq!(bodies, [false, true], "a tombstone and the others are still there");
}

#[tokio::test]
async fn what_a_dropped_generation_held_does_not_stay_in_the_file() {
    let redis: Redis = testing::own().await;
    let rig = Rig::on(&redis, "dropped");
    rig.write(vec![write(1, 0, 1)]).await;
    let other = rig.beside(2).await;
    rig.feed(other, 0, 1, vec![DocumentWrite { body: Some(CANARY.into()), ..write(1, 0, 1) }]).await;
    assert!(!rig.read_model.purge(&rig.target).await.unwrap() && stands_in(redis.folder(), CANARY));
    assert_eq!(rig.read_model.retire(&other).await.unwrap(), Retired::Done);
    rig.read_model.clear(&other).await.unwrap();
    rig.read_model.owe_purge(&rig.target).await.unwrap();
    assert!(rig.read_model.purge(&rig.target).await.unwrap());
    assert!(!stands_in(redis.folder(), CANARY));
}

/// How often the server has written its file anew since it was started.
async fn rewrites(rig: &Rig) -> u32 {
    let told: String = redis::cmd("INFO").arg("persistence").query_async(&mut rig.raw().await).await.unwrap();
    told.lines().find_map(|line| line.strip_prefix("aof_rewrites:")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn however_many_find_one_tombstone_the_file_is_written_anew_for_all_of_them() {
    let redis: Redis = testing::own().await;
    let rig = Rig::on(&redis, "together");
    rig.write(vec![DocumentWrite { body: Some(CANARY.into()), ..write(1, 0, 1) }]).await;
    rig.write(vec![DocumentWrite { body: None, ..write(1, 1, 2) }]).await;
    let before = rewrites(&rig).await;
    let purge = async || rig.read_model.purge(&rig.target).await.unwrap();
    let purged = tokio::join!(purge(), purge(), purge());
    assert_ne!(purged, (false, false, false));
    assert!(!stands_in(redis.folder(), CANARY));
    let grown = rewrites(&rig).await - before;
    assert!((1..=2).contains(&grown), "{grown} times");
    assert!(!purge().await, "it is noted");
}

#[tokio::test]
async fn a_purge_that_was_not_finished_is_done_by_whoever_comes_next() {
    let redis: Redis = testing::own().await;
    let rig = Rig::on(&redis, "owed");
    rig.write(vec![write(1, 0, 1)]).await;
    rig.write(vec![DocumentWrite { body: None, ..write(1, 1, 2) }]).await;
    redis.restart().await.unwrap();
    let next = Rig::on(&redis, "owed");
    assert!(next.read_model.purge(&next.target).await.unwrap());
}

/// The server's child that writes the file, while there is one.
fn writer(redis: &Redis) -> Option<String> {
    let pid = redis.pid().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().next().map(str::to_owned)
}

/// Seen to fail when nobody asks how the rewriting ended.
#[tokio::test]
async fn a_file_that_was_not_written_to_its_end_is_still_owed() {
    let redis: Redis = testing::own().await;
    let rig = Rig::on(&redis, "cut-short");
    rig.write(vec![write(1, 0, 1)]).await;
    rig.write(vec![DocumentWrite { body: None, ..write(1, 1, 2) }]).await;
    let slow = async |micros: u32| {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("rdb-key-save-delay").arg(micros).query_async::<()>(&mut rig.raw().await).await.unwrap();
    };
    slow(10_000_000).await;
    let cut_short = async {
        let pid = eventually("the file is being written", Duration::from_secs(20), async || writer(&redis)).await;
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    };
    let (purged, ()) = tokio::join!(rig.read_model.purge(&rig.target), cut_short);
    assert!(matches!(purged, Err(read_model::Error::NotRewritten)), "{purged:?}");
    slow(0).await;
    assert!(rig.read_model.renew_file().await.unwrap(), "one that failed is none");
    assert!(!rig.read_model.renew_file().await.unwrap());
    assert!(rig.read_model.purge(&rig.target).await.unwrap());
}
