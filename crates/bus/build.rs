//! Mends librdkafka's issue 5280 until a release does, see ADR 33: the file that has the fault is compiled once more with
//! one line added, and linked before librdkafka, whose own copy the linker then has no use for.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

/// What stands behind the loop that leaves out partitions whose leader is not known yet.
const BEHIND: &str =
    "                        changed_topic++;\n                }\n\n                rko = rd_kafka_op_new(";
/// How many partitions the loop has left, where all were counted before.
const MEND: &str = "                        md->topics[changed_topic].partition_cnt = changed_partition;\n";

#[expect(clippy::disallowed_methods, reason = "what cargo tells a build script is no setting")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    // Where rdkafka-sys has built librdkafka, sources and all.
    let librdkafka = PathBuf::from(env::var("DEP_RDKAFKA_ROOT")?).join("src");
    let faulty = fs::read_to_string(librdkafka.join("rdkafka_fetcher.c"))?;
    if faulty.matches(BEHIND).count() != 1 {
        return Err("librdkafka's rdkafka_fetcher.c has changed: see whether issue 5280 is mended (ADR 33)".into());
    }
    let mended = PathBuf::from(env::var("OUT_DIR")?).join("rdkafka_fetcher.c");
    fs::write(&mended, faulty.replace(BEHIND, &format!("{MEND}{BEHIND}")))?;
    cc::Build::new()
        .file(mended)
        .include(librdkafka)
        .opt_level(2)
        .warnings(false)
        .link_lib_modifier("+whole-archive")
        .compile("rdkafka_fetcher");
    Ok(())
}
