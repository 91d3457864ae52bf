//! Every release's files under `released/<version>/`: this release can share a topic with each of them and reads their
//! golden bytes. See `released/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use bson::RawDocument;
use schemas::avro::{RECORDS, record_named};
use schemas::{Aggregate, AnyEvent, compatibility};

use crate::files::{file, files_below};

/// Everything that is wrong between this release and one released file.
fn problem(released: &Path) -> Option<String> {
    let avsc = fs::read_to_string(released).unwrap();
    let name = released.file_stem().unwrap().to_str().unwrap();
    let aggregate = aggregate_of(released);
    match record_named(name) {
        Some(today) => compatibility::check(&avsc, today.avsc).err().map(|error| format!("{name}: {error:?}")),
        None if AnyEvent::retired(aggregate).contains(&name) => None,
        None => Some(format!("{name}: its commits could not be read any more; retire it, with an upcaster")),
    }
}

fn aggregate_of(released: &Path) -> Aggregate {
    let folder = released.parent().unwrap().file_name().unwrap().to_str().unwrap();
    Aggregate::ALL.into_iter().find(|a| a.noun() == folder).expect("a known aggregate")
}

fn read_goldens(released: &Path) -> Result<(), schemas::DecodeError> {
    let aggregate = aggregate_of(released);
    let name = released.file_stem().unwrap().to_str().unwrap();
    let writer = fs::read_to_string(released).unwrap().parse().unwrap();
    let golden =
        |extension| PathBuf::from(released.to_str().unwrap().replace("/avro/", "/golden/")).with_extension(extension);
    let bson = fs::read(golden("bson")).unwrap();
    let from_commit = AnyEvent::from_document(aggregate, name, RawDocument::from_bytes(&bson).unwrap())?;
    let from_topic = AnyEvent::from_avro(aggregate, name, &writer, &fs::read(golden("avro")).unwrap())?;
    assert_eq!(from_commit, from_topic, "{name}");
    Ok(())
}

fn schemas_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "avsc"));
    files
}

/// Releases what there is, into a folder of its own; the text of `OrderShipped` passes through `change`.
fn release(change: impl Fn(String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for record in RECORDS.iter() {
        for (part, extension) in [("avro", "avsc"), ("golden", "bson"), ("golden", "avro")] {
            let from = file(part, record, extension);
            let to = folder.path().join("1.0.0").join(from.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&from, &to).unwrap();
            if to.ends_with("OrderShipped.avsc") {
                fs::write(&to, change(fs::read_to_string(&to).unwrap())).unwrap();
            }
        }
    }
    folder
}

fn problems_below(folder: &Path) -> Vec<String> {
    schemas_below(folder).iter().filter_map(|released| problem(released)).collect()
}

#[test]
fn this_release_can_share_a_topic_with_every_release() {
    let released = Path::new(env!("CARGO_MANIFEST_DIR")).join("released");
    assert_eq!(problems_below(&released), Vec::<String>::new());
}

#[test]
fn this_release_reads_every_releases_golden_bytes() {
    for released in schemas_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("released")) {
        read_goldens(&released).unwrap();
    }
}

#[test]
fn a_release_of_todays_files_is_found_and_in_order() {
    let folder = release(|avsc| avsc);
    assert_eq!(schemas_below(folder.path()).len(), RECORDS.len());
    assert_eq!(problems_below(folder.path()), Vec::<String>::new());
    for released in schemas_below(folder.path()) {
        read_goldens(&released).unwrap();
    }
}

#[test]
fn a_release_that_fits_no_longer_is_found() {
    let folder = release(|avsc| avsc.replace(r#""carrier""#, r#""bearer""#));
    let problems = problems_below(folder.path());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].starts_with("OrderShipped: Unreadable"), "{problems:?}");
}

#[test]
fn a_record_that_vanished_is_found() {
    let folder = release(|avsc| avsc);
    let order = folder.path().join("1.0.0/avro/order");
    fs::rename(order.join("OrderShipped.avsc"), order.join("OrderEaten.avsc")).unwrap();
    let problems = problems_below(folder.path());
    assert_eq!(problems, ["OrderEaten: its commits could not be read any more; retire it, with an upcaster"]);
}

/// A record with these fields.
fn record_of(fields: &str) -> String {
    format!(
        r#"{{"type": "record", "name": "R", "namespace": "n", "fields": [{{"name": "id", "type": "long"}}{fields}]}}"#
    )
}

#[test]
fn what_defaults_can_carry_is_compatible() {
    let old = record_of("");
    for fields in [
        r#", {"name": "a", "type": "string", "default": ""}"#,
        r#", {"name": "a", "type": ["null", "long"], "default": null}"#,
        r#", {"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["x"], "default": "x"}, "default": "x"}"#,
        r#", {"name": "a", "type": {"type": "record", "name": "S", "fields": [{"name": "b", "type": "long"}]}, "default": {"b": 1}}"#,
    ] {
        compatibility::check(&old, &record_of(fields)).unwrap();
        compatibility::check(&record_of(fields), &old).unwrap();
    }
}

#[test]
fn an_enum_with_a_default_may_grow() {
    let of = |symbols| {
        record_of(&format!(
            r#", {{"name": "e", "type": {{"type": "enum", "name": "E", "symbols": [{symbols}], "default": "x"}}}}"#
        ))
    };
    compatibility::check(&of(r#""x""#), &of(r#""x", "y""#)).unwrap();
}

#[test]
fn what_defaults_cannot_carry_is_incompatible_in_both_directions() {
    let of_enum = |symbols| {
        record_of(&format!(r#", {{"name": "e", "type": {{"type": "enum", "name": "E", "symbols": [{symbols}]}}}}"#))
    };
    let of_type = |kind: &str| record_of(&format!(r#", {{"name": "t", "type": {kind}}}"#));
    for (old, new) in [
        (record_of(""), of_type(r#""string""#)),
        (of_type(r#""int""#), of_type(r#""long""#)),
        (of_type(r#""long""#), of_type(r#""string""#)),
        (of_type(r#""long""#), of_type(r#"["null", "long"]"#)),
        (of_enum(r#""x""#), of_enum(r#""x", "y""#)),
        (record_of(""), record_of("").replace(r#""R""#, r#""Q""#)),
        (record_of(""), record_of("").replace(r#""n""#, r#""m""#)),
        (record_of(""), "{".to_owned()),
    ] {
        compatibility::check(&old, &new).expect_err(&format!("{old} -> {new}"));
        compatibility::check(&new, &old).expect_err(&format!("{new} -> {old}"));
    }
}
