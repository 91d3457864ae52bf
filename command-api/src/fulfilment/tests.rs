//! Fulfilments on a real store, without Kafka: a test hands on what was committed.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod records;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::fulfilment::{FulfilmentDetails, FulfilmentState, Heard, Operator};
use domain::order::{Listed, OrderCommand, Quantity, RequestedLine};
use domain::payment::PaymentCommand;
use domain::stock::{Pieces, StockCommand};
use domain::{Aggregate as _, Reason};
use event_store::{CommandRecord, Commit, Deadline, StoredEvent};
use runtime::Process;
use schemas::{
    AnyEvent, Currency, Event as _, FulfilmentOutcome, FulfilmentStep, Money, OrderId, PaymentMethod, ProviderId,
    Recorded, Sku, UserId, Version,
};
use stack::testing::{self, eventually};
use uuid::Uuid;

use super::*;
use crate::streams::MOST_COMMANDS;

const PATIENCE: Duration = Duration::from_secs(60);

/// One order of three pieces, of which there are five.
struct World {
    store: EventStore,
    process: Process,
    sku: Sku,
    order: OrderId,
    heard: BTreeMap<StreamId, usize>,
}

impl World {
    async fn open() -> Self {
        let id = Uuid::new_v4();
        let process = Process::new("fulfilment", None);
        let uri = testing::mongo().await.database(&format!("fulfilment-{}", id.simple()));
        let store = EventStore::connect(event_store::Config::new(uri), &process).await.expect("the URI is valid");
        tokio::time::timeout(PATIENCE, store.wait_until_up()).await.expect("MongoDB answers");
        let sku = Sku::parse("tea").unwrap();
        let world = Self { store, process, sku, order: OrderId::from_bits(id.as_u128()), heard: BTreeMap::new() };
        let receive = StockCommand::Receive { sku: world.sku.clone(), quantity: Pieces::new(5).unwrap(), reason: None };
        let stock = Streams::<Stock>::new(world.store.clone());
        let intent = Intent::internal("test", "delivery");
        stock.execute(world.sku.stock(), Creates::No, receive, intent).await.unwrap();
        world.place().await;
        world
    }

    async fn place(&self) {
        let price = Money { amount: 100, currency: Currency::parse("EUR").unwrap() };
        let quantity = Quantity::new(3).unwrap();
        let place = OrderCommand::Place {
            user: UserId::from_bits(1),
            lines: vec![RequestedLine { sku: self.sku.clone(), quantity, expected_price: None }],
            catalogue: [(self.sku.clone(), Listed::OnSale { name: "Tea".to_owned(), price })].into(),
            payment_method: None,
        };
        let intent = Intent::internal("test", "order");
        let orders = Streams::<Order>::new(self.store.clone());
        orders.execute(self.order.stream().clone(), Creates::No, place, intent).await.unwrap();
    }

    /// A process that just started.
    fn process(&self, config: FulfilmentConfig) -> Fulfilments {
        Fulfilments::new(&config, &self.store, &Participants::new(&self.store, MOST_COMMANDS))
    }

    /// Tells the fulfilment something, and gives nothing.
    async fn tell(&self, fulfilments: &Fulfilments, ask: Ask) -> FulfilmentState {
        let (stream, command) = (self.order.fulfilment().stream().clone(), fulfilments.command(ask));
        let intent = Intent::caused(CALLER, cause());
        let done = fulfilments.streams.fulfilments.execute(stream, Creates::No, command, intent).await.unwrap();
        self.state(fulfilments, done.version).await
    }

    /// What a process knows of the fulfilment, at this version at least.
    async fn state(&self, fulfilments: &Fulfilments, version: Version) -> FulfilmentState {
        let stream = self.order.fulfilment().stream().clone();
        fulfilments.streams.fulfilments.at_least(&stream, version).await.unwrap().state.clone().unwrap()
    }

    /// The provider does something.
    async fn pay(&self, what: PaymentCommand) {
        let stream = self.order.payment().stream().clone();
        let intent = Intent::internal("test", &format!("{what:?}"));
        Streams::<Payment>::new(self.store.clone()).execute(stream, Creates::No, what, intent).await.unwrap();
    }

    /// The money is taken, and the fulfilment has not heard of it yet.
    async fn take_the_money(&mut self, fulfilments: &Fulfilments) -> Ask {
        self.hand_on(fulfilments).await;
        let provider_id = ProviderId::parse("pi_1").unwrap();
        self.pay(PaymentCommand::RecordAuthorization { provider_id, last4: None }).await;
        self.hand_on(fulfilments).await;
        self.pay(PaymentCommand::RecordCapture).await;
        let events = self.events(self.order.payment().stream()).await;
        let Heard::Tell(_, ask) = Heard::of(events.last().unwrap()) else { unreachable!("{events:?}") };
        *ask
    }

    async fn start(&self, fulfilments: &Fulfilments) {
        let details = FulfilmentDetails {
            order: self.order.clone(),
            user: UserId::from_bits(1),
            items: [(self.sku.clone(), 3)].into(),
            amount: Money { amount: 300, currency: Currency::parse("EUR").unwrap() },
            method: PaymentMethod::unnamed(),
        };
        fulfilments.tell(&self.order.fulfilment(), Ask::Start(details), cause()).await.unwrap();
    }

    /// Hands on what happened to the stock, the payment and the fulfilment since the last time.
    async fn hand_on(&mut self, fulfilments: &Fulfilments) {
        let id = self.order.fulfilment();
        for stream in [self.sku.stock(), self.order.payment().stream().clone(), id.stream().clone()] {
            self.hand_on_of(fulfilments, stream).await;
        }
    }

    /// The same, of one stream alone.
    async fn hand_on_of(&mut self, fulfilments: &Fulfilments, stream: StreamId) {
        let events = self.events(&stream).await;
        let known = self.heard.insert(stream, events.len()).unwrap_or_default();
        for recorded in events.into_iter().skip(known) {
            match Heard::of(&recorded) {
                Heard::Tell(id, ask) => fulfilments.tell(&id, *ask, Cause::of(&recorded)).await.unwrap(),
                Heard::Look(id) => {
                    fulfilments.give_steps(&id, recorded.version, &Cause::of(&recorded)).await.unwrap();
                }
                Heard::Waits(id) => fulfilments.wait_again(&id, recorded.version).await.unwrap(),
                Heard::Lost(_) | Heard::Nothing => {}
            }
        }
    }

    async fn events(&self, stream: &StreamId) -> Vec<Recorded<AnyEvent>> {
        let commits = self.store.tail(stream, Version::FIRST).await.unwrap();
        commits.iter().flat_map(|commit| commit.recorded().unwrap()).collect()
    }

    /// Something happened in this stream that no build knows.
    async fn append_unreadable(&self, stream: &StreamId, version: Version) {
        let commit = Commit {
            stream: stream.clone(),
            first: version,
            id: Uuid::new_v4(),
            at: Timestamp::from_micros(1),
            owner: None,
            commands: vec![CommandRecord { events: 1, ..CommandRecord::default() }],
            keys: Vec::new(),
            events: vec![StoredEvent { name: "Evaporated".into(), data: bson::RawDocumentBuf::new() }],
        };
        self.store.append(&commit).await.unwrap();
    }

    async fn names(&self, stream: &StreamId) -> Vec<&'static str> {
        self.events(stream).await.iter().map(|recorded| recorded.event.name()).collect()
    }

    async fn held(&self) -> i64 {
        let events = self.events(&self.sku.stock()).await;
        let events = events.into_iter().filter_map(|recorded| schemas::StockEvent::from_any(recorded.event));
        events.fold(None, |stock, event| Stock::evolve(stock, &event)).map_or(0, |stock| stock.holds.total())
    }
}

fn cause() -> Cause {
    Cause {
        event: schemas::EventId(Uuid::nil()),
        version: Version::FIRST,
        at: Timestamp::from_micros(0),
        correlation: "test".into(),
        traceparent: None,
    }
}

fn operator() -> Operator {
    Operator { user: UserId::from_bits(9), reason: Reason::parse("settled by hand").unwrap() }
}

const fn patient() -> FulfilmentConfig {
    FulfilmentConfig {
        fulfilment_hold_seconds: 900,
        fulfilment_payment_seconds: 600,
        fulfilment_unknown_seconds: 86_400,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_before_a_crash_is_found_by_its_key() {
    let world = World::open().await;
    world.start(&world.process(patient())).await;
    let id = world.order.fulfilment();
    for _ in 0..3 {
        let restarted = world.process(patient());
        world.start(&restarted).await;
        restarted.give_steps(&id, Version::FIRST, &cause()).await.unwrap();
    }
    assert_eq!(world.names(&world.sku.stock()).await, ["StockReceived", "StockReserved"]);
    assert_eq!(world.names(id.stream()).await, ["FulfilmentStarted", "FulfilmentStepRecorded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_is_dated_after_its_cause_and_names_it() {
    let world = World::open().await;
    let fulfilments = world.process(patient());
    world.start(&fulfilments).await;
    let events = world.events(&world.sku.stock()).await;
    let (received, reserved) = (&events[0], &events[1]);
    let late = Cause { at: Timestamp::from_micros(reserved.at.as_micros() + 60_000_000), ..cause() };
    let told = Heard::of(reserved);
    let Heard::Tell(id, ask) = told else { unreachable!("{told:?}") };
    fulfilments.tell(&id, *ask, late.clone()).await.unwrap();
    let done = world.events(id.stream()).await.into_iter().last().unwrap();
    assert!(done.at > late.at && reserved.at > received.at, "{done:?}");
    assert_eq!(done.causation.as_deref(), Some(late.event.to_string().as_str()));
    assert_eq!(&*done.correlation, "test");
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_that_cannot_be_met_keep_no_others_from_being_met() {
    let mut world = World::open().await;
    let fulfilments = world.process(FulfilmentConfig { fulfilment_payment_seconds: 1, ..patient() });
    world.start(&fulfilments).await;
    world.hand_on(&fulfilments).await;
    // As many as are found at once, for longer than any other, of a fulfilment that cannot be read.
    let strange = OrderId::from_bits(9).fulfilment();
    world.append_unreadable(strange.stream(), Version::FIRST).await;
    let deadline = |number: u32| Deadline {
        id: format!("{strange}:outcome:{number}"),
        due: Timestamp::from_micros(1),
        stream: strange.stream().clone(),
    };
    let deadlines = world.store.deadlines();
    deadlines.set(&(1..=200).map(deadline).collect::<Vec<_>>()).await.unwrap();
    eventually("the payment is not waited for any longer", PATIENCE, async || {
        fulfilments.work_on_deadlines("test").await.unwrap();
        world.names(world.order.fulfilment().stream()).await.contains(&"FulfilmentCompensationStarted").then_some(())
    })
    .await;
    let left = deadlines.due(Timestamp::from_micros(i64::MAX), 1_000).await.unwrap();
    let stream = strange.stream();
    let strange = left.iter().filter(|deadline| deadline.stream == *stream);
    assert_eq!(strange.filter(|deadline| deadline.due.as_micros() > 1).count(), 200, "they are tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_this_build_does_not_know_is_left_to_one_that_does() {
    let world = World::open().await;
    let id = world.order.fulfilment();
    let wrapped = Deadline { id: format!("{id}:wrapped"), due: Timestamp::from_micros(1), stream: id.stream().clone() };
    let deadlines = world.store.deadlines();
    deadlines.set(std::slice::from_ref(&wrapped)).await.unwrap();
    world.process(patient()).work_on_deadlines("test").await.unwrap();
    let now = Timestamp::from_micros(clock::now_micros());
    assert_eq!(deadlines.due(now, 10).await.unwrap(), [], "it keeps no others from being found");
    let left = deadlines.due(Timestamp::from_micros(i64::MAX), 10).await.unwrap();
    assert_eq!(left.iter().map(|deadline| &deadline.id).collect::<Vec<_>>(), [&wrapped.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_late_is_let_go_and_the_pieces_are_given_back() {
    let mut world = World::open().await;
    let fulfilments = world.process(FulfilmentConfig { fulfilment_payment_seconds: 1, ..patient() });
    world.start(&fulfilments).await;
    world.hand_on(&fulfilments).await;
    assert_eq!(world.held().await, 3);
    let payment = world.order.payment();
    assert_eq!(world.names(payment.stream()).await, ["PaymentRequested"]);
    eventually("the payment is not waited for any longer", PATIENCE, async || {
        fulfilments.work_on_deadlines("test").await.unwrap();
        world.names(world.order.fulfilment().stream()).await.contains(&"FulfilmentCompensationStarted").then_some(())
    })
    .await;
    world.hand_on(&fulfilments).await;
    assert_eq!(world.names(payment.stream()).await, ["PaymentRequested", "PaymentVoidRequested"]);
    assert_eq!(world.held().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_are_held_for_too_long_are_promised_again() {
    let mut world = World::open().await;
    let fulfilments = world.process(FulfilmentConfig { fulfilment_hold_seconds: 1, ..patient() });
    world.start(&fulfilments).await;
    world.hand_on(&fulfilments).await;
    eventually("the hold expires", PATIENCE, async || {
        fulfilments.work_on_deadlines("test").await.unwrap();
        (world.held().await == 0).then_some(())
    })
    .await;
    world.hand_on(&fulfilments).await;
    let names = world.names(world.order.fulfilment().stream()).await;
    assert_eq!(names.last(), Some(&"FulfilmentHoldLost"), "{names:?}");
    assert_eq!(world.names(&world.sku.stock()).await.last(), Some(&"StockReservationExpired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_that_is_late_does_not_hand_out_pieces_that_were_held_since() {
    let mut world = World::open().await;
    let (first, second) = (world.process(patient()), world.process(patient()));
    world.start(&first).await;
    let taken = world.take_the_money(&first).await;
    let expire = StockCommand::Expire { order: world.order.clone(), now: after(Duration::from_secs(901)) };
    let intent = Intent::internal("test", "expire");
    first.streams.stock.execute(world.sku.stock(), Creates::No, expire, intent).await.unwrap();
    let known = world.tell(&second, taken).await;
    let (task, open) = known.open.iter().find(|(task, _)| task.step == FulfilmentStep::CommitStock).unwrap();

    let id = world.order.fulfilment();
    let version = Version(u32::try_from(world.names(id.stream()).await.len()).unwrap());
    first.give_steps(&id, version, &cause()).await.unwrap();
    let stock = world.names(&world.sku.stock()).await;
    assert_eq!(stock[2..], ["StockReservationExpired", "StockReserved"], "the first process is refused, and reserves");
    let answer = second.give(&id, &known, (task, *open), &cause()).await.unwrap();
    assert_eq!(answer, Some(FulfilmentOutcome::Refused));
    for _ in 0..3 {
        world.hand_on(&first).await;
    }
    second.settle(&id, (task.clone(), *open), FulfilmentOutcome::Refused, &cause()).await.unwrap();
    for _ in 0..3 {
        world.hand_on(&second).await;
    }
    let stock = world.names(&world.sku.stock()).await;
    assert_eq!(stock[4..], ["StockReservationCommitted"], "{stock:?}");
    assert_eq!(world.held().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_aborted_fulfilment_held_comes_back_whatever_is_heard_meanwhile() {
    let mut world = World::open().await;
    let fulfilments = world.process(FulfilmentConfig { fulfilment_hold_seconds: 1, ..patient() });
    world.start(&fulfilments).await;
    world.hand_on(&fulfilments).await;
    world.pay(PaymentCommand::MarkUnknown { reason: "timeout".to_owned() }).await;
    let failed = world.tell(&fulfilments, Ask::OutcomeOverdue { since: Version(2) }).await;
    assert!(failed.failure.is_some(), "{failed:?}");
    let _aborted = world.tell(&fulfilments, Ask::Abort(operator())).await;
    let provider_id = ProviderId::parse("pi_1").unwrap();
    world.pay(PaymentCommand::RecordAuthorization { provider_id, last4: None }).await;
    world.hand_on(&fulfilments).await;
    assert_eq!(world.held().await, 3);
    eventually("the pieces come back", PATIENCE, async || {
        fulfilments.work_on_deadlines("test").await.unwrap();
        (world.held().await == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_keeps_owing_waits_for_an_operator_as_often_as_it_is_waited_for() {
    let mut world = World::open().await;
    let fulfilments = world.process(FulfilmentConfig { fulfilment_unknown_seconds: 1, ..patient() });
    world.start(&fulfilments).await;
    let _captured_and_not_told = world.take_the_money(&fulfilments).await;
    let id = world.order.fulfilment();
    for (times, operate) in [(1, Ask::Retry(operator())), (2, Ask::Compensate(operator())), (3, Ask::Retry(operator()))]
    {
        eventually("the outcome is not waited for any longer", PATIENCE, async || {
            fulfilments.work_on_deadlines("test").await.unwrap();
            let names = world.names(id.stream()).await;
            (names.iter().filter(|name| **name == "FulfilmentFailed").count() == times).then_some(())
        })
        .await;
        let _goes_on = world.tell(&fulfilments, operate).await;
        world.hand_on_of(&fulfilments, id.stream().clone()).await;
    }
}
