//! The network: every call waits for its way there and for its way back, until a step says how that goes.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::world::World;

/// The world, shared by everybody in it.
#[derive(Clone)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<World>>);

impl Shared {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

/// One instance of a process; it lives until it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process(pub(crate) usize);

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    /// It never does, and its sender is told so.
    Lost,
    /// Its sender is told that it was lost, but it arrives, some time.
    Late,
}

/// A message that is under way.
pub(crate) struct Message {
    pub(crate) from: Process,
    pub(crate) what: &'static str,
    pub(crate) leg: Leg,
    pub(crate) fate: oneshot::Sender<Fate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leg {
    There,
    Back,
    /// Nobody waits for it any more.
    Ghost,
    /// A process waits for something to do.
    Idle,
}

/// A call did not end; whether it was carried out is unknown.
#[derive(Debug)]
pub(crate) struct Lost;

/// The way of one process into the world.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) shared: Shared,
    pub(crate) process: Process,
}

impl Link {
    /// Has the world do something, and says what came of it.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        effect: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Result<T, Lost> {
        match self.under_way(what, Leg::There).await {
            Fate::Arrives => {}
            Fate::Lost => return Err(Lost),
            Fate::Late => {
                let link = self.clone();
                drop(runtime::tasks::spawn("ghost", async move {
                    link.under_way(what, Leg::Ghost).await;
                    effect(&mut link.shared.world());
                }));
                return Err(Lost);
            }
        }
        let answer = effect(&mut self.shared.world());
        match self.under_way(what, Leg::Back).await {
            Fate::Arrives => Ok(answer),
            Fate::Lost | Fate::Late => Err(Lost),
        }
    }

    /// Waits until it is this process's turn to look for something to do.
    pub(crate) async fn turn(&self, what: &'static str) {
        self.under_way(what, Leg::Idle).await;
    }

    async fn under_way(&self, what: &'static str, leg: Leg) -> Fate {
        let (fate, decided) = oneshot::channel();
        self.shared.world().messages.push(Message { from: self.process, what, leg, fate });
        match decided.await {
            Ok(fate) => fate,
            Err(_world_ended) => std::future::pending().await,
        }
    }
}
