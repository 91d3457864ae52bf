//! The fulfilment view.

use schemas::{
    CompensationCause, FulfilmentCompensationStarted, FulfilmentCompleted, FulfilmentEvent, FulfilmentFailed,
    FulfilmentItem, FulfilmentOutcome, FulfilmentResult, FulfilmentResumed, FulfilmentStarted, FulfilmentStep,
    FulfilmentStepDone, FulfilmentStepRecorded, OrderId, PaymentMethod, StreamId,
};
use views::{FulfilmentView, Listing, View as _};

use crate::check::{NOON, check, check_unfoldable, euro, fold, order, sku, user};

fn stream() -> StreamId {
    OrderId::parse("ord_1").unwrap().fulfilment().stream().clone()
}

fn started() -> FulfilmentEvent {
    FulfilmentEvent::Started(FulfilmentStarted {
        order: OrderId::parse(order().as_str()).unwrap(),
        user: user(),
        items: vec![FulfilmentItem { sku: sku("MUG"), quantity: 1 }],
        amount: euro(100),
        method: PaymentMethod::unnamed(),
    })
}

fn recorded(number: i64, step: FulfilmentStep) -> FulfilmentEvent {
    let sku = (step == FulfilmentStep::Reserve).then(|| sku("MUG"));
    FulfilmentEvent::StepRecorded(FulfilmentStepRecorded { number, step, sku, until: None })
}

fn done(step: FulfilmentStep) -> FulfilmentEvent {
    let sku = (step == FulfilmentStep::Reserve).then(|| sku("MUG"));
    FulfilmentEvent::StepDone(FulfilmentStepDone { step, sku, outcome: FulfilmentOutcome::Done, version: 2 })
}

fn failed() -> FulfilmentEvent {
    FulfilmentEvent::Failed(FulfilmentFailed { reason: "nobody knows".to_owned() })
}

fn resumed() -> FulfilmentEvent {
    FulfilmentEvent::Resumed(FulfilmentResumed { reason: "now we do".to_owned(), by: user() })
}

fn compensating() -> FulfilmentEvent {
    let cause = CompensationCause::PaymentFailed;
    FulfilmentEvent::CompensationStarted(FulfilmentCompensationStarted { cause, reason: None, by: None })
}

fn completed() -> FulfilmentEvent {
    let result = FulfilmentResult::Compensated;
    FulfilmentEvent::Completed(FulfilmentCompleted { result, reason: None, by: None })
}

#[test]
fn every_step_is_shown_with_what_it_came_to() {
    check::<FulfilmentView>(
        &stream(),
        vec![
            started(),
            recorded(1, FulfilmentStep::Reserve),
            done(FulfilmentStep::Reserve),
            recorded(2, FulfilmentStep::RequestPayment),
        ],
        r#"{"orderId":"ord_1","fulfilmentId":"ful_1","userId":"usr_1","state":"AWAITING_PAYMENT",
        "phase":"AWAITING_PAYMENT","failure":null,"compensation":null,"result":null,"reason":null,
        "steps":[{"number":1,"step":"reserve","sku":"MUG","outcome":"done"},
        {"number":2,"step":"request_payment","sku":null,"outcome":null}],
        "version":4,"createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:03.000000Z"}"#,
    );
}

#[test]
fn one_that_failed_says_why_and_how_far_it_was() {
    check::<FulfilmentView>(
        &stream(),
        vec![started(), recorded(1, FulfilmentStep::Capture), failed()],
        r#"{"orderId":"ord_1","fulfilmentId":"ful_1","userId":"usr_1","state":"FAILED","phase":"CAPTURING",
        "failure":"nobody knows","compensation":null,"result":null,"reason":null,
        "steps":[{"number":1,"step":"capture","sku":null,"outcome":null}],
        "version":3,"createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:02.000000Z"}"#,
    );
}

#[test]
fn it_is_listed_by_its_state() {
    let capture = || vec![started(), recorded(1, FulfilmentStep::Capture)];
    let with = |more: Vec<FulfilmentEvent>| [capture(), more].concat();
    for (events, state) in [
        (vec![started()], "RESERVING"),
        (capture(), "CAPTURING"),
        (with(vec![done(FulfilmentStep::Capture)]), "COMMITTING"),
        (with(vec![failed()]), "FAILED"),
        (with(vec![failed(), resumed()]), "CAPTURING"),
        (with(vec![failed(), compensating()]), "COMPENSATING"),
        (with(vec![compensating(), completed()]), "COMPLETED"),
    ] {
        let view: FulfilmentView = fold(&stream(), events).unwrap().unwrap();
        let lists = ["all".to_owned(), format!("state:{state}")];
        assert_eq!(view.lists(), lists.map(|list| Listing { list, score: NOON }));
    }
}

#[test]
fn what_cannot_follow_is_not_folded() {
    let lacking = "FulfilmentFailed happened to something that does not exist";
    check_unfoldable::<FulfilmentView>(&stream(), vec![failed()], lacking);
    let twice = "FulfilmentStarted cannot happen to what the events before it made";
    check_unfoldable::<FulfilmentView>(&stream(), vec![started(), started()], twice);
    let elsewhere = "FulfilmentStarted cannot happen to the stream ord_1";
    check_unfoldable::<FulfilmentView>(&order(), vec![started()], elsewhere);
}
