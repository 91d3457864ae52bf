//! Watching a generation being filled: how far it is, how fast, how long still. On standard error, so that the answer
//! stays alone on standard output.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use read_model::Generation;
use runtime::clock::{self, Instant};
use tokio::time::{MissedTickBehavior, interval};

use crate::Error;
use crate::plan::{Action, Item};
use crate::projections::Views;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);
/// How often a line is written where lines are kept.
const LINE: Duration = Duration::from_secs(5);
/// Over how many looks the speed is measured.
const WINDOW: usize = 10;

/// Watches until the generation has come as far as the live one in every partition, and says so.
pub(super) async fn until_filled(views: &Views, other: Generation) -> Result<Item, Error> {
    let mut time_to_look = interval(LOOK);
    time_to_look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (begun, mut written, mut progress) = (clock::monotonic(), None, Progress::default());
    loop {
        time_to_look.tick().await;
        let Ok(generations) = views.generations().await? else {
            return Ok(Item::new(views.called(other), Action::Refuse, "Redis was emptied meanwhile"));
        };
        if generations.live != other && !generations.entries.contains_key(&other) {
            return Ok(Item::new(views.called(other), Action::Refuse, "was dropped meanwhile"));
        }
        let (live, target) = (views.target(generations.live), views.target(other));
        let reached = views.read_model.progress(&target).await?;
        let goal = views.read_model.progress(&live).await?;
        progress.note(clock::monotonic(), reached.values().sum(), goal.values().sum());
        if views.read_model.behind(&live, &target).await?.is_empty() {
            clear_line();
            let (applied, seconds) = (progress.applied(), begun.elapsed().as_secs());
            let way = way(views.name(), generations.live, other);
            let state = format!("is filled: {applied} after {seconds} s; {way}");
            return Ok(Item::new(views.called(other), Action::None, state));
        }
        show(&views.called(other), &progress, &mut written);
    }
}

/// How readers come to see it.
fn way(name: &str, live: Generation, other: Generation) -> String {
    match other.cmp(&live) {
        Ordering::Greater => format!("next: `ops projections switch {name}`"),
        Ordering::Less => format!("`ops projections rollback {name} {other}` leads back to it"),
        Ordering::Equal => "readers see it already".to_owned(),
    }
}

/// One line on a terminal, which is written over; elsewhere a line now and then.
fn show(name: &str, progress: &Progress, written: &mut Option<Instant>) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _nobody_reads = write!(terminal, "\r\x1b[2K{name}  {}", progress.line());
    } else if written.is_none_or(|at| at.elapsed() >= LINE) {
        let _nobody_reads = writeln!(terminal, "{name}  {}", progress.line());
        *written = Some(clock::monotonic());
    }
}

/// Leaves a terminal's line to the answer.
fn clear_line() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _nobody_reads = write!(terminal, "\r\x1b[2K");
    }
}

/// How far, and how far it was a little before.
#[derive(Debug, Default)]
struct Progress {
    goal: u64,
    looks: VecDeque<(Instant, u64)>,
}

impl Progress {
    fn note(&mut self, at: Instant, reached: i64, goal: i64) {
        self.goal = u64::try_from(goal).unwrap_or_default();
        self.looks.push_back((at, u64::try_from(reached).unwrap_or_default()));
        if self.looks.len() > WINDOW {
            self.looks.pop_front();
        }
    }

    fn reached(&self) -> u64 {
        self.looks.back().map_or(0, |(_, reached)| *reached)
    }

    fn applied(&self) -> String {
        format!("{} events", self.reached())
    }

    /// Events per second lately.
    fn speed(&self) -> u64 {
        let (Some((first, from)), Some((last, to))) = (self.looks.front(), self.looks.back()) else { return 0 };
        let millis = u64::try_from(last.duration_since(*first).as_millis()).unwrap_or(u64::MAX);
        (to.saturating_sub(*from) * 1_000).checked_div(millis).unwrap_or(0)
    }

    fn line(&self) -> String {
        let (reached, goal, speed) = (self.reached(), self.goal, self.speed());
        let percent = (reached * 100).checked_div(goal).unwrap_or(100).min(100);
        let left = goal.saturating_sub(reached).checked_div(speed);
        let left = left.map_or_else(|| "standing still".to_owned(), |seconds| format!("{seconds} s left"));
        format!("{percent:3} %  {reached} of {goal} events  {speed} events/s  {left}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_the_way_to_it() {
        let way = |live, other| way("orders", Generation(live), Generation(other));
        assert_eq!(way(1, 2), "next: `ops projections switch orders`");
        assert_eq!(way(2, 1), "`ops projections rollback orders 1` leads back to it");
        assert_eq!(way(2, 2), "readers see it already");
    }

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long_still() {
        let (begun, mut progress) = (clock::monotonic(), Progress::default());
        progress.note(begun, 100, 1_000);
        assert!(progress.line().ends_with("standing still"), "{}", progress.line());
        progress.note(begun + Duration::from_secs(2), 400, 1_000);
        assert_eq!(progress.line(), " 40 %  400 of 1000 events  150 events/s  4 s left");
    }
}
