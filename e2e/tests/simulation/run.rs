//! One seed: who is there, what may happen next, until everything has come to rest.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use command_api::Streams;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use runtime::tasks::spawn;

use crate::commands::{Command, Instances, Told, sku};
use crate::link::{Fate, Leg, Link, Process, Shared};
use crate::processes::{projector, relay, source};
use crate::verdict::Violation;
use crate::world::{PARTITIONS, World};

/// How long a client waits; in steps it is a hundred.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than any process of the product waits before it tries again: between two steps everybody has come to a call.
const BREATH: Duration = Duration::from_millis(200);
const STREAMS: usize = 4;
/// A run that takes longer than this never ends.
const STEPS: usize = 5_000;

/// Runs a seed; says what happened, step by step, and whether a promise was broken.
pub(crate) fn run(seed: u64) -> (Vec<String>, Result<(), Violation>) {
    let threads = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    threads.unwrap().block_on(async {
        let streams = (0..STREAMS).map(|number| sku(number).stock()).collect();
        let world = World::new(StdRng::seed_from_u64(seed), streams);
        let mut run = Run::new(Shared(Arc::new(Mutex::new(world))));
        run.until_rest().await;
        let mut world = run.shared.world();
        (std::mem::take(&mut world.trace), world.violation.take().map_or(Ok(()), Err))
    })
}

struct Run {
    shared: Shared,
    instances: Instances,
    /// Who takes commands, by the place in `instances`.
    commanders: Vec<Process>,
    relays: Vec<Process>,
    projectors: Vec<(Process, usize)>,
    told: Arc<Mutex<Vec<Told>>>,
}

/// What can happen next.
enum Step {
    Move(usize),
    Write(usize, usize),
    Acknowledge(usize, usize),
    Lose(usize, Fate),
    FailRound(usize, bool),
    KillCommander(usize),
    KillRelay(usize),
    KillProjector(usize),
    DoubleProjector(usize),
    SkewClock,
    Rewind,
    PublishAgain,
}

impl Run {
    fn new(shared: Shared) -> Self {
        let commands: Vec<_> = {
            let mut world = shared.world();
            let count = world.dice.random_range(3..9);
            (0..count).map(|number| Command::any(&mut world, number)).collect()
        };
        let told = Arc::new(Mutex::new(commands.iter().map(Command::told).collect()));
        let (instances, commanders) = (Instances::default(), Vec::new());
        let mut run = Self { shared, instances, commanders, relays: Vec::new(), projectors: Vec::new(), told };
        for _ in 0..2 {
            let link = run.link();
            run.commanders.push(link.process);
            run.instances.lock().unwrap().push(Streams::new(link));
            run.start_relay();
        }
        (0..PARTITIONS).for_each(|partition| run.start_projector(partition));
        for command in commands {
            drop(spawn("client", command.send(run.link(), run.instances.clone(), run.told.clone())));
        }
        run
    }

    /// A new process.
    fn link(&self) -> Link {
        Link { shared: self.shared.clone(), process: self.shared.world().start() }
    }

    fn start_relay(&mut self) {
        let link = self.link();
        self.relays.push(link.process);
        drop(spawn("relay", relay(link)));
    }

    fn start_projector(&mut self, partition: usize) {
        let link = self.link();
        self.projectors.push((link.process, partition));
        drop(spawn("projector", projector(link, partition)));
    }

    async fn until_rest(&mut self) {
        for number in 0..STEPS {
            tokio::time::sleep(BREATH).await;
            if self.shared.world().violation.is_some() {
                return;
            }
            if self.is_at_rest() {
                let told = self.told.lock().unwrap().clone();
                return self.shared.world().at_rest(&told);
            }
            let step = self.next_step();
            let said = self.take(step);
            self.shared.world().trace.push(format!("{number}: {said}"));
        }
        self.shared.world().breach(Violation::Restless);
    }

    fn is_at_rest(&self) -> bool {
        let world = self.shared.world();
        let done = self.told.lock().unwrap().iter().all(|told| told.done);
        let ghosts = world.messages.iter().any(|message| message.leg == Leg::Ghost);
        let behind = (0..PARTITIONS).any(|partition| world.behind(&source(partition)));
        let under_way = (0..world.rounds.len()).any(|round| !world.writable(round).is_empty());
        done && !ghosts && !behind && !under_way && world.marked(1).is_empty()
    }

    /// One of all that can happen; faults are rarer than what should happen, and end.
    fn next_step(&self) -> Step {
        let mut world = self.shared.world();
        let mut steps: Vec<Step> = world.movable().into_iter().map(Step::Move).collect();
        for round in 0..world.rounds.len() {
            steps.extend(world.writable(round).into_iter().map(|record| Step::Write(round, record)));
            if world.alive.contains(&world.rounds[round].from) {
                steps.extend(world.answerable(round).into_iter().map(|record| Step::Acknowledge(round, record)));
            }
        }
        if world.faults > 0 && world.dice.random_bool(0.15) {
            world.faults -= 1;
            if let Some(fault) = self.fault(&mut world) {
                return fault;
            }
        }
        let number = world.dice.random_range(0..steps.len());
        steps.swap_remove(number)
    }

    fn fault(&self, world: &mut World) -> Option<Step> {
        let dropped = world.dice.random_bool(0.5);
        Some(match world.dice.random_range(0..14) {
            0..=4 => {
                let waits = |leg: Leg| matches!(leg, Leg::There | Leg::Back);
                let messages: Vec<_> =
                    world.movable().into_iter().filter(|index| waits(world.messages[*index].leg)).collect();
                let index = world.dice.random_range(0..messages.len().max(1));
                Step::Lose(*messages.get(index)?, if dropped { Fate::Lost } else { Fate::Late })
            }
            5 | 6 => {
                let open = |round: &usize| !world.writable(*round).is_empty() || !world.answerable(*round).is_empty();
                let rounds: Vec<_> = (0..world.rounds.len()).filter(open).collect();
                let index = world.dice.random_range(0..rounds.len().max(1));
                Step::FailRound(*rounds.get(index)?, dropped)
            }
            7 => Step::KillCommander(world.dice.random_range(0..self.commanders.len())),
            8 => Step::KillRelay(world.dice.random_range(0..self.relays.len())),
            9 => Step::KillProjector(world.dice.random_range(0..self.projectors.len())),
            10 => Step::DoubleProjector(world.dice.random_range(0..PARTITIONS)),
            11 => Step::SkewClock,
            12 => Step::Rewind,
            _ => Step::PublishAgain,
        })
    }

    fn take(&mut self, step: Step) -> String {
        match step {
            Step::Move(index) => self.decide(index, Fate::Arrives),
            Step::Lose(index, fate) => self.decide(index, fate),
            Step::KillCommander(place) => self.replace_commander(place),
            Step::KillRelay(place) => {
                let killed = self.relays.swap_remove(place);
                self.shared.world().kill(killed);
                self.start_relay();
                format!("relay {} is killed", killed.0)
            }
            Step::KillProjector(place) => {
                let (killed, partition) = self.projectors.swap_remove(place);
                self.shared.world().kill(killed);
                self.start_projector(partition);
                format!("projector {} of partition {partition} is killed", killed.0)
            }
            Step::DoubleProjector(partition) => {
                self.start_projector(partition);
                format!("partition {partition} gets one more projector")
            }
            Step::Write(..)
            | Step::Acknowledge(..)
            | Step::FailRound(..)
            | Step::SkewClock
            | Step::Rewind
            | Step::PublishAgain => self.shared.world().take(&step),
        }
    }

    fn decide(&self, index: usize, fate: Fate) -> String {
        let mut world = self.shared.world();
        let message = world.messages.remove(index);
        world.clock += 1;
        let _ = message.fate.send(fate);
        format!("{} of {}: {:?} {fate:?}", message.what, message.from.0, message.leg)
    }

    fn replace_commander(&mut self, place: usize) -> String {
        let link = self.link();
        let killed = std::mem::replace(&mut self.commanders[place], link.process);
        self.shared.world().kill(killed);
        self.instances.lock().unwrap()[place] = Streams::new(link);
        format!("commander {} is killed", killed.0)
    }
}

impl World {
    fn take(&mut self, step: &Step) -> String {
        match step {
            Step::Write(round, record) => {
                self.write(*round, *record);
                format!("the log writes record {record} of round {round}")
            }
            Step::Acknowledge(round, record) => {
                self.acknowledge(*round, *record);
                format!("the log acknowledges record {record} of round {round}")
            }
            Step::FailRound(round, dropped) => {
                let from = self.writable(*round).into_iter().chain(self.answerable(*round)).min().unwrap_or_default();
                self.fail_round(*round, from, *dropped);
                format!("round {round} fails from record {from} on, dropped: {dropped}")
            }
            Step::SkewClock => {
                let place = self.dice.random_range(0..self.alive.len());
                let (process, skew) = (self.alive[place], self.dice.random_range(-200..200));
                self.skews.insert(process, skew);
                format!("the clock of {} is wrong by {skew}", process.0)
            }
            Step::Rewind => {
                self.rewind();
                "the views lose their last writes".to_owned()
            }
            Step::PublishAgain => {
                let place = self.dice.random_range(0..self.commits.len().max(1));
                let Some(stored) = self.commits.get_mut(place) else { return "nothing to publish again".to_owned() };
                stored.marked = true;
                format!("commit {} of {} is published again", stored.commit.first, stored.commit.stream)
            }
            Step::Move(_)
            | Step::Lose(..)
            | Step::KillCommander(_)
            | Step::KillRelay(_)
            | Step::KillProjector(_)
            | Step::DoubleProjector(_) => String::new(),
        }
    }
}
