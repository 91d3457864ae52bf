//! Which events were written to a screen, and when first: noted in Redis for who asks how an order came to be seen.
//!
//! No client waits for it: what cannot be noted soon enough is not noted, and counted.

use std::time::Duration;

use read_model::ReadModel;
use runtime::{Process, Shutdown, clock};
use schemas::{StreamId, Timestamp, Version};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::sleep;

use crate::frames::Frame;
use crate::metrics;

/// How many notes may wait, and how many are stored at once.
const WAITING: usize = 8_192;
const AT_ONCE: usize = 2_048;
/// What comes within this time is stored together: Redis writes each call to its disk.
const TOGETHER: Duration = Duration::from_millis(100);

/// An event was written to a screen.
type Note = (StreamId, Version, Timestamp);

/// Where connections say what they wrote; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Screens(Sender<Note>);

impl Screens {
    /// Notes until the process ends.
    pub(crate) fn new(read_model: ReadModel, process: &Process) -> Self {
        let (notes, waiting) = mpsc::channel(WAITING);
        process.tasks.spawn("screens", keep(waiting, read_model, process.shutdown.clone()));
        Self(notes)
    }

    /// These frames were just written. Of an event that several connections of one user are told, the first one counts.
    pub(crate) fn show(&self, frames: &[Frame]) {
        let mut now = None;
        for origin in frames.iter().filter_map(|frame| frame.origin.as_ref()) {
            if origin.is_news() {
                let at = *now.get_or_insert_with(|| Timestamp::from_micros(clock::now_micros()));
                if self.0.try_send((origin.stream.clone(), origin.version, at)).is_err() {
                    metrics::UNNOTED.add(1);
                }
            }
        }
    }
}

async fn keep(mut waiting: Receiver<Note>, read_model: ReadModel, shutdown: Shutdown) {
    let mut notes = Vec::with_capacity(AT_ONCE);
    loop {
        tokio::select! {
            biased;
            count = waiting.recv_many(&mut notes, AT_ONCE) => if count == 0 {
                return;
            },
            () = shutdown.requested() => return,
        }
        if let Err(error) = read_model.shown_on_screens(&notes).await {
            tracing::debug!(error = runtime::chain(&error), "what was written to screens could not be noted");
            metrics::UNNOTED.add(u64::try_from(notes.len()).unwrap_or(u64::MAX));
        }
        notes.clear();
        tokio::select! {
            () = sleep(TOGETHER) => {}
            () = shutdown.requested() => {}
        }
    }
}
