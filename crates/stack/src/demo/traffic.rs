//! A steady stream of orders at a given rate, whatever the answers take, with a live line.

use std::collections::HashMap;
use std::future::Future;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use runtime::clock;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::journey::since;
use super::shop::Placed;
use super::socket::Frame;
use super::times::Times;
use super::{Customer, PRODUCTS, Socket};
use crate::{Error, report};

/// How long the stream lasts, and how many orders per second are sent.
pub(super) struct Plan {
    pub(super) length: Option<Duration>,
    pub(super) rate: u32,
}

/// Orders that may wait for their answer at a time; more are not sent.
const IN_FLIGHT: usize = 1_000;
/// Access tokens live for 15 minutes.
const TOKEN_RENEWAL: Duration = Duration::from_secs(600);
/// How long the last frames are waited for.
const LAST_FRAMES: Duration = Duration::from_secs(5);

/// What has been seen so far.
struct Seen {
    started: Instant,
    /// Orders whose frame has not come yet, with the time of sending.
    sent: HashMap<String, Instant>,
    /// Frames that came before the answer.
    arrived: HashMap<String, Instant>,
    recent: Times,
    all: Times,
    placed: u64,
    placed_recently: u64,
    failed: u64,
    not_sent: u64,
    lag: Option<u64>,
}

/// Places orders until the time is over or Ctrl-C, then prints the sum.
pub(super) async fn stream(mut customer: Customer, mut socket: Socket, plan: Plan) -> Result<(), Error> {
    report::told("");
    report::told(&format!("a stream of {} orders per second; {}", plan.rate, until(plan.length)));
    let mut seen = Seen::new();
    let line_every = if std::io::stdout().is_terminal() { Duration::from_millis(500) } else { Duration::from_secs(5) };
    let mut send = interval(Duration::from_secs(1) / plan.rate);
    send.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut line, mut renewal) = (interval(line_every), interval(TOKEN_RENEWAL));
    line.tick().await;
    renewal.tick().await;
    let mut orders = FuturesUnordered::new();
    let mut end = Box::pin(end(plan.length));
    loop {
        tokio::select! {
            () = &mut end => break,
            _ = send.tick() => match orders.len() {
                ..IN_FLIGHT => orders.push(place(&customer)),
                IN_FLIGHT.. => seen.not_sent += 1,
            },
            Some((sent, placed)) = orders.next() => seen.answered(sent, placed),
            frame = socket.next() => seen.came(&frame.ok_or(Error::SocketClosed)?),
            _ = line.tick() => {
                seen.lag = customer.shop.lag(&customer.session).await;
                seen.print(line_every);
            }
            _ = renewal.tick() => {
                customer.log_in_again().await?;
                socket.refresh(&customer.session).await;
            }
        }
    }
    let rest = async {
        while let Some((sent, placed)) = orders.next().await {
            seen.answered(sent, placed);
        }
        while !seen.sent.is_empty()
            && let Some(frame) = socket.next().await
        {
            seen.came(&frame);
        }
    };
    let _some_are_missing = tokio::time::timeout(LAST_FRAMES, rest).await;
    seen.sum();
    if seen.sent.is_empty() { Ok(()) } else { Err(Error::MissingFrames { count: seen.sent.len() }) }
}

fn until(length: Option<Duration>) -> String {
    length.map_or_else(|| "Ctrl-C ends it".to_owned(), |length| format!("for {} s", length.as_secs()))
}

async fn end(length: Option<Duration>) {
    let over = async {
        match length {
            Some(length) => tokio::time::sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = over => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// One order of one product; owns what it needs, so that the customer may log in again meanwhile.
fn place(customer: &Customer) -> impl Future<Output = (Instant, Option<Placed>)> + use<> {
    let (shop, session) = (customer.shop.clone(), customer.session.clone());
    async move {
        let sent = clock::monotonic();
        let reply = shop.place(&session, None, &[(PRODUCTS[1].0, 1)]).await;
        (sent, reply.and_then(|reply| reply.accepted("place an order")).ok())
    }
}

impl Seen {
    fn new() -> Self {
        let (recent, all) = (Times::new(), Times::new());
        let (sent, arrived) = (HashMap::new(), HashMap::new());
        let started = clock::monotonic();
        let (placed, placed_recently, failed, not_sent, lag) = (0, 0, 0, 0, None);
        Self { started, sent, arrived, recent, all, placed, placed_recently, failed, not_sent, lag }
    }

    fn answered(&mut self, sent: Instant, placed: Option<Placed>) {
        let Some(placed) = placed else {
            self.failed += 1;
            return;
        };
        self.placed += 1;
        self.placed_recently += 1;
        match self.arrived.remove(&placed.order) {
            Some(arrived) => self.complete(sent, arrived),
            None => drop(self.sent.insert(placed.order, sent)),
        }
    }

    fn came(&mut self, frame: &Frame) {
        let Some(stream) = &frame.stream else { return };
        match self.sent.remove(stream) {
            Some(sent) => self.complete(sent, frame.at),
            None => drop(self.arrived.insert(stream.clone(), frame.at)),
        }
    }

    fn complete(&mut self, sent: Instant, arrived: Instant) {
        let time = since(sent, arrived);
        self.recent.record(time);
        self.all.record(time);
    }

    /// The live line: what happened since the last one.
    fn print(&mut self, interval: Duration) {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = f64::from(u32::try_from(self.placed_recently).unwrap_or(u32::MAX)) / interval.as_secs_f64();
        let lag = self.lag.map_or_else(|| "-".to_owned(), |lag| format!("{lag} ms"));
        let text = format!(
            "{seconds:6.1} s  {rate:6.0} orders/s   command -> frame p50 {:>8} p99 {:>8}   lag {lag:>6}{}",
            self.recent.at(50.0),
            self.recent.at(99.0),
            self.troubles(),
        );
        self.recent.clear();
        self.placed_recently = 0;
        if std::io::stdout().is_terminal() {
            let mut terminal = std::io::stdout().lock();
            let _nobody_looks = write!(terminal, "\r\x1b[K  {text}").and_then(|()| terminal.flush());
        } else {
            report::told(&text);
        }
    }

    fn troubles(&self) -> String {
        let failed = if self.failed > 0 { format!("   {} failed", self.failed) } else { String::new() };
        let not_sent = if self.not_sent > 0 { format!("   {} not sent in time", self.not_sent) } else { String::new() };
        failed + &not_sent
    }

    fn sum(&self) {
        let seconds = self.started.elapsed().as_secs_f64();
        if std::io::stdout().is_terminal() {
            report::told("");
        }
        report::told(&format!(
            "{} orders in {seconds:.1} s, each seen on the WebSocket: {}; command -> frame p50 {}, p99 {}{}",
            self.placed,
            self.all.count(),
            self.all.at(50.0),
            self.all.at(99.0),
            self.troubles(),
        ));
    }
}
