//! What was measured on, and what: without that a figure means nothing.

use std::process::Command;

use serde::{Deserialize, Serialize};

/// The first line of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// When, in UTC.
    pub(crate) at: String,
    /// The commit, with `+` if files had been changed.
    pub(crate) commit: String,
    /// How it was built.
    pub(crate) build: String,
    /// The processor, and how many of its cores there are.
    pub(crate) processor: String,
    /// Memory in GiB.
    pub(crate) memory: u64,
    /// The kernel.
    pub(crate) kernel: String,
    /// The servers.
    pub(crate) servers: String,
    /// How durable writes are.
    pub(crate) durability: String,
}

impl Machine {
    /// This one.
    pub(crate) fn here(build: &str) -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let model = field(&cpu, "model name").unwrap_or("unknown processor");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let kib = field(&memory, "MemTotal").and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let changed = if git(&["status", "--porcelain"]).is_empty() { "" } else { "+" };
        Self {
            at: runtime::clock::rfc3339(runtime::clock::now_micros()),
            commit: format!("{}{changed}", git(&["rev-parse", "--short=12", "HEAD"])),
            build: build.to_owned(),
            processor: format!("{model}, {cores} cores"),
            memory: kib.unwrap_or_default().div_ceil(1024 * 1024),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            servers: servers(),
            durability: "MongoDB w: majority, j: true on one node; Kafka acks=all, one broker, no fsync; Redis \
                         appendfsync always"
                .to_owned(),
        }
    }
}

fn servers() -> String {
    use stack::versions::{KAFKA, MONGODB, REDIS, REGISTRY};
    format!("MongoDB {MONGODB}, Kafka {KAFKA}, Redis {REDIS}, Apicurio {REGISTRY}")
}

/// The value behind a name and a colon.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim())
}

fn git(words: &[&str]) -> String {
    let output = Command::new("git").current_dir(stack::folders::repository()).args(words).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
