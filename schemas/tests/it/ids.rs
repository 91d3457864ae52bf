//! Ids, money and instants: what their text may be, and that only such text gets in.

use proptest::prelude::*;
use schemas::{Aggregate, Currency, EventId, Money, OrderId, OrderStatus, SessionId, Sku, StreamId, Timestamp, UserId};
use uuid::Uuid;

#[test]
fn a_stream_id_is_a_known_prefix_and_a_token() {
    for (text, aggregate) in [
        ("ord_1", Aggregate::Order),
        ("prd_MUG-blue_2", Aggregate::Product),
        ("stk_x", Aggregate::Stock),
        ("usr_Ab9", Aggregate::User),
        ("ful_7", Aggregate::Fulfilment),
    ] {
        let id = StreamId::parse(text).unwrap();
        assert_eq!((id.aggregate(), id.as_str(), id.to_string()), (aggregate, text, text.to_owned()));
    }
    let longest = format!("prd_{}", "x".repeat(64));
    StreamId::parse(&longest).unwrap();
    let too_long = longest + "x";
    for text in ["", "ord", "ord_", "ORD_1", "abc_1", "ord_a b", "ord_ä", "ord_a/b", "ord_{1}", too_long.as_str()] {
        assert!(StreamId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn an_id_of_one_kind_is_not_an_id_of_another() {
    let user = UserId::from_bits(7);
    assert_eq!(user.as_str(), "usr_00000000000000000000000000000007");
    assert!(OrderId::parse(user.as_str()).is_err());
    assert_eq!(UserId::parse(user.as_str()).unwrap(), user);
    let error = serde_json::from_str::<OrderId>("\"usr_7\"").unwrap_err().to_string();
    assert!(error.starts_with("not a valid order id"), "{error}");
}

#[test]
fn a_sku_names_its_product_and_its_stock() {
    let sku = Sku::parse("MUG-1").unwrap();
    assert_eq!((sku.product().as_str(), sku.stock().as_str()), ("prd_MUG-1", "stk_MUG-1"));
    for text in ["", " ", "a b", "ä", &"x".repeat(65)] {
        assert!(Sku::parse(text).is_err(), "{text}");
        assert!(SessionId::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_currency_is_three_upper_case_letters() {
    assert_eq!(Currency::parse("EUR").unwrap().as_str(), "EUR");
    for text in ["", "EU", "EURO", "eur", "E1R", "ÄU"] {
        assert!(Currency::parse(text).is_err(), "{text}");
    }
}

#[test]
fn money_of_two_currencies_does_not_add_up() {
    let [euro, dollar] = ["EUR", "USD"].map(|code| Money { amount: 1, currency: Currency::parse(code).unwrap() });
    assert_eq!(euro.checked_add(euro), Some(Money { amount: 2, ..euro }));
    assert_eq!(euro.checked_add(dollar), None);
    assert_eq!(euro.checked_add(Money { amount: i64::MAX, ..euro }), None);
    assert_eq!(Money { amount: i64::MAX, ..euro }.checked_mul(2), None);
}

#[test]
fn the_events_of_one_commit_have_different_ids() {
    let commit = Uuid::from_u128(u128::MAX);
    assert_ne!(EventId::of_commit(commit, 0), EventId::of_commit(commit, 1));
    assert_eq!(EventId::of_commit(commit, 0).to_string(), commit.to_string());
}

#[test]
fn an_order_status_is_read_as_it_is_written() {
    for status in OrderStatus::ALL {
        assert_eq!(OrderStatus::parse(status.as_str()), Some(status));
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
    }
    assert_eq!(OrderStatus::parse("created"), None);
}

#[test]
fn an_instant_is_shown_in_utc_with_six_decimals() {
    assert_eq!(Timestamp::from_micros(1_714_564_800_000_001).to_string(), "2024-05-01T12:00:00.000001Z");
    assert_eq!(Timestamp::parse("2024-05-01T14:00:00.5+02:00").unwrap().as_micros(), 1_714_564_800_500_000);
    assert!(Timestamp::parse("yesterday").is_err());
}

proptest! {
    #[test]
    fn an_instant_is_read_as_it_is_shown(micros in 0..253_402_207_200_000_000_i64) {
        let at = Timestamp::from_micros(micros);
        prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
    }
}
