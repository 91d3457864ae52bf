//! Values that commands are made of: their limits, and what is said beyond them.

use domain::order::{Carrier, Quantity, Tracking};
use domain::product::{Price, ProductName};
use domain::stock::{Delta, Pieces};
use domain::{Invalid, MAX_AMOUNT, Reason};

use crate::check::euro;

#[test]
fn a_quantity_is_1_to_1000() {
    for (pieces, valid) in [(i64::MIN, false), (0, false), (1, true), (1_000, true), (1_001, false), (i64::MAX, false)]
    {
        assert_eq!(Quantity::new(pieces).map(Quantity::get), if valid { Ok(pieces) } else { Err(Invalid::Quantity) });
    }
    assert_eq!(Invalid::Quantity.to_string(), "a quantity is a whole number from 1 to 1000");
}

#[test]
fn a_delivery_is_1_to_a_thousand_million_pieces() {
    for (pieces, valid) in [(-1, false), (0, false), (1, true), (1_000_000_000, true), (1_000_000_001, false)] {
        assert_eq!(Pieces::new(pieces).map(Pieces::get), if valid { Ok(pieces) } else { Err(Invalid::Pieces) });
    }
}

#[test]
fn a_correction_is_not_zero_and_no_larger_than_a_delivery() {
    let most = Pieces::MAX;
    for (pieces, valid) in
        [(-most - 1, false), (-most, true), (-1, true), (0, false), (1, true), (most, true), (most + 1, false)]
    {
        assert_eq!(Delta::new(pieces).map(Delta::get), if valid { Ok(pieces) } else { Err(Invalid::Delta) });
    }
}

#[test]
fn a_price_is_above_zero_and_readable_for_every_client() {
    for (amount, valid) in [(i64::MIN, false), (0, false), (1, true), (MAX_AMOUNT, true), (MAX_AMOUNT + 1, false)] {
        let expected = if valid { Ok(euro(amount)) } else { Err(Invalid::Price) };
        assert_eq!(Price::new(euro(amount)).map(Price::money), expected);
    }
}

#[test]
fn a_name_is_one_line_without_spaces_around_it() {
    assert_eq!(ProductName::parse("  Tee ☕ ").unwrap().as_str(), "Tee ☕");
    assert!(ProductName::parse(&"ä".repeat(200)).is_ok());
    for text in ["", " ", "two\nlines", "a\u{0}b", &"ä".repeat(201)] {
        assert_eq!(ProductName::parse(text), Err(Invalid::Name), "{text:?}");
    }
}

#[test]
fn a_reason_is_one_line_without_spaces_around_it() {
    assert_eq!(Reason::parse(" too late ").unwrap().as_str(), "too late");
    assert!(Reason::parse(&"x".repeat(500)).is_ok());
    for text in ["", "\t", "two\nlines", &"x".repeat(501)] {
        assert_eq!(Reason::parse(text), Err(Invalid::Reason), "{text:?}");
    }
}

#[test]
fn a_parcel_has_a_carrier_and_a_tracking_number_of_one_line_each() {
    assert_eq!(Carrier::parse(" DHL ").unwrap().as_str(), "DHL");
    assert_eq!(Tracking::parse("JJD 1 ").unwrap().as_str(), "JJD 1");
    assert!(Carrier::parse(&"ä".repeat(100)).is_ok() && Tracking::parse(&"1".repeat(100)).is_ok());
    for text in ["", " ", "two\nlines", &"x".repeat(101)] {
        assert_eq!(Carrier::parse(text), Err(Invalid::Carrier), "{text:?}");
        assert_eq!(Tracking::parse(text), Err(Invalid::Tracking), "{text:?}");
    }
}
