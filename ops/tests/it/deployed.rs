//! The files of `deploy/` that say who hears what: they agree with the groups that the processes join.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use bus::ConsumerGroup;
use read_model::{Generation, Target};
use views::Projection;

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");

fn file(path: &str) -> String {
    fs::read_to_string(format!("{DEPLOY}/{path}")).unwrap()
}

/// Every group of ours and each topic that it hears.
fn heard() -> BTreeSet<(String, String)> {
    let own = ConsumerGroup::ACTING.into_iter().chain([ConsumerGroup::NOTIFIER]);
    let own = own.flat_map(|group| group.hears.iter().map(move |aggregate| (group.name.to_owned(), *aggregate)));
    let views = Projection::ALL.map(|projection| {
        let target = Target { projection: projection.name(), generation: Generation(1) };
        (target.group(), projection.aggregate())
    });
    own.chain(views).map(|(group, aggregate)| (group, aggregate.topic().to_owned())).collect()
}

#[test]
fn whoever_reads_in_a_group_is_scaled_by_what_is_unread_of_each_topic_that_the_group_hears() {
    let files = ["fulfilment", "notifier", "projector"].map(|name| file(&format!("k8s/base/{name}.yaml"))).concat();
    let triggers = files.lines().filter_map(|line| {
        let (group, rest) = line.split_once("consumerGroup: ")?.1.split_once(", topic: ")?;
        Some((group.to_owned(), rest.split_once(',')?.0.to_owned()))
    });
    assert_eq!(triggers.collect::<BTreeSet<_>>(), heard());
}

/// What a user may read: the words behind `--topic` and `--group`, those of prefixes with a star.
#[derive(Default)]
struct Grants {
    topics: BTreeSet<String>,
    groups: Vec<String>,
}

fn grants() -> BTreeMap<String, Grants> {
    let mut users: BTreeMap<_, Grants> = BTreeMap::new();
    for line in file("kafka-acls.txt").lines().filter(|line| line.contains("--operation Read")) {
        let star = if line.contains("--resource-pattern-type prefixed") { "*" } else { "" };
        let words: Vec<_> = line.split(' ').collect();
        let named = |option| words.windows(2).filter(move |pair| pair[0] == option).map(|pair| pair[1]);
        let user = named("--allow-principal").next().unwrap();
        let grants = users.entry(user.to_owned()).or_default();
        grants.topics.extend(named("--topic").map(str::to_owned));
        grants.groups.extend(named("--group").map(|group| format!("{group}{star}")));
    }
    users
}

#[test]
fn whoever_may_join_a_group_may_read_what_it_hears_and_each_group_may_be_joined() {
    let users = grants();
    for (group, topic) in heard() {
        let covers =
            |granted: &String| granted.strip_suffix('*').map_or(*granted == group, |start| group.starts_with(start));
        let joining: Vec<_> = users.iter().filter(|(_, grants)| grants.groups.iter().any(covers)).collect();
        assert!(!joining.is_empty(), "nobody may join {group}");
        for (user, grants) in joining {
            assert!(grants.topics.contains(&topic), "{user} may join {group} and not read {topic}");
        }
    }
}
