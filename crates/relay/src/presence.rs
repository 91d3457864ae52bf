//! A relay among others: its heartbeat, its lanes, and whether it must listen for commits of other processes.
//!
//! The change stream costs the server work for every insert, so it is open only while another process appends, with or
//! without a relay of its own: as long as some other heartbeat is alive.

use std::time::Duration;

use event_store::{Lanes, Outbox, Presence};
use runtime::backoff::Backoff;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics;

const INTERVAL: Duration = Duration::from_secs(3);

/// Heartbeats until `stop`, keeping `lanes` up to date; then leaves, so that the others take over at once. While
/// `MongoDB` is away the lanes stay as they are.
pub(crate) async fn keep(outbox: Outbox, me: String, lanes: watch::Sender<Lanes>, stop: CancellationToken) {
    let mut listener = Listener { outbox: outbox.clone(), running: None };
    let mut backoff = Backoff::new(Duration::from_millis(50), INTERVAL);
    while !stop.is_cancelled() {
        let pause = match look(&outbox, &me).await {
            Ok(view) => {
                lanes.send_if_modified(|lanes| std::mem::replace(lanes, view.lanes) != view.lanes);
                listener.set(view.others);
                backoff.reset();
                INTERVAL
            }
            // Health says that MongoDB is away.
            Err(_away) => backoff.next(),
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    listener.set(false);
    // Without it the others wait until the heartbeat has expired.
    let _ = outbox.leave(&me).await;
}

struct View {
    lanes: Lanes,
    others: bool,
}

async fn look(outbox: &Outbox, me: &str) -> Result<View, event_store::Error> {
    outbox.heartbeat(me, Presence::Relay).await?;
    let present = outbox.present().await?;
    let others = present.iter().any(|(instance, _)| instance != me);
    let relays = present.into_iter().filter(|(_, presence)| *presence == Presence::Relay);
    let relays: Vec<_> = relays.map(|(instance, _)| instance).collect();
    let oldest = outbox.oldest_mark_age().await?.unwrap_or_default();
    metrics::OLDEST_MARK_SECONDS.set(oldest.as_secs_f64());
    let lanes = crate::owned(me, &relays);
    metrics::LANES.set(f64::from(lanes.count()));
    Ok(View { lanes, others })
}

/// The change stream, while it is wanted.
struct Listener {
    outbox: Outbox,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Listener {
    fn set(&mut self, wanted: bool) {
        match (&self.running, wanted) {
            (None, true) => {
                let (outbox, stop) = (self.outbox.clone(), CancellationToken::new());
                let stopped = stop.clone();
                let task = runtime::tasks::spawn("relay listener", async move { outbox.listen(&stopped).await });
                self.running = Some((stop, task));
            }
            (Some((stop, _)), false) => {
                stop.cancel();
                self.running = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
}
