//! Webhooks: whose word is taken, and what is read.

use payments::webhook::{Forged, Notice, TOLERANCE_SECONDS, sign, verify};

const SECRET: &str = "whsec_0123456789abcdef";
const NOW: i64 = 1_700_000_000;
const BODY: &[u8] = br#"{"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","status":"succeeded"}}}"#;

#[test]
fn the_providers_signature_is_taken() {
    let header = sign(SECRET, BODY, NOW);
    for now in [NOW - TOLERANCE_SECONDS, NOW, NOW + TOLERANCE_SECONDS] {
        assert_eq!(verify(SECRET, &header, BODY, now), Ok(()));
    }
    let replaced = format!("{},v0=00,v1={}", sign("whsec_the_old_one", BODY, NOW), header.split_once("v1=").unwrap().1);
    assert_eq!(verify(SECRET, &replaced, BODY, NOW), Ok(()), "one of several signatures fits");
}

#[test]
fn the_scheme_is_the_documented_one() {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_0123456789abcdef
    let header = "t=1700000000,v1=d0c329a0542d1a8e66b0b5503cf2d2f8f8e174c98224b843c11f74ea14c341e9";
    assert_eq!(sign(SECRET, b"{}", NOW), header);
}

#[test]
fn a_forged_signature_is_refused() {
    let header = sign(SECRET, BODY, NOW);
    let other_body = [BODY, b" "].concat();
    assert_eq!(verify(SECRET, &header, &other_body, NOW), Err(Forged::Wrong));
    assert_eq!(verify("whsec_another", &header, BODY, NOW), Err(Forged::Wrong));
    let other_time = header.replace("t=1700000000", "t=1700000001");
    assert_eq!(verify(SECRET, &other_time, BODY, NOW), Err(Forged::Wrong));
    for header in ["t=1700000000", "t=1700000000,v1=", "t=1700000000,v1=zz", "t=1700000000,v0=00"] {
        assert_eq!(verify(SECRET, header, BODY, NOW), Err(Forged::Wrong), "{header}");
    }
    for header in ["", "v1=00", "t=,v1=00", "t=now,v1=00", "nothing"] {
        assert_eq!(verify(SECRET, header, BODY, NOW), Err(Forged::Unreadable), "{header}");
    }
}

#[test]
fn an_old_signature_is_refused_and_so_is_one_of_the_future() {
    let header = sign(SECRET, BODY, NOW);
    for now in [NOW + TOLERANCE_SECONDS + 1, NOW - TOLERANCE_SECONDS - 1, 0, i64::MAX] {
        assert_eq!(verify(SECRET, &header, BODY, now), Err(Forged::Stale));
    }
}

#[test]
fn what_does_not_concern_us_is_passed_over() {
    assert!(matches!(Notice::read(BODY), Ok(Notice::Intent(intent)) if intent.id == "pi_1"));
    let refund = br#"{"type":"refund.updated","data":{"object":{"id":"re_1","status":"succeeded"}}}"#;
    assert!(matches!(Notice::read(refund), Ok(Notice::Refund(refund)) if refund.id == "re_1"));
    for kind in ["customer.created", "payout.paid", "strange"] {
        let body = format!(r#"{{"type":"{kind}","data":{{"object":{{}}}}}}"#);
        assert_eq!(Notice::read(body.as_bytes()).unwrap(), Notice::Other);
    }
    assert!(Notice::read(b"{}").is_err());
}
