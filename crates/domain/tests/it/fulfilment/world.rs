//! A fulfilment among the real rules of its order, its stocks and its payment. Nothing happens by itself: a test says
//! which record is delivered (again), which command is given (again), and what the provider does.

use std::collections::{BTreeMap, BTreeSet};

use domain::fulfilment::{Ask, Fulfilment, FulfilmentCommand, FulfilmentState, Heard, StepCommand, Task};
use domain::order::{
    Canceller, Carrier, Catalogue, Listed, Order, OrderCommand, OrderState, Quantity, RequestedLine, Tracking,
};
use domain::payment::{Due, Payment, PaymentCommand, PaymentState};
use domain::stock::{Pieces, Stock, StockCommand, StockState};
use domain::{Aggregate, MAX_AMOUNT, Refusal, fold};
use schemas::{
    AnyEvent, Event, EventId, FulfilmentEvent, FulfilmentOutcome, FulfilmentStep, OrderEvent, OrderId, PaymentEvent,
    ProviderId, Recorded, Role, Sku, StockEvent, StockReceived, StreamId, Timestamp, Version,
};
use uuid::Uuid;

use crate::check::{actor, euro, sku, user};

/// How many pieces an order asks for, of each SKU.
pub(crate) const QUANTITY: i64 = 3;

/// Pieces are held until then.
pub(crate) const UNTIL: Timestamp = Timestamp::from_micros(1_000);

/// Whatever was held is not held any longer then.
const MUCH_LATER: Timestamp = Timestamp::from_micros(1_000_000);

/// What the provider makes of what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Does,
    Declines,
    LosesTheAnswer,
}

/// A step that the second process is at: its command on the way, or the answer.
#[derive(Debug)]
enum Late {
    Command(Task, i64, StepCommand),
    Answer(Task, i64, Option<FulfilmentOutcome>),
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) id: OrderId,
    orders: Vec<OrderEvent>,
    stocks: BTreeMap<Sku, Vec<StockEvent>>,
    payments: Vec<PaymentEvent>,
    pub(crate) fulfilment: Vec<FulfilmentEvent>,
    /// How many records of each stream were delivered.
    delivered: BTreeMap<StreamId, usize>,
    /// The numbers of the steps whose command had an effect: its key finds it.
    keys: BTreeSet<i64>,
    /// The numbers of the steps whose command each of two processes gave.
    given: [BTreeSet<i64>; 2],
    /// What the second of them is at.
    late: Option<Late>,
}

impl World {
    /// An order of some SKUs, with so many pieces of each in the house.
    pub(crate) fn new(pieces: &[(&str, i64)]) -> Self {
        let id = OrderId::from_bits(7);
        let line = |text: &str| RequestedLine {
            sku: sku(text),
            quantity: Quantity::new(QUANTITY).unwrap(),
            expected_price: None,
        };
        let listed = |text: &str| (sku(text), Listed::OnSale { name: text.to_owned(), price: euro(100) });
        let place = OrderCommand::Place {
            user: user(1),
            lines: pieces.iter().map(|(text, _)| line(text)).collect(),
            catalogue: pieces.iter().map(|(text, _)| listed(text)).collect::<Catalogue>(),
            payment_method: None,
        };
        let received = |(text, pieces): &(&str, i64)| {
            let quantity = Pieces::new(*pieces).ok();
            let receive = quantity.map(|quantity| StockCommand::Receive { sku: sku(text), quantity, reason: None });
            let events = receive.map(|receive| Stock::decide(None, &receive).unwrap()).unwrap_or_default();
            (sku(text), events)
        };
        Self {
            id,
            orders: Order::decide(None, &place).unwrap(),
            stocks: pieces.iter().map(received).collect(),
            payments: vec![],
            fulfilment: vec![],
            delivered: BTreeMap::new(),
            keys: BTreeSet::new(),
            given: <[_; 2]>::default(),
            late: None,
        }
    }

    pub(crate) fn order(&self) -> OrderState {
        fold::<Order>(&self.orders).unwrap()
    }

    pub(crate) fn stock(&self, sku: &Sku) -> Option<StockState> {
        fold::<Stock>(&self.stocks[sku])
    }

    pub(crate) fn skus(&self) -> Vec<Sku> {
        self.stocks.keys().cloned().collect()
    }

    pub(crate) fn payment(&self) -> Option<PaymentState> {
        fold::<Payment>(&self.payments)
    }

    pub(crate) fn state(&self) -> Option<FulfilmentState> {
        fold::<Fulfilment>(&self.fulfilment)
    }

    /// The streams that tell the fulfilment something.
    fn streams(&self) -> Vec<StreamId> {
        let stocks = self.stocks.keys().map(Sku::stock);
        [self.id.stream().clone(), self.id.payment().stream().clone()].into_iter().chain(stocks).collect()
    }

    fn record(&self, stream: &StreamId, index: usize) -> Option<Recorded<AnyEvent>> {
        let event = match stream.aggregate() {
            schemas::Aggregate::Order => self.orders.get(index)?.clone().into_any(),
            schemas::Aggregate::Payment => self.payments.get(index)?.clone().into_any(),
            schemas::Aggregate::Product
            | schemas::Aggregate::Stock
            | schemas::Aggregate::User
            | schemas::Aggregate::Fulfilment => {
                let events = self.stocks.iter().find(|(sku, _)| sku.stock() == *stream)?.1;
                events.get(index)?.clone().into_any()
            }
        };
        Some(Recorded {
            stream: stream.clone(),
            version: version(index),
            id: EventId(Uuid::nil()),
            at: Timestamp::from_micros(0),
            owner: None,
            correlation: "test".into(),
            causation: None,
            traceparent: None,
            event,
        })
    }

    /// Delivers the next record of one of the streams; whether there was one.
    pub(crate) fn deliver(&mut self, which: usize) -> bool {
        let streams = self.streams();
        self.deliver_of(&streams[which % streams.len()])
    }

    /// Delivers the next record of the order; whether there was one.
    pub(crate) fn deliver_order(&mut self) -> bool {
        self.deliver_of(&self.id.stream().clone())
    }

    /// Delivers the next record of the payment; whether there was one.
    pub(crate) fn deliver_payment(&mut self) -> bool {
        self.deliver_of(&self.id.payment().stream().clone())
    }

    fn deliver_of(&mut self, stream: &StreamId) -> bool {
        let index = self.delivered.get(stream).copied().unwrap_or(0);
        let Some(record) = self.record(stream, index) else { return false };
        self.delivered.insert(stream.clone(), index + 1);
        self.hear(&record);
        true
    }

    /// A consumer begins again some records earlier.
    pub(crate) fn redeliver(&mut self, which: usize, back: usize) {
        let streams = self.streams();
        let stream = &streams[which % streams.len()];
        let index = self.delivered.get(stream).copied().unwrap_or(0);
        self.delivered.insert(stream.clone(), index.saturating_sub(back));
    }

    fn hear(&mut self, record: &Recorded<AnyEvent>) {
        match Heard::of(record) {
            Heard::Tell(_, ask) => self.tell(*ask),
            Heard::Lost(_) | Heard::Waits(_) | Heard::Look(_) | Heard::Nothing => {}
        }
    }

    pub(crate) fn tell(&mut self, ask: Ask) {
        self.ask(ask).unwrap();
    }

    /// Tells the fulfilment something that it may refuse.
    pub(crate) fn ask(&mut self, ask: Ask) -> Result<(), Refusal> {
        let command = FulfilmentCommand { hold_until: UNTIL, ask };
        self.fulfilment.extend(Fulfilment::decide(self.state().as_ref(), &command)?);
        Ok(())
    }

    /// The answer that was lost last should be known by now, if one was lost.
    pub(crate) fn outcome_overdue(&mut self) {
        let lost = self.payments.iter().rposition(|event| matches!(event, PaymentEvent::MarkedUnknown(_)));
        if let Some(index) = lost {
            self.tell(Ask::OutcomeOverdue { since: version(index) });
        }
    }

    /// The provider should have done by now what is asked of it, if anything is.
    pub(crate) fn step_overdue(&mut self) {
        let asked = self.state().and_then(|state| state.asked_of_the_provider().next());
        if let Some(number) = asked {
            self.tell(Ask::StepOverdue { number });
        }
    }

    /// Gives the command of the oldest open step that this process did not give yet; whether there was one. If the
    /// process dies after it, the answer is not recorded, and the next process gives everything that is open again.
    pub(crate) fn give(&mut self, dies: bool) -> bool {
        let Some((task, number, command)) = self.due(0) else { return false };
        let outcome = self.outcome(&task, number, command);
        if dies {
            self.given[0].clear();
        } else {
            self.learn(task, number, outcome);
        }
        true
    }

    /// The second process gets on with a step: it decides to give the command, gives it, and records the answer, and
    /// anything may happen in between; whether there was anything to do.
    pub(crate) fn second(&mut self) -> bool {
        self.late = match self.late.take() {
            None => {
                let Some((task, number, command)) = self.due(1) else { return false };
                Some(Late::Command(task, number, command))
            }
            Some(Late::Command(task, number, command)) => {
                let outcome = self.outcome(&task, number, command);
                Some(Late::Answer(task, number, outcome))
            }
            Some(Late::Answer(task, number, outcome)) => {
                self.learn(task, number, outcome);
                None
            }
        };
        true
    }

    /// The oldest open step that a process did not give yet: it is about to.
    fn due(&mut self, process: usize) -> Option<(Task, i64, StepCommand)> {
        let state = self.state()?;
        let due = state.open.iter().filter(|(_, open)| !self.given[process].contains(&open.number));
        let (task, open) = due.min_by_key(|(_, open)| open.number)?;
        self.given[process].insert(open.number);
        Some((task.clone(), open.number, state.command(task, *open).unwrap()))
    }

    /// Gives a command; what its answer says, if no event will tell.
    fn outcome(&mut self, task: &Task, number: i64, command: StepCommand) -> Option<FulfilmentOutcome> {
        match self.answer(command, number) {
            Ok(()) => (task.step == FulfilmentStep::Restock).then_some(FulfilmentOutcome::Done),
            Err(Refusal::NothingToRefund) => Some(FulfilmentOutcome::Done),
            Err(_) => Some(FulfilmentOutcome::Refused),
        }
    }

    fn learn(&mut self, task: Task, number: i64, outcome: Option<FulfilmentOutcome>) {
        if let Some(outcome) = outcome {
            self.tell(Ask::Settle { task, number, outcome });
        }
    }

    /// A command is found again by its key if it had an effect before.
    fn answer(&mut self, command: StepCommand, number: i64) -> Result<(), Refusal> {
        if !self.keys.contains(&number) && self.execute(command)? {
            self.keys.insert(number);
        }
        Ok(())
    }

    /// Whether the command had an effect.
    fn execute(&mut self, command: StepCommand) -> Result<bool, Refusal> {
        let count = match command {
            StepCommand::Order(command) => append::<Order>(&mut self.orders, &command)?,
            StepCommand::Stock(sku, command) => append::<Stock>(self.stocks.get_mut(&sku).unwrap(), &command)?,
            StepCommand::Payment(command) => append::<Payment>(&mut self.payments, &command)?,
        };
        Ok(count > 0)
    }

    /// The provider does what is due, or not; whether anything was due.
    pub(crate) fn provide(&mut self, provider: Provider) -> bool {
        let Some(due) = self.payment().and_then(|payment| payment.due().into_iter().next()) else { return false };
        let reason = "card_declined".to_owned();
        let command = match (due, provider) {
            (_, Provider::LosesTheAnswer) => PaymentCommand::MarkUnknown { reason },
            (Due::Authorize, Provider::Declines) => PaymentCommand::RecordDecline { reason },
            (Due::Capture, Provider::Declines) => PaymentCommand::RecordExpiry,
            (Due::Authorize, Provider::Does) => {
                PaymentCommand::RecordAuthorization { provider_id: ProviderId::parse("pi_1").unwrap(), last4: None }
            }
            (Due::Capture, Provider::Does) => PaymentCommand::RecordCapture,
            (Due::Void, _) => PaymentCommand::RecordVoid,
            (Due::Refund { refund, .. }, _) => PaymentCommand::RecordRefund { refund },
        };
        append::<Payment>(&mut self.payments, &command).unwrap() > 0
    }

    /// The owner calls the order off, if he or she still may.
    pub(crate) fn cancel(&mut self) {
        let by = Canceller::Person(actor(1, Role::User));
        let _too_late = append::<Order>(&mut self.orders, &OrderCommand::Cancel { by, reason: None });
    }

    /// The order leaves the house.
    pub(crate) fn ship(&mut self) {
        let (carrier, tracking) = (Carrier::parse("DHL").unwrap(), Tracking::parse("JJD 1").unwrap());
        append::<Order>(&mut self.orders, &OrderCommand::Ship { carrier, tracking }).unwrap();
    }

    /// Whatever is held is held for too long.
    pub(crate) fn expire(&mut self, which: usize) {
        let skus = self.skus();
        let stock = self.stocks.get_mut(&skus[which % skus.len()]).unwrap();
        let _not_held = append::<Stock>(stock, &StockCommand::Expire { order: self.id.clone(), now: MUCH_LATER });
    }

    /// Somebody else buys whatever can be bought at once.
    pub(crate) fn sell_out(&mut self, which: usize) {
        let skus = self.skus();
        let sku = &skus[which % skus.len()];
        let available = self.stock(sku).map_or(0, |stock| stock.available());
        if let Ok(delta) = domain::stock::Delta::new(-available.min(Pieces::MAX)) {
            let stock = self.stocks.get_mut(sku).unwrap();
            append::<Stock>(stock, &StockCommand::Adjust { sku: sku.clone(), delta, reason: None }).unwrap();
        }
    }

    /// So many pieces come in that not one more has room.
    pub(crate) fn fill_up(&mut self, sku: &Sku) {
        let quantity = MAX_AMOUNT - self.stock(sku).map_or(0, |stock| stock.on_hand);
        let received = StockReceived { sku: sku.clone(), quantity, reason: None };
        self.stocks.get_mut(sku).unwrap().push(StockEvent::Received(received));
    }

    /// Everything that can still happen happens, with a provider who does what is asked.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let delivered = (0..self.streams().len()).any(|which| self.deliver(which));
            let late = self.late.is_some() && self.second();
            if !late && !delivered && !self.give(false) && !self.provide(Provider::Does) {
                return;
            }
        }
        panic!("it does not come to rest: {self:#?}");
    }
}

/// The version of a stream's event of this index.
fn version(index: usize) -> Version {
    Version(u32::try_from(index).unwrap() + 1)
}

fn append<A: Aggregate>(events: &mut Vec<A::Event>, command: &A::Command) -> Result<usize, Refusal> {
    let new = A::decide(fold::<A>(events.iter()).as_ref(), command)?;
    let count = new.len();
    events.extend(new);
    Ok(count)
}

impl World {
    /// How many pieces of this SKU left the house for the order, and did not come back.
    pub(crate) fn handed_out(&self, sku: &Sku) -> i64 {
        let pieces = |event: &StockEvent| {
            if let StockEvent::ReservationCommitted(committed) = event {
                committed.quantity
            } else if let StockEvent::Adjusted(adjusted) = event {
                -adjusted.delta.max(0)
            } else {
                0
            }
        };
        self.stocks[sku].iter().map(pieces).sum()
    }
}
