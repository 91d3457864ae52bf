//! What is done to the system: every process is killed or frozen, the clocks of ours are set, Redis loses some or all of its
//! data, the schema registry all of it, and the lines to the servers are cut, slow or swallow the replies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rand::rngs::StdRng;
use rand::{Rng as _, seq::IndexedRandom as _};
use runtime::clock::{self, Instant};
use stack::Orderflow;

use super::lines::{Lines, Trouble};
use crate::remains;

/// Between two blows.
const PAUSE: std::ops::Range<f64> = 0.3..2.5;
/// How long a killed process stays away.
const AWAY: std::ops::Range<f64> = 0.0..2.0;
/// How long a frozen process stands still; leases and sessions last 6 to 10 s.
const FROZEN: std::ops::Range<f64> = 0.5..14.0;
/// How long a line is disturbed.
const DISTURBED: std::ops::Range<f64> = 0.1..8.0;
/// How long a clock is wrong; a process sees within a second that it was set.
const ASTRAY: std::ops::Range<f64> = 2.0..14.0;
/// By how many seconds a clock is wrong, ahead or behind. No two of them are further apart than a minute, which is what the
/// services allow for (`crates/sessions`): a token, which lives for 15 minutes, is not refused for it, nor does a session
/// that has ended come back. So no customer has to overlook anything.
const WRONG_BY: std::ops::RangeInclusive<i64> = 1..=30;
/// The most that is cut off Redis's append-only file.
const LOST_BYTES: u64 = 8_192;
/// The share of blows at lines, where there are some.
const DISTURBANCES: f64 = 0.3;
/// The share of the others that set clocks, where there are some.
const SETTINGS: f64 = 0.2;
/// Processes or lines that suffer at the same time. A wrong clock comes on top of that, also for the same process.
const AT_A_TIME: usize = 2;
const REDIS: &str = "redis";
const REGISTRY: &str = "registry";
/// The gateway is the customers' window; the rest is fair game.
const SPARED: &str = "gateway";

/// One blow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Blow {
    /// SIGKILL, and started again.
    Kill,
    /// SIGSTOP, and SIGCONT after a while.
    Freeze,
    /// The wall clock jumps, ahead or back, and after a while to the right time again.
    SetClock,
    /// Killed, and the end of its data is gone when it comes back.
    LoseTail,
    /// All data is gone.
    Empty,
    /// The line to it is in trouble for a while.
    Disturb(Trouble),
}

/// One blow at one victim: how long it lasts, how many bytes a file loses by it, or how many seconds a clock is ahead.
struct Stroke {
    victim: String,
    blow: Blow,
    length: Duration,
    lost: u64,
    ahead: i64,
}

/// A blow that is over.
struct Struck {
    victim: String,
    blow: Blow,
    /// What is known of the victim, if it had ended before.
    fallen: Option<String>,
}

/// How often each process suffered what.
pub(super) type Blows = BTreeMap<(String, Blow), u32>;

/// What was done, and what happened without anybody having done it.
#[derive(Debug, Default)]
pub(super) struct Raid {
    pub(super) blows: Blows,
    /// What became of processes that had ended by themselves when they were to be killed.
    pub(super) fallen: Vec<String>,
}

pub(super) struct Nemesis<'a> {
    system: &'a Orderflow,
    lines: &'a Lines,
    random: StdRng,
}

impl<'a> Nemesis<'a> {
    pub(super) const fn new(system: &'a Orderflow, lines: &'a Lines, random: StdRng) -> Self {
        Self { system, lines, random }
    }

    /// Strikes until then; returns when every process runs again.
    pub(super) async fn rage(mut self, until: Instant) -> Raid {
        let mut raid = Raid::default();
        let (mut suffering, mut astray) = (BTreeSet::<String>::new(), BTreeSet::<String>::new());
        let mut under_way = FuturesUnordered::new();
        while clock::monotonic() < until {
            let pause = Duration::from_secs_f64(self.random.random_range(PAUSE));
            let stroke = self.choose();
            let victim = stroke.victim.clone();
            let hits = if stroke.blow == Blow::SetClock {
                astray.insert(victim)
            } else {
                suffering.len() < AT_A_TIME && suffering.insert(victim)
            };
            if hits {
                *raid.blows.entry((stroke.victim.clone(), stroke.blow)).or_default() += 1;
                under_way.push(strike(self.system, self.lines, stroke));
            }
            let next = tokio::time::sleep(pause);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    Some(Struck { victim, blow, fallen }) = under_way.next() => {
                        let those = if blow == Blow::SetClock { &mut astray } else { &mut suffering };
                        those.remove(&victim);
                        raid.fallen.extend(fallen);
                    }
                    () = &mut next => break,
                }
            }
        }
        while let Some(struck) = under_way.next().await {
            raid.fallen.extend(struck.fallen);
        }
        raid
    }

    fn choose(&mut self) -> Stroke {
        let (victim, blow) = self.victim();
        let (length, lost) = (self.length(blow), self.random.random_range(1..LOST_BYTES));
        let wrong_by = self.random.random_range(WRONG_BY);
        let ahead = if self.random.random_bool(0.5) { wrong_by } else { -wrong_by };
        Stroke { victim, blow, length, lost, ahead }
    }

    fn victim(&mut self) -> (String, Blow) {
        if let Some(line) = self.lines.names().choose(&mut self.random)
            && self.random.random_bool(DISTURBANCES)
        {
            let trouble = Trouble::ALL.choose(&mut self.random).copied().unwrap_or(Trouble::Cut);
            return (line.clone(), Blow::Disturb(trouble));
        }
        let clocks: Vec<&str> = self.system.clocks().collect();
        if let Some(process) = clocks.choose(&mut self.random)
            && self.random.random_bool(SETTINGS)
        {
            return ((*process).to_owned(), Blow::SetClock);
        }
        match self.random.random_range(0..100) {
            0..3 => (REDIS.to_owned(), Blow::Empty),
            3..6 => (REGISTRY.to_owned(), Blow::Empty),
            6..11 => (REDIS.to_owned(), Blow::LoseTail),
            rest => {
                let names: Vec<&str> = self.system.names().filter(|name| *name != SPARED).collect();
                let victim = names.choose(&mut self.random).copied().unwrap_or(SPARED).to_owned();
                (victim, if rest < 70 { Blow::Kill } else { Blow::Freeze })
            }
        }
    }

    fn length(&mut self, blow: Blow) -> Duration {
        let range = match blow {
            Blow::Freeze => FROZEN,
            Blow::SetClock => ASTRAY,
            Blow::Disturb(_) => DISTURBED,
            Blow::Kill | Blow::LoseTail | Blow::Empty => AWAY,
        };
        Duration::from_secs_f64(self.random.random_range(range))
    }
}

/// Does it, and undoes it after a while.
async fn strike(system: &Orderflow, lines: &Lines, stroke: Stroke) -> Struck {
    let Stroke { victim, blow, length, lost, ahead } = stroke;
    // A process whose clock is set may be one that was killed a moment ago.
    let fallen = if blow == Blow::SetClock { None } else { fallen(system, &victim).await };
    match blow {
        Blow::Disturb(trouble) => lines.disturb(&victim, trouble, length).await,
        Blow::Freeze => {
            system.signal(&victim, "STOP").expect("a known process");
            tokio::time::sleep(length).await;
            system.signal(&victim, "CONT").expect("a known process");
        }
        Blow::SetClock => {
            system.set_clock(&victim, ahead).expect("a clock that can be set");
            tokio::time::sleep(length).await;
            system.set_clock(&victim, 0).expect("a clock that can be set");
        }
        Blow::Empty if victim == REGISTRY => empty_registry(system).await,
        Blow::Empty => remains::empty_redis(&system.addresses().redis_url).await,
        Blow::Kill | Blow::LoseTail => {
            system.kill(&victim).await.expect("a known process");
            if blow == Blow::LoseTail {
                cut(&system.folder().join("redis"), lost);
            }
            tokio::time::sleep(length).await;
            system.start_only(&victim).expect("a process that starts again");
        }
    }
    Struck { victim, blow, fallen }
}

/// How a process ended that nobody ended; none while it runs. Whoever is killed and started again would hide it.
async fn fallen(system: &Orderflow, victim: &str) -> Option<String> {
    if system.pid(victim).expect("a known process").is_some() {
        return None;
    }
    let error = system.ready(victim).await.err()?;
    Some(format!("{victim} ended by itself: {}", runtime::chain_in_lines(&error)))
}

/// A registry that lost its data; an operator registers the schemas again.
async fn empty_registry(system: &Orderflow) {
    system.kill(REGISTRY).await.expect("a known process");
    std::fs::remove_dir_all(system.folder().join(REGISTRY).join("data")).expect("the registry's data");
    system.start(REGISTRY).await.expect("a registry without data");
    let mut operator = system.operator().expect("the operators' tool");
    operator.args(["schemas", "apply", "--execute"]);
    let applied = tokio::task::spawn_blocking(move || operator.output()).await.expect("a command that ends");
    let applied = applied.expect("a command that runs");
    assert!(applied.status.success(), "schemas are not registered again: {}", String::from_utf8_lossy(&applied.stderr));
}

/// Cuts the end off the append-only file, as a crash does to what did not reach the disk.
fn cut(folder: &Path, lost: u64) {
    let Some(file) = newest_tail(folder) else { return };
    let file = std::fs::OpenOptions::new().write(true).open(file).expect("the append-only file");
    let length = file.metadata().expect("its length").len();
    file.set_len(length.saturating_sub(lost)).expect("a shorter file");
}

fn newest_tail(folder: &Path) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder.join("appendonlydir")).or_else(|_| std::fs::read_dir(folder)).ok()?;
    let files = files.filter_map(Result::ok).map(|entry| entry.path());
    files.filter(|path| path.to_string_lossy().ends_with(".incr.aof")).max()
}
